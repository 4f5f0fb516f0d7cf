"""Training a run to its end, or to where it is stopped, with everything kept on disk."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from li2.errors import Li2Error
from li2.models import Weights
from li2.runs.interrupt import stop_on_signal
from li2.runs.record import Record
from li2.runs.result import RunResult, load
from li2.runs.setup import Setup
from li2.runs.store import RunDirectory, new_directory
from li2.specs import Outcome, RunSpec, StageBoundary
from li2.tasks import build_split, build_task
from li2.theorems import compare_course, compare_flow
from li2.training import Training

CHECKPOINT_SECONDS = 60.0
"""Wall-clock time between two checkpoints."""

SHORTEST_COURSE, LONGEST_COURSE = 50, 1000
"""The lazy stage's predicted course has twice the epochs to the independent stage or to the peak of the
gradient norm, within these bounds and the run's length."""

Progress = Callable[[int, int, dict[str, float], tuple[StageBoundary, ...]], None]
"""Called after each epoch with its number, that of the last epoch, its metrics and the stages so far."""


def start(spec: RunSpec, out: Path | None = None, progress: Progress | None = None) -> RunResult:
    """Train a new run.

    Args:
        spec: what to run.
        out: its directory, new or empty; default ``runs/<group>-<time>-<hash>``.
        progress: called after each epoch.

    Raises:
        Li2Error: if the specification cannot be met; nothing has been written then.
    """
    task = build_task(spec.group)
    setup = Setup.build(spec, task, build_split(task, spec))
    weights = setup.initial_weights()
    training = Training.start(setup.problem, setup.test, setup.optimizer, setup.rate, weights)
    directory = RunDirectory.create(new_directory(out, spec), spec, task, setup.split, training.position)
    return _train(setup, training, Record(), directory, progress)


def resume(path: Path, changes: dict[str, Any], progress: Progress | None = None) -> RunResult:
    """Go on with a run from where it was stopped, or extend a finished one.

    Args:
        path: the run's directory.
        changes: ``epochs`` may be changed, to no fewer than were taken; nothing else.
        progress: called after each epoch.

    Raises:
        Li2Error: if there is no run or the change is not possible; the run is as it was then.
    """
    directory = RunDirectory.open(path)
    spec = _resumed_spec(directory.spec(), changes)
    setup = Setup.build(spec, directory.task(), directory.split())
    position, seconds = directory.checkpoint(setup.device)
    if position.epoch > spec.epochs:
        raise Li2Error(f"{path} has taken {position.epoch} epochs already; epochs must be {position.epoch} or more.")
    record = directory.read_record(seconds)
    record.forget_after(position.epoch, spec)
    directory.forget_outcome()
    directory.write_spec(spec)
    training = Training(setup.problem, setup.test, setup.optimizer, setup.rate, position)
    return _train(setup, training, record, directory, progress)


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


def _train(
    setup: Setup, training: Training, record: Record, directory: RunDirectory, progress: Progress | None
) -> RunResult:
    spec, position = setup.spec, training.position
    begun = saved = time.monotonic()
    before = record.seconds
    stages: tuple[StageBoundary, ...] = ()

    def save() -> None:
        record.seconds = before + time.monotonic() - begun
        directory.write_record(record)
        directory.write_checkpoint(position, record.seconds)

    with stop_on_signal() as stop:
        while True:
            metrics = training.measure()
            finite = math.isfinite(metrics["train_loss"]) and math.isfinite(metrics["backprop_norm"])
            _observe(setup, training, record, directory, metrics, finite)
            if progress is not None:
                if not stages or (record.diagnosis and record.diagnosis[-1]["epoch"] == position.epoch):
                    stages = record.stages(setup)
                progress(position.epoch, spec.epochs, metrics, stages)
            if position.epoch >= spec.epochs or not finite or stop.asked:
                break
            if time.monotonic() - saved > CHECKPOINT_SECONDS:
                save()
                saved = time.monotonic()
            training.step()
        interrupted = finite and position.epoch < spec.epochs
        save()
        outcome = record.outcome(setup, interrupted)
        if not interrupted:
            _predict(setup, directory, outcome)
        directory.forget_weights(row["epoch"] for row in record.diagnosis)
        outcome = replace(outcome, seconds=before + time.monotonic() - begun)
        directory.write_outcome(outcome, setup.not_applicable())
    return load(directory.path)


def _observe(
    setup: Setup,
    training: Training,
    record: Record,
    directory: RunDirectory,
    metrics: dict[str, float],
    finite: bool,
) -> None:
    """Record an epoch, once: a resumed run measures its first epoch again only to step from it."""
    schedule, epoch, last = setup.spec.diagnosis, training.position.epoch, setup.spec.epochs
    if not record.metrics or record.metrics[-1]["epoch"] < epoch:
        record.add_metrics(epoch, metrics)
    diagnosed = bool(record.diagnosis) and record.diagnosis[-1]["epoch"] == epoch
    if finite and not diagnosed and schedule.is_due(epoch, last):
        record.diagnose(setup, training.position, schedule.gram_is_due(epoch, last))
        directory.write_weights(epoch, training.position.weights)


def _predict(setup: Setup, directory: RunDirectory, outcome: Outcome) -> None:
    """What the lazy stage would have been, had the hidden layer rested: from the weights of epoch 0."""
    if 0 not in directory.weight_epochs() or outcome.epochs == 0:
        return
    initial = Weights(*(tensor.to(setup.device) for tensor in directory.weights(0)))
    turning_points = (outcome.stages[1].first_epoch, outcome.gradient_norm_peak["epoch"])
    wished = 2 * max(int(epoch) for epoch in (*turning_points, SHORTEST_COURSE / 2) if epoch is not None)
    rates = [setup.rate(step) for step in range(min(outcome.epochs, wished, LONGEST_COURSE))]
    directory.write_table("course", compare_course(setup.problem, initial, setup.optimizer, rates))
    directory.write_table("flow", compare_flow(setup.problem, initial))
