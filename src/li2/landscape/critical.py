"""From how many pairs on nodes that climb find features: bisection over nested training sets."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from li2.landscape.ascent import Progress
from li2.landscape.found import Population
from li2.specs import AscentSpec
from li2.statistics import Interval, median

LEVEL = 0.55
"""Of the nodes' median purity, from which features count as found."""

TOLERANCE = 0.05
"""Of ln n, between the two sizes that enclose the critical one."""


@dataclass(frozen=True)
class Crossing:
    """Where the median purity on one seed's training sets passes the level.

    Attributes:
        seed: of the training sets, of which larger ones contain the smaller.
        size: n there, interpolated in ln n; infinite if it does not with all pairs but one, and M at the least.
        measured: (n, median purity), ascending, all that was measured.
    """

    seed: int
    size: float
    measured: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Critical:
    """The critical amount of data of one group.

    Attributes:
        spec: what climbs; its amount of data is not used.
        order: M.
        crossings: of each seed.
    """

    spec: AscentSpec
    order: int
    crossings: tuple[Crossing, ...]

    @property
    def ratio(self) -> Interval:
        """The median of n/M² over seeds."""
        return median([crossing.size / self.order**2 for crossing in self.crossings])

    @property
    def constant(self) -> Interval:
        """c of n = c·M·ln M."""
        scale = self.order * math.log(self.order)
        return median([crossing.size / scale for crossing in self.crossings])

    def as_json(self) -> dict[str, Any]:
        """Plain values only; infinite numbers are None."""
        return {
            "group": self.spec.group,
            "order": self.order,
            "ratio": self.ratio.as_json(),
            "constant": self.constant.as_json(),
            "seeds": [
                {
                    "seed": crossing.seed,
                    "n": crossing.size if math.isfinite(crossing.size) else None,
                    "measured": [{"n": n, "purity": purity} for n, purity in crossing.measured],
                }
                for crossing in self.crossings
            ],
        }


def critical_sizes(
    spec: AscentSpec, level: float = LEVEL, tolerance: float = TOLERANCE, progress: Progress | None = None
) -> Critical:
    """Find the critical number of pairs on each seed's training sets.

    Args:
        spec: what climbs; of its keys those on the amount of data are not used.
        level: of the nodes' median purity.
        tolerance: of ln n.
        progress: called with the number of seeds that are done, and of all.

    Raises:
        Li2Error: if the specification cannot be met.
    """
    population = Population(spec)
    crossings = []
    for subset in range(spec.subsets):
        crossings.append(_crossing(population, subset, level, tolerance))
        if progress is not None:
            progress(subset + 1, spec.subsets)
    return Critical(spec, population.task.order, tuple(crossings))


def _crossing(population: Population, subset: int, level: float, tolerance: float) -> Crossing:
    """Bisection in ln n from M to M² − 1, whose ends are taken for a miss and a find until they are reached."""
    order, measured = population.task.order, dict[int, float]()
    low, high = order, order**2 - 1
    while high - low > 1 and math.log(high / low) > tolerance:
        middle = round(math.sqrt(low * high))
        middle = min(max(middle, low + 1), high - 1)
        measured[middle] = population.found(subset, middle).median_purity
        low, high = (low, middle) if measured[middle] >= level else (middle, high)
    for end in (low, high):
        if end not in measured:
            measured[end] = population.found(subset, end).median_purity
    size = _interpolated(low, high, measured[low], measured[high], level)
    return Crossing(population.spec.seed + subset, size, tuple(sorted(measured.items())))


def _interpolated(low: int, high: int, below: float, above: float, level: float) -> float:
    if above < level:
        return math.inf
    if below >= level:
        return float(low)
    return float(np.exp(np.interp(level, [below, above], np.log([low, high]))))
