"""The figures of predictions: courses of a run; critical ratios, probabilities and epochs beside trained ones."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from li2.prediction import Critical, Forecast, Score
from li2.report.style import BLUE, CURVE_COLOURS, GREEN, GREY, HEIGHT, ORANGE, apply_style
from li2.statistics import Interval
from li2.sweeps.fits import Estimate
from li2.theory.scaling import critical_ratio as published_ratio

POINTS = 300
"""Of a curve at most, evenly spaced in the logarithm of the epoch."""

TRAINED, PREDICTED = ORANGE, BLUE

_REFERENCE = {"color": GREY, "width": 1.5, "dash": "dash"}


def courses_figure(forecast: Forecast) -> go.Figure:
    """Accuracies, losses and ‖G_F‖ against the epoch, a thin line for each training set."""
    figure = make_subplots(rows=3, cols=1, shared_xaxes=True, vertical_spacing=0.05)
    curves = (
        (1, "train_accuracy", "train", BLUE),
        (1, "test_accuracy", "test", ORANGE),
        (2, "train_loss", "train", BLUE),
        (2, "test_loss", "test", ORANGE),
        (3, "backprop_norm", "‖G_F‖", GREEN),
    )
    for number, course in enumerate(forecast.courses):
        for row, column, name, colour in curves:
            table = _thinned(course.figures, column)
            line = go.Scatter(
                x=table["epoch"].tolist(),
                y=[float(f"{value:.5g}") for value in table[column]],
                name=name,
                legendgroup=name,
                showlegend=number == 0 and row != 2,
                line={"color": colour, "width": 1.3},
                opacity=0.75,
                hovertemplate=f"{name}, seed {course.spec.seed}: %{{y:.4g}}<extra></extra>",
            )
            figure.add_trace(line, row=row, col=1)
    apply_style(figure, int(1.7 * HEIGHT))
    figure.add_vline(x=forecast.spec.epochs, line={"color": "#444", "width": 1.5, "dash": "dot"})
    figure.update_xaxes(type="log", dtick=1)
    figure.update_xaxes(title="epoch", row=3, col=1)
    figure.update_yaxes(title="accuracy", range=[-0.03, 1.03], row=1, col=1)
    figure.update_yaxes(title=f"loss ({forecast.spec.loss})", type="log", exponentformat="power", row=2, col=1)
    figure.update_yaxes(title="‖G_F‖", rangemode="tozero", row=3, col=1)
    return figure.update_layout(hovermode="closest")


def _thinned(figures: pd.DataFrame, column: str) -> pd.DataFrame:
    """A column's epochs and finite values, those on test tuples where they were looked at."""
    table = figures[["epoch", column]]
    if column.startswith("test"):
        table = table[figures["test_loss"].ne(figures["test_loss"].shift())]
    table = table[np.isfinite(table[column])]
    if len(table) <= POINTS:
        return table
    chosen = np.unique(np.geomspace(1, len(table), POINTS).round().astype(int)) - 1
    return table.iloc[chosen]


def ratios_figure(found: Sequence[Critical], trained: Sequence[Estimate] = ()) -> go.Figure:
    """Critical ratios against the order, with the published law for each largest irrep dimension."""
    figure = go.Figure()
    orders = sorted({one.order for one in found})
    sizes = np.unique(np.geomspace(max(2, orders[0] / 1.1), orders[-1] * 1.1, 60).round().astype(int)).tolist()
    kinds = sorted({max(2, one.largest_irrep_dim or 1) for one in found})  # the law is the same for 1 and 2
    for number, dimension in enumerate(kinds):
        law = [min(1.0, published_ratio(size, dimension)) for size in sizes]
        line = {"color": CURVE_COLOURS[-1 - number % 2], "width": 1.5, "dash": ("dash", "dot", "dashdot")[number % 3]}
        name = "published law" if dimension == 2 else f"published law, d_max = {dimension}"
        figure.add_trace(go.Scatter(x=sizes, y=law, name=name, mode="lines", line=line, hoverinfo="skip"))
    known = [(one.group, one.order, one.ratio) for one in found if one.ratio is not None]
    figure.add_trace(_ratios("predicted", known, PREDICTED, "circle", -1 if trained else 0))
    if trained:
        measured = [(one.group, one.order, Interval(one.value, one.low, one.high)) for one in trained]
        figure.add_trace(_ratios("trained", measured, TRAINED, "square", 1))
    apply_style(figure, 480)
    shown = orders[:: math.ceil(len(orders) / 14)]
    figure.update_xaxes(title="group order M", type="log", tickvals=shown, ticktext=[str(order) for order in shown])
    figure.update_yaxes(title="critical training ratio p", rangemode="tozero")
    return figure.update_layout(hovermode="closest", margin={"t": 70})


def _ratios(name: str, values: Sequence[tuple[str, int, Interval]], colour: str, symbol: str, side: int) -> go.Scatter:
    """Dots with their intervals, a little to one side so that both kinds are seen."""
    ends = [(one.high - one.value, one.value - one.low) for _, _, one in values]
    return go.Scatter(
        x=[order * math.exp(0.004 * side) for _, order, _ in values],
        y=[one.value for _, _, one in values],
        name=name,
        mode="markers",
        marker={"color": colour, "size": 9, "symbol": symbol},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [above if math.isfinite(above) else None for above, _ in ends],
            "arrayminus": [below if math.isfinite(below) else None for _, below in ends],
            "thickness": 1.3,
        },
        text=[group for group, _, _ in values],
        hovertemplate=f"%{{text}}, {name}: %{{y:.3f}}<extra></extra>",
    )


