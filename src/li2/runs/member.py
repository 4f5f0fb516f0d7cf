"""One run in training: its set-up, what it has found so far, and its directory."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from li2.errors import Li2Error
from li2.models import Weights
from li2.runs.record import Record
from li2.runs.setup import Setup
from li2.runs.store import RunDirectory, new_directory
from li2.specs import Outcome, RunSpec, StageBoundary
from li2.tasks import build_split, build_task
from li2.theorems import compare_course, compare_flow
from li2.training import Position

SHORTEST_COURSE, LONGEST_COURSE = 50, 1000
"""The lazy stage's predicted course has twice the epochs to the independent stage, and goes an eighth beyond the peak
of the gradient norm, within these bounds and the run's length."""

Progress = Callable[[int, int, dict[str, float], tuple[StageBoundary, ...]], None]
"""Called after each epoch with its number, that of the last epoch, its metrics and the stages so far."""


@dataclass(eq=False)
class Member:
    """A run of a pack, alone or with others.

    Attributes:
        setup: everything it needs.
        record: what it has found.
        directory: where it is kept.
        position: where it started or was taken up; None once it trains.
        diverged: whether its figures are no longer finite.
    """

    setup: Setup
    record: Record
    directory: RunDirectory
    position: Position | None
    diverged: bool = False
    stages: tuple[StageBoundary, ...] = ()

    @classmethod
    def start(cls, spec: RunSpec, out: Path | None) -> "Member":
        """A new run; see :func:`li2.runs.start`."""
        task = build_task(spec.group, spec.operands)
        setup = Setup.build(spec, task, build_split(task, spec))
        position = setup.trainee.start(setup.initial_weights())
        directory = RunDirectory.create(new_directory(out, spec), spec, task, setup.split, position)
        return cls(setup, Record(), directory, position)

    @classmethod
    def resume(cls, path: Path, changes: dict[str, Any]) -> "Member":
        """A run that was stopped, or is to be extended; see :func:`li2.runs.resume`."""
        directory = RunDirectory.open(path)
        spec = _resumed_spec(directory.spec(), changes)
        setup = Setup.build(spec, directory.task(), directory.split())
        position, seconds = directory.checkpoint(setup.device)
        if position.epoch > spec.epochs:
            raise Li2Error(
                f"{path} has taken {position.epoch} epochs already; epochs must be {position.epoch} or more."
            )
        record = directory.read_record(seconds)
        record.forget_after(position.epoch, spec)
        directory.forget_outcome()
        directory.write_spec(spec)
        return cls(setup, record, directory, position)

    def observe(self, epoch: int, metrics: dict[str, float]) -> None:
        """Record an epoch, once: a resumed run measures its first epoch again only to step from it."""
        self.diverged = not (math.isfinite(metrics["train_loss"]) and math.isfinite(metrics["backprop_norm"]))
        if not self.record.metrics or self.record.metrics[-1]["epoch"] < epoch:
            self.record.add_metrics(epoch, metrics)

    def wants_diagnosis(self, epoch: int) -> bool:
        """Whether an epoch is to be diagnosed and is not yet."""
        spec = self.setup.spec
        return not self.diverged and spec.diagnosis.is_due(epoch, spec.epochs) and not self.is_diagnosed(epoch)

    def diagnose(self, position: Position, gradient: tuple[Tensor, Tensor] | None) -> None:
        """Measure the features and keep the weights; gradient: O and ∂loss/∂W there, if they are known."""
        spec = self.setup.spec
        self.record.diagnose(self.setup, position, spec.diagnosis.gram_is_due(position.epoch, spec.epochs), gradient)
        self.directory.write_weights(position.epoch, position.weights)

    def is_diagnosed(self, epoch: int) -> bool:
        """Whether that is the last epoch that was diagnosed."""
        return bool(self.record.diagnosis) and self.record.diagnosis[-1]["epoch"] == epoch

    def is_done(self, epoch: int) -> bool:
        """Whether there is nothing more to train."""
        return self.diverged or epoch >= self.setup.spec.epochs

    def report(self, progress: Progress, epoch: int) -> None:
        """Tell how far the run is."""
        if not self.stages or self.is_diagnosed(epoch):
            self.stages = self.record.stages(self.setup)
        progress(epoch, self.setup.spec.epochs, self.record.metrics[-1], self.stages)

    def save(self, position: Position) -> None:
        """Keep everything so far, to go on from."""
        self.directory.write_record(self.record)
        self.directory.write_checkpoint(position, self.record.seconds)

    def finish(self, position: Position) -> None:
        """Keep everything, with what the run has come to."""
        begun = time.monotonic()
        self.save(position)
        interrupted = not self.is_done(position.epoch)
        outcome = self.record.outcome(self.setup, interrupted)
        if not interrupted:
            self._predict(outcome)
        self.directory.forget_weights(row["epoch"] for row in self.record.diagnosis)
        self.directory.write_outcome(
            replace(outcome, seconds=self.record.seconds + time.monotonic() - begun), self.setup.not_applicable()
        )

    def _predict(self, outcome: Outcome) -> None:
        """What the lazy stage would have been, had the hidden layer rested: from the weights of epoch 0."""
        if 0 not in self.directory.weight_epochs() or outcome.epochs == 0:
            return
        setup = self.setup
        initial = Weights(*(tensor.to(setup.device) for tensor in self.directory.weights(0)))
        rates = [setup.rate(epoch) for epoch in range(course_length(outcome))]
        if setup.spec.batch_size is None:
            course = compare_course(setup.problem, initial, setup.optimizer, rates, setup.spec.weight_decay)
            self.directory.write_table("course", course)
        self.directory.write_table("flow", compare_flow(setup.problem, initial))


def course_length(outcome: Outcome) -> int:
    """Steps of the lazy stage's predicted course."""
    independent, peak = (value or 0 for value in (outcome.stages[1].first_epoch, outcome.gradient_norm_peak["epoch"]))
    wished = max(SHORTEST_COURSE, 2 * independent, int(9 / 8 * peak))
    return int(min(outcome.epochs, wished, LONGEST_COURSE))


def _resumed_spec(spec: RunSpec, changes: dict[str, Any]) -> RunSpec:
    if set(changes) - {"epochs"}:
        names = ", ".join(sorted(set(changes) - {"epochs"}))
        raise Li2Error(f"a resumed run cannot change {names}, only epochs; start a new run instead.")
    changed = spec.with_changes(**changes)
    if spec.schedule == "cosine" and changed.epochs != spec.epochs:
        raise Li2Error(
            "schedule=cosine ends with its run, so that run cannot be extended; "
            f"a new one with schedule=cosine:T can, as in cosine:{changed.epochs}."
        )
    return changed
