"""Critical ratios of groups and the law that they follow, with 95 % intervals.

Of a group: the seeds' critical ratios are taken to be log-normal and known up to their brackets. Across groups: the
logarithms of the groups' critical ratios lie about a law with their own errors and with a spread of the groups beside.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import fdtrc, log_ndtr

from li2.statistics import Interval, least_squares_with_excess, t_quantile
from li2.sweeps.crossings import Crossing, CrossingStatus
from li2.theory.scaling import CRITICAL_CONSTANT

FEWEST = 5
"""Groups from which a law of three constants is fitted."""

BORROWED = 4
"""Degrees of freedom that the groups' mean variance counts as beside a group's own. In simulations with five seeds, of
equal and of unequal spread, intervals then hold the truth in 92 to 99 % of the cases; without, in 89 to 97 %."""

FARTHEST = 20.0
"""Ends of an interval are looked for up to a factor of e to this; beyond, it is open."""


@dataclass(frozen=True)
class Estimate:
    """The critical ratio of a group: the geometric mean of those of its seeds.

    Attributes:
        group: its name.
        order: M.
        largest_irrep_dim: d_max; None if the task is not the law of a group.
        seeds: searches that it rests on.
        value, low, high: the ratio p with its 95 % interval; 0 and infinity where the seeds leave an end open.
    """

    group: str
    order: int
    largest_irrep_dim: int | None
    seeds: int
    value: float
    low: float
    high: float

    @property
    def error(self) -> float:
        """Standard error of ln p; infinite if the interval is open."""
        if self.low <= 0 or not math.isfinite(self.high):
            return math.inf
        return math.log(self.high / self.low) / (2 * t_quantile(self.seeds - 1))

    def as_json(self) -> dict[str, Any]:
        """Plain values only; an open end is None."""
        ends = {"low": self.low or None, "high": self.high if math.isfinite(self.high) else None}
        return {**asdict(self), **ends}


def critical_ratio(crossings: Sequence[Crossing]) -> Estimate | None:
    """The critical ratio of a group from its seeds' brackets, by maximum likelihood.

    Seeds without a lower or an upper end (statuses below and above) count as that; searches that are open or failed are
    left out. The interval holds the values whose likelihood, maximised over the spread of the seeds, is not below the
    maximum by a factor of more than (1 + t²/(S − 1))^(S/2), t being Student's 97.5 % quantile with S − 1 degrees of
    freedom: for S seeds known exactly this is Student's interval.

    Args:
        crossings: of one group.

    Returns:
        None if no seed has both ends.
    """
    ended = [c for c in crossings if c.status not in (CrossingStatus.OPEN, CrossingStatus.FAILED)]
    if not any(c.status is CrossingStatus.BRACKETED for c in ended):
        return None
    low = np.array([-np.inf if c.low is None else math.log(c.low / c.tuples) for c in ended])
    high = np.array([np.inf if c.high is None else math.log(c.high / c.tuples) for c in ended])
    value, ends = _likeliest(low, high)
    first = ended[0]
    return Estimate(
        group=first.group,
        order=first.order,
        largest_irrep_dim=first.largest_irrep_dim,
        seeds=len(ended),
        value=math.exp(value),
        low=math.exp(ends[0]),
        high=math.exp(ends[1]),
    )


def _likeliest(low: Float[np.ndarray, " S"], high: Float[np.ndarray, " S"]) -> tuple[float, tuple[float, float]]:
    """Mean of a normal distribution of which each of S draws is known to lie in an interval, and its 95 % interval."""
    known = np.concatenate([low, high])
    known = known[np.isfinite(known)]
    reach = float(known.max() - known.min())
    spreads = np.geomspace(reach / 100, 10 * reach, 60)

    def likelihood(mean: float) -> float:
        return float(_log_likelihoods(np.array([mean]), spreads, low, high)[0])

    means = np.linspace(known.min() - reach, known.max() + reach, 61)
    for _ in range(2):  # again, more finely: the maximum may be one point or, with all draws in one interval, many
        heights = _log_likelihoods(means, spreads, low, high)
        highest = means[heights >= heights.max() - 1e-3]
        step = float(means[1] - means[0])
        means = np.linspace(highest[0] - step, highest[-1] + step, 61)
    value = float(highest.mean())
    draws = len(low)
    quantile = t_quantile(draws - 1)
    if not math.isfinite(quantile):
        return value, (-math.inf, math.inf)
    floor = float(heights.max()) - draws / 2 * math.log1p(quantile**2 / (draws - 1))
    ends = []
    for sign in (-1.0, 1.0):
        step = reach
        while likelihood(value + sign * step) > floor and step < FARTHEST:
            step *= 2
        inside = step < FARTHEST
        ends.append(
            float(brentq(lambda x: likelihood(x) - floor, value, value + sign * step)) if inside else sign * math.inf
        )
    return value, (ends[0], ends[1])


def _log_likelihoods(
    means: Float[np.ndarray, " N"],
    spreads: Float[np.ndarray, " R"],
    low: Float[np.ndarray, " S"],
    high: Float[np.ndarray, " S"],
) -> Float[np.ndarray, " N"]:
    """Of each mean, the greatest over the spreads: Σ ln(Φ((high − mean)/spread) − Φ((low − mean)/spread))."""
    upper = (high - means[:, None, None]) / spreads[:, None]
    lower = (low - means[:, None, None]) / spreads[:, None]
    swap = lower > 0  # in the lower tail differences keep their digits
    upper, lower = np.where(swap, -lower, upper), np.where(swap, -upper, lower)
    upper, lower = log_ndtr(upper), log_ndtr(lower)
    each = upper + np.log(-np.expm1(np.minimum(lower - upper, -1e-300)))
    total: NDArray[np.float64] = each.sum(axis=2).max(axis=1)
    return total


@dataclass(frozen=True)
class Fit:
    """p = c·(ln M)^α/M^β, some of c, α, β fitted and the others given.

    Attributes:
        c, alpha, beta: with 95 % intervals; the ends of one that was given are its value.
        between: τ, the spread of groups about the law beyond their errors, of ln p.
        covariance: (3, 3), of ln c, α, β; zeros for those that were given.
        quantile: of Student's t distribution for the fit's degrees of freedom.
    """

    c: Interval
    alpha: Interval
    beta: Interval
    between: float
    covariance: tuple[tuple[float, ...], ...]
    quantile: float

    def ratio(self, order: int) -> float:
        """The critical ratio p at order M."""
        log = math.log(order)
        return self.c.value * log**self.alpha.value / order**self.beta.value

    def band(self, order: int) -> tuple[float, float]:
        """The 95 % interval of the law's value at order M (of the law, not of single groups, which spread more)."""
        terms = _terms([order])[0]
        reach = math.exp(self.quantile * math.sqrt(max(float(terms @ np.array(self.covariance) @ terms), 0.0)))
        return self.ratio(order) / reach, self.ratio(order) * reach

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        return {
            "c": self.c.as_json(),
            "alpha": self.alpha.as_json(),
            "beta": self.beta.as_json(),
            "between_groups": self.between,
        }


