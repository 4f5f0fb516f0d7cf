"""Complex networks in real tensors against the same networks in complex tensors, with autograd."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import li2
from li2.diagnostics import FourierBasis, Snapshot, irrep_figures, node_figures, summarise_irreps
from li2.errors import Li2Error
from li2.groups import Representations, named_group
from li2.models import (
    Energies,
    Problem,
    TwoLayer,
    Weights,
    complex_nodes,
    initial_weights,
    named_loss,
    paired_activation,
    unit_nodes,
)
from li2.models.passes import ClosedForm
from li2.models.weights import stacked
from li2.runs import start
from li2.runs.setup import Setup
from li2.specs import RunSpec
from li2.training import Training
from problems import LOSSES, dense_inputs, dense_labels, plain_activation, plain_loss, small_problem, small_weights

CPU = torch.device("cpu")
HOLOMORPHIC = ["square", "cube", "0.7*x-1.3*x**2"]


def paired(activation: str, loss: str = "mse", scale: float = 1.0) -> Problem:
    problem = small_problem(loss=loss)
    return Problem(TwoLayer(paired_activation(activation), scale), named_loss(loss), problem.train, 7, 1e-2)


def leaves(weights: Weights) -> tuple[Tensor, Tensor]:
    """The complex W and V, for autograd."""
    half = weights.V.shape[-2] // 2
    W = weights.W[..., :half] + 1j * weights.W[..., half:]
    V = weights.V[..., :half, :] + 1j * weights.V[..., half:, :]
    return W.clone().requires_grad_(), V.clone().requires_grad_()


def side_by_side(values: Tensor) -> Tensor:
    return torch.cat([values.real, values.imag], dim=-1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", HOLOMORPHIC)
def test_outputs_and_gradients_are_those_of_complex_tensors(activation: str, loss: str) -> None:
    problem, weights = paired(activation, loss, 1.5), small_weights(width=10)
    W, V = leaves(weights)
    outputs = 1.5 * (plain_activation(activation, dense_inputs(problem).to(W.dtype) @ W) @ V).real
    in_W, in_V = torch.autograd.grad(plain_loss(loss, outputs, dense_labels(problem)), (W, V))
    passes = ClosedForm(problem.network, problem.loss, weights, chunk=70)
    batch = passes.batch(problem.train.rows[None], problem.train.labels[None])
    found = passes.gradients(weights.map(lambda tensor: tensor[None]), batch)
    assert torch.allclose(found.outputs[0], outputs.detach(), rtol=1e-12, atol=1e-13)
    assert torch.allclose(found.of_loss.W[0], side_by_side(in_W), rtol=1e-11, atol=1e-13)
    assert torch.allclose(found.of_loss.V[0], torch.cat([in_V.real, in_V.imag]), rtol=1e-11, atol=1e-13)
    assert torch.allclose(problem.network.forward(weights, problem.train.rows), outputs.detach(), rtol=1e-12)


@pytest.mark.parametrize("activation", HOLOMORPHIC)
def test_a_complex_run_is_the_same_to_the_last_bit_beside_others(activation: str) -> None:
    problem = paired(activation)
    several = [small_weights(width=34, seed=seed).map(Tensor.float) for seed in range(4)]
    weights = stacked(several)
    rows, labels = (torch.stack([part] * 4) for part in (problem.train.rows, problem.train.labels))
    together = ClosedForm(problem.network, problem.loss, weights)
    found = together.gradients(weights, together.batch(rows, labels))
    for run, own in enumerate(several):
        alone = own.map(lambda tensor: tensor[None])
        passes = ClosedForm(problem.network, problem.loss, alone)
        gradients = passes.gradients(alone, passes.batch(rows[:1], labels[:1]))
        for ours, theirs in zip(gradients.of_loss, found.of_loss, strict=True):
            assert torch.equal(ours[0], theirs[run])


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_steps_are_those_of_torch_on_complex_parameters(optimizer: str) -> None:
    spec = RunSpec(
        group="cyclic:7", width=5, weights="complex", dtype="float64", optimizer=optimizer, lr=0.01, weight_decay=0.1
    )
    setup = Setup.of(spec)
    weights = setup.initial_weights()
    W, V = leaves(weights)
    X, Y = dense_inputs(setup.problem).to(W.dtype), dense_labels(setup.problem)
    kind = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}[optimizer]
    theirs = kind([W, V], lr=0.01, weight_decay=0.1, **({} if optimizer == "adam" else {"momentum": spec.momentum}))
    training = Training([setup.trainee], [setup.trainee.start(weights)])
    for _ in range(5):
        theirs.zero_grad()
        plain_loss("mse", ((X @ W) ** 2 @ V).real, Y).backward()
        theirs.step()
        training.measure()
        training.step()
        now = training.position().weights
        assert torch.allclose(complex_nodes(now.W), W.detach(), rtol=1e-11)
        assert torch.allclose(complex_nodes(now.V, dim=0), V.detach(), rtol=1e-11)


@pytest.mark.parametrize("activation", HOLOMORPHIC)
def test_energies_are_those_of_complex_vectors(activation: str) -> None:
    problem, weights = paired(activation), small_weights(width=8)
    W, _ = leaves(weights)
    X, targets = dense_inputs(problem).to(W.dtype), problem.targets.to(W.dtype)
    expected = (targets.T @ plain_activation(activation, X @ W)).abs().square().sum(dim=0) / 2
    (slope,) = torch.autograd.grad(expected.sum(), W)
    energies = Energies(problem)
    assert torch.allclose(energies.values(weights.W), expected.detach(), rtol=1e-12)
    gradient = energies.gradient(weights.W, energies.correlations(weights.W))
    assert torch.allclose(gradient, side_by_side(slope), rtol=1e-11, atol=1e-13)
    unit = complex_nodes(unit_nodes(weights.W, 2))
    assert torch.allclose(unit, W.detach() / W.detach().abs().square().sum(dim=0).sqrt())
    expected = (targets.T @ plain_activation(activation, X @ unit)).abs().square().sum(dim=0) / 2
    assert torch.allclose(energies.unit_values(weights.W), expected, rtol=1e-12)
    features = plain_activation(activation, X @ W).detach()
    assert torch.allclose(energies.features(weights.W), torch.cat([features.real, -features.imag], dim=1))


def test_figures_have_one_row_for_each_complex_node() -> None:
    # Two nodes: frequency 2, and a third of frequency 5 = −2 beside two thirds of frequency 1.
    g = torch.arange(7, dtype=torch.float64)
    wave = {k: torch.exp(2j * torch.pi * k * g / 7) for k in (1, 2, 5)}
    first = torch.cat([wave[2], 2j * wave[2]])
    second = torch.cat([wave[5] + 2**0.5 * wave[1], 1j * (wave[5] + 2**0.5 * wave[1])])
    W = side_by_side(torch.stack([first, second], dim=1))
    problem = paired("square")
    everything = small_problem(n=49).train
    problem = Problem(problem.network, problem.loss, everything, 7, 1e-2)
    weights, previous = Weights(W, small_weights(width=4).V), Weights(0.9 * W + 0.1 * W.flip(0), small_weights(4).V)
    basis = FourierBasis(Representations(named_group("cyclic:7")), CPU, is_complex=True)
    snapshot = Snapshot.of(problem, weights, basis)
    nodes = node_figures(snapshot, previous)
    conjugate = {basis.labels.index(label): label for label in basis.labels}  # frequencies are up to the sign of i
    assert len(nodes) == 2
    assert nodes["norm"].tolist() == pytest.approx([35**0.5, 42**0.5])
    assert nodes["purity"].tolist() == pytest.approx([1, 2 / 3])
    labels = [np.argmax(snapshot.irreps.mass[:, node].numpy()) for node in range(2)]
    assert nodes["irrep"].tolist() == [conjugate[number] for number in labels]
    before, now = complex_nodes(previous.W), complex_nodes(W)
    leaf = before.clone().requires_grad_()
    X, targets = dense_inputs(problem).to(leaf.dtype), problem.targets.to(leaf.dtype)
    energy = (targets.T @ (X @ leaf) ** 2).abs().square().sum(dim=0) / 2
    (slope,) = torch.autograd.grad(energy.sum(), leaf)
    step = now - before
    cosines = (slope.conj() * step).sum(dim=0).real / (slope.abs().square().sum(0) * step.abs().square().sum(0)).sqrt()
    assert nodes["update_cosine"].tolist() == pytest.approx(cosines.tolist())
    figures = irrep_figures(snapshot, nodes, 0.9).set_index("irrep")
    assert len(figures) == 6
    assert figures["features"].sum() == figures["features"][nodes["irrep"][0]] == 1
    # on all pairs the correlation of a node is 2u ∗ v: energies go as |û|²|v̂|² in its irreps, none in the conjugate
    shares = {nodes["irrep"][0]: 4, nodes["irrep"][1]: 4}
    total = 4 + 4 + 1
    for label, share in shares.items():
        assert figures["energy"][label] == pytest.approx(share / total)
    assert sorted(figures["energy"])[:3] == pytest.approx([0, 0, 0], abs=1e-12)
    summary = summarise_irreps(figures, basis)
    assert summary["irreps_covered"] == 1
    covered = [number for number, pair in enumerate(basis.joined) if pair == basis.joined[labels[0]]]
    assert len(covered) == 2
    assert summary["missing_residual"] == pytest.approx(1 - figures["residual"].iloc[covered].sum())


def test_parts_are_drawn_alike_and_real_weights_as_before() -> None:
    def draw(**values: object) -> Weights:
        return initial_weights(RunSpec(width=2000, dtype="float64", **values), 2, 50, CPU)

    for init in ("published", "gaussian"):
        weights, real = draw(weights="complex", init=init), draw(init=init)
        assert (weights.W.shape, weights.V.shape) == ((100, 4000), (4000, 50))
        for ours, theirs, dim in ((weights.W, real.W, 1), (weights.V, real.V, 0)):
            parts = ours.chunk(2, dim=dim)
            assert complex_nodes(ours, dim=dim).abs().square().mean() == pytest.approx(
                theirs.square().mean().item(), rel=0.02
            )
            assert parts[0].std() == pytest.approx(parts[1].std().item(), rel=0.02)
            assert abs((parts[0] * parts[1]).mean() / ours.square().mean()) < 0.02
    generator = np.random.default_rng([0, 1])
    expected = generator.uniform(-1, 1, (100, 2000)) / 10
    assert np.array_equal(draw().W.numpy(), expected)


def test_init_files_hold_both_parts(tmp_path: Path) -> None:
    weights = small_weights(width=16)
    save_file(weights.named(), tmp_path / "w.safetensors")
    spec = RunSpec(width=8, weights="complex", dtype="float64", init_weights=str(tmp_path / "w.safetensors"))
    assert torch.equal(initial_weights(spec, 2, 7, CPU).V, weights.V)
    with pytest.raises(Li2Error, match=r"W is \[14, 16\], but it must be \[14, 8\] for this group and width=4 complex"):
        initial_weights(spec.with_changes(width=4), 2, 7, CPU)


def test_a_complex_network_groks_with_its_imaginary_parts(tmp_path: Path) -> None:
    spec = RunSpec(
        group="cyclic:23", width=128, weights="complex", train_fraction=0.8, lr=0.005, weight_decay=5e-5, epochs=150,
        diagnose="every:150",
    )  # fmt: skip
    result = start(spec, tmp_path / "run")
    assert result.status is li2.EndState.GENERALISED
    assert result.outcome.irreps_total == 11
    first, last = result.weights(0), result.weights()
    assert last.W.shape == (46, 256)
    assert (last.W - first.W)[:, 128:].norm() > 0.5 * (last.W - first.W)[:, :128].norm()
    nodes = result.nodes[result.nodes["epoch"] == 150]
    assert len(nodes) == 128
    assert nodes["irrep"].nunique() > 11  # an irrep and its conjugate are two
    module, W, V = result.to_torch(), *leaves(last)
    pairs = torch.cartesian_prod(torch.arange(23), torch.arange(23))
    z = W[pairs[:, 0]] + W[23 + pairs[:, 1]]
    labels = pairs.sum(dim=1) % 23
    assert torch.allclose(module(pairs), (z**2 @ V).real, atol=1e-4)
    assert ((z**2 @ V).real.argmax(dim=1) == labels).double().mean() > 0.99
    assert ((z.real**2 @ V.real).argmax(dim=1) == labels).double().mean() < 0.9
