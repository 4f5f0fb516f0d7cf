"""Predicted memorising maxima against Lagrange conditions, brute force and closed forms."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from li2.theory.memorisation import SHAPES, focused, global_maximum, local_maxima, power, relu_limit, spread, trend
from problems import plain_activation

NAMED = ["square", "cube", "relu", "silu", "tanh", "sigmoid"]
SPREADING = ["relu", "silu", "tanh", "sigmoid"]


def sigma(name: str, x: NDArray[np.float64]) -> NDArray[np.float64]:
    if name == "log-cosh":
        return np.log(np.cosh(2 * x))
    return np.asarray(plain_activation(name, torch.tensor(x)).numpy())


@pytest.mark.parametrize("name", [*NAMED, "log-cosh"])
def test_shapes_and_their_slopes(name: str) -> None:
    shape, x = SHAPES[name], np.linspace(0.05, 1.9, 40)
    assert shape.value(x) == pytest.approx(sigma(name, x))
    sides = [(shape, 1.0)] + ([(shape.mirror, -1.0)] if shape.mirror else [])
    for side, sign in sides:
        difference = sign * (sigma(name, sign * (x + 1e-6)) - sigma(name, sign * (x - 1e-6))) / 2e-6
        assert side.value(x) == pytest.approx(sign * sigma(name, sign * x))
        assert side.slope(x) == pytest.approx(difference, rel=1e-6, abs=1e-9)
    tiny = shape.phi(np.array([1e-9]))[0]
    assert tiny > 1e6 if math.isinf(shape.at_zero) else tiny == pytest.approx(shape.at_zero, abs=1e-6)


@pytest.mark.parametrize("name", NAMED)
def test_a_mirror_image_is_there_exactly_where_sigma_gets_negative(name: str) -> None:
    assert (SHAPES[name].mirror is not None) == bool(sigma(name, np.array([-0.5]))[0] < 0)


def test_trends() -> None:
    assert {name: trend(shape) for name, shape in SHAPES.items()} == {
        "square": "nondecreasing",
        "cube": "nondecreasing",
        **dict.fromkeys([*SPREADING, "log-cosh"], "decreasing"),
    }
    assert [trend(power(q)) for q in (1.9, 1.999, 2.0, 2.001, 4)] == ["decreasing"] * 2 + ["nondecreasing"] * 3


def test_nothing_is_said_where_phi_turns() -> None:
    wavy = power(2)
    wavy = type(wavy)(wavy.value, lambda x: x * (2 + np.sin(9 * x)), 2.0)
    assert trend(wavy) == "neither"
    with pytest.raises(ValueError, match="neither"):
        global_maximum(np.array([0.6, 0.4]), wavy)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=9), st.sampled_from([*SPREADING, "log-cosh"]))
def test_the_spread_solves_its_equations(weights: list[float], name: str) -> None:
    """p σ′(s)/s is one number over the active pairs and p φ(0⁺) at most that elsewhere; Σ s² = 2; likelier, larger."""
    p = np.array(weights) / sum(weights)
    shape, found = SHAPES[name], spread(p, SHAPES[name])
    active = found.sums > 1e-9
    levels = p[active] * shape.phi(found.sums[active])
    assert np.square(found.sums).sum() == pytest.approx(2, rel=1e-9)
    assert levels == pytest.approx(levels[0], rel=1e-5)
    if not active.all():
        assert (p[~active] * shape.at_zero).max() <= levels[0] * (1 + 1e-6)
    order = np.argsort(p)
    assert (np.diff(found.sums[order]) >= -1e-9).all()
    assert found.energy == pytest.approx(float(p @ sigma(name, found.sums)) ** 2 / 2)


def test_closed_forms() -> None:
    p = np.array([0.5, 0.3, 0.15, 0.05])
    assert spread(p, SHAPES["relu"]).sums == pytest.approx(2**0.5 * p / np.linalg.norm(p))
    assert spread(p, power(1.8)).sums == pytest.approx(2**0.5 * p**5 / np.linalg.norm(p**5), abs=1e-12)
    assert spread(np.array([0.7, 0.3, 0.0]), SHAPES["tanh"]).sums[2] == 0
    assert focused(p, SHAPES["cube"], 1).energy == pytest.approx((0.3 * 2**1.5) ** 2 / 2)
    alone = relu_limit(p, np.array([False, True, True, False]))
    assert alone.sums == pytest.approx([0, 0.3 * (2 / 0.1125) ** 0.5, 0.15 * (2 / 0.1125) ** 0.5, 0])
    assert alone.energy == pytest.approx(0.1125)
    assert relu_limit(p, np.full(4, True)).energy == pytest.approx(spread(p, SHAPES["relu"]).energy)


@pytest.mark.parametrize("name", [*NAMED, "log-cosh"])
def test_no_point_of_a_dense_sample_is_higher(name: str) -> None:
    """All s with Σ s² ≤ 2 on a grid of spherical coordinates, every sign."""
    p = np.array([0.45, 0.35, 0.2])
    best = global_maximum(p, SHAPES[name]).energy
    angles = np.linspace(0, 2 * np.pi, 241)
    first, second = np.meshgrid(angles, angles)
    sums = np.stack([np.cos(first), np.sin(first) * np.cos(second), np.sin(first) * np.sin(second)], axis=-1)
    highest = max(
        float((np.square(sigma(name, radius * sums) @ p) / 2).max()) for radius in 2**0.5 * np.linspace(0.1, 1, 10)
    )
    assert highest <= best * (1 + 1e-12)
    assert highest >= best * 0.999


@pytest.mark.parametrize("name", NAMED)
def test_the_list_of_local_maxima_on_three_pairs(name: str) -> None:
    """On a grid of the sphere of s, points above all their neighbours, one for each maximum of the list."""
    p = np.array([0.45, 0.35, 0.2])
    predicted = [maximum.sums for maximum in local_maxima(p, name)]
    points = grid_maxima(name, p)
    assert len(points) == len(predicted)
    for point in points:
        assert min(np.abs(point - sums).max() for sums in predicted) < 0.1


def grid_maxima(name: str, p: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Points of the surface of a finely divided cube, pushed onto the sphere, whose E exceeds that of all within 0.25.

    Flat regions (E = 0) are no maxima.
    """
    line = np.linspace(-1, 1, 25)
    faces = []
    for axis, sign in itertools.product(range(3), (-1.0, 1.0)):
        a, b = np.meshgrid(line, line)
        faces.append(np.insert(np.stack([a.ravel(), b.ravel()], axis=1), axis, sign, axis=1))
    points = np.unique(np.concatenate(faces), axis=0)
    points *= 2**0.5 / np.linalg.norm(points, axis=1, keepdims=True)
    energies = np.square(sigma(name, points) @ p) / 2
    near = points @ points.T > 2 - 0.25**2 / 2
    highest = np.where(near, energies, 0).max(axis=1)
    found: list[NDArray[np.float64]] = []
    for point in points[(energies >= highest) & (energies > 1e-9)]:
        if not any(np.abs(point - other).max() < 0.25 for other in found):
            found.append(point)
    return found
