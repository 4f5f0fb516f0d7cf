"""Checks, verdicts and fits."""

import numpy as np
import pytest

from li2.statistics import Interval, exponent, power_law
from li2.theorems import Check, Evidence, Finding, Verdict
from li2.theorems.claim import overall

GOOD, BAD = Check.at_most("x", 1.0, 0.5), Check.at_most("x", 1.0, 1.5)


@pytest.mark.parametrize(
    ("statement", "correction", "verdict"),
    [
        ([GOOD], [], Verdict.HOLDS),
        ([GOOD], [BAD], Verdict.HOLDS),
        ([GOOD, BAD], [GOOD], Verdict.CORRECTED),
        ([BAD], [GOOD, BAD], Verdict.FAILS),
        ([BAD], [], Verdict.FAILS),
        ([], [GOOD], Verdict.NOT_APPLICABLE),
    ],
)
def test_the_verdict_follows_from_the_checks(statement: list[Check], correction: list[Check], verdict: Verdict) -> None:
    assert Evidence(statement, "One. Two.", correction).verdict == verdict


def test_over_several_groups_the_worst_verdict_counts() -> None:
    assert overall([Verdict.HOLDS, Verdict.NOT_APPLICABLE, Verdict.CORRECTED]) == Verdict.CORRECTED
    assert overall([Verdict.HOLDS, Verdict.FAILS, Verdict.CORRECTED]) == Verdict.FAILS
    assert overall([Verdict.NOT_APPLICABLE]) == Verdict.NOT_APPLICABLE
    assert overall([]) == Verdict.NOT_APPLICABLE


def test_checks_pass_and_fail() -> None:
    assert Check.close("x", 2.0, 2.09, relative=0.05).passed
    assert not Check.close("x", 2.0, 2.11, relative=0.05).passed
    assert Check.close("x", 0.0, 0.1, absolute=0.1).passed
    assert not Check.close("x", 1.0, float("nan"), relative=0.1).passed
    assert Check.at_least("x", 1.0, 1.0).passed
    assert not Check.at_least("x", 1.0, 0.9).passed
    assert not Check.at_most("x", 1.0, float("nan")).passed
    assert Check.inside("x", 1.0, Interval(0.9, 0.8, 1.0)).passed
    assert not Check.inside("x", 1.0, Interval(0.9, 0.8, 0.99)).passed
    assert not Check.every("x", 0, 0).passed
    assert not Check.every("x", 2, 3).passed


def test_json_has_no_infinities() -> None:
    finding = Finding("g", Evidence([Check.close("x", 1.0, float("inf"), relative=1.0)], "One. Two."), None, 0.1)
    assert finding.as_json()["statement"][0]["measured"] is None


def test_exponents_of_power_laws() -> None:
    x = np.geomspace(1, 100, 12)
    assert exponent(x, 3 * x**1.7) == pytest.approx(1.7)
    d = np.tile([1, 2, 5], 4)
    noise = np.exp(0.05 * np.random.default_rng(0).normal(size=12))
    law = power_law({"x": x, "d": d}, 2 * x**1.5 * d**-0.5 * noise)
    assert law["x"].low < 1.5 < law["x"].high
    assert law["d"].low < -0.5 < law["d"].high
    assert law["x"].high - law["x"].low < 0.1


def test_intervals_contain_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    x = np.geomspace(1, 50, 15)
    laws = [power_law({"x": x}, x**2 * np.exp(0.1 * random.normal(size=15))) for _ in range(400)]
    few = [power_law({"x": x[:4]}, x[:4] ** 2 * np.exp(0.1 * random.normal(size=4))) for _ in range(400)]
    assert 0.925 <= np.mean([law["x"].low <= 2 <= law["x"].high for law in few]) <= 0.975
    assert 0.925 <= np.mean([law["x"].low <= 2 <= law["x"].high for law in laws]) <= 0.975
