"""What the page of a sweep knows of each run: figures, command and curves, packed for a browser."""

import base64
import json
import shlex
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from li2.report.sweep_cells import STATE_COLOURS
from li2.report.sweep_table import SweepTable, spec_values
from li2.specs import KEYS, RunSpec
from li2.sweeps.store import Store

KEY_DIGITS = 16
"""Of a run's key (hexadecimal) that name it on the page: 64 bits tell a million runs apart."""

MOST_CURVES = 3000
"""Runs whose curves are in the page; of larger sweeps, the first seeds of every setting."""

POINTS = 60
"""Of a curve."""

CURVES = ("train_accuracy", "test_accuracy", "train_loss", "test_loss")

LOSS_DECADES = (-20.0, 20.0)
"""Between which losses are kept, logarithmically, in 65,535 steps."""

FIGURES = {
    "number": "number",
    "attempts": "attempts",
    "order": "group order M",
    "largest_irrep_dim": "largest irrep dimension d_max",
    "n": "training pairs n",
    "test_size_n": "test pairs",
    "ratio": "training ratio n/M²",
    "train_accuracy": "training accuracy at the end",
    "test_accuracy": "test accuracy at the end",
    "train_loss": "training loss at the end",
    "test_loss": "test loss at the end",
    "memorised_epoch": "epoch of training accuracy 1",
    "test_accuracy_50": "epoch of test accuracy 0.5",
    "test_accuracy_99": "epoch of test accuracy 0.99",
    "lazy_epoch": "lazy stage from epoch",
    "independent_epoch": "independent stage from epoch",
    "interactive_epoch": "interactive stage from epoch",
    "generalised_epoch": "generalised at epoch",
    "gradient_norm_peak": "peak of ‖G_F‖",
    "gradient_norm_peak_epoch": "epoch of that peak",
    "irreps_covered": "irreps covered",
    "irreps_total": "of irreps",
    "epochs_taken": "epochs taken",
    "seconds": "seconds",
    "version": "version of li2",
}
"""What is shown of a run, with its words."""


def page_data(sweep: SweepTable, store: Store) -> Markup:
    """All that the page's script reads, as JSON that may stand in a script element.

    Its parts: `columns` (by name; each {"a": values}, or {"v": distinct values, "c": their positions}), `labels` of
    the figures, `words` of the commands (columns of the same form), `table` (columns of the table of runs), `colours`
    of the end states, `curves` (see :func:`curves`).
    """
    runs = sweep.runs
    present = [name for name in FIGURES if name in runs and runs[name].notna().any()]
    rows = pd.Series(runs.index, index=runs["key"])
    columns = {
        **{name: packed(runs[name]) for name in present},
        "key": packed(runs["key"].str[:KEY_DIGITS]),
        "state": packed(runs["state"]),
        "reason": packed(runs["reason"]),
        "parent": packed(runs["parent"].map(rows)),
        "mates": packed(mates(sweep)),
        "group": packed(runs["group"]),
        "seed": packed(runs["seed"]),
        **{name: packed(runs[name]) for name in sweep.settings},
    }
    shown = ["number", "group", "order", "ratio", "seed", *sweep.settings, "state", "train_accuracy", "test_accuracy"]
    shown += ["generalised_epoch", "epochs_taken", "seconds"]
    values = {
        "runs": len(runs),
        "digits": KEY_DIGITS,
        "columns": columns,
        "labels": {name: FIGURES[name] for name in present},
        "words": command_words(sweep),
        "table": [[name, _heading(name)] for name in shown if name in columns],
        "colours": STATE_COLOURS,
        "curves": curves(sweep, store),
    }
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


_HEADINGS = {
    "number": "run",
    "order": "M",
    "ratio": "p",
    "state": "end state",
    "train_accuracy": "train accuracy",
    "test_accuracy": "test accuracy",
    "generalised_epoch": "generalised",
    "epochs_taken": "epochs",
}


def _heading(name: str) -> str:
    return _HEADINGS.get(name, name)


def packed(column: Iterable[Any]) -> dict[str, Any]:
    """A column for JSON: its values, or where they repeat, distinct ones and positions."""
    values = [_plain(value) for value in column]
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1:
        return {"v": distinct}
    if len(distinct) * 4 <= len(values):
        place = {value: position for position, value in enumerate(distinct)}
        return {"v": distinct, "c": [place[value] for value in values]}
    return {"a": values}


