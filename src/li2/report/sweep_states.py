"""How runs ended against what a sweep varies: shares of end states, time to generalise, continued runs."""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from li2.report.style import BLUE, CURVE_COLOURS, ORANGE, apply_style
from li2.report.sweep_cells import MOST_FIGURES, STATE_COLOURS, Cell, Drawing, at_most, cells, plain
from li2.report.sweep_table import STATES, SweepTable, binned, is_logarithmic, label, number, text
from li2.statistics import power_law_of_levels

MOST_SERIES = 8
"""Settings that are told apart in one figure; more are drawn together."""

TIMES = {"generalised_epoch": "test accuracy at its threshold", "test_accuracy_50": "test accuracy 0.5"}

_STATE_WORDS = (
    "An end state is what a run came to at its last epoch: generalised (test accuracy reached {}), memorised (all "
    "training pairs known, test accuracy at chance), learning (its epochs ended first), collapsed (weights decayed to "
    "zero) or diverged (numbers became infinite); failed runs could not be trained. "
)


def end_states(sweep: SweepTable) -> Drawing | None:
    """Shares of end states along each numeric axis, and the most frequent one over each two; None without axes."""
    figures = []
    for axis in sweep.axes:
        figures.append((f"Against {label(axis)}", _shares(sweep.ended, axis)))
    for across, up in combinations(sweep.axes, 2):
        across, up = (up, across) if across == "p" else (across, up)
        figures.append((f"{label(across)} and {label(up)}", _most_frequent(sweep.ended, across, up)))
    if not figures:
        return None
    return Drawing(
        "End states",
        _STATE_WORDS.format(sweep.thresholds)
        + "Bars: the share of each, over all runs with that value. Cells: the most frequent one, with its share where "
        "that is not 1. A click shows the runs.",
        **at_most(figures, 2 * MOST_FIGURES),
    )


def _shares(runs: pd.DataFrame, axis: str) -> go.Figure:
    """Stacked bars, one for each value of an axis."""
    found = cells(runs.assign(value=binned(runs[axis])), ["value", "state"])
    values = sorted({value for value, _ in found})
    totals = [sum(len(cell.rows) for (at, _), cell in found.items() if at == value) for value in values]
    figure = go.Figure()
    for state in STATES:
        parts = [found.get((value, state), Cell()) for value in values]
        if not any(part.rows for part in parts):
            continue
        figure.add_trace(
            go.Bar(
                x=list(range(len(values))),
                y=[len(part.rows) / total for part, total in zip(parts, totals, strict=True)],
                name=state,
                marker={"color": STATE_COLOURS[state], "line": {"color": "white", "width": 0.5}},
                text=[f"{len(part.rows)} of {total} runs" for part, total in zip(parts, totals, strict=True)],
                textposition="none",
                customdata=[part.linked for part in parts],
                hovertemplate=f"{state}: %{{text}}<extra></extra>",
            )
        )
    apply_style(figure, 320)
    _categories(figure.update_xaxes, axis, values)
    figure.update_yaxes(title="share of runs", range=[0, 1])
    return figure.update_layout(
        barmode="stack", bargap=0.08, hovermode="closest", showlegend=True, legend_traceorder="normal"
    )


