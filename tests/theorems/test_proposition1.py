"""Proposition 1 beside networks: what is compared is what it says, for both losses and output scales."""

import math

import numpy as np
import pytest
import torch

from li2.models import Weights
from li2.optim import make_optimizer
from li2.specs import RunSpec
from li2.theorems import compare_course, compare_flow, compare_ridge
from li2.training import Training
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
    figures = compare_ridge(problem, weights)
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
    assert compare_ridge(problem, weights) == {}
    assert compare_flow(problem, weights).empty


def test_without_decay_and_with_enough_nodes_there_is_no_direction_to_compare() -> None:
    figures = compare_ridge(small_problem(decay=0.0), small_weights(width=200))
    assert math.isnan(figures["ridge_gradient_cosine"])
    few = compare_ridge(small_problem(decay=0.0), small_weights(width=5))
    assert few["ridge_gradient_norm"] > 1e-3


@pytest.mark.parametrize("loss", ["mse", "mse-centred", "cross-entropy"])
def test_the_predicted_course_is_a_run_whose_hidden_layer_rests(loss: str) -> None:
    problem, weights = small_problem(loss=loss, output_scale=1.4), small_weights(width=9)
    rates = list(np.linspace(0.02, 0.01, 30))
    course = compare_course(problem, weights, make_optimizer(RunSpec(weight_decay=0.01)), rates)
    training = Training.start(
        problem, problem.train, make_optimizer(RunSpec(weight_decay=0.01)), rates.__getitem__, weights
    )
    for row in course.itertuples():
        assert row.backprop_norm == pytest.approx(training.measure()["backprop_norm"], rel=1e-9)
        if row.epoch < 30:
            training.step()
            training.position.weights.W.copy_(weights.W)  # hold the hidden layer


@pytest.mark.parametrize("loss", ["mse", "mse-centred"])
def test_the_flow_is_what_small_steps_of_descent_do(loss: str) -> None:
    problem, weights = small_problem(loss=loss, decay=0.02, output_scale=1.2), small_weights(width=9)
    flow = compare_flow(problem, weights)
    # One step of SGD with rate r on the averaged loss is flow time 2r/n on J.
    rate = 1e-3
    optimizer = make_optimizer(RunSpec(optimizer="sgd", momentum=0, weight_decay=0.02))
    training = Training.start(problem, problem.train, optimizer, lambda step: rate, weights)
    norms, losses = [], []
    for _ in range(2001):
        figures = training.measure()
        norms.append(figures["backprop_norm"])
        losses.append(figures["train_loss"])
        training.step()
        training.position.weights.W.copy_(weights.W)
    times = np.arange(2001) * 2 * rate / 30
    inside = flow[flow["time"] < times[-1]]
    assert len(inside) > 20
    assert np.allclose(np.interp(inside["time"], times, norms), inside["backprop_norm"], rtol=5e-3)
    assert np.allclose(np.interp(inside["time"], times, losses), inside["train_loss"], rtol=5e-3)
