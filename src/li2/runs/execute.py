"""Training runs to their end, or to where they are stopped, with everything kept on disk."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from li2.runs.interrupt import StopRequest, stop_on_signal
from li2.runs.member import KeptMember, Member, Progress
from li2.runs.result import RunResult, load
from li2.specs import RunSpec
from li2.training import Position, Training

CHECKPOINT_SECONDS = 60.0
"""Wall-clock time between two checkpoints."""


def start(spec: RunSpec, out: Path | None = None, progress: Progress | None = None) -> RunResult:
    """Train a new run.

    Args:
        spec: what to run.
        out: its directory, new or empty; default ``runs/<group>-<time>-<hash>``.
        progress: called after each epoch.

    Raises:
        Li2Error: if the specification cannot be met; nothing has been written then.
    """
    return _alone(KeptMember.start(spec, out), progress)


def resume(path: Path, changes: dict[str, Any], progress: Progress | None = None) -> RunResult:
    """Go on with a run from where it was stopped, or extend a finished one.

    Args:
        path: the run's directory.
        changes: ``epochs`` may be changed, to no fewer than were taken; nothing else.
        progress: called after each epoch.

    Raises:
        Li2Error: if there is no run or the change is not possible; the run is as it was then.
    """
    return _alone(KeptMember.resume(path, changes), progress)


def _alone(member: KeptMember, progress: Progress | None) -> RunResult:
    def watch(epoch: int, runs: int) -> None:
        if progress is not None:
            member.report(progress, epoch)

    with stop_on_signal() as stop:
        train([member], watch, stop)
    return load(member.directory.path)


def train(members: Sequence[Member], watch: Callable[[int, int], None], stop: StopRequest) -> None:
    """Train runs side by side; each is finished when it has come to its end, all when a stop is asked for.

    Args:
        members: whose trainees and positions fit together (see :class:`Training`); their positions are taken over.
        watch: called after each epoch with its number and how many runs took part.
        stop: looked at after each epoch.
    """
    members = list(members)
    training = Training([member.setup.trainee for member in members], _taken(members))
    begun = saved = time.monotonic()
    while True:
        if any(member.wants_measurement(training.epoch) for member in members):
            _measure(training, members)
        watch(training.epoch, len(members))
        now = time.monotonic()
        for member in members:
            member.record.seconds += (now - begun) / len(members)
        begun = now
        stopping = stop.asked
        ended = {number for number, member in enumerate(members) if stopping or member.is_done(training.epoch)}
        for number in ended:
            members[number].finish(training.position(number))
        remaining = [number for number in range(len(members)) if number not in ended]
        if not remaining:
            return
        if ended:
            training.keep(remaining)
            members = [members[number] for number in remaining]
        if now - saved > CHECKPOINT_SECONDS:
            for number, member in enumerate(members):
                member.save(training.position(number))
            saved = time.monotonic()
        training.step()


def _measure(training: Training, members: Sequence[Member]) -> None:
    """Metrics of the runs for which they are due, and their diagnosis if that is."""
    for number, (member, metrics) in enumerate(zip(members, training.measure(), strict=True)):
        if member.wants_measurement(training.epoch):
            member.observe(training.epoch, metrics)
            if member.wants_diagnosis(training.epoch):
                member.diagnose(training.position(number), training.gradient(number))


def _taken(members: Sequence[Member]) -> list[Position]:
    """Their positions, which they give away: the training holds copies."""
    positions = [member.position for member in members if member.position is not None]
    for member in members:
        member.position = None
    return positions
