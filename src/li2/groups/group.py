"""A finite group as an immutable value over its Cayley table.

Conventions: elements are the integers 0 … M−1 and ``table[a, b]`` is the product a·b.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error

Table = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Group:
    """A finite group.

    Attributes:
        name: how a user addresses it, such as ``cyclic:71``.
        table: (M, M) int64, read-only; ``table[a, b]`` is the product a·b.
        generators: elements that generate the group, in the order in which irreps are labelled.

    Two groups are equal when their tables are. Use :meth:`from_table` for a table of unknown origin.
    """

    name: str
    table: Table
    generators: tuple[int, ...]

    def __post_init__(self) -> None:
        self.table.setflags(write=False)

    @classmethod
    def from_table(cls, name: str, table: NDArray[np.integer]) -> "Group":
        """The group with this Cayley table, (M, M) integers.

        Raises:
            Li2Error: naming the group axiom that fails and the elements at which it fails.
        """
        table = _checked_entries(name, np.asarray(table))
        identity = _checked_identity(name, table)
        _check_latin(name, table)
        generators = _generators(table, identity)
        _check_associative(name, table, generators)
        return cls(name, table, generators)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Group) and np.array_equal(self.table, other.table)

    def __hash__(self) -> int:
        return hash(self.table.tobytes())

    def __repr__(self) -> str:
        return f"Group({self.name!r}, order={self.order})"

    @property
    def order(self) -> int:
        """M, the number of elements."""
        return len(self.table)

    @cached_property
    def identity(self) -> int:
        """The neutral element: the row of the table that equals 0 … M−1."""
        return int(np.flatnonzero((self.table == np.arange(self.order)).all(axis=1))[0])

    @cached_property
    def inverses(self) -> Table:
        """(M,) int64: ``inverses[a]`` is a⁻¹."""
        inverses: Table = np.argmax(self.table == self.identity, axis=1).astype(np.int64)
        inverses.setflags(write=False)
        return inverses

    @cached_property
    def is_abelian(self) -> bool:
        """Whether a·b = b·a for all pairs."""
        return bool(np.array_equal(self.table, self.table.T))


def _checked_entries(name: str, table: NDArray[np.integer]) -> Table:
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.size == 0:
        raise Li2Error(f"{name} is not a Cayley table: its shape is {table.shape}, but it must be square.")
    order = len(table)
    outside = np.argwhere((table < 0) | (table >= order))
    if len(outside):
        row, column = outside[0]
        hint = " (number the elements from 0)" if table.min() == 1 and table.max() == order else ""
        raise Li2Error(
            f"{name} is not a group, closure fails: entry ({row}, {column}) is {table[row, column]}, "
            f"but entries must be 0 to {order - 1}{hint}."
        )
    return table.astype(np.int64)


def _checked_identity(name: str, table: Table) -> int:
    elements = np.arange(len(table))
    two_sided = (table == elements).all(axis=1) & (elements == table.T).all(axis=1)
    if not two_sided.any():
        raise Li2Error(f"{name} is not a group, the identity axiom fails: no element e has e·a = a·e = a for all a.")
    return int(np.flatnonzero(two_sided)[0])


def _check_latin(name: str, table: Table) -> None:
    """Every element must occur once in each row and column, or some inverse or quotient is missing."""
    for line, values in (("row", table), ("column", table.T)):
        ordered = np.sort(values, axis=1)
        wrong = np.flatnonzero((ordered != np.arange(len(table))).any(axis=1))
        if len(wrong):
            where = int(wrong[0])
            repeated = int(ordered[where, :-1][np.diff(ordered[where]) == 0][0])
            raise Li2Error(
                f"{name} is not a group, the inverse axiom fails: {line} {where} holds {repeated} twice, "
                "so not every element has an inverse."
            )


def _generators(table: Table, identity: int) -> tuple[int, ...]:
    """Elements whose products reach every other one: greedily the first not yet reached."""
    reached = np.zeros(len(table), dtype=bool)
    reached[identity] = True
    generators: list[int] = []
    while not reached.all():
        generators.append(int(np.flatnonzero(~reached)[0]))
        frontier = np.flatnonzero(reached)
        while len(frontier):
            products = np.unique(table[frontier][:, generators])
            frontier = products[~reached[products]]
            reached[frontier] = True
    return tuple(generators)


def _check_associative(name: str, table: Table, generators: tuple[int, ...]) -> None:
    """Light's test: (a·g)·b = a·(g·b) for all a, b and g in a generating set implies associativity."""
    for g in generators:
        left = table[table[:, g]]
        right = table[:, table[g]]
        failing = np.argwhere(left != right)
        if len(failing):
            a, b = failing[0]
            raise Li2Error(
                f"{name} is not a group, associativity fails: ({a}·{g})·{b} = {left[a, b]}, "
                f"but {a}·({g}·{b}) = {right[a, b]}."
            )
