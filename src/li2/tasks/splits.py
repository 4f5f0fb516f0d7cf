"""How many pairs are trained on, and which."""

import math

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.theory.scaling import critical_ratio

Indices = NDArray[np.int64]


def training_count(total: int, fraction: float) -> int:
    """n = N − ⌈(1 − p)·N⌉, as scikit-learn rounds, but safe from float error (0.7 of 100 is 70).

    Args:
        total: N, the number of all pairs.
        fraction: p.
    """
    return total - math.ceil(round((1.0 - fraction) * total, 6))


def critical_fraction(order: int, largest_dimension: int, delta: float) -> float:
    """The published critical ratio as a training fraction.

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
    """(training, test): disjoint index arrays that cover 0 … N−1, drawn uniformly."""
    order = generator.permutation(total)
    return order[:count], order[count:]


def sklearn_split(total: int, count: int, seed: int) -> tuple[Indices, Indices]:
    """(training, test) as ``sklearn.model_selection.train_test_split`` draws them with random_state=seed.

    scikit-learn permutes with the legacy Mersenne-Twister generator and takes the test set first; the
    order of the indices is kept, too.
    """
    order = np.random.RandomState(seed).permutation(total)
    tests = total - count
    return order[tests:], order[:tests]
