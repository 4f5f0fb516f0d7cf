"""Conjugacy classes."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from li2.groups.group import Group


@dataclass(frozen=True, eq=False)
class ConjugacyClasses:
    """The r conjugacy classes of a group, by element order, size and first element; number 0 is {e}.

    Attributes:
        of: (M,) int64, the class number of each element.
        representatives: (r,) int64, the first element of each class.
        sizes: (r,) int64.
        orders: (r,) int64, the order of the elements of each class.
        inverses: (r,) int64, the class of the inverses.
    """

    of: NDArray[np.int64]
    representatives: NDArray[np.int64]
    sizes: NDArray[np.int64]
    orders: NDArray[np.int64]
    inverses: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.sizes)


def conjugacy_classes(group: Group) -> ConjugacyClasses:
    """The conjugacy classes {h·g·h⁻¹ : h ∈ G} of a group."""
    smallest = np.arange(group.order)
    if not group.is_abelian:
        smallest = group.table[group.table, group.inverses[:, None]].min(axis=0)  # [h, g] ↦ h·g·h⁻¹
    first, of, sizes = np.unique(smallest, return_inverse=True, return_counts=True)
    by_order = np.lexsort((first, sizes, group.element_orders[first]))
    first, sizes = first[by_order], sizes[by_order]
    of = np.argsort(by_order)[of]
    return ConjugacyClasses(of, first, sizes, group.element_orders[first], of[group.inverses[first]])