def errors_figure(score: Score) -> go.Figure:
    """Predicted over trained critical ratio, minus 1, for each group, with the interval of the trained one."""
    both = [(estimate, found.ratio.value) for estimate, found in score.groups if found.ratio is not None]
    errors = [100 * (value / estimate.value - 1) for estimate, value in both]
    above = [
        100 * value * (1 / estimate.low - 1 / estimate.value) if estimate.low else None for estimate, value in both
    ]
    below = [100 * value * (1 / estimate.value - 1 / estimate.high) for estimate, value in both]
    figure = go.Figure(
        go.Scatter(
            x=[estimate.group for estimate, _ in both],
            y=errors,
            mode="markers",
            marker={"color": PREDICTED, "size": 10},
            error_y={"type": "data", "symmetric": False, "array": above, "arrayminus": below, "thickness": 1.3},
            hovertemplate="%{x}: %{y:+.1f} %<extra></extra>",
        )
    )
    figure.add_hline(y=0, line={"color": "#444", "width": 1.5})
    for level in (-10, 10):
        figure.add_hline(y=level, line=_REFERENCE)
    apply_style(figure)
    largest = max(15.0, 1.25 * max(abs(error) for error in errors))
    figure.update_yaxes(title="predicted over trained p, minus 1 (%)", range=[-largest, largest])
    return figure.update_layout(hovermode="closest", showlegend=False)


def calibration_figure(score: Score) -> go.Figure:
    """The share that generalised against the predicted probability, in bins, each with its number of runs."""
    bins = score.calibration
    figure = go.Figure(
        go.Scatter(x=[0, 1], y=[0, 1], mode="lines", name="perfectly calibrated", line=_REFERENCE, hoverinfo="skip")
    )
    for row in bins.to_dict("records"):
        line = {"color": PREDICTED, "width": 1}
        ends = [row["low"], row["high"]], [row["observed"], row["observed"]]
        figure.add_trace(go.Scatter(x=ends[0], y=ends[1], mode="lines", line=line, showlegend=False, hoverinfo="skip"))
    figure.add_trace(
        go.Scatter(
            x=bins["predicted"].tolist(),
            y=bins["observed"].tolist(),
            mode="markers+text",
            name="runs, as many as the number says",
            marker={
                "color": PREDICTED,
                "size": (8 + 2 * np.sqrt(bins["runs"])).clip(upper=32).tolist(),
                "opacity": 0.8,
            },
            text=[f"{count:,}" for count in bins["runs"]],
            textposition=["bottom center" if share > 0.5 else "top center" for share in bins["observed"]],
            hovertemplate="predicted %{x:.2f}, observed %{y:.2f}, %{text} runs<extra></extra>",
        )
    )
    apply_style(figure)
    figure.update_xaxes(title="predicted probability", range=[-0.05, 1.05])
    figure.update_yaxes(title="share that generalised", range=[-0.1, 1.1])
    return figure.update_layout(hovermode="closest")


def epochs_figure(score: Score) -> go.Figure | None:
    """Predicted against measured epochs of generalisation; None if no run has both."""
    both = score.runs[score.runs["epoch"].notna() & score.runs["predicted_epoch"].notna()]
    if both.empty:
        return None
    epochs = both[["epoch", "predicted_epoch"]].to_numpy()
    ends = np.array([epochs.min() / 1.3, epochs.max() * 1.3])
    figure = go.Figure()
    for factor, name in ((1.0, "as predicted"), (1.25, "off by 25 %"), (1 / 1.25, "")):
        line = {**_REFERENCE, "dash": "dash" if factor == 1 else "dot"}
        figure.add_trace(
            go.Scatter(
                x=ends, y=factor * ends, mode="lines", line=line, name=name, showlegend=bool(name), hoverinfo="skip"
            )
        )
    group = both["group"] if "group" in both else pd.Series("", index=both.index)
    figure.add_trace(
        go.Scatter(
            x=epochs[:, 0].tolist(),
            y=epochs[:, 1].tolist(),
            mode="markers",
            name="a run",
            marker={"color": PREDICTED, "size": 8, "opacity": 0.7},
            text=[f"{name} n = {n}, seed {seed}" for name, n, seed in zip(group, both["n"], both["seed"], strict=True)],
            hovertemplate="%{text}<br>measured %{x:,.0f}, predicted %{y:,.0f}<extra></extra>",
        )
    )
    apply_style(figure, 480)
    ticks = [digit * 10**power for power in range(7) for digit in (1, 2, 5)]
    texts = [f"{tick:,}" for tick in ticks]
    axis = {"type": "log", "tickvals": ticks, "ticktext": texts, "range": np.log10(ends).tolist()}
    figure.update_xaxes(title="measured epoch of generalisation", **axis)
    figure.update_yaxes(title="predicted epoch", **axis)
    return figure.update_layout(hovermode="closest")
