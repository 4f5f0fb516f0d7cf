"""The figures of a run's report, each from stored tables."""

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from li2.report.style import (
    BLUE,
    GREEN,
    GREY,
    HEIGHT,
    ORANGE,
    PURPLE,
    RED,
    STAGE_COLOURS,
    apply_style,
    translucent,
)
from li2.runs import RunResult

QUANTILES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
"""Of the nodes, drawn as bands."""


def accuracy_and_loss(result: RunResult) -> go.Figure:
    """Training and test accuracy and loss over the epochs."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    table = result.metrics
    for row, name, title in ((1, "accuracy", "accuracy"), (2, "loss", f"loss ({result.spec.loss})")):
        for part, colour in (("train", BLUE), ("test", ORANGE)):
            _line(figure, table, f"{part}_{name}", part, colour, row=row, legend=row == 1)
        figure.update_yaxes(title=title, row=row, col=1)
    figure.update_yaxes(type="log", dtick=1, exponentformat="power", row=2, col=1)
    figure.update_yaxes(range=[-0.03, 1.03], row=1, col=1)
    return over_epochs(figure, result, rows=2)


def gradient_norm(result: RunResult) -> go.Figure:
    """‖G_F‖ as measured, as predicted for a resting hidden layer, and Proposition 1's limit."""
    figure = go.Figure()
    _line(figure, result.metrics, "backprop_norm", "measured ‖G_F‖", BLUE, width=3)
    _line(figure, result.metrics, "gradient_norm", "published definition, FV uncentred", GREY, dash="dot")
    if len(result.course):
        _line(
            figure,
            result.course,
            "backprop_norm",
            "predicted: hidden layer at rest, own optimiser",
            RED,
            dash="dash",
        )
    _line(
        figure,
        result.diagnosis.dropna(subset=["ridge_gradient_norm"]),
        "ridge_gradient_norm",
        "Proposition 1: limit for the features of that epoch",
        PURPLE,
        mode="markers",
    )
    measured = pd.concat([result.metrics["backprop_norm"], result.metrics["gradient_norm"]])
    largest = measured[measured.map(math.isfinite)].max()
    figure.update_yaxes(title="Frobenius norm", range=[0, 1.6 * largest])
    return over_epochs(figure, result)


def flow(result: RunResult) -> go.Figure | None:
    """The lazy stage under gradient flow; None where V has no ridge solution."""
    if result.flow.empty:
        return None
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for row, name, title in ((1, "backprop_norm", "‖G_F‖"), (2, "train_loss", "training loss")):
        figure.add_trace(
            go.Scatter(x=result.flow["time"], y=result.flow[name], name=title, line={"color": RED}),
            row=row,
            col=1,
        )
        figure.update_yaxes(title=title, row=row, col=1, rangemode="tozero")
    figure.update_xaxes(type="log", dtick=1, exponentformat="power")
    figure.update_xaxes(title="gradient-flow time t (V̇ = −∂J/∂V)", row=2, col=1)
    figure.update_layout(showlegend=False)
    return apply_style(figure, int(1.3 * HEIGHT))


def alignment(result: RunResult) -> go.Figure | None:
    """What G_F points to; None if that was not measured."""
    if result.diagnosis.empty or result.diagnosis["alignment"].isna().all():
        return None
    figure = go.Figure()
    table = result.diagnosis
    _line(figure, table, "alignment", "cos(G_F, ỸỸᵀF̃)", BLUE, mode="lines+markers", width=3)
    _line(
        figure,
        table.dropna(subset=["ridge_gradient_cosine"]),
        "ridge_gradient_cosine",
        "cos(G_F, Proposition 1)",
        PURPLE,
        mode="markers",
    )
    _line(
        figure,
        table,
        "gradient_cosine_median",
        "median node: cos(its gradient, ∇E)",
        GREEN,
        mode="lines+markers",
        dash="dash",
    )
    lowest = table[["alignment", "ridge_gradient_cosine", "gradient_cosine_median"]].min().min()
    figure.update_yaxes(title="cosine", range=[min(lowest, 0) - 0.05, 1.05])
    return over_epochs(figure, result)


def nodes(result: RunResult) -> go.Figure | None:
    """Energy, purity and share of the step along ∇E, spread over the nodes; None if nothing of it was measured."""
    if result.nodes.empty:
        return None
    panels = [("unit_energy", "energy at ‖w‖ = 1", BLUE), ("purity", "purity", GREEN)]
    panels.append(("update_share", "step along ∇E", ORANGE))
    panels = [panel for panel in panels if result.nodes[panel[0]].notna().any()]
    if not panels:
        return None
    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.05)
    for row, (name, title, colour) in enumerate(panels, start=1):
        spread = result.nodes.groupby("epoch")[name].quantile(QUANTILES).unstack()
        for low, high in ((0.05, 0.95), (0.25, 0.75)):
            _band(figure, spread, low, high, colour, row)
        figure.add_trace(
            go.Scatter(x=spread.index, y=spread[0.5], name=f"{title}: median", line={"color": colour, "width": 3}),
            row=row,
            col=1,
        )
        figure.update_yaxes(title=title, rangemode="tozero", row=row, col=1)
    figure.update_layout(showlegend=False)
    return over_epochs(figure, result, rows=len(panels))


