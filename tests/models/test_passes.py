"""Passes in chunks against autograd on dense one-hot inputs, alone and side by side."""

from operator import itemgetter

import pytest
import torch

from li2.models import TwoLayer, Weights, named_activation, named_loss
from li2.models.autograd import Autograd
from li2.models.passes import ClosedForm, Gradients
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


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize(
    ("runs", "samples", "operands", "order", "chunk"),
    [(1, 30, 2, 7, 88), (3, 16, 2, 8, 400), (4, 9, 3, 5, 44), (2, 1, 2, 3, 704)],
)
def test_passes_are_what_autograd_does(
    activation: str, loss: str, runs: int, samples: int, operands: int, order: int, chunk: int
) -> None:
    rows, labels, weights = drawn(runs, samples, operands, order, width=11)
    network = TwoLayer(named_activation(activation), output_scale=1.5)
    passes = ClosedForm(network, named_loss(loss), weights, chunk)
    batch = passes.batch(rows, labels)
    before = weights.clone()
    for _ in range(2):  # buffers hold nothing over
        measured = passes.gradients(weights, batch)
        alone = passes.outputs(weights, batch)
        for run in range(runs):
            own = (tensor[run] for tensor in (rows, labels, *weights))
            for value, expected in zip(flat(measured), by_autograd(activation, loss, 1.5, *own), strict=True):
                assert torch.allclose(value[run], expected, rtol=1e-10, atol=1e-11)
        assert torch.allclose(alone, measured.outputs, rtol=1e-13)
    assert all(torch.equal(now, then) for now, then in zip(weights, before, strict=True))


@pytest.mark.parametrize("loss", LOSSES)
def test_the_general_way_is_the_same(loss: str) -> None:
    rows, labels, weights = drawn(2, 20, 2, 5, width=6)
    network = TwoLayer(named_activation("silu"), output_scale=0.7)
    ways = (ClosedForm(network, named_loss(loss), weights), Autograd(network.forward, named_loss(loss)))
    closed, general = (way.gradients(weights, way.batch(rows, labels)) for way in ways)
    for one, other in zip(flat(closed), flat(general), strict=True):
        assert torch.allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("activation", ["relu", "silu", "sigmoid"])
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
    together = ClosedForm(network, loss, weights)
    all_five = [tensor.clone() for tensor in flat(together.gradients(weights, together.batch(rows, labels)))]
    for runs in (slice(3, 4), slice(1, 3)):
        some = weights.map(itemgetter(runs)).clone()
        fewer = ClosedForm(network, loss, some)
        for five, own in zip(all_five, flat(fewer.gradients(some, fewer.batch(rows[runs], labels[runs]))), strict=True):
            assert torch.equal(five[runs], own)
