"""Sweeps and searches for a boundary as a whole: begun, gone on with, and what they are to cost."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from li2.errors import Li2Error
from li2.models import named_device
from li2.runs import StopRequest, bytes_needed, seconds_on_one_core
from li2.specs import BoundarySpec, ExecutorSpec, Plan, PlannedRun, RunSpec
from li2.sweeps.boundary import Boundary
from li2.sweeps.cluster import make_executor
from li2.sweeps.database import DATABASE
from li2.sweeps.driver import Progress, drive
from li2.sweeps.executor import Executor
from li2.sweeps.local import LocalExecutor
from li2.sweeps.schema import Status
from li2.sweeps.store import Store
from li2.tasks import build_task

MOST_TIMED = 20_000
"""Runs of a sweep, at most, whose work is added up for the time left."""

EXPECTED_SHARE = 0.85
"""Of a search's epochs that are trained: runs whose fate is known end early."""

WORKER_BYTES = 4e8
"""Of a worker process before it trains: Python and PyTorch."""


def begin_sweep(directory: Path, plan: Plan) -> Store:
    """A new store with all runs of a plan, open for writing.

    Files that the plan names by relative paths are kept as absolute ones: a sweep may be resumed from anywhere.

    Raises:
        Li2Error: if the directory holds something, a group or file is unknown, or values do not go together; nothing is
            there then.
    """
    plan = plan.with_absolute_paths()
    check(plan.runs())
    new = not directory.exists()
    store = Store.create(directory, {"kind": "sweep", **plan.as_json()})
    try:
        store.add(plan.runs())
    except BaseException:
        store.close()
        for file in directory.iterdir():  # it was empty, or not there
            file.unlink()
        if new:
            directory.rmdir()
        raise
    return store


def check(runs: Iterable[PlannedRun]) -> None:
    """Raise Li2Error if a task or a device of theirs is unknown; training sets may still be too small or too large."""
    seen: set[tuple[str, int, str]] = set()
    for run in runs:
        kind = (run.spec.group, run.spec.operands, run.spec.device)
        if kind not in seen:
            seen.add(kind)
            build_task(run.spec.group, run.spec.operands)
            named_device(run.spec.device)


def begin_boundary(directory: Path, spec: BoundarySpec) -> Store:
    """A new store for the search for a boundary, open for writing.

    Raises:
        Li2Error: if the directory holds something, or a group is unknown; nothing is there then.
    """
    spec = spec.with_absolute_paths()
    Boundary(spec)  # raises if there is something wrong with it
    return Store.create(directory, {"kind": "boundary", "spec": spec.explicit(), "command": spec.command()})


def boundary_of(store: Store) -> Boundary | None:
    """The search that a store is of; None if it is a sweep's."""
    if store.plan["kind"] != "boundary":
        return None
    return Boundary(BoundarySpec(**store.plan["spec"]))


def carry_on(
    store: Store, executor: ExecutorSpec | Executor, watch: Callable[[Progress], None], stop: StopRequest
) -> None:
    """Train what is not trained yet.

    Args:
        store: open for writing.
        executor: who trains; workers that have been entered stay, for other sweeps of the same session.
        watch: told about every second how far it is.
        stop: looked at as often; what is in training then is dropped and stays planned.
    """
    boundary = boundary_of(store)
    work_left = _rest_of(store) if boundary is None else _rest_of_boundary(store, boundary)
    drive(
        store=store,
        executor=executor_for(executor, store.directory)
        if isinstance(executor, ExecutorSpec)
        else nullcontext(executor),
        watch=watch,
        stop=stop,
        design=boundary,
        work_left=work_left,
    )


def _rest_of(store: Store) -> Callable[[float], float | None]:
    """What is left of a sweep's work, by how much has been done; plans what is not planned yet."""
    plan = Plan.from_json(store.plan)
    if sum(store.counts().values()) < len(plan):  # its driver was killed while it planned
        store.add(plan.runs())
    if len(plan) > MOST_TIMED:
        return lambda done: None
    ended = store.fates()
    try:
        work = cost_of(run for run in plan.runs() if run.key not in ended).core_seconds
    except Li2Error:  # files may be elsewhere by now, and needed no more
        return lambda done: None
    return lambda done: max(0.0, work - done)


def _rest_of_boundary(store: Store, boundary: Boundary) -> Callable[[float], float | None]:
    return lambda done: boundary_cost(boundary, store.fates()).core_seconds


def is_complete(store: Store) -> bool:
    """Whether nothing is left to train; runs that failed are not tried anew."""
    counts = store.counts()
    if counts[Status.PLANNED] or counts[Status.RUNNING]:
        return False
    boundary = boundary_of(store)
    if boundary is None:
        return sum(counts.values()) >= len(Plan.from_json(store.plan))
    fates = store.fates()
    return all(run.key in fates for run in boundary.propose(fates))


def executor_for(spec: ExecutorSpec, directory: Path) -> Executor:
    """Who trains, not yet entered; what it writes of its own (logs of jobs) goes to the directory."""
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
    kinds: Counter[RunSpec] = Counter()
    for run in runs:
        kinds[run.spec.model_copy(update={"seed": 0, "lr": 1e-3, "weight_decay": 0.0, "init_weights": None})] += 1
    seconds = sum(count * seconds_on_one_core(spec, count) for spec, count in kinds.items())
    most = max((bytes_needed(spec, count) for spec, count in kinds.items()), default=0)
    return Cost(kinds.total(), seconds, WORKER_BYTES + most)


def boundary_cost(boundary: Boundary, fates: Mapping[str, bool | None]) -> Cost:
    """What the searches that are open are to cost, from what searches took that we have seen."""
    runs, seconds, most = 0.0, 0.0, 0
    for spec, count in boundary.expected(fates):
        runs += count
        seconds += count * EXPECTED_SHARE * seconds_on_one_core(spec, boundary.spec.seeds)
        most = max(most, bytes_needed(spec, boundary.spec.seeds))
    return Cost(round(runs), seconds, WORKER_BYTES + most)


def open_store(directory: Path, *, write: bool = False) -> Store:
    """The store of a sweep that was begun.

    Raises:
        Li2Error: if there is none, it is damaged, or (for writing) another driver works on it.
    """
    if not (directory / DATABASE).exists():
        raise Li2Error(f"{directory} does not hold a sweep (no {DATABASE} in it).")
    return Store.open(directory, write=write)
