"""Cells of a sweep's figures: the runs that one mark stands for, in words and as a link."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from statistics import median
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from li2.report.style import GREEN, GREY, ORANGE, PURPLE
from li2.report.sweep_table import STATES, number

ACCURACY_SCALE = [[0, "#F7EBD0"], [0.5, "#7FB2D6"], [1, "#00365C"]]
"""From 0 to 1; legible without colour vision, as its lightness falls all the way."""

STATE_COLOURS = {
    "generalised": GREEN,
    "memorised": ORANGE,
    "learning": "#56B4E9",
    "collapsed": PURPLE,
    "diverged": "#222222",
    "failed": "#BDBDBD",
    "planned": "#E5E5E5",
    "running": GREY,
}

MOST_LINKED = 100
"""Runs that one mark leads to; the table of runs has all."""

MOST_FIGURES = 6
"""Of one section."""


@dataclass(frozen=True)
class Drawing:
    """A section of the page.

    Attributes:
        title: heading.
        text: how to read it.
        figures: each with a caption, which may be empty.
        left_out: figures that were not drawn as there would be too many.
        notes: what else is to be said, in sentences.
    """

    title: str
    text: str
    figures: list[tuple[str, go.Figure]] = field(default_factory=list)
    left_out: int = 0
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Cell:
    """The runs that one mark stands for.

    Attributes:
        rows: of the runs.
        states: what they came to.
        accuracies: their test accuracies, without those that have none.
    """

    rows: list[int] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)
    accuracies: list[float] = field(default_factory=list)

    @property
    def linked(self) -> list[int]:
        """The rows of the runs that the mark leads to."""
        return self.rows[:MOST_LINKED]

    @property
    def accuracy(self) -> float | None:
        """The median."""
        return median(self.accuracies) if self.accuracies else None

    @property
    def leading(self) -> tuple[str, float]:
        """The most frequent end state (the first of :data:`STATES` among equals), and its share."""
        state = max(STATES, key=lambda state: (self.states[state], -STATES.index(state)))
        return state, self.states[state] / len(self.rows)

    @property
    def words(self) -> str:
        """End states and accuracies, for a label."""
        words = ", ".join(f"{self.states[state]} {state}" for state in STATES if self.states[state])
        if self.accuracy is None:
            return words
        spread = f" ({number(min(self.accuracies))} to {number(max(self.accuracies))})"
        return f"{words}<br>test accuracy {number(self.accuracy)}{spread if len(self.accuracies) > 1 else ''}"


def cells(runs: pd.DataFrame, by: Sequence[str]) -> dict[tuple[Any, ...], Cell]:
    """Runs that have the same values in some columns, by these values; runs that lack one are left out."""
    found: dict[tuple[Any, ...], Cell] = {}
    runs = runs.dropna(subset=list(by))
    accuracies = runs["test_accuracy"].astype(float).tolist()
    keys = zip(*(runs[name].tolist() for name in by), strict=True)
    for key, row, state, accuracy in zip(keys, runs.index.tolist(), runs["state"].tolist(), accuracies, strict=True):
        cell = found.setdefault(key, Cell())
        cell.rows.append(row)
        cell.states[state] += 1
        if isfinite(accuracy):
            cell.accuracies.append(accuracy)
    return found


def at_most(figures: list[tuple[str, go.Figure]], most: int = MOST_FIGURES) -> dict[str, Any]:
    """The figures of a drawing, no more than so many, and how many are left out."""
    return {"figures": figures[:most], "left_out": max(0, len(figures) - most)}


def plain(value: Any) -> float | None:
    """A number as a figure takes it; None if there is none."""
    return None if value is None or pd.isna(value) or not isfinite(value) else float(value)
