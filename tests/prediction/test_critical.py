"""The search for a critical ratio, on runs whose time to generalise is a known law of the amount of data."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest

from li2.errors import Li2Error
from li2.groups import Representations
from li2.prediction import Course, critical, predict_boundary, predict_critical
from li2.prediction.critical import EXPONENT, HORIZON, MOST_LOOKS, _ratio
from li2.specs import CriticalSpec, EndState, RunSpec
from li2.statistics import t_quantile
from li2.tasks import build_task

Law = Callable[[float], float]
"""n/n* ↦ T/epochs."""

SPREAD = 0.03


def ended(spec: RunSpec, generalised: float | None) -> Course:
    return Course(spec, pd.DataFrame(), None, generalised, 0, EndState.LEARNING, None, None, math.nan, math.nan)


def own_size(size: float, seed: int) -> float:
    """n* of a training set."""
    return size * math.exp(SPREAD * np.random.default_rng(seed).normal())


class Lawful:
    """Courses by a law."""

    def __init__(self, size: float, law: Law) -> None:
        self.size, self.law, self.looks = size, law, list[tuple[int, int]]()

    def __call__(self, specs: Sequence[RunSpec], nodes: int, stride: int | None, horizon: float) -> list[Course]:
        sizes = {spec.train_size for spec in specs}
        assert (nodes, stride, horizon, len(sizes)) == (64, 4, HORIZON, 1)
        (size,) = sizes
        assert size is not None
        self.looks.append((size, len(specs)))
        times = [spec.epochs * self.law(size / own_size(self.size, spec.seed)) for spec in specs]
        return [ended(s, t if t <= HORIZON * s.epochs else None) for s, t in zip(specs, times, strict=True)]


def searched(
    monkeypatch: pytest.MonkeyPatch, law: Law, size: float, group: str = "cyclic:31", **changes: Any
) -> tuple[critical.Critical, Lawful]:
    lawful = Lawful(size, law)
    monkeypatch.setattr(critical, "follow", lawful)
    spec = CriticalSpec(**{"groups": group, "nodes": 64, "stride": 4, "subsets": 3, **changes})
    return predict_critical(spec, group), lawful


def expected(size: float, subsets: int = 3) -> float:
    """The geometric mean over training sets."""
    return math.exp(sum(math.log(own_size(size, seed)) for seed in range(subsets)) / subsets)


@pytest.mark.parametrize("size", [150, 320, 600])
@pytest.mark.parametrize("exponent", [1.5, 2.7, 8.0])
def test_a_power_law_is_met(monkeypatch: pytest.MonkeyPatch, exponent: float, size: int) -> None:
    found, lawful = searched(monkeypatch, lambda x: x**-exponent, size)
    assert found.ratio is not None
    assert found.ratio.value * 31**2 == pytest.approx(expected(size), rel=0.04)
    assert found.ratio.low < found.ratio.value < found.ratio.high
    assert (
        min(EXPONENT, exponent) * 0.99 < found.exponent < max(EXPONENT, exponent) * 1.01
    )  # it is drawn to what is usual
    assert found.constant == pytest.approx(found.ratio.value * 31 / math.log(31))
    assert len(lawful.looks) <= 8
    assert found.runs == sum(runs for _, runs in lawful.looks) == len(lawful.looks) + 1
    assert lawful.looks[-1][1] == 2  # the other training sets, at one size
    assert lawful.looks[-1][0] in found.sizes
    assert found.sizes == tuple(sorted({looked for looked, _ in lawful.looks}))


@pytest.mark.parametrize("size", [60, 150, 320, 600])
@pytest.mark.parametrize("law", [
    lambda x: 0.3 if x >= 1 else math.inf,
    lambda x: 0.05 if x >= 1 else math.inf,
    lambda x: 0.5 * x**-1 if x >= 1 else math.inf,
    lambda x: x**-40.0,
    lambda x: 0.2 / (x - 0.8) if x > 0.8 else math.inf,
])  # fmt: skip
def test_a_steep_law_is_bracketed(monkeypatch: pytest.MonkeyPatch, law: Law, size: int) -> None:
    """Where there is nothing between too late and much too early, the critical size is between the two."""
    found, lawful = searched(monkeypatch, law, size)
    assert found.ratio is not None
    assert found.ratio.value * 31**2 == pytest.approx(expected(size), rel=0.09)
    assert len(lawful.looks) <= MOST_LOOKS + 1


def test_never(monkeypatch: pytest.MonkeyPatch) -> None:
    found, lawful = searched(monkeypatch, lambda x: math.inf, 100)
    assert found.ratio is None
    assert found.constant is None
    assert found.as_json()["ratio"] is None
    assert 1 < len(lawful.looks) <= MOST_LOOKS
    assert found.sizes[-1] == 31**2 - 1  # all tuples but one have been tried
    assert found.runs == len(lawful.looks)  # and then no other training sets


def test_always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even on almost nothing: sizes stay whole numbers from 1 on."""
    found, _ = searched(monkeypatch, lambda x: 0.01, 100, group="cyclic:5")
    assert found.sizes[0] >= 1
    assert found.ratio is not None
    assert 0 < found.ratio.value < 0.2


