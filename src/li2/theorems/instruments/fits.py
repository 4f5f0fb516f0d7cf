"""Exponents of power laws, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from li2.theorems.claim import Check

RESAMPLES = 2000


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


def exponent(x: ArrayLike, y: ArrayLike) -> float:
    """b of the least-squares fit y = a·x^b in logarithms; x and y are positive."""
    slope, _ = np.polyfit(np.log(np.asarray(x, dtype=float)), np.log(np.asarray(y, dtype=float)), 1)
    return float(slope)


def power_law(factors: Mapping[str, ArrayLike], y: ArrayLike, seed: int = 0) -> dict[str, Interval]:
    """The exponents of y = a·Π x_i^{b_i} by least squares in logarithms.

    Args:
        factors: (N,) positive numbers by name.
        y: (N,) positive.
        seed: of the resampling.

    Returns:
        Each exponent with the 2.5 % and 97.5 % quantiles over resampled residuals.
    """
    logs = [np.log(np.asarray(values, dtype=float)) for values in factors.values()]
    design = np.column_stack([np.ones_like(logs[0]), *logs])
    target = np.log(np.asarray(y, dtype=float))
    inverse: NDArray[np.float64] = np.linalg.pinv(design)
    best = inverse @ target
    residuals = target - design @ best
    residuals *= np.sqrt(len(target) / max(1, len(target) - design.shape[1]))  # for the fitted degrees of freedom
    drawn = np.random.default_rng(seed).choice(residuals, (RESAMPLES, len(target)))
    low, high = np.quantile(best + drawn @ inverse.T, [0.025, 0.975], axis=0)
    return {name: Interval(*map(float, (best[i], low[i], high[i]))) for i, name in enumerate(factors, start=1)}
