"""Tasks of k operands: numbers, labels, splits and samples of tuples that are never all held, against brute force."""

import tracemalloc
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from li2.errors import Li2Error
from li2.models import Examples, Samples
from li2.specs import RunSpec
from li2.tasks import Complement, build_split, build_task, draw_some, examples_of, samples_of, task_from_table
from tables import symmetric_group_table

CPU = torch.device("cpu")


def brute_force(table: np.ndarray, operands: int) -> list[tuple[tuple[int, ...], int]]:
    """Every tuple with its product, the first operand slowest."""
    tuples = []
    for elements in product(range(len(table)), repeat=operands):
        result = elements[0]
        for element in elements[1:]:
            result = int(table[result, element])
        tuples.append((elements, result))
    return tuples


@pytest.mark.parametrize("operands", [2, 3, 4])
@pytest.mark.parametrize("name", ["cyclic:5", "symmetric:3", "trivial"])
def test_labels_of_all_tuples(tmp_path: Path, name: str, operands: int) -> None:
    if name == "symmetric:3":  # with elements numbered as in the test's own table
        table = symmetric_group_table(3)
        task = task_from_table(name, table, operands=operands)
    elif name == "cyclic:5":
        table = np.add.outer(np.arange(5), np.arange(5)) % 5
        task = build_task(name, operands)
    else:
        table = np.zeros((1, 1), dtype=int)
        task = build_task("cyclic:1", operands)
    expected = brute_force(table, operands)
    assert task.size == len(expected)
    found, labels = task.tuples(np.arange(task.size))
    assert [tuple(elements) for elements in found.tolist()] == [elements for elements, _ in expected]
    assert labels.tolist() == [label for _, label in expected]
    assert task.labels_of(np.array([task.size - 1, 0])).tolist() == [expected[-1][1], expected[0][1]]
    assert task.group is not None


@pytest.mark.parametrize(
    ("expression", "operands", "formula"),
    [
        ("x**2+x*y+z", 3, lambda x, y, z: x * x + x * y + z),
        ("x-w*z+3*y", 4, lambda x, y, z, w: x - w * z + 3 * y),
        ("x1*x2+x5", 5, lambda a, b, c, d, e: a * b + e),
        ("4", 3, lambda x, y, z: 4),
    ],
)
def test_polynomials_in_more_operands(expression: str, operands: int, formula: Callable[..., int]) -> None:
    task = build_task(f"expression:{expression} mod 7", operands)
    chosen = np.random.default_rng(0).permutation(task.size)[:500]
    for index, elements, label in zip(chosen.tolist(), *task.tuples(chosen), strict=True):
        values = [int(element) for element in elements]
        assert index == sum(value * 7 ** (operands - 1 - i) for i, value in enumerate(values))
        assert label == formula(*values) % 7
    assert task.group is None


@pytest.mark.parametrize(
    ("name", "operands", "message"),
    [
        ("expression:x+z mod 7", 2, "'z' is not allowed in an expression; use whole numbers, x, y,"),
        ("expression:x+w mod 7", 3, "'w' is not allowed in an expression; use whole numbers, x, y, z,"),
        ("expression:x+y mod 7", 5, "'x' is not allowed in an expression; use whole numbers, x1, x2, x3, x4, x5,"),
        ("cyclic:71", 11, r"71\^11 = 2.3e\+20 tuples, but only 9.2e\+18 can be numbered"),
        ("expression:x1 mod 2", 63, r"2\^63 = 9.2e\+18 tuples"),
    ],
)
def test_tasks_that_are_refused(name: str, operands: int, message: str) -> None:
    with pytest.raises(Li2Error, match=message):
        build_task(name, operands)


def test_the_largest_numbers_do_not_overflow() -> None:
    task = build_task("cyclic:2", 62)
    last = np.array([2**62 - 1, 2**62 - 2])
    operands, labels = task.tuples(last)
    assert operands.sum(axis=1).tolist() == [62, 61]
    assert labels.tolist() == [0, 1]
    split = build_split(task, RunSpec(operands=62, group="cyclic:2", train_size=3, test_size=4))
    assert len(np.unique(np.concatenate([split.train, split.test]))) == 7
    assert split.test.max() > 2**58


@pytest.mark.parametrize("excluded", [[], [0], [9], [3, 4, 5], [9, 0, 5], range(10)])
def test_a_complement_is_the_difference_of_sets(excluded: list[int]) -> None:
    rest = Complement(10, np.array(excluded, dtype=np.int64))
    expected = sorted(set(range(10)) - set(excluded))
    assert len(rest) == len(expected)
    assert [block.tolist() for block in rest.blocks(4)] == [expected[i : i + 4] for i in range(0, len(expected), 4)]
    backwards = np.arange(len(expected))[::-1]
    assert rest.take(backwards).tolist() == expected[::-1]


@pytest.mark.parametrize("count", [1, 40, 60, 100])
def test_drawn_numbers_are_different_and_uniform(count: int) -> None:
    generator = np.random.default_rng(0)
    hits, first = np.zeros(100), np.zeros(100)
    for _ in range(2000):
        drawn = draw_some(100, count, generator)
        assert len(np.unique(drawn)) == len(drawn) == count
        hits[drawn] += 1
        first[drawn[0]] += 1
    deviation = np.sqrt(2000 * count / 100 * (1 - count / 100)) if count < 100 else 1
    assert np.abs(hits - 2000 * count / 100).max() < 5 * deviation
    assert np.abs(first - 20).max() < 5 * np.sqrt(20)


