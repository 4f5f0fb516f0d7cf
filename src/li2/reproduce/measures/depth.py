"""Networks of several depths: when they generalise, and what their lowest layer learns (figure 9)."""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from li2.reproduce.figure import Check, Finding, Panel
from li2.reproduce.measures.common import check, curve, epochs, grouped, last, medians, number, paired, unanimous
from li2.reproduce.results import Results
from li2.statistics import median


def depth(results: Results, parameters: Mapping[str, Any]) -> Finding:
    """Runs of the part ``runs`` with several numbers of hidden layers.

    Parameters:
        purity: of the lowest layer's nodes at the end, in the median, from which they count as Fourier features.
    """
    sweep = results.sweep("runs")
    runs, metrics, diagnosis = sweep.runs, sweep.metrics, sweep.diagnosis
    purity = last(diagnosis)["purity_median"].reindex(runs["key"]).to_numpy(dtype=float)
    runs = runs.assign(epoch=epochs(runs), purity=purity, delay=epochs(runs) / epochs(runs, "memorised_epoch"))
    panels = (
        *_curves(runs, metrics),
        _by_depth(runs, "epoch", "When networks generalise", "epoch of test accuracy 0.99", log=True),
        _by_depth(runs, "purity", "Purity of the lowest layer's nodes at the end", "share of mass in the best irrep"),
        _purity_by_epoch(runs, diagnosis),
    )
    return Finding(panels, _checks(runs, diagnosis, parameters["purity"]), _summary(runs))


def _label(layers: int) -> str:
    """As they are counted in the paper, with the output layer."""
    return f"{layers + 1} layers"


def _curves(runs: pd.DataFrame, metrics: pd.DataFrame) -> tuple[Panel, Panel]:
    accuracy, loss = [], []
    for colour, layers in enumerate(sorted(runs["layers"].unique().tolist())):
        keys = runs.loc[runs["layers"] == layers, "key"].tolist()
        for part, style in (("test", "line"), ("train", "dashed")):
            label = f"{part}, {_label(layers)}"
            accuracy.append(curve(metrics, keys, f"{part}_accuracy", label, colour, style=style))
            loss.append(curve(metrics, keys, f"{part}_loss", label, colour, style=style))
    return (
        Panel("Accuracy", "epoch", "accuracy", tuple(accuracy), log_x=True, limits=(0.0, 1.02)),
        Panel("Loss", "epoch", "loss", tuple(loss), log_x=True, log_y=True),
    )


def _by_depth(runs: pd.DataFrame, column: str, title: str, y: str, *, log: bool = False) -> Panel:
    levels = {float(layers + 1): rows[column].dropna().tolist() for layers, rows in grouped(runs, "layers")}
    return Panel(title, "layers", y, (medians(levels, "median of seeds"),), log_y=log)


def _purity_by_epoch(runs: pd.DataFrame, diagnosis: pd.DataFrame) -> Panel:
    lines = tuple(
        curve(diagnosis, runs.loc[runs["layers"] == layers, "key"].tolist(), "purity_median", _label(layers), colour)
        for colour, layers in enumerate(sorted(runs["layers"].unique().tolist()))
    )
    return Panel("Purity of the lowest layer's nodes", "epoch", "median share of mass in the best irrep", lines)


def _checks(runs: pd.DataFrame, diagnosis: pd.DataFrame, enough: float) -> tuple[Check, ...]:
    depths = sorted(runs["layers"].unique().tolist())
    checks = []
    for layers in depths:
        rows = runs[runs["layers"] == layers]
        late = (rows["epoch"] < math.inf) & (rows["delay"] > 1)
        what = f"{_label(layers)}: networks memorise first, then generalise"
        checks.append(unanimous(what, "all runs", late.tolist(), "runs"))
    for fewer, more in itertools.pairwise(depths):
        ratios = paired(runs["epoch"], runs, "layers", more, fewer, ["seed"])
        what = f"epoch of generalisation, {_label(more)} over {fewer + 1}"
        checks.append(check(what, "a ratio above 1", ratios.tolist(), low=1.0, of="seeds"))
    if len(depths) > 1:
        both = runs[np.isfinite(runs["delay"])]  # without an end there is no delay to compare
        delays = paired(both["delay"], both, "layers", depths[-1], depths[0], ["seed"])
        what = f"epochs of generalisation over memorisation, {_label(depths[-1])} over {depths[0] + 1}"
        checks.append(check(what, "a ratio above 1: grokking is more marked", delays.tolist(), low=1.0, of="seeds"))
    first = diagnosis.groupby("key")["purity_median"].first().reindex(runs["key"]).to_numpy(dtype=float)
    for layers in depths:
        here = (runs["layers"] == layers).to_numpy()
        start = median(first[here].tolist()).value if not pd.isna(first[here]).any() else float("nan")
        what = f"median purity of the lowest of {_label(layers)} (at first {number(start)})"
        values = runs["purity"][here].tolist()
        checks.append(check(what, f"at least {enough:g}: Fourier features", values, low=enough, of="seeds"))
    return tuple(checks)


def _summary(runs: pd.DataFrame) -> str:
    parts = [
        f"{_label(layers)} generalise at epoch {number(median(rows['epoch'].tolist()).value)} "
        f"with purity {number(float(rows['purity'].median()))}"
        for layers, rows in grouped(runs, "layers")
    ]
    return f"In the median over seeds, networks of {'; of '.join(parts)}."
