"""Figures reproduced: a recipe's parts trained and computed, measured, and the finding written down.

``DIR/reproduction.json`` says that a directory is one of reproduced figures, and at which scale. Each figure has a
directory ``DIR/NAME`` in it: a sweep's store for each part that trains, a table ``PART.parquet`` for each that
computes, ``work.json`` with the time that was worked on it, and ``finding.json``:

    recipe title claim source chosen scale command
    finding                 panels, checks and summary (Finding.as_json); null if there is none
    error                   why there is none; null if there is one
    notes                   sentences on runs that failed
    parts                   for each: name kind settings command runs failed reasons seconds code; the command, which
                            does the same alone, is null if that takes a file
    runs failed             over all parts
    training_seconds        of all runs and computations, each on the core or device that had it
    wall_seconds            of all sessions that worked on it
    versions                {"li2": …, "torch": …} that measured it
"""

import json
import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from li2.errors import Li2Error
from li2.files import put_in_place
from li2.reproduce.figure import Finding, Verdict
from li2.reproduce.measures import MEASURES
from li2.reproduce.recipe import SCALES, Part, Recipe
from li2.reproduce.results import Results
from li2.reproduce.work import NotComputed, Session, Work, failures, reason_of, work_of
from li2.runs import StopRequest
from li2.specs import ExecutorSpec
from li2.specs.names import unknown_name
from li2.sweeps import Cost, Executor, Progress, executor_for

MARK = "reproduction.json"
FINDING = "finding.json"
WORK = "work.json"

Watch = Callable[[str, Progress | None], None]
"""Told what is worked on, and how far its runs are; None where there are none."""


@dataclass(frozen=True)
class Reproduced:
    """A figure that was measured.

    Attributes:
        recipe: how.
        scale: one of :data:`li2.reproduce.recipe.SCALES`.
        directory: of the figure.
        finding: what it shows; None if that could not be measured.
        error: why not.
        notes: sentences on runs that failed.
    """

    recipe: Recipe
    scale: str
    directory: Path
    finding: Finding | None
    error: str | None
    notes: tuple[str, ...]

    @property
    def verdict(self) -> Verdict | None:
        """Of the finding; None without one."""
        return None if self.finding is None else self.finding.verdict


@dataclass(frozen=True)
class Expected:
    """What a figure is to cost.

    Attributes:
        recipe: of the figure.
        trained: of each part that trains.
        computations: parts that compute, whose cost nobody knows before.
    """

    recipe: Recipe
    trained: tuple[Cost, ...]
    computations: int

    @property
    def runs(self) -> int:
        """In all."""
        return sum(cost.runs for cost in self.trained)

    @property
    def core_seconds(self) -> float:
        """Of training on one core like ours."""
        return sum(cost.core_seconds for cost in self.trained)


def expected(recipe: Recipe, scale: str) -> Expected:
    """What a figure is to cost; nothing is trained.

    Raises:
        Li2Error: if a part is not possible.
    """
    costs = [work.cost() for work in _Figure(recipe, scale, Path()).works]
    trained = tuple(cost for cost in costs if cost is not None)
    return Expected(recipe, trained, len(costs) - len(trained))


def default_directory(scale: str) -> Path:
    """Where reproduced figures go if nothing else is said."""
    return Path(f"reproduction-{scale}")


def is_reproduction(directory: Path) -> bool:
    """Whether reproduced figures are in a directory."""
    return (directory / MARK).is_file()


def reproduce(
    recipes: Sequence[Recipe],
    scale: str,
    out: Path,
    executor: ExecutorSpec | Executor,
    watch: Watch,
    stop: StopRequest,
) -> list[Reproduced]:
    """Do what is missing of figures, measure them, and write what was found.

    What was done before in the same directory is not done again, however it ended: the same call goes on. A figure that
    cannot be computed or measured is reported, and the others go on.

    Args:
        recipes: of the figures, of different names.
        scale: one of :data:`li2.reproduce.recipe.SCALES`.
        out: directory, new, empty, or of figures at the same scale.
        executor: who trains; workers that have been entered stay.
        watch: told now and then.
        stop: looked at every second; what is in training then is dropped and stays planned.

    Returns:
        The figures in order; if a stop was asked for, those that were measured before it.

    Raises:
        Li2Error: if a recipe is not possible, or the directory holds something else; nothing has been changed then.
            Or if nothing can be trained: no worker can be started, or another session works on the same part.
    """
    if scale not in SCALES:
        raise Li2Error(unknown_name("scale", scale, SCALES))
    figures = [_Figure(recipe, scale, out) for recipe in recipes]
    _refuse_other(out, scale)
    for figure in figures:
        figure.refuse()
    _write(out / MARK, {"scale": scale})
    made = []
    with ExitStack() as stack:

        @cache  # Slurm is asked for nothing if nothing is left to train
        def workers() -> Executor:
            if isinstance(executor, ExecutorSpec):
                return stack.enter_context(executor_for(executor, out))
            return executor

        for figure in figures:
            reproduced = figure.reproduced(workers, watch, stop)
            if reproduced is None:
                break
            made.append(reproduced)
    return made


