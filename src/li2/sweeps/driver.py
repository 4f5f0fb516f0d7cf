"""The loop that has planned runs trained and stores what comes of them."""

import math
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from li2.errors import Li2Error
from li2.runs import StopRequest, packs_for, seconds_on_one_core
from li2.specs import Assignment, PlannedRun, Trained, Untrained
from li2.sweeps.executor import Executor, Lost, Pack, Returned
from li2.sweeps.schema import Status
from li2.sweeps.store import Store

ATTEMPTS = 3
"""A run whose worker died this often is given up."""

LOOKED_AT = 512
"""Planned runs that are looked at at a time, to pack them."""

POLL_SECONDS = 1.0
BEAT_SECONDS = 10.0


WorkLeft = Callable[[float], float | None]


@runtime_checkable
class Design(Protocol):
    """Decides from what became of runs which are to be trained next."""

    def propose(self, fates: Mapping[str, bool | None]) -> list[PlannedRun]:
        """All runs that are wanted so far, or those of them that are missing; none when it is content.

        Args:
            fates: whether the runs that ended have generalised, by key; None for failed ones.
        """
        ...


@dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Attributes:
        counts: runs by status.
        seconds_left: at the pace so far; None if that cannot be said.
    """

    counts: dict[Status, int]
    seconds_left: float | None

    @property
    def total(self) -> int:
        """Runs that are in the store."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """Runs that are done or have failed."""
        return self.counts[Status.DONE] + self.counts[Status.FAILED]


def drive(
    store: Store,
    executor: AbstractContextManager[Executor],
    watch: Callable[[Progress], None],
    stop: StopRequest,
    design: Design | None = None,
    work_left: WorkLeft = lambda done: None,
) -> None:
    """Train what is planned, until nothing is left or a stop is asked for.

    What a dead driver left running is planned anew; whatever comes back is stored at once. If a stop is asked for,
    what is in training is dropped and stays planned. A pack whose worker dies is taken apart: its runs are trained
    alone, and one that loses its worker three times has failed.

    Args:
        store: open for writing.
        executor: not yet entered; ``nullcontext(executor)`` for one that several sweeps share.
        watch: called about every second.
        stop: looked at as often.
        design: proposes runs from what became of others; default: those in the store are all.
        work_left: told the work that this call has done, says how much is left (both in seconds of one core by our
            estimate), or None if nobody knows; asked when runs have come back.

    Raises:
        OSError: if the store cannot be written; what it held stays.
    """
    pace = _Pace(work_left)
    beat = time.monotonic()
    try:
        with executor as workers:
            driver = _Driver(store, workers, design)
            while not stop.asked and driver.hand_out():
                ended = workers.wait(POLL_SECONDS)
                if stop.asked:  # what the same signal killed was not lost by its own fault
                    ended = [end for end in ended if isinstance(end, Returned)]
                driver.take(ended)
                pace.count(ended)
                now = time.monotonic()
                if now - beat > BEAT_SECONDS:
                    store.beat()
                    beat = now
                watch(Progress(store.counts(), pace.seconds_left()))
    finally:
        store.release()
    watch(Progress(store.counts(), None))


class _Driver:
    """What is under way between the store and the executor."""

    def __init__(self, store: Store, executor: Executor, design: Design | None) -> None:
        self._store, self._executor, self._design = store, executor, design
        self._queue: deque[tuple[Assignment, ...]] = deque()
        self._training = 0
        self._packs = 0
        self._suspects: set[str] = set()
        self._proposed = False
        store.release()

    def hand_out(self) -> bool:
        """Give the executor enough to do; whether anything is under way."""
        if self._design is not None and not self._proposed:
            self._store.add(self._design.propose(self._store.fates()))
            self._proposed = True
        while self._training < self._executor.slots + 1:  # one waits, so that no worker does
            while not self._queue and (planned := self._store.ready(LOOKED_AT)):
                self._queue.extend(self._packed(self._unchanged(planned)))
            if not self._queue:
                break
            assignments = self._queue.popleft()
            self._packs += 1
            self._store.start([assignment.key for assignment in assignments], type(self._executor).__name__)
            self._executor.submit(Pack(f"{assignments[0].key[:16]}-{self._packs}", assignments))
            self._training += 1
        return self._training > 0

    def _unchanged(self, assignments: Sequence[Assignment]) -> list[Assignment]:
        """Those whose files are what they were when they were planned; the others fail."""
        failures = [Untrained(one.key, reason) for one in assignments if (reason := _changed(one)) is not None]
        if failures:
            self._store.fail(failures)
        failed = {failure.key for failure in failures}
        return [assignment for assignment in assignments if assignment.key not in failed]

    def _packed(self, assignments: Sequence[Assignment]) -> list[tuple[Assignment, ...]]:
        """The assignments in packs; suspects alone, and last."""
        fine = [assignment for assignment in assignments if assignment.key not in self._suspects]
        packs = packs_for([assignment.spec for assignment in fine], self._executor.slots)
        alone = [(assignment,) for assignment in assignments if assignment.key in self._suspects]
        return [tuple(fine[number] for number in pack) for pack in packs] + alone

    def take(self, ended: Sequence[Returned | Lost]) -> None:
        """Store what came back."""
        trained: list[Trained] = []
        failures: list[Untrained] = []
        for end in ended:
            self._training -= 1
            if isinstance(end, Lost):
                failures += self._lost(end)
                continue
            trained += [result for result in end.results if isinstance(result, Trained)]
            failures += [result for result in end.results if isinstance(result, Untrained)]
        if trained:
            self._store.finish(trained)
        if failures:
            self._store.fail(failures)
        self._proposed = self._proposed and not ended

    def _lost(self, lost: Lost) -> list[Untrained]:
        """Plan the runs of a lost pack anew, each alone; those given up."""
        given_up, again = [], []
        for assignment in lost.pack.assignments:
            attempts = self._store.attempts(assignment.key)
            if attempts >= ATTEMPTS and len(lost.pack.assignments) == 1:
                given_up.append(Untrained(assignment.key, f"{lost.reason}, at the last of {attempts} attempts"))
            else:
                again.append(assignment.key)
        self._suspects.update(again)
        self._store.release(again, lost=True)
        return given_up


def _changed(assignment: Assignment) -> str | None:
    """Why a run is no longer what was planned, if it is not."""
    planned = PlannedRun(assignment.spec, assignment.parent)
    try:
        if planned.names_files and planned.key != assignment.key:
            return "a file that it names has changed since it was planned"
    except Li2Error as error:
        return str(error)
    return None


class _Pace:
    """How long the work that is left takes, from how long that took which has come back.

    Args:
        work_left: see :func:`drive`.
    """

    def __init__(self, work_left: WorkLeft) -> None:
        self._work_left, self._done, self._begun = work_left, 0.0, time.monotonic()
        self._seconds, self._said = math.nan, self._begun

    def count(self, ended: Sequence[Returned | Lost]) -> None:
        """Take note of what came back."""
        for end in ended:
            if isinstance(end, Returned):
                specs = [assignment.spec for assignment in end.pack.assignments]
                self._done += sum(seconds_on_one_core(spec, len(specs)) for spec in specs)
        if ended and self._done:
            left, self._said = self._work_left(self._done), time.monotonic()
            self._seconds = math.nan if left is None else left / self._done * (self._said - self._begun)

    def seconds_left(self) -> float | None:
        """From now."""
        if math.isnan(self._seconds):
            return None
        return max(0.0, self._seconds - (time.monotonic() - self._said))
