"""Simulations of nodes that choose features: Fréchet starts, the dynamics α̇ = μα² on the unit ball, Muon, coupons.

Nothing here knows a formula of the theory. Coordinates α are those of w = Σα_l ζ_l in an orthonormal basis ζ.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from numpy import ndarray
from numpy.random import Generator

Points = Float[ndarray, "S L"]
Weights = Float[ndarray, " L"]
Sets = Bool[ndarray, "S L"]
Choice = Int[ndarray, " S"]

CONVERGED = 1 - 1e-6
"""A node has arrived at ζ_l when α_l exceeds this."""

STEP, LONGEST_TIME = 0.1, 80.0
"""Of the plain dynamics, in units in which the fastest coordinate grows at rate one."""

RELATIVE_CHANGE, MUON_STEPS = 0.2, 600
"""Of a coordinate in a step of Muon's dynamics; steps at most."""

RANK = 1e-13
"""Singular values below, relative to the largest, count as zero."""


def frechet(exponent: float, shape: tuple[int, int], generator: Generator) -> Float[ndarray, "S L"]:
    """Independent positive numbers of CDF exp(−x^−a)."""
    return generator.exponential(size=shape) ** (-1 / exponent)


def into_the_ball(points: Points, radii: Float[ndarray, " S"]) -> Points:
    """Each row scaled to a length."""
    return points * (radii / np.linalg.norm(points, axis=1))[:, None]


def follow(starts: Points, weights: Weights) -> Points:
    """Where α̇_l = μ_l α_l², projected on the unit ball, leads to.

    Runge–Kutta steps of fourth order, in a time of each node's own in which the largest |μα| is one; a node is left
    alone when one of its coordinates has converged, or after :data:`LONGEST_TIME`.

    Args:
        starts: α(0) in the ball.
        weights: μ_l > 0.
    """
    ends = starts.copy()
    running = np.arange(len(starts))
    for number in range(round(LONGEST_TIME / STEP)):
        if number % 20 == 0:
            running = running[ends[running].max(axis=1) < CONVERGED]
            if not len(running):
                break
        ends[running] = _runge_kutta(ends[running], weights)
    return ends


def _runge_kutta(points: Points, weights: Weights) -> Points:
    first = _projected(points, weights)
    second = _projected(points + STEP / 2 * first, weights)
    third = _projected(points + STEP / 2 * second, weights)
    fourth = _projected(points + STEP * third, weights)
    return _clipped(points + STEP / 6 * (first + 2 * second + 2 * third + fourth))


def _projected(points: Points, weights: Weights) -> Points:
    """The field, without its outward part where the ball ends."""
    rates = weights * points
    field = rates * points / np.abs(rates).max(axis=1, keepdims=True).clip(1e-300)
    return _tangential(points, field)


def _tangential(points: Points, field: Points) -> Points:
    squares = np.square(points).sum(axis=1)
    outward = (points * field).sum(axis=1) / squares.clip(1e-300)
    bounded = (squares >= 1 - 1e-9) & (outward > 0)
    return field - np.where(bounded, outward, 0)[:, None] * points


def _clipped(points: Points) -> Points:
    return points / np.linalg.norm(points, axis=1, keepdims=True).clip(1)


def polar_factor(matrix: Float[ndarray, "*batch d k"]) -> Float[ndarray, "*batch d k"]:
    """UVᵀ of the singular value decomposition, over the singular values that are not zero."""
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    kept = sizes > RANK * sizes[..., :1]
    return (left * kept[..., None, :]) @ right


def muon_direction(points: Points, weights: Weights, columns: Points) -> Points:
    """The last column of the polar factor of [diag(columns), g], g = Σ μ_l α_l² ζ_l.

    Args:
        points: α of the node that moves.
        weights: μ.
        columns: lengths of the gradients of nodes at ζ_l that have been found, 0 where none has.
    """
    gradient = weights * np.square(points)
    matrix = np.concatenate([columns[:, :, None] * np.eye(len(weights)), gradient[:, :, None]], axis=2)
    return polar_factor(matrix)[:, :, -1]


def follow_muon(starts: Points, weights: Weights, columns: Points) -> Points:
    """Where Muon leads a node, projected on the unit ball, while the nodes before it stay where they are.

    Heun's method, with steps in which no growing coordinate changes by more than :data:`RELATIVE_CHANGE`.

    Args:
        starts: α(0) > 0 in the ball.
        weights: μ.
        columns: as in :func:`muon_direction`.
    """
    ends = starts.copy()
    running = np.arange(len(starts))
    for _ in range(MUON_STEPS):
        running = running[ends[running].max(axis=1) < CONVERGED]
        if not len(running):
            break
        points, found = ends[running], columns[running]
        field = muon_direction(points, weights, found)
        growth = (field / points.clip(1e-300)).max(axis=1).clip(1)
        step = (RELATIVE_CHANGE / growth)[:, None]
        slope = _tangential(points, field)
        ahead = _clipped(points + step * slope)
        slope_ahead = _tangential(ahead, muon_direction(ahead, weights, found))
        ends[running] = _clipped(points + step / 2 * (slope + slope_ahead))
    return ends


@dataclass(frozen=True)
class Collections:
    """Sequences of nodes until all features were found.

    Attributes:
        counts: nodes that each sequence took.
        unsettled: nodes that ended at no feature; they count, too.
    """

    counts: Int[ndarray, " S"]
    unsettled: int = 0

    @property
    def mean(self) -> float:
        """Mean number of nodes."""
        return float(self.counts.mean())

    @property
    def error(self) -> float:
        """Its standard error."""
        return float(self.counts.std(ddof=1) / np.sqrt(len(self.counts)))


def collect(draw: Callable[[Sets], Choice], sequences: int, count: int, longest: int = 100_000) -> Collections:
    """Draw features, sequence by sequence, until each has all.

    Args:
        draw: the next feature of the sequences still running, from what they have found; −1 for none.
        sequences: S.
        count: L.
        longest: nodes of a sequence at most.
    """
    found = np.zeros((sequences, count), dtype=bool)
    counts = np.zeros(sequences, dtype=np.int64)
    running, unsettled = np.arange(sequences), 0
    for _ in range(longest):
        chosen = draw(found[running])
        counts[running] += 1
        settled = chosen >= 0
        unsettled += int((~settled).sum())
        found[running[settled], chosen[settled]] = True
        running = running[~found[running].all(axis=1)]
        if not len(running):
            break
    return Collections(counts, unsettled)


def runs_of(winners: Choice, count: int) -> Collections:
    """One long stream of features, cut whenever all have come; what is left at its end is dropped."""
    counts, seen, begun = [], set[int](), 0
    for number, winner in enumerate(winners.tolist(), start=1):
        seen.add(winner)
        if len(seen) == count:
            counts.append(number - begun)
            begun, seen = number, set()
    return Collections(np.array(counts, dtype=np.int64))


def arrived(ends: Points) -> Choice:
    """The feature each node has ended at, −1 for none."""
    return np.where(ends.max(axis=1) >= CONVERGED, ends.argmax(axis=1), -1)
