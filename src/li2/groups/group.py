"""A finite group as an immutable value over its Cayley table.

Conventions: elements are the integers 0 … M−1 and ``table[a, b]`` is the product a·b.
"""

import math
from collections.abc import Sequence
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
    def from_table(cls, name: str, table: NDArray[np.generic], generators: Sequence[int] = ()) -> "Group":
        """The group with this Cayley table, (M, M) whole numbers of any type.

        Args:
            name: its name.
            table: the products.
            generators: elements that generate it; default: each the first that those before do not reach.

        Raises:
            Li2Error: naming the group axiom that fails and the elements at which it fails.
        """
        entries = _checked_entries(name, np.asarray(table))
        identity = _checked_identity(name, entries)
        _check_latin(name, entries)
        known = all(0 <= generator < len(entries) for generator in generators)
        if not known or not _generated(entries, identity, generators).all():
            generators = _generators(entries, identity)
        _check_associative(name, entries, generators)
        return cls(name, entries, tuple(generators))

    @classmethod
    def from_generator_rows(cls, name: str, rows: NDArray[np.integer]) -> "Group":
        """The group whose element 0 is the identity, from the rows of its Cayley table at generators.

        Args:
            name: its name.
            rows: (generators, M); ``rows[i, x]`` is gᵢ·x. Trusted to come from a group.
        """
        order = rows.shape[1]
        table = np.empty((order, order), dtype=np.int64)
        table[0] = np.arange(order)
        reached, queue = {0}, [0]
        for element in queue:
            for row in rows:
                if (product := int(row[element])) not in reached:
                    table[product] = row[table[element]]  # (g·a)·x = g·(a·x)
                    reached.add(product)
                    queue.append(product)
        return cls(name, table, tuple(int(row[0]) for row in rows))

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

    @cached_property
    def centre(self) -> Table:
        """The elements that commute with all others, ascending, int64."""
        return np.flatnonzero((self.table == self.table.T).all(axis=1))

    @cached_property
    def element_orders(self) -> Table:
        """(M,) int64: the least m > 0 with aᵐ = e, for each element a."""
        elements = np.arange(self.order)
        orders = np.zeros(self.order, dtype=np.int64)
        power, exponent = elements, 1
        while not orders.all():
            orders[(power == self.identity) & (orders == 0)] = exponent
            power, exponent = self.table[power, elements], exponent + 1
        orders.setflags(write=False)
        return orders

    @cached_property
    def exponent(self) -> int:
        """The least m > 0 with aᵐ = e for all elements a."""
        return math.lcm(*self.element_orders.tolist())

    def powers(self, element: int) -> Table:
        """(m,) int64: e, a, a², …, aᵐ⁻¹ for an element a of order m."""
        powers = [self.identity]
        while (power := int(self.table[powers[-1], element])) != self.identity:
            powers.append(power)
        return np.array(powers)

    def subgroup(self, elements: Sequence[int] | Table) -> Table:
        """The elements of the subgroup that some elements generate, ascending, int64; raises Li2Error."""
        return np.flatnonzero(_generated(self.table, self.identity, self._checked(elements)))

    def is_subgroup(self, elements: Sequence[int] | Table) -> bool:
        """Whether a set of elements is a subgroup: not empty and closed under the product; raises Li2Error."""
        chosen = np.unique(self._checked(elements))
        return len(chosen) > 0 and bool(np.isin(self.table[np.ix_(chosen, chosen)], chosen).all())

    def _checked(self, elements: Sequence[int] | Table) -> Table:
        chosen = np.asarray(elements, dtype=np.int64)
        if ((chosen < 0) | (chosen >= self.order)).any():
            raise Li2Error(f"{self.name} has the elements 0 to {self.order - 1}, and not all of {chosen.tolist()}.")
        return chosen

    def opposite(self) -> "Group":
        """The group on the same elements with the product b·a in place of a·b."""
        return Group(f"opposite of {self.name}", self.table.T.copy(), self.generators)


def _checked_entries(name: str, table: NDArray[np.generic]) -> Table:
    if table.dtype.kind not in "iuf":
        raise Li2Error(f"{name} is not a Cayley table: it holds {table.dtype.name} entries, not whole numbers.")
    if table.ndim != 2 or table.shape[0] != table.shape[1] or table.size == 0:
        raise Li2Error(f"{name} is not a Cayley table: its shape is {table.shape}, but it must be square.")
    if table.dtype.kind == "f":
        numbers = table.astype(np.float64)
        if not ((np.abs(numbers) < 2**53) & (numbers == np.round(numbers))).all():
            raise Li2Error(f"{name} is not a Cayley table: it holds entries that are not whole numbers.")
    entries: Table = table.astype(np.int64)
    order = len(entries)
    outside = np.argwhere((entries < 0) | (entries >= order))
    if len(outside):
        row, column = outside[0]
        hint = " (number the elements from 0)" if entries.min() == 1 and entries.max() == order else ""
        raise Li2Error(
            f"{name} is not a group, closure fails: entry ({row}, {column}) is {entries[row, column]}, "
            f"but entries must be 0 to {order - 1}{hint}."
        )
    return entries


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
    generators: list[int] = []
    while not (reached := _generated(table, identity, generators)).all():
        generators.append(int(np.flatnonzero(~reached)[0]))
    return tuple(generators)


def _generated(table: Table, identity: int, generators: Sequence[int] | Table) -> NDArray[np.bool_]:
    """(M,) which elements are products of generators."""
    reached = np.zeros(len(table), dtype=bool)
    reached[identity] = True
    frontier = np.array([identity])
    while len(frontier):
        products = np.unique(table[np.ix_(frontier, np.asarray(generators, dtype=np.int64))])
        frontier = products[~reached[products]]
        reached[frontier] = True
    return reached


def _check_associative(name: str, table: Table, generators: Sequence[int]) -> None:
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
