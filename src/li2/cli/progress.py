"""A progress bar with live accuracies and the current stage, on stderr."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from li2.cli.words import printed_seconds
from li2.specs import StageBoundary

if TYPE_CHECKING:
    from li2.sweeps import Progress as SweepProgress

Callback = Callable[[int, int, dict[str, float], tuple[StageBoundary, ...]], None]

REDRAW_SECONDS = 0.1
LINE_SECONDS = 10.0
QUIET_SECONDS = 60.0
"""Without a terminal, one line this often; and where nothing has changed."""


@contextmanager
def show_progress() -> Iterator[Callback]:
    """A callback for :func:`li2.run` that shows each epoch: a bar, or lines where there is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _every(LINE_SECONDS, lambda *values: console.print(_line(*values), highlight=False))
        return
    columns = (
        TextColumn("[bold]{task.description:<11}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("train {task.fields[train]:.3f}  test {task.fields[test]:.3f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None, train=0.0, test=0.0)
        yield _every(
            REDRAW_SECONDS,
            lambda epoch, epochs, metrics, stages: bar.update(
                task,
                completed=epoch,
                total=epochs,
                description=current_stage(stages),
                train=metrics["train_accuracy"],
                test=metrics["test_accuracy"],
            ),
        )


def current_stage(stages: tuple[StageBoundary, ...]) -> str:
    """The last stage that has begun."""
    seen = [stage.name for stage in stages if stage.first_epoch is not None]
    return seen[-1] if seen else "starting"


def _line(epoch: int, epochs: int, metrics: dict[str, float], stages: tuple[StageBoundary, ...]) -> str:
    return (
        f"epoch {epoch}/{epochs}  {current_stage(stages)}  train {metrics['train_accuracy']:.3f}  "
        f"test {metrics['test_accuracy']:.3f}"
    )


def _every(seconds: float, show: Callback) -> Callback:
    """The callback, called no more often than every so many seconds, but at the last epoch."""
    last = -seconds

    def called(epoch: int, epochs: int, metrics: dict[str, float], stages: tuple[StageBoundary, ...]) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds or epoch == epochs:
            last = time.monotonic()
            show(epoch, epochs, metrics, stages)

    return called


@contextmanager
def show_count(label: str = "") -> Iterator[Callable[..., None]]:
    """A callback (done, total, what comes next): a bar, or a line now and then where there is no terminal.

    The total is None where it is not known.

    Args:
        label: what is counted, where the callback is not told what comes next.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        last = -LINE_SECONDS

        def line(done: int, total: int | None, what: str = label) -> None:
            nonlocal last
            if time.monotonic() - last >= LINE_SECONDS:
                last = time.monotonic()
                console.print(f"{done}/{'?' if total is None else total}  {what}", highlight=False)

        yield line
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)

        def draw(done: int, total: int | None, what: str = label) -> None:
            bar.update(task, completed=done, total=total, description=what)

        yield draw


@contextmanager
def show_sweep() -> Iterator[Callable[..., None]]:
    """A callback (progress, what it is of) that shows how far a sweep is: a bar, or lines where there is no terminal.

    Without progress, None, it shows what has begun.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        last, told = -QUIET_SECONDS, ("", -1)

        def line(progress: "SweepProgress | None", what: str = "") -> None:
            """A line, if there is something new or it has been quiet for long."""
            nonlocal last, told
            now = (what, progress.ended if progress else 0)
            if time.monotonic() - last >= (QUIET_SECONDS if now == told else LINE_SECONDS):
                last, told = time.monotonic(), now
                runs = f"{progress.ended}/{progress.total} runs  {_counts(progress)}" if progress else ""
                console.print("  ".join(filter(None, (what, runs))), highlight=False, markup=False)

        yield line
        return
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("starting", total=None)

        def draw(progress: "SweepProgress | None", what: str = "") -> None:
            """The bar as it stands."""
            if progress is None:
                bar.update(task, completed=0, total=None, description=what)
                return
            description = "  ".join(filter(None, (what, _counts(progress))))
            bar.update(task, completed=progress.ended, total=progress.total, description=description)

        yield draw


def _counts(progress: "SweepProgress") -> str:
    counts = {status.value: count for status, count in progress.counts.items()}
    parts = [f"{counts['running']} in training"]
    if counts["failed"]:
        parts.append(f"{counts['failed']} failed")
    if progress.seconds_left is not None:
        parts.append(f"about {printed_seconds(progress.seconds_left)} left")
    return ", ".join(parts)
