"""Sweeps and searches for a boundary as a whole: begun, gone on with, and what they are to cost."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from li2.errors import Li2Error
from li2.runs import StopRequest, bytes_needed, seconds_on_one_core
from li2.specs import BoundarySpec, ExecutorSpec, Plan, PlannedRun
from li2.sweeps.boundary import Boundary
from li2.sweeps.cluster import make_executor
from li2.sweeps.database import DATABASE
from li2.sweeps.driver import Progress, drive
from li2.sweeps.executor import Executor
from li2.sweeps.local import LocalExecutor
from li2.sweeps.store import Store
from li2.tasks import build_task

MOST_TIMED = 20_000
"""Runs of a sweep, at most, whose work is added up for the time left."""

WORKER_BYTES = 4e8
"""Of a worker process before it trains: Python and PyTorch."""


def begin_sweep(directory: Path, plan: Plan) -> Store:
    """A new store with all runs of a plan, open for writing.

    Raises:
        Li2Error: if the directory holds something, a group is unknown, or values do not go together; nothing is there
            then.
    """
    for group, operands in sorted({(run.spec.group, run.spec.operands) for run in plan.runs()}):
        build_task(group, operands)
    store = Store.create(directory, {"kind": "sweep", **plan.as_json()})
    try:
        store.add(plan.runs())
    except BaseException:
        store.close()
        for file in directory.iterdir():  # it was empty
            file.unlink()
        raise
    return store


def begin_boundary(directory: Path, spec: BoundarySpec) -> Store:
    """A new store for the search for a boundary, open for writing.

    Raises:
        Li2Error: if the directory holds something, or a group is unknown; nothing is there then.
    """
    Boundary(spec)  # raises if there is something wrong with it
    return Store.create(directory, {"kind": "boundary", "spec": spec.explicit(), "command": spec.command()})


def boundary_of(store: Store) -> Boundary | None:
    """The search that a store is of; None if it is a sweep's."""
    if store.plan["kind"] != "boundary":
        return None
    return Boundary(BoundarySpec(**store.plan["spec"]))


def carry_on(store: Store, executor: ExecutorSpec, watch: Callable[[Progress], None], stop: StopRequest) -> None:
    """Train what is not trained yet.

    Args:
        store: open for writing.
        executor: who trains.
        watch: told about every second how far it is.
        stop: looked at as often; what is in training then is dropped and stays planned.
    """
    boundary, work = boundary_of(store), None
    if boundary is None:
        plan = Plan.from_json(store.plan)
        if sum(store.counts().values()) < len(plan):  # its driver was killed while it planned
            store.add(plan.runs())
        if len(plan) <= MOST_TIMED:
            ended = store.fates()
            work = cost_of(run for run in plan.runs() if run.key not in ended).core_seconds
    drive(store, _executor(executor, store.directory), watch, stop, boundary, work)


def _executor(spec: ExecutorSpec, directory: Path) -> Executor:
    return LocalExecutor(spec.workers) if spec.executor == "local" else make_executor(spec, directory)


@dataclass(frozen=True)
class Cost:
    """What runs are to cost, roughly.

    Attributes:
        runs: how many.
        core_seconds: of training on one core like ours.
        worker_bytes: memory of the largest worker.
    """

    runs: int
    core_seconds: float
    worker_bytes: float


def cost_of(runs: Iterable[PlannedRun]) -> Cost:
    """What runs are to cost; sizes of groups are looked up, nothing is trained."""
    count, seconds, most = 0, 0.0, 0
    needs: dict[tuple[Any, ...], tuple[float, int]] = {}
    for run in runs:
        kind = tuple(value for name, value in run.spec if name not in ("seed", "lr", "weight_decay"))
        if kind not in needs:
            needs[kind] = (seconds_on_one_core(run.spec), bytes_needed(run.spec))
        count += 1
        seconds += needs[kind][0]
        most = max(most, needs[kind][1])
    return Cost(count, seconds, WORKER_BYTES + most)


def open_store(directory: Path, *, write: bool = False) -> Store:
    """The store of a sweep that was begun.

    Raises:
        Li2Error: if there is none, it is damaged, or (for writing) another driver works on it.
    """
    if not (directory / DATABASE).exists():
        raise Li2Error(f"{directory} does not hold a sweep (no {DATABASE} in it).")
    return Store.open(directory, write=write)
