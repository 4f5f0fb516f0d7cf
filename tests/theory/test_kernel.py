"""The infinitely wide layer's kernel against exact averages, quadratures in one variable, and explicit inverses."""

import itertools
import math

import pytest
import torch

from li2.models import initial_weights, named_activation
from li2.specs import RunSpec
from li2.theory import kernel


def pairs(order: int, chosen: list[int]) -> torch.Tensor:
    inputs = torch.zeros(len(chosen), 2 * order, dtype=torch.float64)
    for row, number in enumerate(chosen):
        inputs[row, number // order] = inputs[row, order + number % order] = 1
    return inputs


@pytest.mark.parametrize("is_gaussian", [True, False])
@pytest.mark.parametrize("deviation", [1.0, 0.4])
def test_square_levels_by_quadrature(is_gaussian: bool, deviation: float) -> None:
    law = kernel.Law(is_gaussian, deviation)
    levels, numeric = kernel.square_levels(law), kernel.layer_levels(torch.square, law, law)
    assert (levels.both, levels.one, levels.none) == pytest.approx((numeric.both, numeric.one, numeric.none), rel=1e-5)
    assert levels.own == pytest.approx(4 * deviation**4)


def test_covariances_of_the_square_layer() -> None:
    for is_gaussian, both, one in ((True, 8.0, 2.0), (False, 5.6, 0.8)):
        levels = kernel.square_levels(kernel.Law(is_gaussian))
        assert (levels.both - levels.none, levels.shared) == pytest.approx((both, one))


def test_square_levels_of_weights_on_a_finite_set() -> None:
    # ±1 with equal probability has μ₄ = s⁴: the formula's moments, averaged over all 2⁴ weights.
    signs = list(itertools.product((-1, 1), repeat=4))
    both = sum((u + v) ** 4 for u, v, _, _ in signs) / 16
    one = sum((u + v) ** 2 * (u + w) ** 2 for u, v, w, _ in signs) / 16
    none = sum((u + v) ** 2 * (w + x) ** 2 for u, v, w, x in signs) / 16
    assert (both - none, one - none, none) == (2 + 2, 1 - 1, 4)


@pytest.mark.parametrize("name", ["square", "relu", "silu", "tanh", "sigmoid", "relu2"])
@pytest.mark.parametrize("is_gaussian", [True, False])
def test_levels_of_every_activation_against_a_sampled_layer(name: str, is_gaussian: bool) -> None:
    generator = torch.Generator().manual_seed(5)
    function, nodes = named_activation(name).function, 400_000
    if is_gaussian:
        u, v, w, x = torch.randn(4, nodes, generator=generator, dtype=torch.float64)
    else:
        u, v, w, x = (2 * torch.rand(4, nodes, generator=generator, dtype=torch.float64) - 1) * 3**0.5
    law = kernel.Law(is_gaussian)
    levels = kernel.layer_levels(function, law, law)
    products = function(u + v) ** 2, function(u + v) * function(u + w), function(u + v) * function(w + x)
    for product, level in zip(products, (levels.both, levels.one, levels.none), strict=True):
        assert abs(product.mean().item() - level) < 5 * product.std().item() / nodes**0.5


@pytest.mark.parametrize("correlation", [0.0, 0.3, 0.5, 0.9])
def test_equal_level_against_closed_forms(correlation: float) -> None:
    assert kernel.equal_level(torch.square, correlation) == pytest.approx(2 * (1 - correlation**2), rel=1e-5)
    # The arc-cosine kernel of order one.
    angle = math.acos(correlation)
    relu = 0.5 - (math.sin(angle) + (math.pi - angle) * correlation) / (2 * math.pi)
    assert kernel.equal_level(torch.relu, correlation) == pytest.approx(relu, rel=1e-4)


@pytest.mark.parametrize("is_gaussian", [True, False])
@pytest.mark.parametrize("name", ["relu", "-0.3*x+2*x**2", "square"])
def test_closed_levels_against_quadrature(name: str, is_gaussian: bool) -> None:
    law, function = kernel.Law(is_gaussian, 0.7), named_activation(name).function
    closed, numeric = kernel.initial_levels(name, function, law), kernel.layer_levels(function, law, law)
    assert closed.error == 0
    for exact, value in zip(_levels(closed), _levels(numeric), strict=True):
        assert abs(exact - value) <= numeric.error + 1e-12  # rounding of 1601² terms
    assert numeric.error < 1e-5 * closed.both


@pytest.mark.parametrize("name", ["cube", "relu2", "silu", "tanh"])
def test_the_stated_error_covers_a_finer_rule(name: str) -> None:
    law, function = kernel.Law(False, 0.4), named_activation(name).function
    levels = kernel.initial_levels(name, function, law)
    finer = kernel._levels_by(function, law, law, 3001)
    assert 0 < levels.error < 1e-5
    assert max(abs(x - y) for x, y in zip(_levels(levels), finer, strict=True)) < levels.error


def _levels(levels: kernel.Levels) -> tuple[float, float, float]:
    return levels.both, levels.one, levels.none


@pytest.mark.parametrize("init", ["published", "published-separate", "gaussian"])
def test_the_law_of_a_run_is_that_of_its_weights(init: str) -> None:
    spec = RunSpec(group="cyclic:23", width=4000, init=init, hidden_scale=1.7, dtype="float64")
    weights = initial_weights(spec, 2, 23, torch.device("cpu")).W
    law = kernel.Law.of_run(spec, 23)
    assert weights.square().mean().item() == pytest.approx(law.deviation**2, rel=0.02)
    assert weights.pow(4).mean().item() == pytest.approx(law.fourth_moment, rel=0.04)


@pytest.mark.parametrize("eta", [0.01, 3.0, 500.0])
@pytest.mark.parametrize("share", [1.0, 0.6])
def test_whitening_is_the_inverse_of_the_kernel(eta: float, share: float) -> None:
    order, width = 5, 700
    chosen = torch.randperm(order**2, generator=torch.Generator().manual_seed(1))[: round(share * order**2)].tolist()
    inputs, n = pairs(order, chosen), len(chosen)
    identity = torch.eye(n, dtype=torch.float64)
    projector = identity - 1 / n
    for levels in (kernel.square_levels(kernel.Law(False)), kernel.Levels(1.3, 0.7, 0.2)):
        plain = width * kernel.pair_kernel(inputs, levels)
        expected = eta * torch.linalg.inv(plain + eta * identity)
        found = kernel.wide_whitening(inputs, identity, levels, width, eta, is_centred=False)
        assert (found - expected).norm() < 1e-9 * expected.norm()
        expected = eta * torch.linalg.inv(projector @ plain @ projector + eta * identity) @ projector
        found = kernel.wide_whitening(inputs, projector, levels, width, eta, is_centred=True)
        assert (found - expected).norm() < 1e-9 * expected.norm()
        uncentred = _uncentred(inputs, levels, width, eta)
        gap = (projector @ uncentred @ projector - expected).norm() / expected.norm()
        assert gap < 1e-9 if share == 1.0 else gap > 1e-3


def _uncentred(inputs: torch.Tensor, levels: kernel.Levels, width: int, eta: float) -> torch.Tensor:
    """The centred formula with X instead of P₁X, which needs all pairs."""
    rest = levels.own + eta / width
    small = inputs.T @ inputs + rest / levels.shared * torch.eye(inputs.shape[1], dtype=torch.float64)
    identity = torch.eye(len(inputs), dtype=torch.float64)
    return eta / (width * rest) * (identity - inputs @ torch.linalg.solve(small, inputs.T))


def test_whitening_damps_what_is_additive_in_the_operands() -> None:
    order, width, eta = 6, 400, 8.0
    inputs, levels = pairs(order, list(range(order**2))), kernel.square_levels(kernel.Law(True))
    generator = torch.Generator().manual_seed(0)
    additive = inputs @ torch.randn(2 * order, generator=generator, dtype=torch.float64)
    additive -= additive.mean()
    rest = torch.randn(order**2, generator=generator, dtype=torch.float64)
    rest -= inputs @ torch.linalg.pinv(inputs) @ rest
    kept, damped = eta / (4 * width + eta), eta / (4 * width + eta + 2 * order * width)
    whitened = kernel.wide_whitening(inputs, torch.stack([rest, additive], dim=1), levels, width, eta, is_centred=True)
    assert kernel.damping(levels, width, eta) == pytest.approx(kept)
    assert (whitened[:, 0] - kept * rest).norm() < 1e-10 * rest.norm()
    assert (whitened[:, 1] - damped * additive).norm() < 1e-10 * additive.norm()
