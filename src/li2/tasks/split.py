"""Which tuples of a task are trained on and which are tested, as a specification asks for them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from li2.errors import Li2Error
from li2.groups import Representations
from li2.specs import LandscapeSpec, RunSpec
from li2.tasks.splits import (
    Complement,
    Indices,
    critical_fraction,
    draw_some,
    draw_split,
    main_memory,
    sklearn_split,
    training_count,
)
from li2.tasks.task import Task

SPLIT_STREAM, TEST_STREAM = 0, 3
"""Numbers of the random streams, beside the seed, that draw the training tuples and, where not all others are tested,
the test tuples; weights and minibatches have their own."""

MOST_PERMUTED = 10**8
"""Tuples of a task that scikit-learn's way, which permutes them all, is taken for."""


@dataclass(frozen=True, eq=False)
class Split:
    """Which tuples are trained on and which are tested: disjoint, neither empty.

    Attributes:
        train: their numbers.
        test: their numbers; or all but those trained on, which are not held.
    """

    train: Indices
    test: Indices | Complement


def build_split(task: Task, spec: RunSpec | LandscapeSpec, *, needs_test: bool = True) -> Split:
    """The split that a specification asks for; the test set may be empty if it is not needed.

    Of a task of two operands all indices are held; of others only those trained on, and those tested if there is a
    ``test_size``.

    Raises:
        Li2Error: if it leaves the training or the test set empty, asks for more than there is or than fits into
            memory, or an index file is wrong.
    """
    if spec.train_index is not None:
        split = _split_from_file(task, Path(spec.train_index), needs_test)
    else:
        split = _drawn_split(task, spec, needs_test)
    if not isinstance(spec, RunSpec) or spec.test_size is None:
        return split
    rest = len(split.test)
    if spec.test_size > rest:
        raise Li2Error(
            f"test_size={spec.test_size}, but only {rest} {task.tuples_name} are not trained on; take at most {rest}, "
            "or leave it out to test all of them."
        )
    positions = draw_some(rest, spec.test_size, np.random.default_rng([spec.seed, TEST_STREAM]))
    return Split(split.train, split.test.take(positions))


def _drawn_split(task: Task, spec: RunSpec | LandscapeSpec, needs_test: bool) -> Split:
    count = training_size(task, spec)
    most = task.size - needs_test
    if not 1 <= count <= most:
        which = "training" if count <= 0 else "test"
        remedy = f"take between 1 and {most} of them" if most else "take a larger group"
        raise Li2Error(
            f"training on {count} of the {task.size} {task.tuples_name} leaves the {which} set empty; {remedy}."
        )
    _check_memory(task, count)
    if spec.split == "sklearn":
        if task.size > MOST_PERMUTED:
            raise Li2Error(
                f"split=sklearn permutes all tuples, at most {MOST_PERMUTED:.0e} of them, but there are "
                f"{task.size:.1e} {task.tuples_name}; take split=li2."
            )
        return Split(*sklearn_split(task.size, count, spec.seed))
    generator = np.random.default_rng([spec.seed, SPLIT_STREAM])
    if task.operands == 2:
        return Split(*draw_split(task.size, count, generator))
    train = draw_some(task.size, count, generator)
    return Split(train, Complement(task.size, train))


def training_size(task: Task, spec: RunSpec | LandscapeSpec) -> int:
    """How many tuples a specification trains on, before it is checked that as many are there; raises Li2Error."""
    if spec.train_index is not None:
        return len(_read_index(task, Path(spec.train_index)))
    if spec.train_size is not None:
        return spec.train_size
    if isinstance(spec, RunSpec) and spec.critical_delta is not None:
        largest = int(Representations(task.group).characters.dimensions.max()) if task.group else 1
        return training_count(task.size, critical_fraction(task.order, largest, spec.critical_delta))
    assert spec.train_fraction is not None
    return training_count(task.size, spec.train_fraction)


def _check_memory(task: Task, count: int) -> None:
    """Refuse training sets that cannot be held: their operands and labels, and their indices while they are drawn."""
    needed, there = 8 * count * (task.operands + 4), main_memory()
    if there is not None and needed > there:
        raise Li2Error(
            f"training on {count} of the {task.size} {task.tuples_name} needs about {needed / 1e9:,.0f} GB of memory "
            f"for their indices alone, but there are {there / 1e9:,.0f} GB; give a smaller train_size."
        )


def _split_from_file(task: Task, path: Path, needs_test: bool) -> Split:
    train = _read_index(task, path)
    rest = Complement(task.size, train)
    if not len(train) or (not len(rest) and needs_test):
        raise Li2Error(f"train_index={path} leaves the {'test' if len(train) else 'training'} set empty.")
    return Split(train, rest.take(np.arange(len(rest))) if task.operands == 2 else rest)


def _read_index(task: Task, path: Path) -> Indices:
    """Numbers of the training tuples from a file."""
    try:
        train = np.load(path, allow_pickle=False)
    except OSError as error:
        raise Li2Error(f"cannot read train_index={path}: {error.strerror or error}.") from error
    except (ValueError, EOFError) as error:
        raise Li2Error(f"train_index={path} is not an NPY file of whole numbers: {error}.") from error
    if not isinstance(train, np.ndarray) or train.ndim != 1 or train.dtype.kind not in "iu":
        numbers = "a·M + b" if task.operands == 2 else "Σ aᵢ·M^(k−i)"
        raise Li2Error(f"train_index={path} must hold one row of whole numbers {numbers}.")
    if len(train) and (train.min() < 0 or train.max() >= task.size):
        wrong = train[(train < 0) | (train >= task.size)][0]
        raise Li2Error(f"train_index={path} holds {wrong}, but indices run from 0 to {task.size - 1}.")
    train = train.astype(np.int64)
    if len(np.unique(train)) != len(train):
        raise Li2Error(
            f"train_index={path} holds an index twice; each of the {task.tuples_name} may be trained on once."
        )
    return train
