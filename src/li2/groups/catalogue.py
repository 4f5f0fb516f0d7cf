"""The catalogue of all groups of order 127 or less, with GAP's numbering and names."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.groups.group import Group

LARGEST = 127
"""The largest order in the catalogue."""


@dataclass(frozen=True)
class SmallGroup:
    """A line of the catalogue.

    Attributes:
        order: M.
        number: GAP's id among the groups of that order, from 1.
        structure: GAP's description, such as ``C7 : C3`` (x: direct, a colon: semidirect product).
        is_abelian: whether it is Abelian.
        classes: number of conjugacy classes, and so of complex irreps.
        largest_dimension: the largest dimension of an irrep.
    """

    order: int
    number: int
    structure: str
    is_abelian: bool
    classes: int
    largest_dimension: int

    @property
    def name(self) -> str:
        """How it is addressed, as in ``small:21.1``."""
        return f"small:{self.order}.{self.number}"


def catalogue() -> Iterator[SmallGroup]:
    """All 1,268 lines, by order and number."""
    data = _data()
    columns = ("order", "id", "name", "abelian", "classes", "largest_dimension")
    for order, number, structure, abelian, classes, dimension in zip(*(data[c].tolist() for c in columns), strict=True):
        yield SmallGroup(order, number, structure, abelian, classes, dimension)


def small_group(order: int, number: int) -> Group:
    """The group ``small:ORDER.NUMBER``.

    Raises:
        Li2Error: if there is none, saying how many groups of that order there are.
    """
    data = _data()
    of_order = np.flatnonzero(data["order"] == order)
    if not 1 <= number <= len(of_order):
        raise Li2Error(f"there is no group small:{order}.{number}: {_how_many(order, len(of_order))}.")
    line = of_order[number - 1]
    sizes = data["generators"].astype(np.int64) * data["order"]
    start = sizes[:line].sum()
    rows = data["rows"][start : start + sizes[line]].reshape(-1, order)
    return Group.from_generator_rows(f"small:{order}.{number}", rows.astype(np.int64))


def _how_many(order: int, count: int) -> str:
    if not count:
        return f"the catalogue holds the groups of order 1 to {LARGEST}"
    if count == 1:
        return f"there is 1 group of order {order}, small:{order}.1"
    return f"there are {count} groups of order {order}, small:{order}.1 to small:{order}.{count}"


@cache
def _data() -> dict[str, NDArray[Any]]:
    with files("li2.groups").joinpath("data/small_groups.npz").open("rb") as file:
        return dict(np.load(file, allow_pickle=False))
