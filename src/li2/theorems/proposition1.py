"""Proposition 1 beside a run: the ridge solution, the gradient there, and the lazy stage's course."""

import math

import pandas as pd
import torch

from li2.models import Problem, Weights
from li2.optim import Optimizer
from li2.theory import lazy

PROPOSITION_1_FIGURES = {
    "ridge_distance": "‖V − V_ridge‖/‖V_ridge‖ for the features of that epoch",
    "ridge_gradient_norm": "‖G_F(∞)‖, Proposition 1's formula for the features of that epoch",
    "ridge_gradient_cosine": "cos of G_F with that formula",
}


def compare_ridge(problem: Problem, weights: Weights) -> dict[str, float]:
    """The :data:`PROPOSITION_1_FIGURES`, empty where V has no ridge solution.

    The cosine is NaN where the formula gives zero up to rounding, as at η = 0 with enough nodes.
    """
    if problem.eta is None:
        return {}
    features = problem.ridge_features(weights)
    targets = problem.targets
    if not bool(torch.isfinite(features).all()):
        return {}
    ridge = lazy.ridge(features, targets, problem.eta)
    predicted = problem.network.output_scale * ridge.gradient  # ∂/∂F = β·∂/∂(βF)
    measured = problem.backpropagated_gradient(weights).double()
    size = predicted.norm().item()
    negligible = size <= 1e-7 * targets.norm().item() * ridge.top.norm().item()
    cosine = (measured * predicted).sum() / (measured.norm() * size)
    return {
        "ridge_distance": ((weights.V.double() - ridge.top).norm() / ridge.top.norm()).item(),
        "ridge_gradient_norm": size,
        "ridge_gradient_cosine": math.nan if negligible else cosine.item(),
    }


def compare_course(
    problem: Problem, initial: Weights, optimizer: Optimizer, rates: list[float], weight_decay: float
) -> pd.DataFrame:
    """‖G_F‖ as it would go if only V moved, by the run's own optimiser: columns ``epoch``, ``backprop_norm``.

    Args:
        problem: training problem.
        initial: weights at epoch 0.
        optimizer: the run's.
        rates: learning rate of each step; the course has one epoch more.
        weight_decay: the run's.
    """
    features = problem.network.features(initial.W, problem.train.rows) * problem.network.output_scale
    labels = problem.train.labels
    state = optimizer.init([initial.V])

    def advance(V: torch.Tensor, gradient: torch.Tensor, step: int) -> None:
        optimizer.update([V], [gradient], state, step, rates[step - 1], weight_decay)

    norms = lazy.frozen_course(
        features, initial.V, lambda outputs: problem.loss.residual(outputs, labels, None), advance, len(rates)
    )
    scale = problem.network.output_scale
    return pd.DataFrame({"epoch": range(len(norms)), "backprop_norm": [scale * norm for norm in norms]})


def compare_flow(problem: Problem, initial: Weights, points: int = 200) -> pd.DataFrame:
    """The lazy stage under gradient flow, in closed form: columns ``time``, ``backprop_norm``, ``train_loss``.

    Times are log-spaced and cover the whole course, from the fastest mode to the slowest. Empty where V
    has no ridge solution or nothing moves.
    """
    columns = ("time", "backprop_norm", "train_loss")
    if problem.eta is None:
        return pd.DataFrame({name: [] for name in columns})
    features = problem.ridge_features(initial)
    fastest = features.square().sum().item() + problem.eta
    if not 0 < fastest < math.inf:  # nothing moves, or nothing can be said
        return pd.DataFrame({name: [] for name in columns})
    slowest = max(problem.eta, 1e-6 * fastest)
    times = torch.logspace(
        math.log10(0.1 / fastest),
        math.log10(10 / slowest),
        points,
        dtype=torch.float64,
        device=features.device,
    )
    top = initial.V.double()
    if problem.loss.centres_classes:  # the rest of V neither fits nor backpropagates
        top = top - top.mean(dim=1, keepdim=True)
    flow = lazy.gradient_flow(features, problem.targets, top, problem.eta, times)
    return pd.DataFrame(
        {
            "time": flow.times.cpu(),
            "backprop_norm": problem.network.output_scale * flow.gradient_norms.cpu(),
            "train_loss": flow.losses.cpu(),
        }
    )
