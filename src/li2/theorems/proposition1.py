"""Proposition 1 beside a run: the ridge solution, the gradient there, and the lazy stage's course."""

import math

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from li2.diagnostics import Snapshot
from li2.diagnostics.ridge_gram import symmetric_product
from li2.models import Problem, Weights
from li2.optim import Optimizer
from li2.theory import lazy

PROPOSITION_1_FIGURES = {
    "ridge_distance": "‖V − V_ridge‖/‖V_ridge‖ for the features of that epoch",
    "ridge_gradient_norm": "‖G_F(∞)‖, Proposition 1's formula for the features of that epoch",
    "ridge_gradient_cosine": "cos of G_F with that formula",
}


HARMLESS = 0.01
"""Largest rounding error of float32, by the bound ε·tr F̃ᵀF̃, relative to the flow's slowest rate; at 0.00013 (the
default run's) the flow was off by 6e-6 of itself. Beyond, it is computed in float64."""

BLOCKS, AGREEMENT = 4, 1e-3
"""The flow is computed in a Krylov space of so many blocks of 2M dimensions, if it differs by no more than that share
of its largest value from the flow in one block fewer; else by all modes. In the default run they differ by 3e-4, and
the flow by all modes is 5e-6 away."""


def compare_ridge(snapshot: Snapshot) -> dict[str, float]:
    """The :data:`PROPOSITION_1_FIGURES`, empty where V has no ridge solution.

    The cosine is NaN where the formula gives zero up to rounding, as at η = 0 with enough nodes.
    """
    problem, weights = snapshot.problem, snapshot.weights
    if problem.eta is None or not snapshot.is_finite:
        return {}
    gram = snapshot.ridge_gram
    if gram is not None and gram.factor is not None:
        features, solver = gram.features, (gram.of_nodes, gram.solve)
    else:
        features, solver = problem.ridge_features(weights), None
    targets = problem.targets.to(features.dtype)
    top, residual = (part.double() for part in lazy.ridge_parts(features, targets, problem.eta, solver))
    scale = problem.network.output_scale  # ∂/∂F = β·∂/∂(βF)
    V, R = weights.V.double(), snapshot.residual.double()
    size, measured = scale * _norm(residual, top), scale * _norm(R, V)
    negligible = size <= 1e-7 * problem.targets.norm().item() * top.norm().item()
    cosine = scale**2 * ((R.T @ residual) * (V.T @ top)).sum().item()
    return {
        "ridge_distance": ((V - top).norm() / top.norm()).item(),
        "ridge_gradient_norm": size,
        "ridge_gradient_cosine": cosine / (size * measured) if measured and not negligible else math.nan,
    }


def _norm(left: Float[Tensor, "n M"], right: Float[Tensor, "K M"]) -> float:
    """‖left·rightᵀ‖ from traces of M × M matrices."""
    return ((left.T @ left) * (right.T @ right)).sum().clamp_min(0).sqrt().item()


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
    labels, loss, V = problem.train.labels, problem.loss, initial.V
    scale = problem.network.output_scale
    features = scale * problem.two_layer.features(initial.W, problem.train.rows)
    if loss.has_ridge and problem.eta and features.shape[1] < 2 * len(features):  # else residuals get too small for it
        if loss.centres_samples:
            features = features - features.mean(dim=0)
        targets = problem.targets.to(V.dtype)
        gram, cross = symmetric_product(features), features.T @ targets
        evaluate = lazy.of_nodes(gram, cross, targets.T @ targets, loss.centres_classes)
    else:
        evaluate = lazy.of_samples(features, lambda outputs: loss.residual(outputs, labels, None))
    state = optimizer.init({"V": V})

    def advance(top: Tensor, gradient: Tensor, step: int) -> None:
        optimizer.update({"V": top}, {"V": gradient}, state, step, rates[step - 1], weight_decay)

    norms = lazy.frozen_course(V, evaluate, advance, len(rates), len(features))
    return pd.DataFrame({"epoch": range(len(norms)), "backprop_norm": [scale * norm for norm in norms]})


def compare_flow(problem: Problem, initial: Weights, points: int = 100) -> pd.DataFrame:
    """The lazy stage under gradient flow, in closed form: columns ``time``, ``backprop_norm``, ``train_loss``.

    Times are log-spaced and cover the whole course, from the fastest mode to the slowest. Empty where V
    has no ridge solution or nothing moves.
    """
    columns = ("time", "backprop_norm", "train_loss")
    if problem.eta is None:
        return pd.DataFrame({name: [] for name in columns})
    features, top = problem.two_layer.features(initial.W, problem.train.rows) * problem.network.output_scale, initial.V
    if problem.loss.centres_samples:
        features = features - features.mean(dim=0)
    fastest = torch.linalg.vector_norm(features).item() ** 2 + problem.eta
    if not 0 < fastest < math.inf:  # nothing moves, or nothing can be said
        return pd.DataFrame({name: [] for name in columns})
    slowest = max(problem.eta, 1e-6 * fastest)
    if torch.finfo(features.dtype).eps * fastest > HARMLESS * slowest:
        features, top = features.double(), top.double()
    if problem.loss.centres_classes:  # the rest of V neither fits nor backpropagates
        top = top - top.mean(dim=1, keepdim=True)
    first, last = math.log10(0.1 / fastest), math.log10(10 / slowest)
    times = torch.logspace(first, last, points, dtype=torch.float64, device=features.device)
    flow = _flow(features, problem.targets.to(top.dtype), top, problem.eta, times.to(top.dtype))
    return pd.DataFrame(
        {
            "time": times.cpu(),
            "backprop_norm": problem.network.output_scale * flow.gradient_norms.double().cpu(),
            "train_loss": flow.losses.double().cpu(),
        }
    )


def _flow(
    features: Float[Tensor, "n K"], targets: Float[Tensor, "n M"], top: Float[Tensor, "K M"], eta: float, times: Tensor
) -> lazy.GradientFlow:
    """In a Krylov space if that is smaller by far and accurate, else by all modes."""
    block = 2 * top.shape[1]
    if 3 * BLOCKS * block <= min(features.shape):
        space, reduced = lazy.krylov_space(features, torch.cat([features.T @ targets, top], dim=1), BLOCKS)
        start = space.T @ top
        flow = lazy.gradient_flow(reduced, targets, start, eta, times)
        some, fewer = slice(None, None, 9), slice((BLOCKS - 1) * block)
        coarse = lazy.gradient_flow(reduced[:, fewer], targets, start[fewer], eta, times[some])
        pairs = ((flow.gradient_norms, coarse.gradient_norms), (flow.losses, coarse.losses))
        if all((fine[some] - rough).abs().max() <= AGREEMENT * fine.max() for fine, rough in pairs):
            return flow
    return lazy.gradient_flow(features, targets, top, eta, times)
