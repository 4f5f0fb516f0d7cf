"""Cayley tables of textbook groups, from their definitions."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np


def symmetric_group_table(n: int) -> np.ndarray:
    """Composition of permutations, straight from the definition."""
    elements = list(permutations(range(n)))
    number = {element: i for i, element in enumerate(elements)}
    return np.array([[number[tuple(a[b[i]] for i in range(n))] for b in elements] for a in elements])


def quaternion_table() -> np.ndarray:
    """Products of ±1, ±i, ±j, ±k as 2 × 2 matrices."""
    one, i = np.eye(2), np.array([[1j, 0], [0, -1j]])
    j = np.array([[0, 1], [-1, 0]])
    elements = [sign * matrix for matrix in (one, i, j, i @ j) for sign in (1, -1)]
    return np.array(
        [[next(n for n, c in enumerate(elements) if np.allclose(a @ b, c)) for b in elements] for a in elements]
    )


def relabelled(table: np.ndarray, places: Sequence[int]) -> np.ndarray:
    """The same group with element a renamed places[a]."""
    place = np.asarray(places)
    renamed = np.empty_like(table)
    renamed[np.ix_(place, place)] = place[table]
    return renamed