@dataclass(frozen=True)
class Law:
    """What the critical ratios of some groups say of p = c·(ln M)^α/M^β.

    ln M and ln ln M are nearly proportional over the orders of a sweep, so that α and β are known together much less
    well than each with the other given.

    Attributes:
        groups: how many it rests on.
        joint: with c, α and β fitted; None with fewer than :data:`FEWEST` groups.
        power: with c and β fitted, α = 1; None with fewer than three groups.
        logarithm: with c and α fitted, β = 1; likewise.
        theory: with c fitted, α = β = 1.
        p_value: of α = β = 1 against the joint fit, by the F test; None without that.
        published: c = 2.7482.
    """

    groups: int
    joint: Fit | None
    power: Fit | None
    logarithm: Fit | None
    theory: Fit
    p_value: float | None
    published: float = CRITICAL_CONSTANT

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        fits = {"joint": self.joint, "power": self.power, "logarithm": self.logarithm, "theory": self.theory}
        return {
            "groups": self.groups,
            **{name: fit and fit.as_json() for name, fit in fits.items()},
            "p_value": self.p_value,
            "published_c": self.published,
        }


def boundary_law(estimates: Sequence[Estimate]) -> Law | None:
    """The law of the critical ratio that groups follow, by least squares in logarithms.

    Each group is weighted by 1/(error² + τ²), its error steadied by those of the others; see
    :func:`li2.statistics.least_squares_with_excess`.

    Args:
        estimates: of groups of one kind (equal d_max): c depends on it.

    Returns:
        None with fewer than two groups of different order.
    """
    if len({estimate.order for estimate in estimates}) < 2:
        return None
    estimates = _closed(estimates)
    groups = len(estimates)
    orders = [estimate.order for estimate in estimates]
    logs, errors = _logs_and_errors(estimates)
    terms = _terms(orders)

    def fit(free: tuple[int, ...]) -> Fit:
        return _fit(terms, logs, errors, free)

    distinct = len(set(orders))
    joint = fit((0, 1, 2)) if distinct >= FEWEST else None
    return Law(
        groups=groups,
        joint=joint,
        power=fit((0, 2)) if distinct >= 3 else None,
        logarithm=fit((0, 1)) if distinct >= 3 else None,
        theory=fit((0,)),
        p_value=None if joint is None else _f_test(terms, logs, errors),
    )