def test_splits_of_three_operands_cover_all_tuples_and_repeat() -> None:
    task = build_task("cyclic:7", 3)
    splits = [build_split(task, RunSpec(group="cyclic:7", operands=3, seed=seed)) for seed in (3, 3, 4)]
    first, again, other = splits
    assert isinstance(first.test, Complement)
    test = np.concatenate(list(first.test.blocks(50)))
    assert set(test.tolist()) == set(range(343)) - set(first.train.tolist())
    assert len(first.train) == 343 - 206  # ⌈0.6·343⌉ are tested, as of pairs
    assert np.array_equal(first.train, again.train)
    assert not np.array_equal(first.train, other.train)


@pytest.mark.parametrize("operands", [2, 3])
@pytest.mark.parametrize("split", ["li2", "sklearn"])
def test_a_test_size_is_a_sample_of_the_rest(operands: int, split: str) -> None:
    task = build_task("cyclic:11", operands)
    common = {"group": "cyclic:11", "operands": operands, "train_size": 60, "split": split}
    whole = build_split(task, RunSpec(**common))
    part, again, other = (build_split(task, RunSpec(**common, test_size=50, seed=seed)) for seed in (0, 0, 1))
    assert np.array_equal(part.train, whole.train)
    assert isinstance(part.test, np.ndarray)
    assert len(np.unique(part.test)) == 50
    assert not set(part.test.tolist()) & set(part.train.tolist())
    assert np.array_equal(part.test, again.test)
    assert not np.array_equal(np.sort(part.test), np.sort(other.test))
    with pytest.raises(Li2Error, match=f"only {task.size - 60} .* are not trained on"):
        build_split(task, RunSpec(**common, test_size=task.size - 59))


def test_an_index_file_of_three_operands(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", np.array([342, 0, 7]))
    task, spec = build_task("cyclic:7", 3), RunSpec(group="cyclic:7", operands=3, train_index=str(tmp_path / "i.npy"))
    split = build_split(task, spec)
    assert split.train.tolist() == [342, 0, 7]
    assert split.test.take(np.arange(len(split.test))).tolist() == sorted(set(range(343)) - {342, 0, 7})
    assert len(build_split(task, spec.with_changes(test_size=9)).test) == 9
    np.save(tmp_path / "i.npy", np.array([3, 3]))
    with pytest.raises(Li2Error, match="holds an index twice"):
        build_split(task, spec)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"train_fraction": 0.4}, "needs about .* GB of memory .* give a smaller train_size"),
        ({"train_size": 10**10}, "leaves the test set empty; take between 1 and 9999999999"),
        ({"train_size": 100, "split": "sklearn"}, "split=sklearn permutes all tuples"),
    ],
)
def test_splits_of_large_tasks_that_are_refused(values: dict[str, object], message: str) -> None:
    operands = 10 if "train_fraction" not in values else 15
    with pytest.raises(Li2Error, match=message):
        build_split(build_task("cyclic:10", operands), RunSpec(group="cyclic:10", operands=operands, **values))


def flattened(samples: Samples, limit: int) -> tuple[list[list[int]], list[int]]:
    rows, labels = [], []
    for some_rows, some_labels in samples.batches(limit):
        assert len(some_rows) == len(some_labels) <= limit
        rows += some_rows.tolist()
        labels += some_labels.tolist()
    return rows, labels


@pytest.mark.parametrize("limit", [1, 100, 5000, 20000])
def test_streamed_samples_are_those_held(limit: int) -> None:
    """More of them than are computed at once."""
    task = build_task("cyclic:23", 3)
    split = build_split(task, RunSpec(group="cyclic:23", operands=3, train_size=167))
    streamed = samples_of(task, split.test, CPU)
    held = samples_of(task, split.test.take(np.arange(len(split.test))), CPU)
    assert isinstance(held, Examples)
    assert not isinstance(streamed, Examples)
    assert len(streamed) == len(held) == 12000
    rows, labels = flattened(streamed, limit)
    assert rows == held.rows.tolist()
    assert labels == held.labels.tolist()
    if limit > 1:
        assert flattened(held, limit) == (rows, labels)
    elements = held.rows - torch.tensor([0, 23, 46])
    assert torch.equal(elements.sum(dim=1) % 23, held.labels)
    assert torch.equal(examples_of(task, split.train, CPU).rows[:, 1] // 23, torch.ones(167, dtype=torch.int64))


def test_nothing_of_the_size_of_the_task_is_held() -> None:
    """A task of 1.3 million tuples: less than a byte for each of them, while all are gone through."""
    task = build_task("cyclic:109", 3)
    tracemalloc.start()
    try:
        split = build_split(task, RunSpec(group="cyclic:109", operands=3, train_size=1000))
        counts = sum(np.bincount(task.labels_of(block), minlength=109) for block in split.test.blocks(8192))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert counts.sum() == 109**3 - 1000
    assert (counts + np.bincount(task.labels_of(split.train), minlength=109) == 109**2).all()
    assert peak < task.size
