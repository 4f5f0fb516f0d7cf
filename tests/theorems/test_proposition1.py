"""Proposition 1 beside networks: what is compared is what it says, for both losses and output scales."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from li2.diagnostics import Snapshot, gram_figures
from li2.models import Weights
from li2.optim import make_optimizer
from li2.specs import RunSpec
from li2.theorems import compare_course, compare_flow, compare_ridge, proposition1
from li2.theory import lazy
from li2.training import Trainee, Training
from problems import dense_inputs, dense_labels, plain_loss, small_problem, small_weights


@pytest.mark.parametrize("width", [9, 60])
@pytest.mark.parametrize("scale", [1.0, 1.7])
@pytest.mark.parametrize("loss", ["mse", "mse-centred"])
def test_at_the_ridge_solution_the_networks_gradient_is_the_formula(loss: str, scale: float, width: int) -> None:
    problem, start = small_problem(loss=loss, decay=0.03, output_scale=scale), small_weights(width=width)
    n, eta = 30, 30 * 0.03 / 2
    P = torch.eye(n, dtype=torch.float64) - (1 / n if loss == "mse-centred" else 0)
    F = scale * P @ (dense_inputs(problem) @ start.W) ** 2
    T = P @ dense_labels(problem) if loss == "mse-centred" else dense_labels(problem) - 1 / 7
    A = torch.linalg.inv(F.T @ F + eta * torch.eye(width, dtype=F.dtype))
    B = torch.linalg.inv(F @ F.T + eta * torch.eye(n, dtype=F.dtype))
    weights = Weights(start.W, A @ F.T @ T)
    formula = scale * eta * B @ T @ T.T @ F @ A
    measured = problem.backpropagated_gradient(weights)
    assert (measured - formula).abs().max() < 1e-8
    figures = compare_ridge(Snapshot.of(problem, weights))
    assert figures["ridge_distance"] < 1e-9
    assert figures["ridge_gradient_cosine"] == pytest.approx(1, abs=1e-8)
    assert figures["ridge_gradient_norm"] == pytest.approx(formula.norm().item(), rel=1e-8)
    # And it is where training with coupled decay rests: the loss's gradient plus decay vanishes.
    V = weights.V.clone().requires_grad_()
    value = plain_loss(loss, scale * (dense_inputs(problem) @ start.W) ** 2 @ V, dense_labels(problem))
    assert (torch.autograd.grad(value, V)[0] + 0.03 * weights.V).abs().max() < 1e-9


@pytest.mark.parametrize(("loss", "decay"), [("cross-entropy", 0.1), ("mse", None)])
def test_not_applicable_without_a_ridge_solution(loss: str, decay: float | None) -> None:
    problem, weights = small_problem(loss=loss, decay=decay), small_weights(width=9)
    assert problem.eta is None
    assert problem.no_ridge_reason
    assert compare_ridge(Snapshot.of(problem, weights)) == {}
    assert compare_flow(problem, weights).empty


def test_without_decay_and_with_enough_nodes_there_is_no_direction_to_compare() -> None:
    figures = compare_ridge(Snapshot.of(small_problem(decay=0.0), small_weights(width=200)))
    assert math.isnan(figures["ridge_gradient_cosine"])
    few = compare_ridge(Snapshot.of(small_problem(decay=0.0), small_weights(width=5)))
    assert few["ridge_gradient_norm"] > 1e-3


def test_a_top_layer_that_is_set_rests_at_its_own_ridge_solution() -> None:
    """Whatever the weight decay, also where that is decoupled."""
    problem = replace(small_problem(loss="mse", decay=None), ridge=0.3)
    trainee = Trainee(problem, problem.train, make_optimizer(RunSpec(optimizer="adamw")), 0.1, lambda epoch: 0.01)
    training = Training([trainee], [trainee.start(small_weights(width=9))])
    training.step()
    assert (problem.eta, problem.no_ridge_reason) == (0.3, None)
    figures = compare_ridge(Snapshot.of(problem, training.position().weights))
    assert figures["ridge_distance"] < 1e-10
    assert figures["ridge_gradient_cosine"] == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("width", [9, 70])
@pytest.mark.parametrize(
    ("loss", "kind"), [("mse", "adam"), ("mse-centred", "muon"), ("cross-entropy", "adam"), ("stablemax", "muon")]
)
def test_the_predicted_course_is_a_run_whose_hidden_layer_rests(loss: str, kind: str, width: int) -> None:
    problem, weights = small_problem(loss=loss, output_scale=1.4), small_weights(width=width)
    rates = list(np.linspace(0.02, 0.01, 30))
    optimizer = make_optimizer(RunSpec(optimizer=kind, weight_decay=0.01))
    course = compare_course(problem, weights, optimizer, rates, 0.01)
    trainee = Trainee(problem, problem.train, optimizer, 0.01, rates.__getitem__)
    training = Training([trainee], [trainee.start(weights)])
    for row in course.itertuples():
        assert row.backprop_norm == pytest.approx(training.measure()[0]["backprop_norm"], rel=1e-9)
        if row.epoch < 30:
            training.step()
            training.position().weights.W.copy_(weights.W)  # hold the hidden layer


@pytest.mark.parametrize("loss", ["mse", "mse-centred"])
def test_the_flow_is_what_small_steps_of_descent_do(loss: str) -> None:
    problem, weights = small_problem(loss=loss, decay=0.02, output_scale=1.2), small_weights(width=9)
    flow = compare_flow(problem, weights)
    # One step of descent with rate r on the averaged loss is flow time 2r/n on J.
    rate, F, V = 1e-3, (dense_inputs(problem) @ weights.W) ** 2, weights.V.clone()
    Y = dense_labels(problem)
    norms, losses = [], []
    for _ in range(2001):
        leaves = F.clone().requires_grad_(), V.clone().requires_grad_()
        value = plain_loss(loss, 1.2 * leaves[0] @ leaves[1], Y)
        in_F, in_V = torch.autograd.grad(value, leaves)
        norms.append(15 * in_F.norm().item())
        losses.append(value.item())
        V -= rate * (in_V + 0.02 * V)
    times = np.arange(2001) * 2 * rate / 30
    inside = flow[flow["time"] < times[-1]]
    assert len(inside) > 20
    assert np.allclose(np.interp(inside["time"], times, norms), inside["backprop_norm"], rtol=5e-3)
    assert np.allclose(np.interp(inside["time"], times, losses), inside["train_loss"], rtol=5e-3)


@pytest.mark.parametrize("loss", ["mse", "mse-centred"])
def test_the_flow_of_a_wide_network_is_that_of_all_its_modes(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few classes beside many nodes and samples: a Krylov space is taken, and all modes where two spaces disagree."""
    problem, weights = small_problem(loss=loss, order=13, n=169, decay=0.5), small_weights(width=200, order=13)
    monkeypatch.setattr(proposition1, "BLOCKS", 2)
    flows, used = [], []
    right = lazy.krylov_space

    def counted(*arguments: Any) -> tuple[torch.Tensor, torch.Tensor]:
        used.append(arguments)
        return right(*arguments)

    monkeypatch.setattr(lazy, "krylov_space", counted)
    for agreement in (math.inf, 0.0):
        monkeypatch.setattr(proposition1, "AGREEMENT", agreement)
        flows.append(compare_flow(problem, weights))
    assert len(used) == 2
    for name in ("backprop_norm", "train_loss"):
        reduced, exact = (flow[name].to_numpy() for flow in flows)
        assert 0 < np.abs(reduced - exact).max() < 0.02 * exact.max()


def test_float32_is_taken_where_it_is_harmless() -> None:
    """The figures of float32 weights are those of float64 to the stated error, with much decay and with very little."""
    for decay in (0.1, 1e-5):
        problem, weights = small_problem(loss="mse", decay=decay), small_weights(width=25)
        single = weights.map(torch.Tensor.float)
        snapshots = Snapshot.of(problem, single), Snapshot.of(problem, single.map(torch.Tensor.double))
        assert snapshots[0].ridge_gram is not None
        assert (snapshots[0].ridge_gram.factor.dtype == torch.float32) == (decay == 0.1)
        for figures in (compare_ridge, gram_figures):
            ours, exact = (figures(snapshot) for snapshot in snapshots)
            assert ours == pytest.approx(exact, rel=2e-3, abs=1e-4)
