"""Formulas of the collection of features against enumeration, known values and singular value decompositions."""

import math
from itertools import combinations

import numpy as np
import pytest

from li2.theory.collection import (
    collection_bounds,
    collection_time,
    guided_time,
    halved_time,
    harmonic_number,
    least_advantage,
    muon_slope,
    polar_column,
    polar_column_printed,
    printed_column_error,
    rests_on_the_sphere,
    selection_probabilities,
)


def random_probabilities(seed: int, count: int) -> np.ndarray:
    values = np.random.default_rng(seed).uniform(0.02, 1, count)
    return values / values.sum()


@pytest.mark.parametrize("count", [1, 2, 3, 7, 11])
@pytest.mark.parametrize("seed", range(4))
def test_the_integral_is_inclusion_and_exclusion(seed: int, count: int) -> None:
    p = random_probabilities(seed, count)
    sets = [chosen for size in range(1, count + 1) for chosen in combinations(range(count), size)]
    exact = math.fsum((-1) ** (len(chosen) + 1) / p[list(chosen)].sum() for chosen in sets)
    assert collection_time(p) == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize(("count", "days"), [(6, 14.7), (50, 224.96), (365, 2364.65)])
def test_equal_coupons_take_their_textbook_time(count: int, days: float) -> None:
    p = np.ones(count) / count
    assert collection_time(p) == pytest.approx(days, abs=0.01)
    assert collection_time(p) == pytest.approx(collection_bounds(p)["even"], rel=1e-12)


@pytest.mark.parametrize("seed", range(10))
def test_bounds_stay_below(seed: int) -> None:
    p = random_probabilities(seed, 2 + seed)
    bounds, time = collection_bounds(p), collection_time(p)
    assert time > max(bounds.values())
    assert bounds["likeliest"] <= bounds["rarest"]
    assert bounds["harmonic"] <= bounds["even"]


def test_harmonic_numbers() -> None:
    assert [harmonic_number(n) for n in (1, 2, 4)] == pytest.approx([1, 3 / 2, 25 / 12])


def test_selection_by_quadrature() -> None:
    """P(i) = ∫ f(x/w_i)/w_i Π F(x/w_j) dx with F = exp(−x^−a)."""
    weights, a = np.array([1.0, 0.6, 0.3]), 1.7
    y = np.linspace(1e-4, 40, 400_001)  # y = x^−a
    others = np.array([[(y * w**a) for w in weights]])[0].sum(axis=0)
    measured = [np.trapezoid(w**a * np.exp(-others), y) for w in weights]
    assert selection_probabilities(weights, a) == pytest.approx(measured, abs=2e-4)
    assert selection_probabilities(7 * weights, a) == pytest.approx(selection_probabilities(weights, a))


def test_halved_weights_on_a_chain_of_sets() -> None:
    """The expected number of nodes from the Markov chain of what has been found."""
    mu, a = np.array([1.0, 0.8, 0.5, 0.4]), 1.6

    def expected(found: frozenset[int], factor: float) -> float:
        missing = [l for l in range(4) if l not in found]
        if not missing:
            return 0
        powers = [(mu[l] * (factor if l in found else 1)) ** a for l in range(4)]
        total = sum(powers)
        new = sum(powers[l] for l in missing) / total
        return 1 / new + sum(powers[l] / total / new * expected(found | {l}, factor) for l in missing)

    time = collection_time(selection_probabilities(mu, a))
    assert time == pytest.approx(expected(frozenset(), 1.0))
    assert halved_time(time, 4, a) == pytest.approx(expected(frozenset(), 0.5))


def test_muon_takes_one_node_each_while_its_weights_are_small() -> None:
    assert guided_time(6, 1.0) == guided_time(6, 2.0) == 6
    assert guided_time(6, 2.1) is None
    assert least_advantage(1.0) == 2


def polar(matrix: np.ndarray) -> np.ndarray:
    left, _, right = np.linalg.svd(matrix, full_matrices=False)
    return left @ right


@pytest.mark.parametrize("seed", range(12))
def test_the_last_column_of_the_polar_factor(seed: int) -> None:
    generator = np.random.default_rng(seed)
    d = int(generator.integers(2, 20))
    Q = np.linalg.qr(generator.normal(size=(d, int(generator.integers(1, d)))))[0]
    v = generator.normal(size=d) * generator.uniform(0.05, 2)
    measured = polar(np.column_stack([Q, v]))[:, -1]
    assert np.abs(polar_column(Q, v) - measured).max() < 1e-11
    inside = Q @ (Q.T @ v)
    distance = float(np.linalg.norm(polar_column_printed(Q, v) - measured))
    predicted = printed_column_error(float(np.linalg.norm(inside)), float(np.linalg.norm(v - inside)))
    assert distance == pytest.approx(predicted, abs=1e-12)


@pytest.mark.parametrize("shape", [(4, 9), (9, 4), (5, 5)])
def test_the_slope_is_the_nuclear_norm(shape: tuple[int, int]) -> None:
    gradient = np.random.default_rng(1).normal(size=shape)
    gradient[:, -1] = gradient[:, 0]
    assert muon_slope(gradient) == pytest.approx(np.linalg.norm(gradient, "nuc"))
    assert muon_slope(gradient) == pytest.approx((polar(gradient) * gradient).sum())


def test_rest_on_the_sphere_is_read_off_the_polar_factor() -> None:
    e = np.eye(4)
    tilted = (e[0] + e[1]) / np.sqrt(2)
    for nodes, rests in (
        (np.stack([e[0], e[0], -e[0], e[2]], axis=1), True),
        (np.stack([e[0], tilted], axis=1), False),
        (np.stack([e[0], e[1], e[3]], axis=1), True),
    ):
        left, sizes, right = np.linalg.svd(nodes, full_matrices=False)
        factor = (left * (sizes > 1e-12)) @ right
        drift = factor - nodes * (nodes * factor).sum(axis=0)
        assert rests_on_the_sphere(nodes, 1e-9) == rests == (np.linalg.norm(drift) < 1e-9)
