"""Scaling laws of the amount of data that generalisation needs."""

import math

CRITICAL_CONSTANT = 2.7482
"""c in p = c·ln M/M, as the published trainer uses it (how it was fitted is unpublished)."""


def critical_ratio(order: int, largest_dimension: int = 1, delta: float = 0.0) -> float:
    """The published critical training ratio p = (c − δ)·ln M/M, times d_max/2 for non-Abelian groups.

    Theorem 4 gives n ≳ d_k²·M·log M; the published code scales by d_max/2 instead of d².

    Args:
        order: M.
        largest_dimension: d_max, the largest irrep dimension (1: Abelian).
        delta: δ.
    """
    correction = 1.0 if largest_dimension == 1 else largest_dimension / 2
    return correction * (CRITICAL_CONSTANT - delta) * math.log(order) / order


def sufficient_samples(order: int, dimension: int, delta: float = 1.0) -> float:
    """d²·M·ln(M/δ), the number of random pairs that Theorem 4 asks for, up to a constant that it leaves open.

    Args:
        order: M.
        dimension: d of the irreps whose maxima are to be kept.
        delta: δ, the probability of losing them.
    """
    return dimension**2 * order * math.log(order / delta)