def _most_frequent(runs: pd.DataFrame, across: str, up: str) -> go.Figure:
    """A grid of cells in the colour of the end state that most of their runs share."""
    found = cells(runs.assign(across=binned(runs[across]), up=binned(runs[up])), ["across", "up"])
    columns, rows = (sorted({key[side] for key in found}) for side in (0, 1))
    grid = [[found.get((column, row)) for column in columns] for row in rows]
    steps = [
        [share, STATE_COLOURS[state]]
        for position, state in enumerate(STATES)
        for share in (position / len(STATES), (position + 1) / len(STATES))
    ]
    few = len(columns) * len(rows) <= 150
    figure = go.Figure(
        go.Heatmap(
            x=list(range(len(columns))),
            y=list(range(len(rows))),
            z=[[None if cell is None else STATES.index(cell.leading[0]) + 0.5 for cell in row] for row in grid],
            zmin=0,
            zmax=len(STATES),
            colorscale=steps,
            showscale=False,
            xgap=1,
            ygap=1,
            hoverongaps=False,
            text=[["" if cell is None or not few else _share_words(cell) for cell in row] for row in grid],
            texttemplate="%{text}",
            textfont={"size": 11},
            hovertext=[["" if cell is None else cell.words for cell in row] for row in grid],
            hovertemplate="%{hovertext}<extra></extra>",
            customdata=[[[] if cell is None else cell.linked for cell in row] for row in grid],
        )
    )
    for state in STATES:
        if any(cell.states[state] for cell in found.values()):
            marker = {"color": STATE_COLOURS[state], "symbol": "square", "size": 12}
            figure.add_trace(go.Scatter(x=[None], y=[None], mode="markers", name=state, marker=marker))
    apply_style(figure, 380)
    _categories(figure.update_xaxes, across, columns)
    _categories(figure.update_yaxes, up, rows)
    return figure.update_layout(hovermode="closest", showlegend=True)


def _share_words(cell: Cell) -> str:
    share = cell.leading[1]
    return "" if share == 1 else f"{share:.0%}"


