"""Which solutions a learning rate leads to: their share, spectra and energies (figures 6 and 7)."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from li2.reproduce.computations import spectra
from li2.reproduce.figure import Check, Finding, Heat, Line, Panel
from li2.reproduce.measures.common import check, grouped, last, medians, named, number
from li2.reproduce.results import Results, SweepResults
from li2.specs import RunSpec
from li2.statistics import median

NETWORKS, ASCENTS = "networks", "direct ascent"

DIGITS = 4
"""Of the shares that are drawn."""


def solution_shares(results: Results, parameters: Mapping[str, Any]) -> Finding:
    """The share of generalising solutions, in the sweep ``runs`` and in direct ascents.

    Parameters:
        ascents: part that is a table of direct ascents, a row per node.
        purity: from which a node of the ascents counts as generalising; networks have their own purity_threshold.
    """
    runs, ascents = _networks(results.sweep("runs")), _ascents(results, parameters)
    panels = (
        *_share_panels(runs, "gsol", "Networks: share of nodes that are pure features"),
        *_share_panels(runs, "generalises", "Networks: share of runs that generalise"),
        _by_rate(ascents, "gsol", "Direct ascent: share of pure nodes", "share of nodes"),
    )
    slow, fast = (number(rate) for rate in (runs["lr"].min(), runs["lr"].max()))
    checks = (
        _falls(runs, "gsol", f"{NETWORKS}: share of pure nodes, lr {slow} minus {fast}", low=0.0),
        _falls(runs, "generalises", f"{NETWORKS}: share of runs that generalise, lr {slow} minus {fast}", low=0.0),
        _falls(ascents, "gsol", f"{ASCENTS}: share of pure nodes, least lr minus largest", low=0.0),
    )
    return Finding(panels, checks, _share_summary(runs, ascents))


def solution_energies(results: Results, parameters: Mapping[str, Any]) -> Finding:
    """Spectra and energies of solutions at several learning rates: of the networks ``runs`` and of direct ascents.

    Parameters:
        ascents: part that is a table of direct ascents, a row per node.
        purity: from which a node of the ascents counts as generalising.
        nodes: how many nodes of a spectrum are drawn.
    """
    sweep, ascents = results.sweep("runs"), _ascents(results, parameters)
    runs = _networks(sweep)
    rates = sorted(runs["lr"].unique())
    drawn = [_spectrum(sweep, runs[runs["lr"] == rate].iloc[0], parameters["nodes"]) for rate in rates]
    panels = (
        *(panel for panel in drawn if panel is not None),
        _by_rate(runs, "energy", "Networks: energy of a node of unit length", "E (median of nodes)"),
        _by_rate(runs, "median_purity", "Networks: purity", "share of mass in the best irrep"),
        _by_rate(ascents, "energy", "Direct ascent: energy of the solutions", "E (median of nodes)"),
        _by_rate(ascents, "median_purity", "Direct ascent: purity", "share of mass in the best irrep"),
    )
    checks = []
    for kind, frame in ((NETWORKS, runs), (ASCENTS, ascents)):
        checks += [
            _falls(frame, "energy", f"{kind}: energy, least lr minus largest", high=0.0),
            _falls(frame, "median_purity", f"{kind}: median purity, least lr minus largest", low=0.0),
        ]
    return Finding(panels, tuple(checks), _energy_summary(runs, ascents))


def _networks(sweep: SweepResults) -> pd.DataFrame:
    """The runs with what the diagnosis of their end says: share of pure nodes, median energy and purity.

    A run that diverged has none.
    """
    runs, ends = sweep.runs, last(sweep.diagnosis)
    taken = runs.set_index("key")["epochs_taken"].astype(float)
    figures = ends[ends["epoch"] == taken.reindex(ends.index)].reindex(runs["key"])
    return runs.assign(
        gsol=(figures["features"].to_numpy(dtype=float) / runs["width"].to_numpy(dtype=float)),
        energy=figures["unit_energy_median"].to_numpy(dtype=float),
        median_purity=figures["purity_median"].to_numpy(dtype=float),
        generalises=(runs["end_state"] == "generalised").astype(float),
    )


def _ascents(results: Results, parameters: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each group, learning rate, seed and ratio, of the table of nodes."""
    nodes = results.table(parameters["ascents"])
    nodes["gsol"] = (nodes["purity"] >= parameters["purity"]).astype(float)
    by = nodes.groupby(["group", "lr", "seed", "ratio"], as_index=False)
    return by.agg(gsol=("gsol", "mean"), energy=("energy", "median"), median_purity=("purity", "median"))


