"""A task: what the network learns of every tuple of operands, computed for those that are asked for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.groups import FAMILIES, MAX_ORDER, Group, known_forms, named_group
from li2.tasks.expression import Polynomial, parse_expression
from li2.tasks.splits import Indices

Operands = NDArray[np.int64]
Labels = NDArray[np.int64]

MOST_TUPLES = 2**63 - 1
"""Tuples are numbered in int64."""


@dataclass(frozen=True, eq=False)
class Task:
    """Tuples of k operands with their labels. None of the N = Mᵏ tuples is held: a number stands for each.

    Attributes:
        name: as the user wrote it.
        order: M, the number of values of an operand and of classes.
        operands: k.
        table: (M, M) int64, the operation whose products x₁·x₂·…·x_k, from the left, are the labels; None where a
            polynomial in more than two operands gives them.
        group: the group whose law the table is, or None.
        law: (n, k) int64 operands ↦ (n,) int64 labels, classes 0 … M−1.
    """

    name: str
    order: int
    operands: int
    table: NDArray[np.int64] | None
    group: Group | None
    law: Callable[[Operands], Labels]

    @property
    def size(self) -> int:
        """N = Mᵏ, the number of tuples."""
        return self.order**self.operands

    @property
    def tuples_name(self) -> str:
        """What tuples of operands are called in sentences."""
        return "pairs" if self.operands == 2 else f"tuples of {self.operands} operands"

    def operands_of(self, indices: Indices) -> Operands:
        """(n, k) int64 for n numbers: the digits to base M, first operand major, so that a·M + b stands for (a, b)."""
        operands = np.empty((len(indices), self.operands), dtype=np.int64)
        rest = indices
        for position in range(self.operands - 1, 0, -1):
            quotients = rest // self.order
            operands[:, position] = rest - quotients * self.order
            rest = quotients
        operands[:, 0] = rest
        return operands

    def labels_of(self, indices: Indices) -> Labels:
        """(n,) int64 for n numbers."""
        return self.law(self.operands_of(indices))

    def tuples(self, indices: Indices) -> tuple[Operands, Labels]:
        """Operands and labels of n numbers."""
        operands = self.operands_of(indices)
        return operands, self.law(operands)


def build_task(name: str, operands: int = 2) -> Task:
    """The task that a name stands for: a group, or ``expression:POLYNOMIAL mod P``.

    Args:
        name: what the operands are put into.
        operands: k, at least 2.

    Raises:
        Li2Error: if the name is unknown or wrong, or there are too many tuples to be numbered.
    """
    family, _, parameter = name.partition(":")
    if family not in {"expression", *FAMILIES}:
        raise Li2Error(
            f"unknown group {name!r}; known are {known_forms()}; or expression:POLYNOMIAL mod P in "
            f"{' and '.join(variables(2))}."
        )
    if family != "expression":
        group = named_group(name)
        return _table_task(name, group.table, group, operands)
    polynomial, modulus = parse_expression(parameter, variables(operands))
    if modulus > MAX_ORDER:
        raise Li2Error(f"{name!r} has modulus {modulus}; the largest is {MAX_ORDER}.")
    law = _evaluated(polynomial, operands)
    if operands > 2:
        return _numbered(Task(name, modulus, operands, None, None, law))
    pairs = np.stack(np.divmod(np.arange(modulus**2), modulus), axis=1)
    return task_from_table(name, law(pairs).reshape(modulus, modulus))


def variables(operands: int) -> tuple[str, ...]:
    """The names of the operands in polynomials: x, y, z, w for up to four, x1 … xk for more."""
    return tuple("xyzw"[:operands]) if operands <= 4 else tuple(f"x{i}" for i in range(1, operands + 1))


def task_from_table(name: str, table: NDArray[np.integer], generators: Sequence[int] = (), operands: int = 2) -> Task:
    """The task of an operation table, (M, M) integers below M; it has a group, with these generators, if it is one.

    Args:
        name: its name.
        table: the operation; products of more than two operands are taken from the left.
        generators: of the group, in the order in which irreps are labelled.
        operands: k, at least 2.

    Raises:
        Li2Error: if there are too many tuples to be numbered.
    """
    try:
        group = Group.from_table(name, table, generators)
    except Li2Error:
        group = None
    return _table_task(name, np.asarray(table, dtype=np.int64), group, operands)


def _table_task(name: str, table: NDArray[np.int64], group: Group | None, operands: int) -> Task:
    return _numbered(Task(name, len(table), operands, table, group, _folded(table)))


def _numbered(task: Task) -> Task:
    if task.size > MOST_TUPLES:
        raise Li2Error(
            f"{task.name} with operands={task.operands} has {task.order}^{task.operands} = {task.size:.1e} tuples, but "
            f"only {MOST_TUPLES:.1e} can be numbered; take fewer operands or a smaller order."
        )
    return task


def _folded(table: NDArray[np.int64]) -> Callable[[Operands], Labels]:
    """Products from the left."""
    order, flat = len(table), np.ascontiguousarray(table).ravel()

    def law(operands: Operands) -> Labels:
        product = operands[:, 0]
        for operand in operands.T[1:]:
            product = flat[product * order + operand]
        return product

    return law


def _evaluated(polynomial: Polynomial, operands: int) -> Callable[[Operands], Labels]:
    names = variables(operands)

    def law(values: Operands) -> Labels:
        result = polynomial(dict(zip(names, values.T, strict=True)))
        return np.array(np.broadcast_to(result, len(values)), dtype=np.int64)

    return law
