"""Many runs: packs of them side by side, packs in processes, each run in a directory of its own."""

import multiprocessing
import shutil
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from li2.errors import Li2Error
from li2.runs.execute import train
from li2.runs.interrupt import StopRequest, stop_on_signal
from li2.runs.member import Member
from li2.runs.packing import plan
from li2.runs.result import RunResult, load
from li2.runs.store import RunDirectory
from li2.specs import RunSpec

Count = Callable[[int, int], None]
"""Called now and then with the epochs done, of all runs together, and how many there are."""

POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Failure:
    """A run that has no result, and why."""

    spec: RunSpec
    reason: str


def start_many(
    specs: Sequence[RunSpec], out: Path, count: Count | None = None, cores: int | None = None
) -> list[RunResult | Failure]:
    """Train many runs as fast as the machine can: side by side where they are small, in processes where they are not.

    Each goes to ``out/<digest of its specification>``. What is there already is kept: a finished run is not trained
    again, a stopped one is gone on with. So the same call, made again after a stop, finishes the work. What becomes
    of a run does not depend on the others.

    Args:
        specs: the runs; equal ones are trained once.
        out: directory of the runs' directories.
        count: told how far they are.
        cores: CPU cores to use; default: all that this process may use.

    Returns:
        For each specification its result, which says so if it was interrupted, or why there is none.
    """
    paths = {spec.digest(): out / spec.digest()[:16] for spec in specs}
    unfinished = list({spec.digest(): spec for spec in specs if not _is_finished(paths[spec.digest()])}.values())
    reasons: dict[str, str] = {}
    if unfinished:
        schedule = plan(unfinished, cores)
        jobs = [[(unfinished[run], paths[unfinished[run].digest()]) for run in pack] for pack in schedule.packs]
        total = sum(spec.epochs for spec in unfinished)
        count = count or (lambda done, total: None)
        if schedule.processes == 1:
            reasons = _here(jobs, total, count)
        else:
            reasons = _in_processes(jobs, total, count, schedule.processes, schedule.threads)
    return [_result(spec, paths[spec.digest()], reasons.get(spec.digest())) for spec in specs]


Job = list[tuple[RunSpec, Path]]


def train_pack(job: Job, add: Callable[[int], None], stop: StopRequest) -> dict[str, str]:
    """Train the runs of a pack, or go on with them.

    If the pack fails, every run is tried alone, so that one run's trouble is not the others'.

    Args:
        job: the runs, whose networks fit together, with their directories.
        add: told of epochs that were done.
        stop: asked before each epoch.

    Returns:
        Reasons for failure by digest of the specification.
    """
    members: list[Member] = []
    reasons: dict[str, str] = {}
    for spec, path in job:
        try:
            members.append(_member(spec, path))
        except Li2Error as error:
            reasons[spec.digest()] = str(error)
    packs: dict[int, list[Member]] = {}
    for member in members:
        assert member.position is not None
        packs.setdefault(member.position.epoch, []).append(member)
    for pack in packs.values():
        try:
            train(pack, lambda epoch, runs: add(runs if epoch else 0), stop)
        except Exception as error:  # noqa: BLE001 (whatever it is, the others go on)
            if len(job) == 1:
                reasons[job[0][0].digest()] = f"{type(error).__name__}: {error}"
                continue
            for member in pack:
                reasons |= train_pack([(member.setup.spec, member.directory.path)], lambda epochs: None, stop)
    return reasons


def _member(spec: RunSpec, path: Path) -> Member:
    if (path / "spec.json").exists():
        return Member.resume(path, {})
    if path.exists():  # left by a start that was cut off
        shutil.rmtree(path)
    return Member.start(spec, path)


def _is_finished(path: Path) -> bool:
    return (path / "result.json").exists() and not RunDirectory(path).outcome().interrupted


def _result(spec: RunSpec, path: Path, reason: str | None) -> RunResult | Failure:
    if reason is None and (path / "result.json").exists():
        return load(path)
    return Failure(spec, reason or "it was stopped before it began")


def _here(jobs: list[Job], total: int, count: Count) -> dict[str, str]:
    done = 0
    reasons: dict[str, str] = {}

    def add(epochs: int) -> None:
        nonlocal done
        done += epochs
        count(done, total)

    with stop_on_signal() as stop:
        for job in jobs:
            if not stop.asked:
                reasons |= train_pack(job, add, stop)
    return reasons


def _in_processes(jobs: list[Job], total: int, count: Count, processes: int, threads: int) -> dict[str, str]:
    context = multiprocessing.get_context("spawn")
    shared = _Shared(context.Value("q", 0), context.Event())
    reasons: dict[str, str] = {}
    with ProcessPoolExecutor(processes, context, _prepare, (shared, threads)) as pool, stop_on_signal() as stop:
        futures = {pool.submit(_worker, job): job for job in jobs}
        waiting = set(futures)
        while waiting:
            _, waiting = wait(waiting, timeout=POLL_SECONDS)
            count(shared.done.value, total)
            if stop.asked and not shared.stop.is_set():
                shared.stop.set()
                waiting = {future for future in waiting if not future.cancel()}
    for future, job in futures.items():
        try:
            reasons |= {} if future.cancelled() else future.result()
        except BrokenProcessPool:
            reasons |= {spec.digest(): "its process was killed; the same call goes on with it" for spec, _ in job}
    return reasons


@dataclass(frozen=True)
class _Shared:
    """What the workers and their parent share: epochs done, and whether to stop."""

    done: Any
    stop: Any

    @property
    def asked(self) -> bool:
        """See :class:`StopRequest`."""
        return bool(self.stop.is_set())

    def add(self, epochs: int) -> None:
        """Count epochs."""
        with self.done.get_lock():
            self.done.value += epochs


_shared: _Shared | None = None
"""In a worker: what it shares with its parent."""


def _prepare(shared: _Shared, threads: int) -> None:
    """Begin a worker."""
    global _shared
    _shared = shared
    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent tells when to stop


def _worker(job: Job) -> dict[str, str]:
    assert _shared is not None
    return train_pack(job, _shared.add, _shared)
