"""The search for the least data that generalises: for each group and seed, between which two sizes it begins.

Nothing is remembered between calls: what is wanted next follows from the fates of the runs that have ended. So a search
may be interrupted anywhere, and asked as often as one likes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from li2.errors import Li2Error
from li2.groups import Representations
from li2.specs import BoundarySpec, PlannedRun, RunSpec
from li2.sweeps.crossings import Crossing, CrossingStatus
from li2.tasks import build_task
from li2.theory.scaling import critical_ratio

PILOT_STEP, STEP = 8, 2
"""Sizes of the grid from the first that is tried to the second, in groups that start from the published law and in
those that start from what was found for others; doubled until one size generalises and one does not. From simulations
of what searches cost."""

EXPECTED_RUNS = 3.4
"""Of a search: 429 for 125 searches, in groups of orders from 10 to 71."""

Fates = Mapping[str, bool | None]
"""By a run's key, whether it generalised; None if it failed. Runs that have not ended are absent."""


class Boundary:
    """The searches of a specification, one for each group and seed.

    The sizes that may be trained on lie on a grid, the same for all seeds of a group, so that runs of equal size can be
    trained side by side. A search starts somewhere; steps that double lead from there to a bracket, which is halved
    until its ends are neighbours. (A seed's training sets contain each other, so what generalises on one size is taken
    to do so on larger ones.) The seeds of a group go in step: none starts its next run before the others have as many
    behind them.

    Of the groups of equal d_max two go first, at the quartiles of their orders, from the published law p = c·ln M/M
    (times d_max/2 for non-Abelian groups). The others then start from the straight line, in ln M, through the medians
    of ln(size found/size published) of these.

    Args:
        spec: what is sought.

    Raises:
        Li2Error: if a group is unknown.
    """

    def __init__(self, spec: BoundarySpec) -> None:
        self.spec = spec
        self._grids = [_Grid(spec, name) for name in spec.groups]
        self._pilots = {number: _pilots(self._grids, number) for number in {grid.dimension for grid in self._grids}}

    def propose(self, fates: Fates) -> list[PlannedRun]:
        """The runs wanted now, those of costly groups first; none when all searches have ended.

        Runs that are wanted and have not ended are proposed again by each call until they have.
        """
        wanted = []
        for _, searches in sorted(self._searches(fates), key=lambda pair: -pair[0].cost):
            going = [search for search in searches if search.wanted is not None]
            fewest = min((search.runs for search in going), default=0)
            wanted += [search.wanted for search in going if search.runs == fewest and search.wanted is not None]
        return wanted

    def expected(self, fates: Fates) -> list[tuple[RunSpec, float]]:
        """Of each search that has not ended, a run like those that it will want, and how many of them to expect."""
        return [
            (self.spec.run(grid.name, 0, grid.sizes[grid.start(0.0)]), max(1.0, EXPECTED_RUNS - search.runs))
            for grid, searches in self._searches(fates)
            for search in searches
            if search.status is CrossingStatus.OPEN
        ]

    def results(self, fates: Fates) -> list[Crossing]:
        """Where each search stands, by group in the specification's order and by seed."""
        return [
            Crossing(
                group=grid.name,
                seed=seed,
                order=grid.order,
                largest_irrep_dim=grid.largest_irrep_dim,
                tuples=grid.tuples,
                low=search.low,
                high=search.high,
                runs=search.runs,
                status=search.status,
            )
            for grid, searches in self._searches(fates)
            for seed, search in enumerate(searches)
        ]

    def grid_runs(self, crossings: Sequence[Crossing], below: float = 0.5, above: float = 2.0) -> int:
        """Runs that full grids of the same sharpness would take, with all seeds at all sizes.

        Args:
            crossings: of these groups; one without two ends counts as the published law.
            below, above: the grid of a group goes from so many times its critical size (the geometric mean over seeds)
                to so many times.
        """
        runs = 0
        for grid in self._grids:
            found = [
                math.sqrt(crossing.low * crossing.high)
                for crossing in crossings
                if crossing.group == grid.name and crossing.low is not None and crossing.high is not None
            ]
            centre = math.exp(float(np.mean(np.log(found)))) if found else grid.published
            sizes = np.asarray(grid.sizes)
            runs += int(((sizes >= below * centre) & (sizes <= above * centre)).sum()) * self.spec.seeds
        return runs

    def _searches(self, fates: Fates) -> list[tuple["_Grid", list["_Search"]]]:
        """Each group with its seeds' searches as far as they have come; of groups that must wait, without a run."""
        found = {
            grid.name: [_search(grid, seed, grid.start(0.0), PILOT_STEP, fates) for seed in range(self.spec.seeds)]
            for pilots in self._pilots.values()
            for grid in pilots
        }
        for grid in self._grids:
            if grid.name not in found:
                pilots = [(pilot, found[pilot.name]) for pilot in self._pilots[grid.dimension]]
                if any(search.status is CrossingStatus.OPEN for _, searches in pilots for search in searches):
                    found[grid.name] = [_Search()] * self.spec.seeds
                else:
                    start = grid.start(_expected_excess(pilots, grid.order))
                    found[grid.name] = [_search(grid, seed, start, STEP, fates) for seed in range(self.spec.seeds)]
        return [(grid, found[grid.name]) for grid in self._grids]


