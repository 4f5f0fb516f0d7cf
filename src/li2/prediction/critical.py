"""The predicted critical ratio of a group: the amount of data with which its runs generalise just in time."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from li2.errors import Li2Error
from li2.groups import Representations
from li2.prediction.course import Course, follow
from li2.specs import CriticalSpec
from li2.statistics import Interval, t_quantile
from li2.tasks import build_task
from li2.theory.scaling import critical_ratio as published_ratio

HORIZON = 1.4
"""Courses are followed for so many times the epochs: long enough to see by how much data miss."""

EXPONENT, WEIGHT = 2.7, 0.01
"""Of data in the time to generalise, T ∝ n^−EXPONENT, before it is seen; what is seen counts as its spread in ln n
over WEIGHT."""

LEAST_EXPONENT = 0.5
"""Whatever is seen."""

NEAR = 0.2
"""|ln(T/epochs)| up to which a size is near enough to the critical one to look at all training sets there."""

SHARP = 1.03
"""Ratio of a size that generalises to one that does not, up to which the critical one is known."""

START = 1.15
"""The first look, in units of the published law: what generalises early is followed for a shorter time."""

MORE, MOST_LOOKS = 1.25, 8
"""Factor on data where nothing generalises; sizes that are looked at for one group."""

FIRST, OTHERS = slice(0, 1), slice(1, None)
"""Training sets: the first one finds the size, and the others are looked at there."""

Report = Callable[[str, int], None]
"""Called with a group's name and the size that is looked at."""


@dataclass(frozen=True)
class Critical:
    """The predicted critical ratio of a group.

    Attributes:
        group: its name.
        order: M.
        largest_irrep_dim: d_max; None if the task is not the law of a group.
        ratio: geometric mean over training sets with its 95 % interval; None if no amount of data suffices.
        exponent: of data in the time to generalise there.
        sizes: training tuples that were looked at.
        runs: courses that were followed.
        seconds: of process time.
    """

    group: str
    order: int
    largest_irrep_dim: int | None
    ratio: Interval | None
    exponent: float
    sizes: tuple[int, ...]
    runs: int
    seconds: float

    @property
    def constant(self) -> float | None:
        """c of p = c·ln M/M."""
        return None if self.ratio is None else self.ratio.value * self.order / math.log(self.order)

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        ratio = None if self.ratio is None else self.ratio.as_json()
        return {**vars(self), "ratio": ratio, "constant": self.constant, "sizes": list(self.sizes)}


class _Search:
    """Looks at one group: ln(T/epochs) of the first training set by size, until it is near zero."""

    def __init__(self, spec: CriticalSpec, group: str, report: Report | None) -> None:
        self.spec, self.group, self._report = spec, group, report
        self.task = build_task(group, spec.operands)
        if self.task.order < 2:
            raise Li2Error(
                f"{group} has {self.task.order} element, too few for a boundary; take groups of two or more."
            )
        self.delays: dict[int, float] = {}
        self.runs = 0

    def look(self, size: int, subsets: slice) -> list[float]:
        """ln(T/epochs) on some training sets of this size; infinite where T is beyond the horizon."""
        if self._report:
            self._report(self.group, size)
        runs = self.spec.prediction(self.group, size).runs()[subsets]
        self.runs += len(runs)
        return [_delay(course) for course in follow(runs, self.spec.nodes, self.spec.stride, HORIZON)]

    @property
    def exponent(self) -> float:
        """Of least squares, but no less than takes the time beyond the horizon at the largest size that fails."""
        return max(self._fitted, self._least)

    @property
    def _fitted(self) -> float:
        """By least squares over the sizes on which the first training set generalises, drawn towards EXPONENT."""
        seen = [(math.log(size), delay) for size, delay in self.delays.items() if math.isfinite(delay)]
        x, y = np.array(seen).T - np.array(seen).mean(axis=0)[:, None] if seen else np.zeros((2, 1))
        return float((WEIGHT * EXPONENT - x @ y) / (WEIGHT + x @ x))

    @property
    def _least(self) -> float:
        if self.nearest is None or not self._failed:
            return LEAST_EXPONENT
        gap = math.log(HORIZON) - self.delays[self.nearest]
        return max(LEAST_EXPONENT, gap / math.log(self.nearest / self._failed))

    @property
    def _failed(self) -> int:
        """The largest size on which the first training set fails, below all on which it generalises; 0 if none."""
        least = min((size for size, delay in self.delays.items() if math.isfinite(delay)), default=math.inf)
        return max((size for size, delay in self.delays.items() if delay == math.inf and size < least), default=0)

    @property
    def nearest(self) -> int | None:
        """The size on which the first training set comes nearest to generalising just in time."""
        seen = {size: delay for size, delay in self.delays.items() if math.isfinite(delay)}
        if not seen or seen[min(seen)] <= 0:  # the least is still early, however early more data are
            return min(seen, default=None)
        return min(seen, key=lambda size: abs(seen[size]))

    def next_size(self) -> int | None:
        """The size on which the first training set should generalise just in time, or None if that is known."""
        most = self.task.size - 1
        if self.nearest is None:
            size = min(math.ceil(max(self.delays) * MORE), most)
            return None if size in self.delays else size
        least = min(size for size, delay in self.delays.items() if math.isfinite(delay))
        failed, delay = self._failed, self.delays[self.nearest]
        size = round(self.nearest * math.exp(max(-0.5, min(0.5, delay / self.exponent))))
        if failed and (size <= failed * SHARP or self._least > self._fitted):  # no power law between the two
            size = round(math.sqrt(failed * least)) if least > failed * SHARP else least
        size = max(1, min(size, most))
        return None if size in self.delays or (abs(delay) <= NEAR and len(self.delays) > 1) else size