@pytest.mark.parametrize("group", ["cyclic:2", "cyclic:3", "product:2x2", "dihedral:3"])
def test_small_groups(monkeypatch: pytest.MonkeyPatch, group: str) -> None:
    task = build_task(group)
    found, lawful = searched(monkeypatch, lambda x: x**-3.0, 0.7 * task.size, group)
    assert all(0 < size < task.size for size, _ in lawful.looks)
    assert found.order == task.order
    assert task.group is not None
    assert found.largest_irrep_dim == Representations(task.group).characters.dimensions.max()
    assert found.ratio is not None


def test_a_group_of_one_element_has_no_boundary() -> None:
    with pytest.raises(Li2Error, match="cyclic:1 has 1 element, too few for a boundary; take groups of two or more"):
        predict_critical(CriticalSpec(groups="cyclic:1"), "cyclic:1")


def test_the_start_is_looked_at_first(monkeypatch: pytest.MonkeyPatch) -> None:
    lawful = Lawful(300, lambda x: x**-2.7)
    monkeypatch.setattr(critical, "follow", lawful)
    told: list[tuple[str, int]] = []
    spec = CriticalSpec(groups="cyclic:31", nodes=64, stride=4, subsets=1)
    found = predict_critical(spec, "cyclic:31", 0.3, lambda *look: told.append(look))
    assert lawful.looks[0] == (round(0.3 * 961), 1)
    assert told == [("cyclic:31", size) for size, _ in lawful.looks]
    assert found.ratio is not None
    assert (found.ratio.low, found.ratio.high) == (0, 1)  # of one training set nothing narrower is known


def test_all_groups_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(critical, "follow", Lawful(60, lambda x: x**-2.7))
    spec = CriticalSpec(groups="cyclic:13,dihedral:5,expression:x**2+y mod 11", nodes=64, stride=4)
    found = predict_boundary(spec)
    assert [one.group for one in found] == list(spec.groups)
    assert [one.largest_irrep_dim for one in found] == [1, 2, None]
    assert all(set(one.as_json()) >= {"group", "ratio", "constant", "seconds"} for one in found)


def test_the_interval_is_students() -> None:
    delays = [0.1, -0.2, 0.05, math.inf]
    found = _ratio(0.3, delays, 2.0)
    logs = np.log(0.3) + np.array([0.1, -0.2, 0.05, math.log(1.4)]) / 2
    half = t_quantile(3) * logs.std(ddof=1) / 2
    assert found is not None
    assert [found.low, found.value, found.high] == pytest.approx(np.exp(logs.mean() + np.array([-half, 0, half])))
    assert _ratio(0.3, [math.inf, math.inf], 2.0) is None


def test_an_unknown_group_is_refused_before_any_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    lawful = Lawful(60, lambda x: x**-2.7)
    monkeypatch.setattr(critical, "follow", lawful)
    with pytest.raises(Li2Error, match="unknown group 'nope:3'"):
        critical.predict_boundary(CriticalSpec(groups="cyclic:11,nope:3"))
    assert not lawful.looks