def repulsion(result: RunResult) -> go.Figure | None:
    """How the most similar pairs of nodes interact; None where it does not apply."""
    table = result.diagnosis.dropna(subset=["repelling_share"])
    if table.empty:
        return None
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06, row_heights=[0.35, 0.65])
    _line(
        figure,
        table,
        "repelling_share",
        "share of nearest pairs that repel",
        GREY,
        mode="lines+markers",
        row=1,
    )
    for name, title, colour in (
        ("repulsion_strongest", "strongest", RED),
        ("repulsion_median", "median", BLUE),
        ("repulsion_weakest", "weakest", ORANGE),
    ):
        _line(figure, table, name, title, colour, mode="lines+markers", row=2)
    figure.update_yaxes(title="share", range=[-0.05, 1.05], row=1, col=1)
    figure.update_yaxes(title="−b_jl / √(b_jj b_ll)", row=2, col=1)
    return over_epochs(figure, result, rows=2)


def movement(result: RunResult) -> go.Figure:
    """How far the layers turn in one step, and how far Gram matrices are from diagonal."""
    grams = result.diagnosis.dropna(subset=["node_offdiagonal"])
    rows = 1 if grams.empty else 2
    figure = make_subplots(rows=rows, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    moving = result.metrics.iloc[1:]
    _line(figure, moving, "hidden_change", "W", BLUE, row=1)
    _line(figure, moving, "top_change", "V", ORANGE, row=1)
    figure.update_yaxes(title="1 − cos, per step", type="log", dtick=1, exponentformat="power", row=1, col=1)
    if grams.empty:
        return over_epochs(figure, result)
    _line(figure, grams, "node_offdiagonal", "F̃ᵀF̃ (nodes)", GREEN, mode="lines+markers", row=2)
    _line(figure, grams, "sample_offdiagonal", "P₁FFᵀ (samples)", PURPLE, mode="lines+markers", row=2)
    figure.update_yaxes(title="|off-diagonal| / |diagonal|", rangemode="tozero", row=2, col=1)
    return over_epochs(figure, result, rows=2)


def _band(figure: go.Figure, spread: pd.DataFrame, low: float, high: float, colour: str, row: int) -> None:
    style = {"width": 0, "color": colour}
    figure.add_trace(go.Scatter(x=spread.index, y=spread[low], line=style, hoverinfo="skip"), row=row, col=1)
    figure.add_trace(
        go.Scatter(
            x=spread.index,
            y=spread[high],
            line=style,
            fill="tonexty",
            fillcolor=translucent(colour),
            hoverinfo="skip",
        ),
        row=row,
        col=1,
    )


def _line(
    figure: go.Figure,
    table: pd.DataFrame,
    column: str,
    name: str,
    colour: str,
    *,
    mode: str = "lines",
    dash: str = "solid",
    width: float = 2,
    row: int | None = None,
    legend: bool = True,
) -> None:
    figure.add_trace(
        go.Scatter(
            x=table["epoch"],
            y=table[column],
            name=name,
            mode=mode,
            line={"color": colour, "dash": dash, "width": width},
            marker={"size": 6, "color": colour},
            showlegend=legend,
        ),
        row=row,
        col=None if row is None else 1,
    )


def over_epochs(figure: go.Figure, result: RunResult, rows: int = 1) -> go.Figure:
    """Common layout, epochs below, and the stages as bands."""
    last = result.outcome.epochs
    seen = [stage for stage in result.stages[:3] if stage.first_epoch is not None]
    ends = [*(stage.first_epoch for stage in seen[1:]), last]
    for stage, end in zip(seen, ends, strict=False):  # the last band has no stage after it
        figure.add_vrect(x0=stage.first_epoch, x1=end, fillcolor=STAGE_COLOURS[stage.name], layer="below", line_width=0)
    generalised = result.stages[3].first_epoch
    if generalised is not None:
        figure.add_vline(x=generalised, line={"color": "#444", "width": 1.5, "dash": "dot"})
    apply_style(figure, HEIGHT if rows == 1 else 200 + 180 * rows)
    figure.update_xaxes(range=[0, max(last, 1)])
    return figure.update_xaxes(title="epoch", row=rows if rows > 1 else None, col=1 if rows > 1 else None)