class _Grid:
    """The sizes that the seeds of a group may be trained on."""

    def __init__(self, spec: BoundarySpec, name: str) -> None:
        task = build_task(name, spec.operands)
        self.spec, self.name, self.order, self.tuples = spec, name, task.order, task.size
        self.largest_irrep_dim = (
            int(Representations(task.group).characters.dimensions.max()) if task.group is not None else None
        )
        if task.order < 2:
            raise Li2Error(f"{name} has {task.order} element, too few for a boundary; take groups of two or more.")
        self.dimension = self.largest_irrep_dim or 1
        self.published = critical_ratio(task.order, self.dimension) * task.order**2
        self.cost = self.published * task.order
        first = min(max(round(self.published), 1), task.size - 1)
        self.sizes = _sizes(first, task.size - 1, spec.tolerance)
        self._runs: dict[tuple[int, int], tuple[str, PlannedRun]] = {}

    def start(self, excess: float) -> int:
        """The number of the size nearest to e^excess times the published one."""
        return int(np.abs(np.log(self.sizes) - math.log(self.published) - excess).argmin())

    def run(self, seed: int, number: int) -> tuple[str, PlannedRun]:
        """The run of a seed on the size of that number, after its key."""
        if (seed, number) not in self._runs:
            run = PlannedRun(self.spec.run(self.name, seed, self.sizes[number]))
            self._runs[seed, number] = (run.key, run)
        return self._runs[seed, number]


@dataclass(frozen=True)
class _Search:
    """How far a search has come: largest size that failed, smallest that generalised, runs that ended, next run."""

    low: int | None = None
    high: int | None = None
    runs: int = 0
    status: CrossingStatus = CrossingStatus.OPEN
    wanted: PlannedRun | None = None


def _search(grid: _Grid, seed: int, start: int, step: int, fates: Fates) -> _Search:
    """Go through a search again, up to the first run without a fate."""
    low, high, number, runs = -1, len(grid.sizes), start, 0
    status, wanted = CrossingStatus.OPEN, None
    while status is CrossingStatus.OPEN:
        key, run = grid.run(seed, number)
        if key not in fates:
            wanted = run
            break
        runs += 1
        fate = fates[key]
        if fate is None:
            status = CrossingStatus.FAILED
            break
        low, high = (low, number) if fate else (number, high)
        if high - low == 1:
            status = _ended(low, high, len(grid.sizes))
        elif low >= 0 and high < len(grid.sizes):
            number = (low + high) // 2
        else:
            number = max(start - step, 0) if fate else min(start + step, len(grid.sizes) - 1)
            step *= 2
    return _Search(
        low=grid.sizes[low] if low >= 0 else None,
        high=grid.sizes[high] if high < len(grid.sizes) else None,
        runs=runs,
        status=status,
        wanted=wanted,
    )


def _ended(low: int, high: int, sizes: int) -> CrossingStatus:
    if low < 0:
        return CrossingStatus.BELOW
    return CrossingStatus.ABOVE if high == sizes else CrossingStatus.BRACKETED


def _sizes(first: int, last: int, tolerance: float) -> list[int]:
    """Whole numbers from 1 to ``last``, ascending, with ``first`` among them; each exceeds the one before by the share
    ``tolerance`` at most, or by 1."""
    up, down = [first], [first]
    while up[-1] < last:
        up.append(min(max(math.floor(up[-1] * (1 + tolerance)), up[-1] + 1), last))
    while down[-1] > 1:
        down.append(max(min(math.ceil(down[-1] / (1 + tolerance)), down[-1] - 1), 1))
    return down[:0:-1] + up


def _pilots(grids: Sequence[_Grid], dimension: int) -> list[_Grid]:
    """The groups of a dimension that go first: those at the quartiles of their orders."""
    alike = sorted((grid for grid in grids if grid.dimension == dimension), key=lambda grid: grid.order)
    return [alike[number] for number in sorted({len(alike) // 4, 3 * len(alike) // 4})]


def _expected_excess(pilots: Sequence[tuple[_Grid, Sequence[_Search]]], order: int) -> float:
    """ln(critical size/published size) to expect of a group of that order; 0 if no pilot has shown any."""
    points = [
        (math.log(grid.order), math.log(search.high / grid.published))
        for grid, searches in pilots
        for search in [_median(searches)]
        if search is not None and search.high is not None
    ]
    if not points:
        return 0.0
    (x, y), (far_x, far_y) = points[0], points[-1]
    return y if far_x == x else y + (far_y - y) * (math.log(order) - x) / (far_x - x)


def _median(searches: Sequence[_Search]) -> _Search | None:
    found = sorted((search for search in searches if search.high is not None), key=lambda search: search.high or 0)
    return found[len(found) // 2] if found else None