def _categories(update: Callable[..., Any], axis: str, values: Sequence[float]) -> None:
    """An axis on which values stand side by side."""
    step = -(-len(values) // 16)
    update(
        title=label(axis),
        tickvals=list(range(0, len(values), step)),
        ticktext=[number(value) for value in values[::step]],
        range=[-0.5, len(values) - 0.5],
        showgrid=False,
    )


def grokking_times(sweep: SweepTable) -> Drawing | None:
    """Epochs until runs generalise against each numeric axis; None if fewer than two values of any have such runs."""
    figures = []
    for axis in sweep.axes:
        parts = sweep.series(sweep.fresh, but=(axis,))
        pooled = len(parts) > MOST_SERIES
        parts = [("", sweep.fresh)] if pooled else parts
        reached = sweep.fresh[sweep.fresh[axis].notna()]["generalised_epoch"] > 0
        if sweep.fresh[axis][sweep.fresh["generalised_epoch"] > 0].nunique() > 1:
            caption = f"Against {label(axis)}: {reached.sum()} of {len(reached)} runs generalised"
            caption += ", all other settings drawn together" if pooled else ""
            figures.append((caption, _times(parts, axis, pooled)))
    if not figures:
        return None
    return Drawing(
        "Grokking time",
        f"Epochs until the test accuracy first reached {sweep.thresholds} (dots) and 0.5 (rings), one for each run "
        "that got there, and the medians as lines (full and dotted). Runs that did not get there are not in the "
        "figure: the medians are of those that did. Exponents are those of power laws through the medians, with 95 % "
        "intervals, where three values or more have runs.",
        **at_most(figures),
    )


def _times(parts: Sequence[tuple[str, pd.DataFrame]], axis: str, pooled: bool) -> go.Figure:
    """Points of runs and lines of medians for each setting and both thresholds; no exponents of pooled settings."""
    figure = go.Figure()
    for position, (words, part) in enumerate(parts):
        colour = CURVE_COLOURS[position % len(CURVE_COLOURS)]
        for column in TIMES:
            reached = part.dropna(subset=[axis, column])
            reached = reached[reached[column] > 0]
            if len(reached):
                exponent = "" if pooled else _exponent(reached, axis, column)
                figure.add_traces(_time_traces(reached, axis, column, (words or "all runs", exponent), colour))
    entries = sum(trace.showlegend is not False for trace in figure.data)
    apply_style(figure, 360 + 11 * entries)
    _numbers(figure, label(axis))
    figure.update_yaxes(title="epoch", type="log", exponentformat="none")
    return figure.update_layout(hovermode="closest", margin={"t": 40 + 11 * entries}, showlegend=True)


def _time_traces(runs: pd.DataFrame, axis: str, column: str, named: tuple[str, str], colour: str) -> list[go.Scatter]:
    """The runs and the medians of one setting at one threshold; medians at the accuracy threshold are in the legend."""
    threshold = column == "generalised_epoch"
    medians = runs.groupby(axis)[column].median()
    name, words = named[0], ", ".join(filter(None, named))
    points = go.Scatter(
        x=runs[axis].astype(float).tolist(),
        y=runs[column].astype(float).tolist(),
        mode="markers",
        legendgroup=name,
        showlegend=False,
        marker={"color": colour, "symbol": "circle" if threshold else "circle-open", "size": 6, "opacity": 0.55},
        text=[f"{text(group)}, seed {seed}" for group, seed in runs[["group", "seed"]].itertuples(index=False)],
        customdata=[[int(row)] for row in runs.index],
        hovertemplate=f"%{{text}}: {TIMES[column]} at epoch %{{y}}<extra></extra>",
    )
    line = go.Scatter(
        x=medians.index.astype(float).tolist(),
        y=medians.astype(float).tolist(),
        mode="lines",
        name=words,
        legendgroup=name,
        showlegend=threshold,
        line={"color": colour, "dash": "solid" if threshold else "dot", "width": 2},
        hovertemplate=f"median: {TIMES[column]} at epoch %{{y}}<br>{words}<extra></extra>",
    )
    return [points, line]


def _numbers(figure: go.Figure, title: str) -> None:
    """A horizontal axis of numbers, each of them marked where they are few."""
    values = sorted({float(value) for trace in figure.data for value in trace.x})
    ticks = {"tickvals": values, "ticktext": [number(value) for value in values]} if len(values) <= 12 else {}
    figure.update_xaxes(title=title, type="log" if is_logarithmic(values) else "linear", **ticks)


def continued(sweep: SweepTable) -> Drawing | None:
    """Accuracy before and after a second training; None if no run continued another."""
    runs = sweep.continued
    if runs.empty:
        return None
    before = sweep.runs.loc[runs["parent_row"].astype(int), "test_accuracy"].astype(float).to_numpy()
    figures = [
        (words, _continued(part))
        for words, part in sweep.series(runs.assign(before=before), but=("p",))
        if part["test_accuracy"].notna().any()
    ]
    return Drawing(
        "Continued runs",
        "Trained networks whose training went on with other data or settings: test accuracy at the end of the first "
        "run, on that run's own test pairs, and at the end of the second, on its own, against the second run's "
        "training ratio. A network that forgets the rule on too little data (un-grokking) falls from the "
        "rings to the dots.",
        **at_most(figures),
    )


def _continued(runs: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    for column, name, colour, symbol in (
        ("before", "before", BLUE, "circle-open"),
        ("test_accuracy", "after", ORANGE, "circle"),
    ):
        medians = runs.groupby("p")[column].median()
        figure.add_trace(
            go.Scatter(
                x=runs["p"].tolist(),
                y=[plain(value) for value in runs[column]],
                mode="markers",
                showlegend=False,
                marker={"color": colour, "symbol": symbol, "size": 7},
                text=[f"{text(group)}, seed {seed}" for group, seed in runs[["group", "seed"]].itertuples(index=False)],
                customdata=[[int(row)] for row in runs.index],
                hovertemplate=f"{name}: %{{text}}: %{{y:.3f}}<extra></extra>",
            )
        )
        figure.add_trace(
            go.Scatter(
                x=medians.index.tolist(),
                y=[plain(value) for value in medians],
                mode="lines",
                name=f"{name} (median)",
                line={"color": colour, "width": 2},
                hovertemplate="median: %{y:.3f}<extra></extra>",
            )
        )
    apply_style(figure, 360)
    _numbers(figure, "training ratio p of the second run")
    figure.update_yaxes(title="test accuracy", range=[-0.03, 1.03])
    return figure.update_layout(hovermode="closest")


def _exponent(runs: pd.DataFrame, axis: str, column: str) -> str:
    """The exponent of a power law in words; empty where there are too few values for one."""
    runs = runs[runs[axis].astype(float) > 0]
    if runs[axis].nunique() < 3:
        return ""
    return f"exponent {power_law_of_levels(runs[axis].astype(float).tolist(), runs[column].astype(float).tolist())}"