def predict_critical(
    spec: CriticalSpec, group: str, start: float | None = None, report: Report | None = None
) -> Critical:
    """The critical ratio of one group, from some sizes on one training set and one size on all.

    Args:
        spec: what is asked.
        group: its name.
        start: share of all tuples that is looked at first; default: START times the published law.
        report: called before each look.

    Raises:
        Li2Error: if the specification cannot be met.
    """
    begun = time.process_time()
    search = _Search(spec, group, report)
    law = search.task.group
    dimension = None if law is None else int(Representations(law).characters.dimensions.max())
    share = min(0.95, start or START * published_ratio(search.task.order, dimension or 1))
    size: int | None = max(1, min(round(share * search.task.size), search.task.size - 1))
    while size is not None and len(search.delays) < MOST_LOOKS:
        search.delays[size] = search.look(size, FIRST)[0]
        size = search.next_size()
    ratio = None
    if (nearest := search.nearest) is not None:
        delays = [search.delays[nearest], *(search.look(nearest, OTHERS) if spec.subsets > 1 else [])]
        ratio = _ratio(nearest / search.task.size, delays, search.exponent)
    return Critical(
        group=group,
        order=search.task.order,
        largest_irrep_dim=dimension,
        ratio=ratio,
        exponent=search.exponent,
        sizes=tuple(sorted(search.delays)),
        runs=search.runs,
        seconds=time.process_time() - begun,
    )


def predict_boundary(spec: CriticalSpec, report: Report | None = None) -> list[Critical]:
    """The critical ratio of each group, in the specification's order; see :func:`predict_critical`.

    Raises:
        Li2Error: if a group is unknown, before any is looked at, or the specification cannot be met.
    """
    for group in spec.groups:
        build_task(group, spec.operands)
    return [predict_critical(spec, group, report=report) for group in spec.groups]


def _delay(course: Course) -> float:
    """ln(T/epochs)."""
    if course.generalised is None:
        return math.inf
    return math.log(course.generalised / course.spec.epochs)


def _ratio(share: float, delays: Sequence[float], exponent: float) -> Interval | None:
    """Of the training sets, each of which generalises just in time on share·exp(delay/exponent) of all tuples.

    One that is later than the horizon counts as the horizon.
    """
    if not any(math.isfinite(delay) for delay in delays):
        return None
    logs = np.log(share) + np.minimum(delays, math.log(HORIZON)) / exponent
    half = t_quantile(len(logs) - 1) * logs.std(ddof=1) / math.sqrt(len(logs)) if len(logs) > 1 else math.inf
    value, low, high = (float(np.exp(end)) for end in (logs.mean(), logs.mean() - half, logs.mean() + half))
    return Interval(value, low, max(value, min(1.0, high)))
