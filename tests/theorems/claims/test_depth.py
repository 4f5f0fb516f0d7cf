"""The claim on deeper networks: its verdict, and that wrong predictions are noticed."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from li2.models import named_activation
from li2.theorems.claim import Setting, Verdict
from li2.theorems.claims import depth
from li2.theorems.instruments.deep import deep_network
from li2.theory import depth as theory
from li2.theory.depth import gate_kernels, residual_sum

[CLAIM] = depth.CLAIMS


@pytest.fixture
def narrower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth, "UPPER", (1024, 2048, 4096))
    monkeypatch.setattr(depth, "EQUAL", (32, 256))
    monkeypatch.setattr(depth, "DRAWS", (8, 8))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_printed_form_needs_a_kernel(narrower: None, seed: int) -> None:
    evidence = CLAIM.measure(Setting(None, seed=seed))
    assert evidence.verdict is Verdict.CORRECTED
    failed = [check.what for check in evidence.statement if not check.passed]
    assert all("more of Ỹ than" in check.what for check in evidence.statement if check.what not in failed)


def without_curvature(operator: Tensor, features: Tensor, activation: str, variance: float) -> Tensor:
    return gate_kernels(features, activation, variance).product * operator


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("operator_below", without_curvature),
        ("backpropagated", lambda G, gates, W: (G * gates.mean(dim=1, keepdim=True)) @ W.T),
        ("identity_deviation", lambda lower, upper: 0.0),
        ("energy_outside", lambda gated, lower, rank: 1e-9),
        ("residual_sum", lambda top, gates, weights, skips: residual_sum(top, gates, weights, skips=False)),
    ],
)
def test_a_wrong_prediction_is_noticed(
    narrower: None, monkeypatch: pytest.MonkeyPatch, name: str, wrong: Callable[..., object]
) -> None:
    monkeypatch.setattr(depth if hasattr(depth, name) else theory, name, wrong)
    assert CLAIM.measure(Setting(None)).verdict is Verdict.FAILS


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("activation", ["relu", "square"])
def test_gradients_are_slopes_of_the_objective(activation: str, residual: bool) -> None:
    """−∂J/∂F_1 for J = ½‖Ỹ − F̃V‖² at a small V, by differences through a network written out here."""
    generator = torch.Generator().manual_seed(3)
    X, Y = (torch.randn(9, size, dtype=torch.float64, generator=generator) for size in (4, 3))
    Y = Y - Y.mean(dim=0)
    network = deep_network(X, Y, (6, 6, 6), activation, generator, residual=residual)
    sigma = named_activation(activation).function
    V = 1e-7 * (network.features[-1] - network.features[-1].mean(dim=0)).T @ Y

    def objective(F: Tensor) -> Tensor:
        for W in network.weights[1:]:
            F = sigma(F @ W) + (F if residual else 0)
        return -(Y * ((F - F.mean(dim=0)) @ V)).sum() / 1e-7

    direction = torch.randn(9, 6, dtype=torch.float64, generator=generator)
    F, step = network.features[0], 1e-6
    slope = (objective(F + step * direction) - objective(F - step * direction)) / (2 * step)
    assert -slope.item() == pytest.approx((network.gradients[0] * direction).sum().item(), rel=1e-5)