def _plain(value: Any) -> str | int | float | None:
    """For JSON: whole numbers as such, others with six digits, None for what is missing or not finite."""
    if isinstance(value, str):
        return value
    if value is None or pd.isna(value) or not np.isfinite(value):
        return None
    short = float(f"{float(value):.6g}") if abs(value) < 1e6 else float(value)
    return int(short) if short.is_integer() else short


def mates(sweep: SweepTable) -> list[int]:
    """For each run the number of its setting: the same for runs that differ in their seed alone."""
    runs = sweep.runs
    names = [name for name in KEYS if name in runs and name != "seed"]
    parts = runs.groupby(names, dropna=False, sort=False).ngroup()
    above = runs["parent"].map(pd.Series(parts.to_numpy(), index=runs["key"])).fillna(-1).astype(int)
    return [int(code) for code in pd.factorize(pd.MultiIndex.from_arrays([parts, above]))[0]]


def command_words(sweep: SweepTable) -> list[dict[str, Any]]:
    """The words of the runs' commands as columns: what follows the command's name, in order, "" where a run has none.

    A run's command is "li2 run" and its words that are not empty, with spaces between them: what
    :meth:`li2.specs.RunSpec.command` gives.
    """
    words: dict[str, list[str]] = {name: [""] * len(sweep.runs) for name in KEYS}
    for row, values in enumerate(sweep.runs[[name for name in KEYS if name in sweep.runs]].to_dict("records")):
        for name, value in RunSpec(**spec_values(values)).changed().items():
            words[name][row] = shlex.quote(f"{name}={value}")
    return [packed(column) for column in words.values() if any(column)]


def curves(sweep: SweepTable, store: Store) -> dict[str, Any]:
    """Accuracies and losses of the runs that are done, thinned out.

    Returns:
        `epochs`: lists of epochs; `runs`: row -> [which of these lists, base64 of 16-bit codes], the codes of the
        curves of :data:`CURVES` one after the other, low byte first; `decades`: see :data:`LOSS_DECADES`. Code 65535
        stands for none; others go linearly from 0 to 65534: accuracies from 0 to 1, losses by their logarithms.
    """
    done = sweep.runs[sweep.runs["status"] == "done"]
    settings = pd.Series(mates(sweep))[done.index]
    first_seeds = done.assign(rank=done.groupby(settings).cumcount()).sort_values("rank", kind="stable").index
    keys = done["key"].to_dict()
    grids: dict[tuple[int, ...], int] = {}
    kept = {}
    for row in sorted(first_seeds[:MOST_CURVES]):
        table = store.metrics(keys[row])
        if len(table):
            positions = thinned(len(table))
            grid = tuple(table["epoch"].to_numpy()[list(positions)].tolist())
            kept[int(row)] = [grids.setdefault(grid, len(grids)), _codes(table, positions)]
    return {"epochs": [list(grid) for grid in grids], "runs": kept, "decades": LOSS_DECADES}


@lru_cache(maxsize=1024)
def thinned(length: int) -> tuple[int, ...]:
    """At most :data:`POINTS` positions of a curve with its ends: half evenly spaced, half closer at its start."""
    if length <= POINTS:
        return tuple(range(length))
    half = POINTS // 2
    positions = {*np.linspace(0, length - 1, half).round(), *(np.geomspace(1, length, half).round() - 1)}
    return tuple(sorted(int(position) for position in positions))


def _codes(table: pd.DataFrame, positions: tuple[int, ...]) -> str:
    """The curves of a run at these positions, as :func:`curves` describes them."""
    low, high = LOSS_DECADES
    values = np.array([table[name].to_numpy(dtype=float, na_value=np.nan)[list(positions)] for name in CURVES])
    with np.errstate(divide="ignore", invalid="ignore"):
        values[2:] = (np.log10(values[2:]) - low) / (high - low)
    shares = np.clip(values, 0, 1) * 65534
    codes = np.where(np.isfinite(values), np.nan_to_num(shares).round(), 65535).astype("<u2")
    return base64.b64encode(codes.tobytes()).decode()