def _refuse_other(out: Path, scale: str) -> None:
    """Raise Li2Error unless a directory is new, empty, or of figures at this scale."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    try:
        there = json.loads((out / MARK).read_text(encoding="utf-8"))["scale"]
    except (OSError, ValueError, TypeError, KeyError):
        raise Li2Error(f"{out} is neither empty nor a directory of reproduced figures; choose another --out.") from None
    if there != scale:
        raise Li2Error(f"{out} holds figures at the {there} scale, not {scale}; choose another --out.")


class _Figure:
    """A recipe at one scale, in its place."""

    def __init__(self, recipe: Recipe, scale: str, out: Path) -> None:
        self.recipe, self.scale, self.out = recipe, scale, out
        self.directory = out / recipe.name
        self.parts = recipe.parts(scale)
        self.works = [self._work(part) for part in self.parts]

    def _work(self, part: Part) -> Work:
        try:
            return work_of(part, self.directory)
        except Li2Error as error:
            raise self._of_part(part, error) from None

    def _of_part(self, part: Part, error: Li2Error) -> Li2Error:
        return Li2Error(f"{self.recipe.name}, part {part.name}: {error}")

    def refuse(self) -> None:
        """Raise Li2Error if it is not possible, or other things are in its place."""
        if self.recipe.measure not in MEASURES:
            raise Li2Error(f"{self.recipe.name}: {unknown_name('measure', self.recipe.measure, MEASURES)}")
        for work in self.works:
            try:
                work.refuse()
            except Li2Error as error:
                raise self._of_part(work.part, error) from None

    def reproduced(self, workers: Callable[[], Executor], watch: Watch, stop: StopRequest) -> Reproduced | None:
        """Do what is missing, measure, and write the finding; None if a stop was asked for."""
        finding = None
        try:
            self._do(workers, watch, stop)
            if stop.asked:
                return None
            watch(f"{self.recipe.name}: measured", None)
            finding, error = self._measured()
        except NotComputed as failure:
            error = str(failure)
        accounts = {work.part.name: work.account() for work in self.works if work.is_done()}
        made = Reproduced(self.recipe, self.scale, self.directory, finding, error, tuple(failures(accounts)))
        _write(self.directory / FINDING, self._as_json(made, accounts))
        return made

    def _do(self, workers: Callable[[], Executor], watch: Watch, stop: StopRequest) -> None:
        for work in self.works:
            if work.is_done():
                continue
            if stop.asked:
                return
            label = f"{self.recipe.name}: {work.part.name}"
            begun = time.monotonic()
            try:
                work.do(Session(workers, partial(watch, label), stop))
            finally:
                _write(self.directory / WORK, {"wall_seconds": self._wall_seconds() + time.monotonic() - begun})

    def _measured(self) -> tuple[Finding | None, str | None]:
        """What the figure shows, or why that could not be measured."""
        try:
            return MEASURES[self.recipe.measure](Results(self.directory), self.recipe.parameters), None
        except Exception as error:  # noqa: BLE001 (the other figures are to go on)
            return None, reason_of(error)

    def _wall_seconds(self) -> float:
        """Of work on it, in all sessions so far."""
        try:
            return float(json.loads((self.directory / WORK).read_text(encoding="utf-8"))["wall_seconds"])
        except (OSError, ValueError, TypeError, KeyError):  # of no other use than to be shown
            return 0.0

    def _as_json(self, made: Reproduced, accounts: dict[str, dict[str, Any]]) -> dict[str, Any]:
        recipe = self.recipe
        parts = [part for part in self.parts if part.name in accounts]
        total = {name: sum(account[name] for account in accounts.values()) for name in ("runs", "failed", "seconds")}
        return {
            "recipe": recipe.name,
            "title": recipe.title,
            "claim": recipe.claim,
            "source": recipe.source,
            "chosen": recipe.chosen,
            "scale": self.scale,
            "command": command([recipe.word], self.scale, self.out),
            "finding": made.finding and made.finding.as_json(),
            "error": made.error,
            "notes": list(made.notes),
            "parts": [
                {"name": part.name, "kind": part.kind, "settings": part.settings, **accounts[part.name]}
                for part in parts
            ],
            "runs": total["runs"],
            "failed": total["failed"],
            "training_seconds": round(total["seconds"], 1),
            "wall_seconds": round(self._wall_seconds(), 1),
            "versions": {"li2": version("li2"), "torch": version("torch")},
        }


def command(words: Iterable[str], scale: str, out: Path) -> str:
    """The shell command that reproduces figures."""
    return shlex.join(["li2", "reproduce", *words, "--scale", scale, "--out", str(out)])


def _write(path: Path, values: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, indent=1, default=str)
    put_in_place(path, lambda beside: beside.write_text(text + "\n", encoding="utf-8"))
