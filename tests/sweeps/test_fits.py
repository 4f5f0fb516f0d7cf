"""Critical ratios and their law: against Student's interval, exact data and known truths drawn many times."""

import json
import math

import numpy as np
import pytest
from scipy import stats

from li2.statistics import Interval, power_law, power_law_of_levels, t_quantile
from li2.sweeps.crossings import Crossing, CrossingStatus
from li2.sweeps.fits import Estimate, boundary_law, critical_ratio, dimension_law
from li2.theory.scaling import critical_ratio as published_ratio

PRIMES = (11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71)
TUPLES = 10**9
STEP = math.log(1.05)


def crossing(low: float | None, high: float | None, seed: int = 0) -> Crossing:
    """Of ratios."""
    status = CrossingStatus.BELOW if low is None else CrossingStatus.ABOVE if high is None else CrossingStatus.BRACKETED
    ends = [None if end is None else round(end * TUPLES) for end in (low, high)]
    return Crossing("cyclic:50", seed, 50, 1, TUPLES, ends[0], ends[1], 4, status)


def bracketed(logs: np.ndarray, offset: float = 0.0, step: float = STEP) -> list[Crossing]:
    """Seeds of these ln p, each known up to a cell of a grid."""
    cells = np.floor((logs - offset) / step)
    lows, highs = np.exp(offset + cells * step), np.exp(offset + (cells + 1) * step)
    return [crossing(float(low), float(high), seed) for seed, (low, high) in enumerate(zip(lows, highs, strict=True))]


def estimate(order: int, draws: np.ndarray, dimension: int | None = 1) -> Estimate:
    """From ln p of seeds that are known exactly, by Student's interval."""
    centre, reach = draws.mean(), t_quantile(len(draws) - 1) * draws.std(ddof=1) / math.sqrt(len(draws))
    ends = np.exp([centre, centre - reach, centre + reach])
    return Estimate(f"group:{order}", order, dimension, len(draws), *map(float, ends))


def groups(
    random: np.random.Generator, spread: float, between: float, orders: tuple[int, ...] = PRIMES, c: float = 3.0
) -> list[Estimate]:
    """Groups of five seeds that follow p = c·ln M/M."""
    return [
        estimate(m, random.normal(math.log(c * math.log(m) / m) + random.normal(0, between), spread, 5)) for m in orders
    ]


def test_narrow_brackets_give_students_interval() -> None:
    logs = np.random.default_rng(3).normal(math.log(0.2), 0.1, 5)
    found = critical_ratio(bracketed(logs, step=1e-4))
    expected = stats.t.interval(0.95, 4, loc=logs.mean(), scale=stats.sem(logs))
    assert found is not None
    assert math.log(found.value) == pytest.approx(logs.mean(), abs=1e-3)
    assert (math.log(found.low), math.log(found.high)) == pytest.approx(expected, abs=1e-3)
    assert found.error == pytest.approx(stats.sem(logs), rel=0.01)


@pytest.mark.parametrize("spread", [0.01, 0.1])
def test_intervals_hold_critical_ratios(spread: float) -> None:
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(30):
        found = critical_ratio(bracketed(random.normal(math.log(0.2), spread, 5), random.uniform(0, STEP)))
        assert found is not None
        hits += found.low <= 0.2 <= found.high
    assert hits >= 24  # 95 % of 30 less three standard deviations; more where all seeds share a bracket


def test_all_seeds_in_one_bracket() -> None:
    found = critical_ratio([crossing(0.2, 0.21, seed) for seed in range(5)])
    assert found is not None
    assert found.value == pytest.approx(math.sqrt(0.2 * 0.21), rel=1e-3)
    assert 0.19 < found.low < 0.205 < found.high < 0.22


def test_seeds_without_an_end_move_the_ratio_their_way() -> None:
    pair = [crossing(0.5, 0.52), crossing(0.52, 0.54, 1), crossing(0.49, 0.51, 2)]
    alone, above, below = (
        critical_ratio([*pair, *more]) for more in ([], [crossing(0.6, None)], [crossing(None, 0.4)])
    )
    assert alone is not None
    assert above is not None
    assert below is not None
    assert below.value < alone.value < above.value
    assert above.high > alone.high
    assert below.low < alone.low
    assert critical_ratio([crossing(0.6, None)] * 3) is None


def test_open_and_failed_searches_are_left_out() -> None:
    ended = bracketed(np.log([0.2, 0.22, 0.25]))
    open_ended = Crossing("cyclic:50", 9, 50, 1, TUPLES, None, 10, 1, CrossingStatus.OPEN)
    failed = Crossing("cyclic:50", 9, 50, 1, TUPLES, 10, None, 1, CrossingStatus.FAILED)
    assert critical_ratio([*ended, open_ended, failed]) == critical_ratio(ended)
    assert critical_ratio([]) is None


def test_one_seed_has_no_interval() -> None:
    found = critical_ratio([crossing(0.2, 0.21)])
    assert found is not None
    assert (found.low, found.high, found.error) == (0, math.inf, math.inf)
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["high"] is None
    exact = [Estimate("g", m, 1, 1, 2.5 * math.log(m) / m, 0.0, math.inf) for m in PRIMES]
    law = boundary_law(exact)
    assert law is not None
    assert law.theory.c.value == pytest.approx(2.5)


