"""Least squares with intervals, and exponents of power laws."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import stdtrit  # scipy.stats takes half a second to import

Points = Sequence[float] | Sequence[int] | NDArray[np.generic]
"""(N,) positive numbers."""


@dataclass(frozen=True)
class Interval:
    """A fitted number with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} [{self.low:.2f}, {self.high:.2f}]"

    def as_json(self) -> dict[str, Any]:
        """Plain values only; ends that are infinite are None."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return {name: end if math.isfinite(end) else None for name, end in ends.items()}


def t_quantile(freedom: float) -> float:
    """The 97.5 % quantile of Student's t distribution; infinite without degrees of freedom."""
    return float(stdtrit(freedom, 0.975)) if freedom > 0 else math.inf


def median(values: Points) -> Interval:
    """The median with its 95 % interval, free of assumptions on how values are distributed.

    The interval ends at order statistics: with N values, the j-th smallest and the j-th largest enclose the
    distribution's median in all but 2·P(Binomial(N, ½) < j) of all samples; j is the largest for which that is at most
    5 %. With fewer than six values there is none; the interval is then their range, which misses the median in
    2^(1−N) of all samples.

    Args:
        values: (N,) N ≥ 1, not NaN; may be infinite.
    """
    ordered = np.sort(np.asarray(values, dtype=float))
    count = len(ordered)
    below = np.cumsum([math.comb(count, i) / 2**count for i in range(count)])
    rank = max(1, int((2 * below <= 0.05).sum()))
    middle = ordered[(count - 1) // 2], ordered[count // 2]
    value = middle[0] if middle[0] == middle[1] else sum(middle) / 2
    return Interval(float(value), float(ordered[rank - 1]), float(ordered[count - rank]))


def exponent(x: Points, y: Points) -> float:
    """b of the least-squares fit y = a·x^b in logarithms; x and y are positive."""
    slope, _ = np.polyfit(np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float)), 1)
    return float(slope)


def power_law(factors: Mapping[str, Points], y: Points) -> dict[str, Interval]:
    """The exponents of y = a·Π x_i^{b_i} by least squares in logarithms.

    Args:
        factors: (N,) positive numbers by name.
        y: (N,) positive, with independent errors.

    Returns:
        Each exponent with its 95 % interval, by Student's t distribution of the residuals' degrees of freedom; infinite
        where there are none.
    """
    logs = [np.log(np.asarray(values, dtype=float)) for values in factors.values()]
    design = np.column_stack([np.ones_like(logs[0]), *logs])
    target = np.log(np.asarray(y, dtype=float))
    inverse: NDArray[np.float64] = np.linalg.pinv(design)
    best = inverse @ target
    freedom = len(target) - design.shape[1]
    reach = np.full(len(best), np.inf)
    if freedom > 0:
        variance = np.square(target - design @ best).sum() / freedom
        reach = t_quantile(freedom) * np.sqrt(variance * np.diag(inverse @ inverse.T))
    return {
        name: Interval(float(best[i]), float(best[i] - reach[i]), float(best[i] + reach[i]))
        for i, name in enumerate(factors, start=1)
    }


def power_law_of_levels(x: Points, y: Points) -> Interval:
    """The exponent b of y = a·x^b where several y were measured at each of a few x.

    What makes a level of x differ from the power law is common to its points, such as the same seeds being used at each
    or the law not being one. So the medians of the levels are fitted, and the interval is that of Student's t
    distribution with two degrees of freedom fewer than levels.

    Args:
        x: (N,) positive, with repetitions.
        y: (N,) positive.
    """
    levels, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    distinct = np.unique(levels)
    return power_law({"x": distinct}, [float(np.median(y[levels == level])) for level in distinct])["x"]


@dataclass(frozen=True, eq=False)
class Weighted:
    """A weighted fit.

    Attributes:
        best: coefficients.
        covariance: theirs.
        between: τ, the spread of the points beyond their errors.
        quantile: of Student's t distribution for the fit's degrees of freedom.
    """

    best: Float[np.ndarray, " k"]
    covariance: Float[np.ndarray, "k k"]
    between: float
    quantile: float

    def interval(self, number: int) -> Interval:
        """A coefficient with its 95 % interval."""
        value = float(self.best[number])
        reach = self.quantile * math.sqrt(float(self.covariance[number, number]))
        return Interval(value, value - reach, value + reach)


def least_squares_with_excess(
    design: Float[np.ndarray, "N k"], target: Float[np.ndarray, " N"], errors: Float[np.ndarray, " N"]
) -> Weighted:
    """Least squares with errors that are known and, beside them, an excess spread τ that is not.

    Each point is weighted by 1/(error² + τ²), τ being such that the weighted residuals are as large as they should be
    (Paule and Mandel, J. Res. Natl. Bur. Stand. 87, 377 (1982)). Intervals are Student's with variances scaled by the
    residuals (Knapp and Hartung, Stat. Med. 22, 2693 (2003)), by a factor of 1 at least.

    Args:
        design: of more points than coefficients, and of full rank.
        target: what it is to give.
        errors: standard errors of the target; all may be 0.
    """
    freedom = len(target) - design.shape[1]

    def weighted(between: float) -> tuple[Float[np.ndarray, " k"], Float[np.ndarray, " N"], float]:
        weights = 1 / (np.square(errors) + between)
        root = np.sqrt(weights)
        best = np.linalg.lstsq(design * root[:, None], target * root, rcond=None)[0]
        return best, weights, float((weights * np.square(target - design @ best)).sum())

    plain = target - design @ np.linalg.lstsq(design, target, rcond=None)[0]
    most, least = float(np.square(plain).sum()) + 1e-12, 1e-12 if errors.min() == 0 else 0.0
    between = least
    if weighted(least)[2] > freedom:
        between = float(brentq(lambda value: weighted(value)[2] - freedom, least, most * 2))
    best, weights, squares = weighted(between)
    covariance = np.linalg.inv(design.T @ (design * weights[:, None])) * max(squares / freedom, 1.0)
    return Weighted(best, covariance, math.sqrt(between), t_quantile(freedom))
