"""Conjugacy classes, and the dimensions of the irreps that they determine."""

import numpy as np
from numpy.typing import NDArray

from li2.groups.group import Group


def conjugacy_classes(group: Group) -> NDArray[np.int64]:
    """(M,) int64: the class number of each element, numbered by first occurrence."""
    # conjugates[h, g] = h·g·h⁻¹
    conjugates = group.table[group.table, group.inverses[:, None]]
    return np.unique(conjugates.min(axis=0), return_inverse=True)[1].astype(np.int64)


def irrep_dimensions(group: Group) -> tuple[int, ...]:
    """The dimensions d_k of the complex irreps, ascending; Σ d_k² = M.

    A random Hermitian element of the centre of the group algebra acts on the regular representation
    with one eigenvalue for each irrep, of multiplicity d_k² (Schur's lemma).
    """
    if group.is_abelian:
        return (1,) * group.order
    classes = conjugacy_classes(group)
    count = int(classes.max()) + 1
    generator = np.random.default_rng(0)
    for _ in range(20):
        weights = generator.normal(size=count) + 1j * generator.normal(size=count)
        element = weights[classes] + weights[classes][group.inverses].conj()
        # The matrix of left multiplication: row a, column b holds the weight of a·b⁻¹.
        matrix = element[group.table[:, group.inverses]]
        eigenvalues = np.linalg.eigvalsh(matrix)
        gaps = np.diff(eigenvalues) > 1e-7 * np.ptp(eigenvalues)
        sizes = np.diff(np.flatnonzero(np.concatenate([[True], gaps, [True]])))
        dimensions = np.round(np.sqrt(sizes)).astype(int)
        if len(sizes) == count and np.array_equal(dimensions**2, sizes):
            return tuple(sorted(int(d) for d in dimensions))
    raise ArithmeticError(f"the irreps of {group.name} could not be told apart numerically")
