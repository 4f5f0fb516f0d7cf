"""Tasks and splits, against direct computation and scikit-learn."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import train_test_split

from li2.errors import Li2Error
from li2.specs import RunSpec
from li2.tasks import build_split, build_task, critical_fraction, sklearn_split, training_count
from tables import symmetric_group_table


def test_pairs_come_first_operand_major() -> None:
    task = build_task("cyclic:5")
    for i, ((a, b), label) in enumerate(zip(*task.tuples(np.arange(25)), strict=True)):
        assert i == a * 5 + b
        assert label == (a + b) % 5


@pytest.mark.parametrize(
    ("expression", "formula"),
    [
        ("x**2+x*y+y**2", lambda x, y: x * x + x * y + y * y),
        ("x*y", lambda x, y: x * y),
        ("(x+2)*(y-3)**3", lambda x, y: (x + 2) * (y - 3) ** 3),
        ("-x + 7*y", lambda x, y: 7 * y - x),
        ("5", lambda x, y: 5),
        ("x^2+y²", lambda x, y: x * x + y * y),
        ("x**0*y", lambda x, y: y),
        ("x**1000+y", lambda x, y: x**1000 + y),
    ],
)
@pytest.mark.parametrize("p", [2, 12, 97])
def test_expressions_against_python_integers(expression: str, formula: Callable[[int, int], int], p: int) -> None:
    task = build_task(f"expression:{expression} mod {p}")
    operands, labels = task.tuples(np.arange(p * p))
    for (x, y), label in zip(operands.tolist(), labels, strict=True):
        assert label == formula(x, y) % p


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("x+y", "has no modulus"),
        ("x+y mod 1", "has no modulus"),
        ("x/y mod 7", "'x / y' is not allowed"),
        ("x+z mod 7", "'z' is not allowed"),
        ("x**y mod 7", "is not allowed"),
        ("__import__('os').getpid() mod 7", "is not allowed"),
        ("x.real mod 7", "is not allowed"),
        ("(lambda: 1)() mod 7", "is not allowed"),
        ("x if y else 1 mod 7", "is not allowed"),
        ("x**9999999 mod 7", "too large"),
        ("9**9**9 mod 7", "is not allowed"),
        ("True*x mod 7", "is not allowed"),
        ("1.5*x mod 7", "is not allowed"),
        ("(x mod 7", "cannot be read"),
        ("2x mod 7", "cannot be read"),
        ("+".join(["x"] * 600) + " mod 7", "characters"),
        ("(" * 400 + "x" + ")" * 400 + " mod 7", "cannot be read"),
        ("x mod 100000", "largest is"),
        ("99999999999999999999*x mod 999999999999999999999999", "has no modulus"),
        ("x**True mod 7", "is not allowed"),
    ],
)
def test_expressions_that_are_refused(expression: str, message: str) -> None:
    with pytest.raises(Li2Error, match=message):
        build_task(f"expression:{expression}")


def test_an_expression_that_is_a_group_law_has_its_group() -> None:
    assert build_task("expression:x+y+1 mod 7").group is not None
    assert build_task("expression:x*y mod 7").group is None


@given(st.integers(2, 20_000), st.integers(1, 999))
def test_training_count_is_exact_for_decimal_fractions(total: int, thousandths: int) -> None:
    exact = total - -(-(1000 - thousandths) * total // 1000)
    assert training_count(total, thousandths / 1000) == exact


def test_training_counts_of_the_paper() -> None:
    assert training_count(71**2, 0.4) == 2016
    assert training_count(127**2, 0.2) == 3225
    assert training_count(100, 0.7) == 70


@settings(max_examples=30, deadline=None)
@given(st.integers(2, 6000), st.floats(0, 1, exclude_max=True), st.integers(0, 2**32 - 1))
def test_sklearn_split_index_for_index(total: int, share: float, seed: int) -> None:
    tests = 1 + int(share * (total - 1))
    train, test = train_test_split(np.arange(total), test_size=tests, random_state=seed)
    ours = sklearn_split(total, total - tests, seed)
    assert np.array_equal(ours[0], train)
    assert np.array_equal(ours[1], test)


@pytest.mark.parametrize("fraction", [0.4, 0.2, 0.35])
def test_sklearn_split_of_a_specification(fraction: float) -> None:
    spec = RunSpec(group="cyclic:23", train_fraction=fraction, split="sklearn", seed=5)
    train, test = train_test_split(np.arange(529), test_size=1 - fraction, random_state=5)
    split = build_split(build_task(spec.group), spec)
    assert np.array_equal(split.train, train)
    assert np.array_equal(split.test, test)


@pytest.mark.parametrize("split", ["li2", "sklearn"])
def test_splits_are_disjoint_complete_and_repeatable(split: str) -> None:
    task = build_task("cyclic:11")
    first, again, other = (build_split(task, RunSpec(split=split, seed=seed)) for seed in (3, 3, 4))
    assert np.array_equal(np.sort(np.concatenate([first.train, first.test])), np.arange(121))
    assert np.array_equal(first.train, again.train)
    assert not np.array_equal(first.train, other.train)


def test_critical_ratio() -> None:
    expected = 2.7482 * math.log(71) / 71
    assert critical_fraction(71, 1, 0.0) == pytest.approx(expected)
    assert critical_fraction(71, 1, 0.7482) == pytest.approx(2 * math.log(71) / 71)
    assert critical_fraction(60, 3, 0.0) == pytest.approx(1.5 * 2.7482 * math.log(60) / 60)
    split = build_split(build_task("cyclic:71"), RunSpec(critical_delta=0))
    assert len(split.train) == 5041 - math.ceil((1 - expected) * 5041)
    with pytest.raises(Li2Error, match="critical_delta=-30"):
        critical_fraction(71, 1, -30.0)


def test_critical_ratio_of_a_non_abelian_table(tmp_path: Path) -> None:
    np.save(tmp_path / "s4.npy", symmetric_group_table(4))
    spec = RunSpec(group=f"file:{tmp_path / 's4.npy'}", critical_delta=1)
    expected = 1.5 * 1.7482 * math.log(24) / 24
    assert len(build_split(build_task(spec.group), spec).train) == 576 - math.ceil((1 - expected) * 576)


@pytest.mark.parametrize("size", [121, 500])
def test_an_empty_test_set_is_refused(size: int) -> None:
    with pytest.raises(Li2Error, match="leaves the test set empty"):
        build_split(build_task("cyclic:11"), RunSpec(train_size=size))


def test_an_empty_training_set_is_refused() -> None:
    with pytest.raises(Li2Error, match="leaves the training set empty"):
        build_split(build_task("cyclic:3"), RunSpec(train_fraction=0.01))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 1, 121], "holds 121"),
        ([-1], "holds -1"),
        ([3, 3], "twice"),
        ([], "training set empty"),
        (range(121), "test set empty"),
        ([0.5], "whole numbers"),
        ([[1, 2]], "one row"),
    ],
)
def test_wrong_index_files(tmp_path: Path, values: list[float], message: str) -> None:
    array = np.array(values) if len(values) else np.array([], dtype=int)
    np.save(tmp_path / "i.npy", array)
    with pytest.raises(Li2Error, match=message):
        build_split(build_task("cyclic:11"), RunSpec(train_index=str(tmp_path / "i.npy")))


def test_unreadable_index_files(tmp_path: Path) -> None:
    task = build_task("cyclic:11")
    with pytest.raises(Li2Error, match="cannot read train_index"):
        build_split(task, RunSpec(train_index="nowhere.npy"))
    for content in (b"text", b""):
        (tmp_path / "i.npy").write_bytes(content)
        with pytest.raises(Li2Error, match="not an NPY file"):
            build_split(task, RunSpec(train_index=str(tmp_path / "i.npy")))


def test_an_index_file_is_used_as_it_is(tmp_path: Path) -> None:
    np.save(tmp_path / "i.npy", np.array([7, 3, 120]))
    split = build_split(build_task("cyclic:11"), RunSpec(train_index=str(tmp_path / "i.npy")))
    assert split.train.tolist() == [7, 3, 120]
    assert len(split.test) == 118