@dataclass(frozen=True)
class DimensionLaw:
    """What the critical ratios of some groups say of p = c_d·ln M/M, d being the largest irrep dimension d_max.

    Attributes:
        groups: how many it rests on.
        constants: c_d of each d.
        exponent: δ of c_d = c·d^δ; None with a single d. (The published law has c_1 and c_2 equal and then δ = 1.)
    """

    groups: int
    constants: dict[int, Interval]
    exponent: Interval | None

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        return {
            "groups": self.groups,
            "constants": {str(d): constant.as_json() for d, constant in self.constants.items()},
            "exponent": self.exponent and self.exponent.as_json(),
        }


def dimension_law(estimates: Sequence[Estimate]) -> DimensionLaw | None:
    """How the constant of p = c·ln M/M depends on d_max, fitted as :func:`boundary_law` does.

    Args:
        estimates: of groups of any kind; a task that is not the law of a group counts as d_max = 1.

    Returns:
        None with fewer groups than two more than different d_max.
    """
    estimates = _closed(estimates)
    dimensions = np.array([estimate.largest_irrep_dim or 1 for estimate in estimates])
    distinct = np.unique(dimensions)
    if len(estimates) < len(distinct) + 2:
        return None
    logs, errors = _logs_and_errors(estimates)
    constants = logs - _terms([estimate.order for estimate in estimates])[:, 1:].sum(axis=1)
    each = least_squares_with_excess((dimensions[:, None] == distinct).astype(float), constants, errors)
    exponent = None
    if len(distinct) > 1:
        line = least_squares_with_excess(np.column_stack([np.ones(len(logs)), np.log(dimensions)]), constants, errors)
        exponent = line.interval(1)
    return DimensionLaw(
        groups=len(estimates),
        constants={int(d): _exponential(each.interval(i)) for i, d in enumerate(distinct)},
        exponent=exponent,
    )


def _fit(
    terms: Float[np.ndarray, "N 3"],
    logs: Float[np.ndarray, " N"],
    errors: Float[np.ndarray, " N"],
    free: tuple[int, ...],
) -> Fit:
    """Of the coefficients ln c, α, β those that are free; the others are 1."""
    given = [number for number in range(3) if number not in free]
    found = least_squares_with_excess(terms[:, free], logs - terms[:, given].sum(axis=1), errors)
    covariance = np.zeros((3, 3))
    covariance[np.ix_(free, free)] = found.covariance
    values = [Interval(1.0, 1.0, 1.0)] * 3
    for position, number in enumerate(free):
        values[number] = found.interval(position)
    return Fit(
        c=_exponential(values[0]),
        alpha=values[1],
        beta=values[2],
        between=found.between,
        covariance=tuple(tuple(row) for row in covariance.tolist()),
        quantile=found.quantile,
    )


def _f_test(terms: Float[np.ndarray, "N 3"], logs: Float[np.ndarray, " N"], errors: Float[np.ndarray, " N"]) -> float:
    """The p-value of α = β = 1: of the distance of the joint fit from it, by its covariance."""
    joint = least_squares_with_excess(terms, logs, errors)
    away = joint.best[1:] - 1
    statistic = float(away @ np.linalg.solve(joint.covariance[1:, 1:], away)) / 2
    return float(fdtrc(2, len(logs) - 3, statistic))


def _closed(estimates: Sequence[Estimate]) -> list[Estimate]:
    """Those whose intervals have both ends, unless none has (one seed each): the others say next to nothing."""
    return [estimate for estimate in estimates if math.isfinite(estimate.error)] or list(estimates)


def _terms(orders: Sequence[int]) -> Float[np.ndarray, "N 3"]:
    """What ln c, α and β are multiplied with in ln p: 1, ln ln M, −ln M."""
    logs = np.log(np.array(orders, dtype=float))
    return np.column_stack([np.ones_like(logs), np.log(logs), -logs])


def _logs_and_errors(estimates: Sequence[Estimate]) -> tuple[Float[np.ndarray, " N"], Float[np.ndarray, " N"]]:
    """ln p and its standard error, steadied by those of the other groups.

    A standard error of a few seeds is itself uncertain, and weights by it make intervals too narrow. So each variance
    is averaged with the mean of all, by :data:`BORROWED` degrees of freedom against its own. Where some groups have no
    error (a single seed), all count as part of τ.
    """
    logs = np.log(np.array([estimate.value for estimate in estimates]))
    variances = np.square([estimate.error for estimate in estimates])
    if not np.isfinite(variances).all():
        return logs, np.zeros(len(logs))
    own = np.array([estimate.seeds - 1 for estimate in estimates])
    return logs, np.sqrt((own * variances + BORROWED * variances.mean()) / (own + BORROWED))


def _exponential(interval: Interval) -> Interval:
    """Of a logarithm."""
    return Interval(math.exp(interval.value), math.exp(interval.low), math.exp(interval.high))