def test_exact_laws_are_found() -> None:
    points = [(m, 2.0 * math.log(m) ** 1.4 / m**0.8) for m in PRIMES]
    law = boundary_law([Estimate("g", m, 1, 5, p, p / 1.001, p * 1.001) for m, p in points])
    assert law is not None
    assert law.joint is not None
    assert (law.joint.c.value, law.joint.alpha.value, law.joint.beta.value) == pytest.approx((2.0, 1.4, 0.8), abs=0.01)
    assert law.joint.ratio(23) == pytest.approx(dict(points)[23], rel=1e-6)
    assert law.p_value is not None
    assert law.p_value < 1e-6
    assert json.loads(json.dumps(law.as_json(), allow_nan=False))["published_c"] == 2.7482
    assert law.power is not None
    assert law.power.alpha == Interval(1.0, 1.0, 1.0)


@pytest.mark.parametrize(("spread", "between"), [(0.1, 0.0), (0.05, 0.1)])
def test_intervals_hold_the_law(spread: float, between: float) -> None:
    random = np.random.default_rng(1)
    hits: dict[str, list[bool]] = {}

    def note(name: str, interval: Interval, truth: float) -> None:
        hits.setdefault(name, []).append(interval.low <= truth <= interval.high)

    for _ in range(30):
        law = boundary_law(groups(random, spread, between))
        assert law is not None
        assert law.joint is not None
        assert law.power is not None
        assert law.logarithm is not None
        assert law.p_value is not None
        note("c", law.theory.c, 3.0)
        note("β given α", law.power.beta, 1.0)
        note("α given β", law.logarithm.alpha, 1.0)
        note("α", law.joint.alpha, 1.0)
        note("β", law.joint.beta, 1.0)
        low, high = law.theory.band(40)
        note("p at 40", Interval(1, low, high), 3.0 * math.log(40) / 40)
        hits.setdefault("test", []).append(law.p_value > 0.05)
    assert {name: sum(held) for name, held in hits.items() if sum(held) < 24} == {}


def test_excess_between_groups_widens_the_interval() -> None:
    random = np.random.default_rng(2)
    calm, scattered = boundary_law(groups(random, 0.05, 0.0)), boundary_law(groups(random, 0.05, 0.2))
    assert calm is not None
    assert scattered is not None
    assert calm.theory.between < 0.03
    assert scattered.theory.between == pytest.approx(0.2, rel=0.5)
    assert scattered.theory.c.high - scattered.theory.c.low > 3 * (calm.theory.c.high - calm.theory.c.low)


def test_weights_follow_the_errors() -> None:
    sure = [Estimate("g", m, 1, 50, p, p / 1.01, p * 1.01) for m in PRIMES for p in [3 * math.log(m) / m]]
    wild = Estimate("g", 97, 1, 50, 1.0, 0.01, 100.0)
    law = boundary_law([*sure, wild])
    assert law is not None
    assert law.theory.c.value == pytest.approx(3, rel=0.2)
    assert law.theory.c.low < 3 < law.theory.c.high


def test_too_few_groups() -> None:
    some = groups(np.random.default_rng(0), 0.1, 0.0, (11, 23, 47, 71))
    law = boundary_law(some)
    assert law is not None
    assert (law.joint, law.p_value, law.groups) == (None, None, 4)
    assert boundary_law(some[:1]) is None
    two = boundary_law(some[:2])
    assert two is not None
    assert (two.power, two.logarithm) == (None, None)


def test_constants_by_dimension() -> None:
    random = np.random.default_rng(4)
    found = [
        estimate(m, random.normal(math.log(2.0 * d**1.5 * math.log(m) / m), 0.05, 5), d)
        for d, orders in {1: PRIMES, 2: (20, 40, 60), 3: (21, 57), 6: (120,)}.items()
        for m in orders
    ]
    law = dimension_law(found)
    assert law is not None
    assert law.exponent is not None
    assert law.exponent.low < 1.5 < law.exponent.high
    assert law.exponent.high - law.exponent.low < 0.2
    assert {d: constant.value for d, constant in law.constants.items()} == pytest.approx(
        {d: 2.0 * d**1.5 for d in (1, 2, 3, 6)}, rel=0.1
    )
    assert set(json.loads(json.dumps(law.as_json(), allow_nan=False))["constants"]) == {"1", "2", "3", "6"}
    alone = dimension_law(found[:16])
    assert alone is not None
    assert alone.exponent is None
    assert dimension_law(found[-3:]) is None


def test_published_law_is_its_own_fit() -> None:
    exact = [Estimate("g", m, 1, 5, p, p / 1.01, p * 1.01) for m in PRIMES for p in [published_ratio(m)]]
    law = boundary_law(exact)
    assert law is not None
    assert law.theory.c.value == pytest.approx(law.published)
    assert law.p_value == pytest.approx(1)


def test_levels_of_a_power_law() -> None:
    random = np.random.default_rng(5)
    x, levels = np.repeat(np.geomspace(1, 100, 6), 5), np.repeat(random.normal(0, 0.2, 6), 5)
    y = x**-1.0 * np.exp(levels + random.normal(0, 0.02, 30))
    found, naive = power_law_of_levels(x, y), power_law({"x": x}, y)["x"]
    assert found.low < -1 < found.high
    assert found.high - found.low > 1.5 * (naive.high - naive.low)  # what is common to a level is one error, not five
    two = power_law_of_levels([1.0, 1.0, 2.0], [1.0, 1.0, 2.0])
    assert (two.value, two.as_json()["low"]) == (pytest.approx(1), None)
