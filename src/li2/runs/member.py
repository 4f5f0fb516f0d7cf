"""One run in training: its set-up, what it has found so far, and its directory if it has one."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from li2.diagnostics import is_decided
from li2.errors import Li2Error
from li2.runs.record import Record
from li2.runs.setup import Setup, is_deep
from li2.runs.store import RunDirectory, new_directory
from li2.specs import Outcome, RunSpec, StageBoundary
from li2.theorems import compare_course, compare_flow
from li2.training import Position

SHORTEST_COURSE, LONGEST_COURSE = 50, 1000
"""The lazy stage's predicted course has twice the epochs to the independent stage, and goes an eighth beyond the peak
of the gradient norm, within these bounds and the run's length."""

Progress = Callable[[int, int, dict[str, float], tuple[StageBoundary, ...]], None]
"""Called after each epoch with its number, that of the last epoch, its metrics and the stages so far."""


@dataclass(eq=False)
class Member:
    """A run of a pack, alone or with others; its results stay in memory.

    Attributes:
        setup: everything it needs.
        record: what it has found.
        position: where it starts or is taken up; None while it trains; where it ended.
        diverged: whether its figures are no longer finite.
        decided: whether it has become what it was to be trained to (``stop``).
    """

    setup: Setup
    record: Record
    position: Position | None
    diverged: bool = False
    decided: bool = False
    stages: tuple[StageBoundary, ...] = ()

    def __post_init__(self) -> None:
        if self.position is not None and self.position.epoch == 0 and is_deep(self.setup.spec):
            self.record.initial = self.position.weights

    def wants_measurement(self, epoch: int) -> bool:
        """Whether the metrics of an epoch are due."""
        return self.setup.spec.is_measured(epoch)

    def observe(self, epoch: int, metrics: dict[str, float]) -> None:
        """Record an epoch, once: a resumed run measures its first epoch again only to step from it."""
        self.diverged = not (math.isfinite(metrics["train_loss"]) and math.isfinite(metrics["backprop_norm"]))
        if not self.record.metrics or self.record.metrics[-1]["epoch"] < epoch:
            self.record.add_metrics(epoch, metrics)
        zero_loss = self.setup.problem.zero_output_loss
        self.decided = not self.diverged and is_decided(self.setup.spec, self.record.metrics, zero_loss)

    def wants_diagnosis(self, epoch: int) -> bool:
        """Whether an epoch is to be diagnosed and is not yet."""
        spec = self.setup.spec
        due = spec.diagnosis.is_due(epoch, spec.epochs) or (self.decided and spec.diagnose != "off")
        return not self.diverged and due and not self.is_diagnosed(epoch)

    def diagnose(self, position: Position, gradient: tuple[Tensor, Tensor] | None) -> None:
        """Measure the features; gradient: O and ∂loss/∂W there, if they are known."""
        spec, epoch = self.setup.spec, position.epoch
        with_grams = self.decided or spec.diagnosis.gram_is_due(epoch, spec.epochs)
        self.record.diagnose(self.setup, position, with_grams, gradient)

    def is_diagnosed(self, epoch: int) -> bool:
        """Whether that is the last epoch that was diagnosed."""
        return bool(self.record.diagnosis) and self.record.diagnosis[-1]["epoch"] == epoch

    def is_done(self, epoch: int) -> bool:
        """Whether there is nothing more to train."""
        return self.diverged or self.decided or epoch >= self.setup.spec.epochs

    def report(self, progress: Progress, epoch: int) -> None:
        """Tell how far the run is."""
        if not self.stages or self.is_diagnosed(epoch):
            self.stages = self.record.stages(self.setup)
        progress(epoch, self.setup.spec.epochs, self.record.metrics[-1], self.stages)

    def save(self, position: Position) -> None:
        """Keep everything so far, to go on from; in memory there is nothing to do."""

    def finish(self, position: Position) -> None:
        """Keep the weights: a copy, as the position's tensors are parts of those of the whole pack."""
        self.position = Position(position.epoch, position.weights.clone(), None, {})

    def outcome(self, position: Position) -> Outcome:
        """What the run has come to at its last position."""
        return self.record.outcome(self.setup, position.epoch, interrupted=not self.is_done(position.epoch))


@dataclass(eq=False)
class KeptMember(Member):
    """A run with a directory.

    Attributes:
        directory: where it is kept.
    """

    directory: RunDirectory = field(kw_only=True)

    @classmethod
    def start(cls, spec: RunSpec, out: Path | None) -> "KeptMember":
        """A new run; see :func:`li2.runs.start`."""
        setup = Setup.of(spec)
        position = setup.trainee.start(setup.initial_weights())
        directory = RunDirectory.create(new_directory(out, spec), spec, setup.task, setup.split, position)
        return cls(setup, Record(), position, directory=directory)

    @classmethod
    def resume(cls, path: Path, changes: dict[str, Any]) -> "KeptMember":
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
        if is_deep(spec) and spec.diagnose != "off":
            kept = directory.weights(0) if 0 in directory.weight_epochs() else setup.initial_weights()
            record.initial = kept.map(lambda tensor: tensor.to(setup.device))
        directory.forget_outcome()
        directory.write_spec(spec)
        return cls(setup, record, position, directory=directory)

    def diagnose(self, position: Position, gradient: tuple[Tensor, Tensor] | None) -> None:
        """Measure the features and keep the weights."""
        super().diagnose(position, gradient)
        self.directory.write_weights(position.epoch, position.weights)

    def save(self, position: Position) -> None:
        """Keep everything so far, to go on from."""
        self.directory.write_record(self.record)
        self.directory.write_checkpoint(position, self.record.seconds)

    def finish(self, position: Position) -> None:
        """Keep everything, with what the run has come to."""
        begun = time.monotonic()
        self.save(position)
        outcome = self.outcome(position)
        if not outcome.interrupted:
            self._predict(outcome)
        self.directory.forget_weights(row["epoch"] for row in self.record.diagnosis)
        self.directory.write_outcome(
            replace(outcome, seconds=self.record.seconds + time.monotonic() - begun), self.setup.not_applicable()
        )

    def _predict(self, outcome: Outcome) -> None:
        """What the lazy stage would have been, had the hidden layer rested: from the weights of epoch 0."""
        setup = self.setup
        if is_deep(setup.spec) or setup.problem.ridge is not None:
            return
        if 0 not in self.directory.weight_epochs() or outcome.epochs == 0:
            return
        initial = self.directory.weights(0).map(lambda tensor: tensor.to(setup.device))
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
