"""How many tuples are trained on, and which; tuples are numbered from 0 to N − 1."""

import math
import os
from collections.abc import Iterator
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.theory.scaling import critical_ratio

Indices = NDArray[np.int64]


class Complement:
    """All of 0 … N−1 but some numbers, ascending; computed where it is asked for, never held.

    Args:
        total: N.
        excluded: (n,) int64, n different numbers in any order.
    """

    def __init__(self, total: int, excluded: Indices) -> None:
        self.total = total
        self._excluded = excluded

    def __len__(self) -> int:
        return self.total - len(self._excluded)

    def take(self, positions: Indices) -> Indices:
        """The numbers at some positions 0 … N−n−1; an int64 array as long as they."""
        return positions + np.searchsorted(self._smaller, positions, side="right")

    def blocks(self, limit: int) -> Iterator[Indices]:
        """All numbers in turn, in arrays of ``limit`` at most."""
        for start in range(0, len(self), limit):
            yield self.take(np.arange(start, min(start + limit, len(self))))

    @cached_property
    def _smaller(self) -> Indices:
        """(n,) how many numbers of the complement are smaller than each excluded one, ascending."""
        return np.sort(self._excluded) - np.arange(len(self._excluded))


def training_count(total: int, fraction: float) -> int:
    """n = N − ⌈(1 − p)·N⌉, as scikit-learn rounds, but safe from float error (0.7 of 100 is 70).

    Args:
        total: N, the number of all tuples.
        fraction: p.
    """
    return total - math.ceil(round((1.0 - fraction) * total, 6))


def critical_fraction(order: int, largest_dimension: int, delta: float) -> float:
    """The published critical ratio as a training fraction of all pairs.

    Args:
        order: M.
        largest_dimension: the largest irrep dimension, 1 for an Abelian group.
        delta: subtracted from the ratio's constant 2.7482.

    Raises:
        Li2Error: if the ratio is not a fraction between 0 and 1.
    """
    ratio = critical_ratio(order, largest_dimension, delta)
    if not 0 < ratio < 1:
        raise Li2Error(
            f"critical_delta={delta:g} asks for {ratio:.3f} of the pairs at order {order}, "
            "but a training fraction must be > 0 and < 1."
        )
    return ratio


def draw_split(total: int, count: int, generator: np.random.Generator) -> tuple[Indices, Indices]:
    """(training, test): disjoint index arrays that cover 0 … N−1, drawn uniformly; all of them are held."""
    order = generator.permutation(total)
    return order[:count], order[count:]


def draw_some(total: int, count: int, generator: np.random.Generator) -> Indices:
    """``count`` different numbers from 0 … N−1 in random order, drawn uniformly, in memory proportional to their count.

    Up to half of all are drawn with repetition, and of each the first is kept.
    """
    if 2 * count > total:
        return generator.permutation(total)[:count].copy()
    drawn = np.empty(0, dtype=np.int64)
    while len(drawn) < count:
        drawn = np.concatenate([drawn, generator.integers(total, size=count)])
        drawn = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    return drawn[:count].copy()


def sklearn_split(total: int, count: int, seed: int) -> tuple[Indices, Indices]:
    """(training, test) as ``sklearn.model_selection.train_test_split`` draws them with random_state=seed.

    scikit-learn permutes with the legacy Mersenne-Twister generator and takes the test set first; the
    order of the indices is kept, too.
    """
    order = np.random.RandomState(seed).permutation(total)
    tests = total - count
    return order[tests:], order[:tests]


def main_memory() -> int | None:
    """Bytes of main memory that the machine has; None where the system does not say."""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return None
