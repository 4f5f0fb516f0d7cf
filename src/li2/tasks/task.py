"""A task: all tuples of operands with their labels; and its split into training and test tuples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.groups import FAMILIES, MAX_ORDER, Group, Representations, known_forms, named_group
from li2.specs import LandscapeSpec, RunSpec
from li2.tasks.expression import parse_expression
from li2.tasks.splits import Indices, critical_fraction, draw_split, sklearn_split, training_count

SPLIT_STREAM = 0
"""Number of the random stream, beside the seed, that draws splits; the weights have their own."""


@dataclass(frozen=True, eq=False)
class Task:
    """Every tuple of operands with its label.

    Attributes:
        name: as the user wrote it.
        operands: (N, k) int64, the first operand major: pair number a·M + b is (a, b).
        labels: (N,) int64, classes 0 … M−1.
        order: M, the number of values of an operand and of classes.
        group: the group whose law the labels are, or None.
    """

    name: str
    operands: NDArray[np.int64]
    labels: NDArray[np.int64]
    order: int
    group: Group | None

    @property
    def size(self) -> int:
        """N, the number of tuples."""
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Split:
    """Which tuples are trained on and which are tested: disjoint indices into a task, neither empty."""

    train: Indices
    test: Indices


def build_task(name: str) -> Task:
    """The task that a name stands for: a group, or ``expression:POLYNOMIAL mod P``.

    Raises:
        Li2Error: if the name is unknown or wrong.
    """
    family, _, parameter = name.partition(":")
    if family not in {"expression", *FAMILIES}:
        raise Li2Error(f"unknown group {name!r}; known are {known_forms()}; or expression:POLYNOMIAL mod P in x and y.")
    if family != "expression":
        group = named_group(name)
        return _table_task(name, group.table, group)
    polynomial, modulus = parse_expression(parameter, ("x", "y"))
    if modulus > MAX_ORDER:
        raise Li2Error(f"{name!r} has modulus {modulus}; the largest is {MAX_ORDER}.")
    x, y = np.divmod(np.arange(modulus**2), modulus)
    table = np.broadcast_to(polynomial({"x": x, "y": y}), x.shape).reshape(modulus, modulus)
    return task_from_table(name, table)


def task_from_table(name: str, table: NDArray[np.integer], generators: Sequence[int] = ()) -> Task:
    """The task of an operation table, (M, M) integers below M; it has a group, with these generators, if it is one."""
    try:
        group = Group.from_table(name, table, generators)
    except Li2Error:
        group = None
    return _table_task(name, np.asarray(table, dtype=np.int64), group)


def _table_task(name: str, table: NDArray[np.int64], group: Group | None) -> Task:
    order = len(table)
    operands = np.stack(np.divmod(np.arange(order**2), order), axis=1)
    return Task(name, operands, table.ravel(), order, group)


def build_split(task: Task, spec: RunSpec | LandscapeSpec, *, needs_test: bool = True) -> Split:
    """The split that a specification asks for; the test set may be empty if it is not needed.

    Raises:
        Li2Error: if it leaves the training or the test set empty, or an index file is wrong.
    """
    if spec.train_index is not None:
        return _split_from_file(task, Path(spec.train_index), needs_test)
    count = _training_size(task, spec)
    most = task.size - needs_test
    if not 1 <= count <= most:
        which = "training" if count <= 0 else "test"
        remedy = f"take between 1 and {most} of them" if most else "take a larger group"
        raise Li2Error(f"training on {count} of the {task.size} pairs leaves the {which} set empty; {remedy}.")
    if spec.split == "sklearn":
        return Split(*sklearn_split(task.size, count, spec.seed))
    return Split(*draw_split(task.size, count, np.random.default_rng([spec.seed, SPLIT_STREAM])))


def _training_size(task: Task, spec: RunSpec | LandscapeSpec) -> int:
    if spec.train_size is not None:
        return spec.train_size
    if isinstance(spec, RunSpec) and spec.critical_delta is not None:
        largest = int(Representations(task.group).characters.dimensions.max()) if task.group else 1
        return training_count(task.size, critical_fraction(task.order, largest, spec.critical_delta))
    assert spec.train_fraction is not None
    return training_count(task.size, spec.train_fraction)


def _split_from_file(task: Task, path: Path, needs_test: bool) -> Split:
    try:
        train = np.load(path, allow_pickle=False)
    except OSError as error:
        raise Li2Error(f"cannot read train_index={path}: {error.strerror or error}.") from error
    except (ValueError, EOFError) as error:
        raise Li2Error(f"train_index={path} is not an NPY file of whole numbers: {error}.") from error
    if not isinstance(train, np.ndarray) or train.ndim != 1 or train.dtype.kind not in "iu":
        raise Li2Error(f"train_index={path} must hold one row of whole numbers a·M + b.")
    train = train.astype(np.int64)
    if len(train) and (train.min() < 0 or train.max() >= task.size):
        wrong = train[(train < 0) | (train >= task.size)][0]
        raise Li2Error(f"train_index={path} holds {wrong}, but indices run from 0 to {task.size - 1}.")
    chosen = np.zeros(task.size, dtype=bool)
    chosen[train] = True
    if chosen.sum() != len(train):
        raise Li2Error(f"train_index={path} holds an index twice; each pair may be trained on once.")
    if (chosen.all() and needs_test) or not chosen.any():
        which = "test" if chosen.any() else "training"
        raise Li2Error(f"train_index={path} leaves the {which} set empty.")
    return Split(train, np.flatnonzero(~chosen))
