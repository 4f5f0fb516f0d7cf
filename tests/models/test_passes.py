"""Passes in chunks and in compiled code against autograd on dense one-hot inputs, alone and side by side."""

import importlib.util
import shutil
from operator import itemgetter
from pathlib import Path

import pytest
import torch

from li2.models import TwoLayer, Weights, fused, named_activation, named_loss, passes_of
from li2.models.autograd import Autograd
from li2.models.fused import Fused, is_fused
from li2.models.passes import ClosedForm, Gradients, Passes
from problems import ACTIVATIONS, LOSSES, plain_activation, plain_loss


def drawn(runs: int, samples: int, operands: int, order: int, width: int) -> tuple[torch.Tensor, torch.Tensor, Weights]:
    """Rows, labels and weights of so many runs."""
    generator = torch.Generator().manual_seed(samples)
    elements, labels = (torch.randint(order, shape, generator=generator) for shape in
                        ((runs, samples, operands), (runs, samples)))  # fmt: skip
    W, V = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in
            ((runs, operands * order, width), (runs, width, order)))  # fmt: skip
    return elements + order * torch.arange(operands), labels, Weights(W, V)


def flat(gradients: Gradients) -> list[torch.Tensor]:
    """Outputs, ∂loss/∂W, ∂loss/∂V."""
    return [gradients.outputs, *gradients.of_loss]


