"""Gradients of deeper networks: kernels against sampled nodes, operators against sampled layers."""

import math

import pytest
import torch

from li2.theory.depth import (
    backpropagated,
    best_diagonals,
    energy_outside,
    gate_kernels,
    identity_deviation,
    operator_below,
    printed_operator,
    residual_sum,
)


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


SIGMA = {"relu": torch.relu, "square": torch.square}
GATE = {"relu": lambda z: (z > 0).double(), "square": lambda z: 2 * z}


@pytest.mark.parametrize("activation", ["relu", "square"])
def test_the_operator_is_the_mean_over_sampled_nodes(activation: str) -> None:
    features, width = normal(5, 4).abs(), 400_000
    A = normal(5, 5, seed=1)
    A = A @ A.T
    W = normal(4, width, seed=2) / math.sqrt(width)
    z = features @ W
    below = backpropagated(A @ SIGMA[activation](z), GATE[activation](z), W)
    predicted = operator_below(A, features, activation, 1 / width) @ features
    assert (below - predicted).norm() < 0.03 * predicted.norm()
    product = gate_kernels(features, activation, 1 / width).product
    sampled = GATE[activation](z) @ GATE[activation](z).T / width
    assert (product - sampled).norm() < 0.02 * product.norm()
    # Without the curvature of σ it is not.
    assert ((product * A) @ features - below).norm() > 0.1 * below.norm()


def test_relu_gates_of_known_angles() -> None:
    features = torch.tensor([[1.0, 0], [0, 1], [1, 1], [-1, 0]], dtype=torch.float64)
    kernels = gate_kernels(features, "relu", 0.3)
    assert kernels.product[0].tolist() == pytest.approx([1 / 2, 1 / 4, 3 / 8, 0])
    # E δ(z_1)·relu(z_2) for independent standard normals is φ(0)·φ(0) = 1/2π.
    assert kernels.curvature[0, 1].item() == pytest.approx(1 / (2 * math.pi))
    assert kernels.curvature[0, 0].item() == pytest.approx(0, abs=1e-8)


def test_other_activations_are_refused() -> None:
    with pytest.raises(ValueError, match="must be relu or square"):
        gate_kernels(normal(3, 2), "tanh", 1.0)


def test_the_printed_operator_and_what_diagonals_can_do_at_best() -> None:
    Y, features = normal(8, 3), normal(8, 4, seed=1)
    first, second = normal(8, seed=2), normal(8, seed=3)
    operator = printed_operator(Y @ Y.T, [first, second])
    assert torch.allclose(operator, torch.diag(first * second) @ Y @ Y.T @ torch.diag(first * second))
    gradient = operator @ features
    fit = best_diagonals(Y @ Y.T, features, gradient, rounds=400)
    assert (fit - gradient).norm() < 0.05 * gradient.norm()
    start = best_diagonals(Y @ Y.T, features, gradient, rounds=1)
    assert (fit - gradient).norm() <= (start - gradient).norm()


@pytest.mark.parametrize(("lower", "upper"), [(300, 300), (250, 3000)])
def test_how_far_random_weights_are_from_orthogonal(lower: int, upper: int) -> None:
    W = normal(lower, upper) / math.sqrt(upper)
    measured = torch.linalg.matrix_norm(W @ W.T - torch.eye(lower), 2).item()
    assert identity_deviation(lower, upper) == pytest.approx(measured, rel=0.1)


def test_energy_outside_the_row_space() -> None:
    features, gated, measured = normal(6, 40), normal(6, 30, seed=1), []
    basis = torch.linalg.svd(features, full_matrices=False).Vh
    for seed in range(200):
        below = gated @ (normal(40, 30, seed=seed) / math.sqrt(30)).T
        measured.append((below - below @ basis.T @ basis).square().sum().item())
    assert energy_outside(gated, 40, 6) == pytest.approx(sum(measured) / 200, rel=0.05)


def test_residual_paths() -> None:
    """With linear layers (gates of one) the gradient is G(I + W_3ᵀ)(I + W_2ᵀ)."""
    top, ones = normal(5, 4), torch.ones(5, 4, dtype=torch.float64)
    second, third = normal(4, 4, seed=1), normal(4, 4, seed=2)
    identity = torch.eye(4, dtype=torch.float64)
    exact = top @ (identity + third.T) @ (identity + second.T)
    assert torch.allclose(residual_sum(top, [ones, ones], [second, third], skips=True), exact)
    printed = residual_sum(top, [ones, ones], [second, third], skips=False)
    assert torch.allclose(exact - printed, top @ second.T)
    alone = residual_sum(top, [ones], [second], skips=False)
    assert torch.allclose(alone, top @ (identity + second.T))
