"""The critical ratio of each group against its order, beside the laws."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from li2.report.style import BLUE, GREEN, ORANGE, apply_style, translucent
from li2.report.sweep_cells import MOST_LINKED, Drawing, at_most
from li2.report.sweep_figures import FAMILY_WORDS
from li2.report.sweep_laws import Critical, Law
from li2.report.sweep_table import SweepTable, dimension, family, text
from li2.sweeps.crossings import CrossingStatus
from li2.sweeps.fits import Estimate

FAMILY_COLOURS = {"cyclic": BLUE, "dihedral": ORANGE, "other": GREEN}

_RATIO_TICKS = [digit * 10.0**power for power in (-4, -3, -2, -1, 0) for digit in (1, 2, 3, 4, 5, 7)]


def critical_ratios(sweep: SweepTable) -> Drawing | None:
    """The critical ratio against M, each seed as a bracket; None if fewer than two groups have one."""
    panels, words = [], []
    for setting, part in sweep.series(sweep.fresh, but=("group", "p")):
        critical = Critical.of(part)
        if len(critical.estimates) > 1:
            panels.append((setting, _critical(critical)))
            words += [f"{setting}: {sentence}" if setting else sentence for sentence in critical.words]
    if not panels:
        return None
    return Drawing(
        "Critical ratio",
        "The least share p of all pairs that generalises. Thin bars: for each seed, from the largest training set that "
        "did not generalise, below the smallest that did, to that one; large dots: the geometric mean over the seeds "
        f"with its 95 % interval. Generalises: test accuracy ≥ {sweep.thresholds}.",
        notes=words,
        **at_most(panels),
    )


def _critical(critical: Critical) -> go.Figure:
    figure = go.Figure()
    brackets = _brackets(critical)
    sizes = [(estimate.order, dimension(estimate.largest_irrep_dim)) for estimate in critical.estimates]
    for law in critical.drawn:
        _draw_law(figure, law, sizes)
    links: dict[str, list[int]] = {}
    for crossing, rows in critical.crossings:
        links[crossing.group] = (links.get(crossing.group, []) + rows)[:MOST_LINKED]
    for kind in FAMILY_WORDS:
        estimates = [estimate for estimate in critical.estimates if family(estimate.group) == kind]
        if estimates:
            figure.add_traces([_seeds(brackets[brackets["family"] == kind], kind), _means(estimates, links, kind)])
    apply_style(figure, 500)
    orders = sorted({order for order, _ in sizes})
    step = math.ceil(len(orders) / 12)
    low, high = brackets["low"].min() / 1.3, brackets["high"].max() * 1.3
    ratios = [ratio for ratio in _RATIO_TICKS if low < ratio < high]
    figure.update_xaxes(
        title="group order M", type="log", tickvals=orders[::step], ticktext=[str(order) for order in orders[::step]]
    )
    figure.update_yaxes(
        title="critical training ratio p",
        type="log",
        range=[math.log10(low), math.log10(high)],
        tickvals=ratios,
        ticktext=[f"{ratio:.1g}" for ratio in ratios],
    )
    return figure.update_layout(hovermode="closest", margin={"t": 90})


def _brackets(critical: Critical) -> pd.DataFrame:
    """A row for each seed that has both ends: group, family, M, seed, low, high, middle (ratios), rows."""
    return pd.DataFrame(
        [
            {
                "group": crossing.group,
                "family": family(crossing.group),
                "M": crossing.order,
                "seed": crossing.seed,
                "low": crossing.low_ratio,
                "high": crossing.high_ratio,
                "middle": math.sqrt((crossing.low_ratio or 0) * (crossing.high_ratio or 0)),
                "rows": rows,
            }
            for crossing, rows in critical.crossings
            if crossing.status == CrossingStatus.BRACKETED
        ]
    )


def _seeds(part: pd.DataFrame, kind: str) -> go.Scatter:
    """A bar for each seed, side by side."""
    position = part.groupby("group").cumcount() - (part.groupby("group")["seed"].transform("size") - 1) / 2
    colour = FAMILY_COLOURS[kind]
    return go.Scatter(
        x=(part["M"] * np.exp(0.006 * position)).tolist(),
        y=part["middle"].tolist(),
        mode="markers",
        legendgroup=kind,
        showlegend=False,
        marker={"color": colour, "size": 4, "opacity": 0.5},
        error_y={
            "type": "data",
            "symmetric": False,
            "thickness": 1,
            "width": 2,
            "color": translucent(colour, 0.45),
            "array": (part["high"] - part["middle"]).tolist(),
            "arrayminus": (part["middle"] - part["low"]).tolist(),
        },
        customdata=part["rows"].tolist(),
        text=[
            f"{text(group)}, seed {seed}: {low:.4f} < p ≤ {high:.4f}"
            for group, seed, low, high in part[["group", "seed", "low", "high"]].itertuples(index=False)
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _means(estimates: Sequence[Estimate], links: dict[str, list[int]], kind: str) -> go.Scatter:
    """A dot for each group, with its interval where that has ends."""
    bounded = [estimate.low > 0 and math.isfinite(estimate.high) for estimate in estimates]
    return go.Scatter(
        x=[estimate.order for estimate in estimates],
        y=[estimate.value for estimate in estimates],
        mode="markers",
        name=FAMILY_WORDS[kind],
        legendgroup=kind,
        marker={"color": FAMILY_COLOURS[kind], "size": 9, "line": {"color": "white", "width": 1}},
        error_y={
            "type": "data",
            "symmetric": False,
            "thickness": 2,
            "width": 0,
            "array": [e.high - e.value if known else 0.0 for e, known in zip(estimates, bounded, strict=True)],
            "arrayminus": [e.value - e.low if known else 0.0 for e, known in zip(estimates, bounded, strict=True)],
        },
        customdata=[links[estimate.group] for estimate in estimates],
        text=[
            f"{text(e.group)}: p = {e.value:.4f}" + (f" [{e.low:.4f}, {e.high:.4f}]" if known else "")
            for e, known in zip(estimates, bounded, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _draw_law(figure: go.Figure, law: Law, sizes: Sequence[tuple[int, int]]) -> None:
    """A law as a curve for every d_max that occurs, its interval as a band."""
    shown = False
    for largest in sorted({largest for _, largest in sizes}):
        of_kind = [order for order, dimension in sizes if dimension == largest]
        orders = sorted({max(round(M), 2) for M in np.geomspace(0.94 * min(of_kind), 1.06 * max(of_kind), 60)})
        ratios = [law.ratio(order, largest) for order in orders]
        if math.isnan(ratios[0]):
            continue
        if law.band is not None:
            bounds = [law.band(order, largest) for order in orders]
            figure.add_trace(
                go.Scatter(
                    x=[*orders, *orders[::-1]],
                    y=[*(low for low, _ in bounds), *(high for _, high in bounds[::-1])],
                    fill="toself",
                    fillcolor=translucent(law.colour),
                    mode="lines",
                    line={"width": 0},
                    hoverinfo="skip",
                    showlegend=False,
                )
            )
        figure.add_trace(
            go.Scatter(
                x=orders,
                y=ratios,
                mode="lines",
                name=law.name,
                legendgroup=law.name,
                showlegend=not shown,
                line={"color": law.colour, "dash": law.dash, "width": 2},
                hovertemplate="p = %{y:.4f} at M = %{x}<extra></extra>",
            )
        )
        shown = True