def _falls(frame: pd.DataFrame, column: str, what: str, **bounds: float) -> Check:
    """What a figure is at the least learning rate less that at the largest, ratios averaged, by group and seed."""
    table = frame.pivot_table(index=["group", "seed"], columns="lr", values=column, aggfunc="mean")
    rates = sorted(table.columns)
    differences = (table[rates[0]] - table[rates[-1]]).dropna().tolist() if len(rates) > 1 else []
    side = "above 0" if "low" in bounds else "below 0"
    return check(what, side, differences, of="pairs of group and seed", **bounds)


def _by_rate(frame: pd.DataFrame, column: str, title: str, y: str) -> Panel:
    lines = []
    for colour, (group, rows) in enumerate(grouped(frame, "group")):
        levels = {float(rate): of_rate[column].dropna().tolist() for rate, of_rate in grouped(rows, "lr")}
        lines.append(medians(levels, named(group), colour))
    return Panel(title, "learning rate", y, tuple(lines), log_x=True)


def _share_panels(runs: pd.DataFrame, column: str, title: str) -> tuple[Panel, ...]:
    """A panel for each group: the mean over seeds against the ratio, a line for each learning rate."""
    panels = []
    for group, of_group in grouped(runs, "group"):
        lines = []
        for colour, (rate, rows) in enumerate(grouped(of_group, "lr")):
            means = rows.groupby("n")[["ratio", column]].mean()
            x, y = (tuple(means[name].astype(float).tolist()) for name in ("ratio", column))
            lines.append(Line(f"lr {number(rate)}", x, y, colour=colour))
        panels.append(
            Panel(f"{title}, {named(group)}", "training ratio p = n/M²", "share", tuple(lines), limits=(0.0, 1.02))
        )
    return tuple(panels)


def _spectrum(sweep: SweepResults, run: pd.Series, most: int) -> Panel | None:
    """Shares of the irreps in some nodes of a run, sorted by their strongest irrep; None without kept weights."""
    kept = sweep.store.weights(run["key"])
    if kept is None:
        return None
    table = spectra(kept, _spec_of(run))
    shares = table[table["node"] < most].pivot_table(index="irrep", columns="node", values="share", sort=False)
    values = np.nan_to_num(shares.to_numpy())
    values = values[:, np.lexsort((-values.max(axis=0), values.argmax(axis=0)))]
    heat = Heat(
        x=tuple(float(i) for i in range(values.shape[1])),
        y=tuple(float(i + 1) for i in range(len(values))),
        z=tuple(tuple(row) for row in values.round(DIGITS).tolist()),
        label="share of the node's mass",
    )
    title = f"Networks: spectra of nodes, {named(run['group'])}, lr {number(float(run['lr']))}"
    return Panel(title, "node, sorted", "irrep", heat=heat)


def _spec_of(run: pd.Series) -> RunSpec:
    """The specification in a row of the table of runs."""
    given = run[list(RunSpec.keys)].dropna().to_dict()
    return RunSpec(**{str(name): value.item() if hasattr(value, "item") else value for name, value in given.items()})


def _medians(frame: pd.DataFrame, column: str) -> str:
    by_rate = [(rate, rows[column].dropna().tolist()) for rate, rows in grouped(frame, "lr")]
    return ", ".join(f"{number(median(v).value)} at lr {number(rate)}" for rate, v in by_rate if v)


def _share_summary(runs: pd.DataFrame, ascents: pd.DataFrame) -> str:
    means: Sequence[str] = [
        f"{number(float(rows['generalises'].mean()))} at lr {number(rate)}" for rate, rows in grouped(runs, "lr")
    ]
    return (
        f"Share of networks that generalise: {', '.join(means)}. Median share of pure nodes: in networks "
        f"{_medians(runs, 'gsol')}; by direct ascent {_medians(ascents, 'gsol')}."
    )


def _energy_summary(runs: pd.DataFrame, ascents: pd.DataFrame) -> str:
    return (
        f"Median energy of a node of unit length: in networks {_medians(runs, 'energy')}; by direct ascent "
        f"{_medians(ascents, 'energy')}. Median purity: in networks {_medians(runs, 'median_purity')}; by direct "
        f"ascent {_medians(ascents, 'median_purity')}."
    )
