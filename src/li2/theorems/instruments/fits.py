"""Exponents of power laws, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from li2.theorems.claim import Check

QUANTILES = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
"""Of Student's t distribution at 97.5 %, for 1 to 10 degrees of freedom."""


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

    def covers(self, what: str, predicted: float) -> Check:
        """The check that it contains a predicted number."""
        return Check.inside(what, predicted, self.value, self.low, self.high)


def exponent(x: Points, y: Points) -> float:
    """b of the least-squares fit y = a·x^b in logarithms; x and y are positive."""
    slope, _ = np.polyfit(np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float)), 1)
    return float(slope)


def power_law(factors: Mapping[str, Points], y: Points) -> dict[str, Interval]:
    """The exponents of y = a·Π x_i^{b_i} by least squares in logarithms.

    Args:
        factors: (N,) positive numbers by name.
        y: (N,) positive.

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
        reach = _quantile(freedom) * np.sqrt(variance * np.diag(inverse @ inverse.T))
    return {
        name: Interval(float(best[i]), float(best[i] - reach[i]), float(best[i] + reach[i]))
        for i, name in enumerate(factors, start=1)
    }


def _quantile(freedom: int) -> float:
    """The 97.5 % quantile of Student's t distribution, to 1 %; from 11 degrees of freedom on by its expansion."""
    if freedom <= len(QUANTILES):
        return QUANTILES[freedom - 1]
    return 1.96 + 2.372 / freedom + 2.8 / freedom**2
