"""Populations against the training that they stand for, and their figures against dense ones."""

from typing import Any

import pytest
import torch
from torch import Tensor

from li2.prediction import Population, top_layer
from li2.prediction.population import Figures
from li2.runs.setup import Setup
from li2.specs import RunSpec
from li2.training import Training
from problems import dense_inputs, dense_labels, plain_activation, plain_loss

SMALL: dict[str, Any] = {
    "group": "cyclic:7",
    "width": 24,
    "train_size": 30,
    "lr": 2e-4,
    "epochs": 100,
    "device": "cpu",
    "dtype": "float64",
    "diagnose": "off",
}
KINDS: list[dict[str, Any]] = [
    {},
    {"loss": "mse-centred", "activation": "relu", "output_scale": 2.0},
    {"optimizer": "adamw", "weight_decay": 1.0, "lr": 3e-4},
    {"optimizer": "sgd", "lr": 0.02},
    {"optimizer": "muon", "activation": "silu", "lr": 6e-4},
    {"top_layer": "ridge", "ridge": 0.1},
]


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equations of the top layer are solved well."""
    monkeypatch.setattr(top_layer, "TOLERANCE", 1e-2)
    monkeypatch.setattr(top_layer, "MOST_ITERATIONS", 40)


def population(stride: int = 1, nodes: int = 24, seeds: tuple[int, ...] = (0,), **changes: Any) -> Population:
    return Population([Setup.of(RunSpec(**{**SMALL, **changes, "seed": seed})) for seed in seeds], nodes, stride)


def outputs(setup: Setup, W: Tensor, V: Tensor, c: float) -> Tensor:
    """O of the S nodes that count c times each, from the dense X."""
    X, spec = dense_inputs(setup.problem), setup.spec
    return c * spec.output_scale * plain_activation(spec.activation, X @ W) @ V


@pytest.mark.parametrize("changes", KINDS)
def test_all_nodes_in_short_steps_are_the_run(changes: dict[str, Any]) -> None:
    """Both layers move as they do in training, from the same weights."""
    ours = population(**changes)
    setup = ours.setup
    training = Training([setup.trainee], [setup.trainee.start(setup.initial_weights())])
    start = ours.W[0].clone()
    assert torch.equal(start, training.position().weights.W)
    for _ in range(12):
        training.measure()
        training.step()
        figures = ours.advance()
    trained = training.position().weights.W
    assert (trained - start).norm() > 0.005 * start.norm()
    assert (ours.W[0] - trained).norm() < 0.13 * (trained - start).norm()  # V is ahead by one of 12 epochs
    measured = training.measure()[0]
    assert figures.train_loss.item() == pytest.approx(measured["train_loss"], rel=0.04)
    assert figures.backprop_norm.item() == pytest.approx(measured["backprop_norm"], rel=0.06)
    assert figures.hidden_norm.item() == pytest.approx(measured["hidden_norm"], rel=0.01)
    test_loss, test_accuracy = ours.test()
    assert test_loss.item() == pytest.approx(measured["test_loss"], rel=0.04)
    assert test_accuracy.item() == pytest.approx(measured["test_accuracy"], abs=0.11)


@pytest.mark.parametrize("changes", KINDS[:2])
def test_figures_are_those_of_the_dense_network(changes: dict[str, Any]) -> None:
    """Of 12 nodes that count twice, as autograd sees the K = 24 nodes that they stand for."""
    ours = population(stride=3, nodes=12, **changes)
    setup = ours.setup
    for _ in range(4):
        before = ours.W[0].clone()
        figures = ours.advance()
    W, V, Y = before.repeat(1, 2), ours.V[0].repeat(2, 1), dense_labels(setup.problem)
    features = setup.spec.output_scale * plain_activation(setup.spec.activation, dense_inputs(setup.problem) @ W)
    features.requires_grad_()
    O = features @ V
    loss = plain_loss(setup.spec.loss, O, Y)
    (gradient,) = torch.autograd.grad(loss, features)
    scores = O + (Y - O).mean(dim=0) if setup.spec.loss == "mse-centred" else O
    expected = Figures(
        train_loss=loss,
        train_accuracy=(scores.argmax(dim=1) == Y.argmax(dim=1)).double().mean(),
        backprop_norm=len(Y) / 2 * setup.spec.output_scale * gradient.norm(),
        hidden_norm=W.norm(),
        top_norm=V.norm(),
    )
    assert ours.epoch == 12
    for name, value in expected._asdict().items():
        assert getattr(figures, name).item() == pytest.approx(value.item(), rel=1e-10), name


@pytest.mark.parametrize("loss", ["mse", "mse-centred"])
def test_accuracy_and_loss_on_what_is_held_out(loss: str) -> None:
    ours = population(stride=4, nodes=12, loss=loss, lr=5e-3)
    for _ in range(20):
        before = ours.W[0].clone()
        ours.advance()
    found, accuracy = ours.test()
    setup, (W, V) = ours.setup, (ours.W[0], ours.V[0])
    rows = torch.as_tensor([[a, 7 + b] for a in range(7) for b in range(7)])
    held = [7 * a + b - 7 for a, b in rows.tolist() if 7 * a + b - 7 not in set(setup.split.train.tolist())]
    X = torch.zeros(49, 14, dtype=torch.float64).scatter_(1, rows, 1)
    O = 2 * plain_activation("square", X[held] @ W) @ V
    Y = torch.eye(7, dtype=torch.float64)[rows.remainder(7).sum(dim=1).remainder(7)][held]
    if loss == "mse":
        error, scores = Y - 1 / 7 - (O - O.mean(dim=1, keepdim=True)), O
    else:  # the constant of each class that the loss leaves open is that of the training set
        offset = (dense_labels(setup.problem) - outputs(setup, before, V, 2)).mean(dim=0)
        error, scores = Y - O - offset, O + offset
    assert found.item() == pytest.approx(error.square().sum().item() / 19, rel=1e-10)
    assert accuracy.item() == pytest.approx((scores.argmax(dim=1) == Y.argmax(dim=1)).double().mean().item())


def test_side_by_side_as_alone_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the tolerance that there is: the solver, too, takes each population by itself."""
    monkeypatch.undo()
    both, alone, again = population(2, 16, (3, 4)), population(2, 16, (4,)), population(2, 16, (4,))
    for _ in range(15):
        figures, own, same = both.advance(), alone.advance(), again.advance()
    assert torch.equal(alone.W, again.W)
    assert all(torch.equal(a, b) for a, b in zip(own, same, strict=True))
    assert (both.W[1] - alone.W[0]).abs().max() < 1e-10
    assert all((a[1] - b[0]).abs() < 1e-9 for a, b in zip(figures, own, strict=True))
    assert (both.W[0] - both.W[1]).abs().max() > 0.1


def test_the_rest_of_the_hidden_layer_is_stood_for() -> None:
    """Half of many nodes, twice each, do what all do: within what the draw of the nodes makes."""
    norms = []
    for nodes in (256, 128):
        ours = population(stride=4, nodes=nodes, width=256, lr=1e-3)
        for _ in range(5):
            figures = ours.advance()
        norms.append([figures.train_loss.item(), figures.backprop_norm.item(), figures.hidden_norm.item()])
    assert norms[1] == pytest.approx(norms[0], rel=0.1)


def test_a_rate_of_zero_moves_nothing() -> None:
    """At the end of a cosine."""
    ours = population(schedule="cosine:10", dtype="float32", lr=1e-2)
    for _ in range(11):
        ours.advance()
    W, V = ours.W.clone(), ours.V.clone()
    for _ in range(10):
        figures = ours.advance()
    assert all(figure.isfinite().all() for figure in figures)
    assert (ours.V - V).abs().max() < 1e-5
    assert torch.equal(ours.W, W)
