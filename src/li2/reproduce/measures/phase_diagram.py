"""Test accuracy over the group's order and the amount of data, and where it crosses one half (figure 5)."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from li2.reproduce.figure import Check, Finding, Heat, Line, Panel, Verdict
from li2.reproduce.measures.common import check, grouped, judged, number, told
from li2.reproduce.results import Results
from li2.statistics import Interval, median, power_law
from li2.theory.scaling import CRITICAL_CONSTANT, critical_ratio

ROWS = 25
"""Of the map, where groups were trained on different ratios."""


def phase_diagram(results: Results, parameters: Mapping[str, Any]) -> Finding:
    """Runs of the part ``runs`` in several groups on several amounts of data.

    Parameters:
        tolerance: by what share the constant, and by how much the exponent of ln M/M, may differ from those claimed.
    """
    runs = results.sweep("runs").runs
    found = critical_ratios(runs)
    tolerance = parameters["tolerance"]
    return Finding(_panels(runs, found), _checks(found, tolerance), _summary(found, len(runs)))


def critical_ratios(runs: pd.DataFrame) -> pd.DataFrame:
    """Where each group's test accuracy crosses one half.

    Args:
        runs: with group, order, largest_irrep_dim, seed, ratio and test_accuracy.

    Returns:
        A row for each group, ascending in order: order, value, low, high (the median over seeds with its
        interval; 0 and ∞ where seeds lie below or above all ratios), constant (c of p = c·ln M/M, times d_max/2 for
        non-Abelian groups), and ``published``, the ratio with c = 2.7482.
    """
    rows = []
    for _, of_group in grouped(runs, "group"):
        found = median([crossing(of_seed) for _, of_seed in grouped(of_group, "seed")])
        order, dimension = int(of_group["order"].iloc[0]), of_group["largest_irrep_dim"].iloc[0]
        dimension = 1 if pd.isna(dimension) else int(dimension)
        published = critical_ratio(order, dimension)
        constant = CRITICAL_CONSTANT * found.value / published
        rows.append((order, found.value, found.low, found.high, constant, published))
    columns = ["order", "value", "low", "high", "constant", "published"]
    return pd.DataFrame(rows, columns=columns).sort_values("order", ignore_index=True)


def crossing(runs: pd.DataFrame) -> float:
    """The ratio from which test accuracy stays above one half, between neighbours by a straight line.

    0 if it is above at all ratios, ∞ if it is not at the largest.
    """
    points = runs.sort_values("ratio")[["ratio", "test_accuracy"]].to_numpy(dtype=float)
    below = np.flatnonzero(~(points[:, 1] >= 0.5))
    if not len(below):
        return 0.0
    if below[-1] == len(points) - 1:
        return math.inf
    (x0, y0), (x1, y1) = points[below[-1]], points[below[-1] + 1]
    return float(x0 + (0.5 - np.nan_to_num(y0)) / (y1 - np.nan_to_num(y0)) * (x1 - x0))


def _panels(runs: pd.DataFrame, found: pd.DataFrame) -> tuple[Panel, ...]:
    orders = tuple(found["order"].astype(float))
    line = tuple(found["published"])
    predicted = Line(f"{CRITICAL_CONSTANT}·ln M/M", orders, line, style="dashed", colour=1)
    closed = found[(found["low"] > 0) & np.isfinite(found["high"])]
    measured = Line(
        "accuracy crosses ½",
        tuple(closed["order"].astype(float)),
        tuple(closed["value"]),
        tuple(closed["low"]),
        tuple(closed["high"]),
        style="points",
    )
    constants = Line("groups", tuple(closed["order"].astype(float)), tuple(closed["constant"]), style="points")
    given = Line(f"{CRITICAL_CONSTANT}", orders, (CRITICAL_CONSTANT,) * len(orders), style="dashed", colour=1)
    order, ratio = "group order M", "training ratio p = n/M²"
    return (
        Panel("Test accuracy at the end (mean of seeds)", order, ratio, (predicted, measured), heat=_heat(runs)),
        Panel("Critical ratio (median of seeds)", order, ratio, (measured, predicted), log_x=True, log_y=True),
        Panel("Critical ratio in units of ln M/M", order, "c = p·M/ln M", (constants, given)),
    )


def _heat(runs: pd.DataFrame) -> Heat:
    """Over the ratios asked for if all groups have the same, else interpolated between those of each group."""
    means = runs.groupby(["order", "ratio"])["test_accuracy"].mean()
    orders = sorted(runs["order"].unique())
    asked = {tuple(sorted(of_group["train_fraction"].unique())) for _, of_group in grouped(runs, "order")}
    shared = next(iter(asked)) if len(asked) == 1 else ()
    if not shared or np.isnan(shared).any():
        rows = np.linspace(float(runs["ratio"].min()), float(runs["ratio"].max()), ROWS)
        columns = [
            np.interp(rows, means[order].index, means[order].to_numpy(), left=math.nan, right=math.nan)
            for order in orders
        ]
    else:
        rows = np.array(shared)
        table = runs.pivot_table(index="train_fraction", columns="order", values="test_accuracy", aggfunc="mean")
        columns = [table[order].to_numpy() for order in orders]
    z = tuple(tuple(float(column[row]) for column in columns) for row in range(len(rows)))
    return Heat(tuple(float(order) for order in orders), tuple(rows.tolist()), z, "test accuracy")


def _checks(found: pd.DataFrame, tolerance: float) -> tuple[Check, ...]:
    closed = found[(found["value"] > 0) & np.isfinite(found["value"])]
    outside = len(found) - len(closed)
    bounds = {"low": CRITICAL_CONSTANT * (1 - tolerance), "high": CRITICAL_CONSTANT * (1 + tolerance)}
    expected = f"c within {100 * tolerance:g} % of {CRITICAL_CONSTANT}"
    return (
        _exponent(
            "the critical ratio falls with M", "an exponent of M below 0", closed, closed["order"], outside, high=0.0
        ),
        _exponent(
            "it falls as ln M/M",
            f"an exponent of ln M/M from {1 - tolerance:g} to {1 + tolerance:g}",
            closed,
            closed["published"],
            outside,
            low=1 - tolerance,
            high=1 + tolerance,
        ),
        check("constant of p = c·ln M/M", expected, found["constant"].tolist(), of="groups", **bounds),
    )


def _exponent(what: str, expected: str, closed: pd.DataFrame, x: pd.Series, left_out: int, **bounds: float) -> Check:
    """The exponent of a power of x that the critical ratios follow; undecided if groups had to be left out."""
    values = x.to_numpy(dtype=float)
    words = f"from {len(values)} groups" + (f"; {left_out} more cross outside the ratios trained" if left_out else "")
    if len(np.unique(values)) < 3:
        return Check(what, expected, "fewer than three groups of different order", Verdict.UNDECIDED)
    fitted: Interval = power_law({"x": values}, closed["value"].to_numpy())["x"]
    verdict = Verdict.UNDECIDED if left_out else judged(fitted, len(values), **bounds)
    return Check(what, expected, f"{fitted} {words}", verdict)


def _summary(found: pd.DataFrame, runs: int) -> str:
    outside = int(((found["value"] == 0) | np.isinf(found["value"])).sum())
    text = (
        f"From {runs} runs in {len(found)} groups of orders {found['order'].min()} to {found['order'].max()}: "
        f"c = p·M/ln M at the crossing has the {told(median(found['constant'].tolist()))}; "
        f"the published c is {number(CRITICAL_CONSTANT)}."
    )
    return text + (f" In {outside} groups the crossing lies outside the ratios trained." if outside else "")