def by_autograd(
    activation: str, loss: str, scale: float, rows: torch.Tensor, labels: torch.Tensor, W: torch.Tensor, V: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Outputs and gradients of one run from dense matrices."""
    W, V = W.clone().requires_grad_(), V.clone().requires_grad_()
    X = torch.nn.functional.one_hot(rows, len(W)).sum(dim=1).double()
    outputs = scale * plain_activation(activation, X @ W) @ V
    value = plain_loss(loss, outputs, torch.nn.functional.one_hot(labels, V.shape[1]).double())
    return (outputs.detach(), *torch.autograd.grad(value, (W, V)))


def ways(network: TwoLayer, loss: str, weights: Weights, chunk: int) -> list[Passes]:
    """How networks can be gone through, in chunks or tiles that do not divide their sizes."""
    chosen: list[Passes] = [ClosedForm(network, named_loss(loss), weights, chunk)]
    if is_fused(network.activation, weights.W):
        chosen.append(Fused(network, named_loss(loss)))
    return chosen


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("runs", "samples", "operands", "order", "chunk"),
    [(1, 30, 2, 7, 88), (3, 16, 2, 8, 400), (4, 9, 3, 5, 44), (2, 6, 1, 3, 22), (2, 1, 2, 3, 704)],
)
def test_passes_are_what_autograd_does(
    activation: str, loss: str, runs: int, samples: int, operands: int, order: int, chunk: int
) -> None:
    rows, labels, weights = drawn(runs, samples, operands, order, width=11)
    network = TwoLayer(named_activation(activation), output_scale=1.5)
    before = weights.clone()
    expected = [by_autograd(activation, loss, 1.5, *(tensor[run] for tensor in (rows, labels, *weights)))
                for run in range(runs)]  # fmt: skip
    for passes in ways(network, loss, weights, chunk):
        batch = passes.batch(rows, labels)
        for _ in range(2):  # buffers hold nothing over
            measured = passes.gradients(weights, batch)
            alone = passes.outputs(weights, batch)
            for run in range(runs):
                for value, known in zip(flat(measured), expected[run], strict=True):
                    assert torch.allclose(value[run], known, rtol=1e-10, atol=1e-11)
            assert torch.allclose(alone, measured.outputs, rtol=1e-13)
    assert all(torch.equal(now, then) for now, then in zip(weights, before, strict=True))


@pytest.mark.parametrize(("activation", "order"), [("square", 12), ("relu", 31), ("square", 41), ("cube", 71)])
def test_tiles_and_panels_fit_together(activation: str, order: int) -> None:
    rows, labels, weights = drawn(2, 301, 2, order, width=290)  # three tiles of samples and of nodes, up to six panels
    network = TwoLayer(named_activation(activation), output_scale=0.7)
    for passes in ways(network, "mse", weights, 20_000):
        measured = passes.gradients(weights, passes.batch(rows, labels))
        for run in range(2):
            known = by_autograd(activation, "mse", 0.7, *(tensor[run] for tensor in (rows, labels, *weights)))
            for value, expected in zip(flat(measured), known, strict=True):
                assert torch.allclose(value[run], expected, rtol=1e-9, atol=1e-10 * expected.abs().max().item())


def test_the_compiled_code_is_there_where_there_is_a_compiler() -> None:
    assert importlib.util.find_spec("li2.models._fused") or not any(map(shutil.which, ("c++", "g++", "clang++")))


def test_the_compiled_code_is_used_where_the_processor_has_its_vectors() -> None:
    information = Path("/proc/cpuinfo")
    words = information.read_text().split() if information.exists() else []
    if importlib.util.find_spec("li2.models._fused"):
        assert (fused.library() is not None) == ({"avx2", "fma"} <= set(words))


def test_without_compiled_code_passes_are_in_closed_form(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, weights = drawn(1, 4, 2, 3, width=2)
    monkeypatch.setattr(fused, "library", lambda: None)
    assert isinstance(passes_of(TwoLayer(named_activation("square")), named_loss("mse"), weights), ClosedForm)


@pytest.mark.parametrize("activation", ["relu", "relu2", "square", "cube", "2*x+x**2"])
def test_not_a_number_stays_one_in_compiled_code(activation: str) -> None:
    rows, labels, weights = drawn(1, 30, 2, 3, width=4)
    weights.W[0, 0, 2] = torch.nan  # one node's weight
    network = TwoLayer(named_activation(activation))
    for passes in ways(network, "mse", weights, 44):
        gradients = passes.gradients(weights, passes.batch(rows, labels))
        chosen = (rows[0] == 0).any(dim=1)
        assert torch.equal(gradients.outputs[0].isnan().all(dim=1), chosen)
        assert gradients.of_loss.V[0, 2].isnan().all()


@pytest.mark.parametrize("loss", LOSSES)
def test_the_general_way_is_the_same(loss: str) -> None:
    rows, labels, weights = drawn(2, 20, 2, 5, width=6)
    network = TwoLayer(named_activation("silu"), output_scale=0.7)
    ways = (ClosedForm(network, named_loss(loss), weights), Autograd(network.forward, named_loss(loss)))
    closed, general = (way.gradients(weights, way.batch(rows, labels)) for way in ways)
    for one, other in zip(flat(closed), flat(general), strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "silu", "sigmoid", "square"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    ("samples", "order", "width"), [(30, 7, 13), (211, 23, 64), (64, 6, 129), (68, 13, 7), (5, 2, 1), (128, 5, 1)]
)
def test_a_run_is_the_same_to_the_last_bit_beside_others(
    samples: int, order: int, width: int, dtype: torch.dtype, activation: str
) -> None:
    rows, labels, weights = drawn(5, samples, 2, order, width)
    weights = weights.map(lambda tensor: tensor.to(dtype))
    network, loss = TwoLayer(named_activation(activation)), named_loss("mse-centred")
    for way in (lambda own: ClosedForm(network, loss, own), lambda own: passes_of(network, loss, own)):
        together = way(weights)
        all_five = [tensor.clone() for tensor in flat(together.gradients(weights, together.batch(rows, labels)))]
        for runs in (slice(3, 4), slice(1, 3)):
            some = weights.map(itemgetter(runs)).clone()
            fewer = way(some)
            own = flat(fewer.gradients(some, fewer.batch(rows[runs], labels[runs])))
            assert all(torch.equal(five[runs], one) for five, one in zip(all_five, own, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_code_gives_the_same_bits_with_any_number_of_threads(
    dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fused, "SMALL", 0)
    rows, labels, weights = drawn(3, 300, 2, 11, width=70)
    weights = weights.map(lambda tensor: tensor.to(dtype))
    passes, known = Fused(TwoLayer(named_activation("square")), named_loss("mse")), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append([tensor.clone() for tensor in flat(passes.gradients(weights, passes.batch(rows, labels)))])
    finally:
        torch.set_num_threads(known)
    assert all(torch.equal(one, other) for others in found[1:] for one, other in zip(found[0], others, strict=True))
