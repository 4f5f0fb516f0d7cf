"""Many runs: packs of them side by side, packs in processes, each run in a directory of its own."""

import multiprocessing
import os
import shutil
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from li2.errors import Li2Error
from li2.runs.interrupt import StopRequest, ignored, stop_on_signal
from li2.runs.member import KeptMember
from li2.runs.packing import Plan, plan
from li2.runs.packs import train_apart
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
        work = _here if schedule.processes == 1 else _in_processes
        reasons = work(jobs, total, count or (lambda done, total: None), schedule)
    return [_result(spec, paths[spec.digest()], reasons.get(spec.digest())) for spec in specs]


Job = list[tuple[RunSpec, Path]]


def train_pack(job: Job, add: Callable[[int], None], stop: StopRequest) -> dict[str, str]:
    """Train the runs of a pack, or go on with them; see :func:`li2.runs.packs.train_apart`.

    Args:
        job: the runs, whose networks fit together, with their directories.
        add: told of epochs that were done.
        stop: asked before each epoch.

    Returns:
        Reasons for failure by digest of the specification.
    """
    makers = {spec.digest(): partial(_member, spec, path) for spec, path in job}
    return train_apart(makers, add, stop)[1]


BEGUN = {"weights", "train_index.npy", "test_index.npy", "table.npy", "generators.npy", "checkpoint.safetensors"}
"""What a directory may hold whose run was cut off before it began."""


def _member(spec: RunSpec, path: Path) -> KeptMember:
    if (path / "spec.json").exists():
        return KeptMember.resume(path, {})
    if path.is_dir():
        if {file.name for file in path.iterdir()} - BEGUN:
            raise Li2Error(f"{path} is in the way: it holds something that is no run; move it or choose another place.")
        shutil.rmtree(path)
    return KeptMember.start(spec, path)


def _is_finished(path: Path) -> bool:
    try:
        return (path / "result.json").exists() and not RunDirectory(path).outcome().interrupted
    except Li2Error:  # damaged; what reads it will say so
        return True


def _result(spec: RunSpec, path: Path, reason: str | None) -> RunResult | Failure:
    try:
        if (path / "result.json").exists():
            return load(path)
    except Li2Error as error:
        return Failure(spec, str(error))
    return Failure(spec, reason or "it was stopped before it began")


def _here(jobs: list[Job], total: int, count: Count, schedule: Plan) -> dict[str, str]:
    done = 0
    reasons: dict[str, str] = {}

    def add(epochs: int) -> None:
        nonlocal done
        done += epochs
        count(done, total)

    threads = torch.get_num_threads()
    torch.set_num_threads(min(threads, schedule.threads))
    try:
        with stop_on_signal() as stop:
            for job in jobs:
                if not stop.asked:
                    reasons |= train_pack(job, add, stop)
    finally:
        torch.set_num_threads(threads)
    return reasons


def _in_processes(jobs: list[Job], total: int, count: Count, schedule: Plan) -> dict[str, str]:
    context = multiprocessing.get_context("spawn")
    shared = _Shared(context.Value("q", 0), context.Event())
    reasons: dict[str, str] = {}
    with (
        stop_on_signal() as stop,
        ProcessPoolExecutor(schedule.processes, context, _prepare, (shared, schedule.threads)) as pool,
    ):
        with ignored(signal.SIGINT):  # workers are born ignoring it: Ctrl-C reaches all, the parent tells when to stop
            futures = {pool.submit(_worker, job): job for job in jobs}
        waiting = set(futures)
        while waiting:
            _, waiting = wait(waiting, timeout=POLL_SECONDS)
            count(shared.done.value, total)
            if stop.asked:
                shared.stop.set()  # what has not begun returns at once
    for future, job in futures.items():
        try:
            reasons |= future.result()
        except BrokenProcessPool:
            reasons |= {spec.digest(): _broken(shared) for spec, _ in job}
        except Exception as error:  # noqa: BLE001 (whatever it is, the others have their results)
            reasons |= {spec.digest(): f"{type(error).__name__}: {error}" for spec, _ in job}
    return reasons


def _broken(shared: "_Shared") -> str:
    if shared.done.value == 0:
        return (
            "no process for it could be started, or it ended at once; a script that calls this needs "
            'if __name__ == "__main__": around the call'
        )
    return "a process of the pool was killed before this run was done; the same call goes on with it"


@dataclass(frozen=True)
class _Shared:
    """What the workers and their parent share: epochs done, and whether to stop."""

    done: Any
    stop: Any

    @property
    def asked(self) -> bool:
        """See :class:`StopRequest`; also if the parent is no more."""
        parent = multiprocessing.parent_process()
        return bool(self.stop.is_set()) or (parent is not None and not parent.is_alive())

    def add(self, epochs: int) -> None:
        """Count epochs."""
        with self.done.get_lock():
            self.done.value += epochs


class _Worker:
    """What a worker process knows: what it shares with its parent, and whether it is at work or told to end."""

    shared: _Shared
    at_work = False
    told_to_end = False


def _prepare(shared: _Shared, threads: int) -> None:
    """Begin a worker. SIGTERM ends it, after the epoch at hand and with everything kept if it is at work."""

    def end(number: int, frame: FrameType | None) -> None:
        if not _Worker.at_work:
            os._exit(0)
        _Worker.told_to_end = True
        shared.stop.set()

    _Worker.shared = shared
    torch.set_num_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)


def _worker(job: Job) -> dict[str, str]:
    shared = _Worker.shared
    _Worker.at_work = True
    reasons = {} if shared.asked else train_pack(job, shared.add, shared)
    _Worker.at_work = False
    if _Worker.told_to_end:
        os._exit(0)
    return reasons
