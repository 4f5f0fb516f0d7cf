"""The energy's landscape with a linear σ, with x² on all pairs, and with x² on too few of them (figure 4)."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from li2.reproduce.computations.landscape_slices import LINEAR, PART, WHOLE
from li2.reproduce.figure import Check, Finding, Heat, Line, Panel, Verdict
from li2.reproduce.measures.common import number, unanimous
from li2.reproduce.results import Results

TITLES = {
    LINEAR: "σ(x) = x, few pairs: one maximum, up to sign",
    WHOLE: "σ(x) = x², all pairs: maxima are features",
    PART: "σ(x) = x², few pairs: maxima memorise",
}

SAME = 1e-6
"""Relative difference of energies from which two maxima are two."""

DIGITS = 4
"""Of the energies that are drawn."""


def landscape(results: Results, parameters: Mapping[str, Any]) -> Finding:
    """Slices through a generalising and a memorising maximum, and where random ascents end.

    Parameters:
        slices, ends: parts with the tables of :func:`li2.reproduce.computations.landscape_slices` and
            :func:`li2.reproduce.computations.landscape_ends`.
    """
    slices, ends = results.table(parameters["slices"]), results.table(parameters["ends"])
    panels = (*(_slice(slices[slices["case"] == case], title) for case, title in TITLES.items()), _circle(slices))
    return Finding(panels, _checks(ends), _summary(ends))


def _slice(table: pd.DataFrame, title: str) -> Panel:
    grid = table[table["mark"] == ""].pivot_table(index="y", columns="x", values="energy")
    marks = tuple(
        Line(f"a {mark} maximum", tuple(there["x"]), tuple(there["y"]), style="points", colour=colour)
        for colour, mark in enumerate(("generalising", "memorising"), start=1)
        if len(there := table[table["mark"] == mark])
    )
    heat = Heat(
        x=tuple(grid.columns.astype(float)),
        y=tuple(grid.index.astype(float)),
        z=tuple(tuple(row) for row in grid.to_numpy().round(DIGITS).tolist()),
        label="energy E",
    )
    return Panel(title, "towards the maxima (sphere from above)", "random direction", marks, heat)


def _circle(slices: pd.DataFrame) -> Panel:
    lines = []
    for colour, case in enumerate(TITLES):
        circle = slices[(slices["case"] == case) & (slices["mark"] == "circle")].sort_values("angle")
        energy = tuple(circle["energy"].round(DIGITS))
        lines.append(Line(case, tuple((circle["angle"] / math.pi).round(DIGITS)), energy, colour=colour))
    title = "On the great circle through both maxima"
    return Panel(title, "angle from the generalising maximum / π", "energy E", tuple(lines))


def _checks(ends: pd.DataFrame) -> tuple[Check, ...]:
    linear, whole, part = (ends[(ends["case"] == case) & ends["converged"]] for case in TITLES)
    top = linear["energy"].max()
    shares = np.isclose(linear["energy"], top, rtol=SAME)
    irreps = whole.loc[whole["kind"] == "generalising", "irrep"].nunique()
    verdict = Verdict.CONFIRMED if irreps > 1 else Verdict.NOT_CONFIRMED
    return (
        unanimous("linear σ: ascents that end at the same, highest energy", "all", shares.tolist(), "ascents"),
        unanimous(
            "x² on all pairs: ascents that end at a feature",
            "all",
            (whole["kind"] == "generalising").tolist(),
            "ascents",
        ),
        Check("x² on all pairs: irreps among these features", "several", f"{irreps}", verdict),
        unanimous(
            "x² on too few pairs: ascents that end memorising",
            "all",
            (part["kind"] == "memorising").tolist(),
            "ascents",
        ),
    )


def _summary(ends: pd.DataFrame) -> str:
    words = []
    for case, table in ends.groupby("case", sort=False):
        kinds = ", ".join(f"{count} {kind}" for kind, count in table["kind"].value_counts().items())
        low, high = (number(value) for value in (table["energy"].min(), table["energy"].max()))
        energies = low if low == high else f"{low} to {high}"
        words.append(f"{case} (n = {table['n'].iloc[0]}): {kinds}, E = {energies}")
    return f"Ends of random ascents: {'; '.join(words)}."
