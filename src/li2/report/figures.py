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
    return _over_epochs(figure, result, rows=2)


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
    return _over_epochs(figure, result)


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
    """What G_F points to; None if the run was not diagnosed."""
    if result.diagnosis.empty:
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
        mode="lines+markers",
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
    return _over_epochs(figure, result)


def nodes(result: RunResult) -> go.Figure | None:
    """Energy, purity and share of the step along ∇E, spread over the nodes; None if not diagnosed."""
    if result.nodes.empty:
        return None
    has_irreps = bool(result.nodes["purity"].notna().any())
    panels = [("unit_energy", "energy at ‖w‖ = 1", BLUE), ("update_share", "step along ∇E", ORANGE)]
    if has_irreps:
        panels.insert(1, ("purity", "purity", GREEN))
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
    return _over_epochs(figure, result, rows=len(panels))


def feature_map(result: RunResult) -> go.Figure | None:
    """Each node at the last diagnosed epoch by irrep and phase; None where irreps do not apply."""
    if result.irreps.empty:
        return None
    last = result.nodes[result.nodes["epoch"] == result.nodes["epoch"].max()]
    labels = list(result.irreps.loc[result.irreps["epoch"] == last["epoch"].iloc[0], "irrep"])
    numbers = last["irrep"].map({label: number for number, label in enumerate(labels)})
    figure = go.Figure(
        go.Scatter(
            x=numbers,
            y=last["phase_1"],
            mode="markers",
            marker={
                "color": last["purity"],
                "colorscale": "Viridis",
                "cmin": 0,
                "cmax": 1,
                "size": 4 + 10 * (last["norm"] / last["norm"].max()).fillna(0),
                "opacity": 0.15 + 0.75 * last["purity"].fillna(0),
                "line": {"width": 0},
                "colorbar": {"title": "purity"},
            },
            customdata=last[["irrep", "purity", "phase_2", "norm"]],
            hovertemplate="irrep %{customdata[0]}<br>purity %{customdata[1]:.2f}<br>phases %{y:.2f}, "
            "%{customdata[2]:.2f}<br>‖w‖ %{customdata[3]:.3g}<extra></extra>",
        )
    )
    step = max(1, len(labels) // 24)
    figure.update_xaxes(
        title="irrep (frequency)",
        tickvals=list(range(0, len(labels), step)),
        ticktext=labels[::step],
        range=[-0.7, len(labels) - 0.3],
    )
    figure.update_yaxes(
        title="phase of the first operand",
        tickvals=[-math.pi, -math.pi / 2, 0, math.pi / 2, math.pi],
        ticktext=["−π", "−π/2", "0", "π/2", "π"],
        range=[-3.4, 3.4],
    )
    apply_style(figure)
    return figure.update_layout(hovermode="closest")


def irrep_course(result: RunResult) -> go.Figure | None:
    """How mass and residual are shared among the irreps; None where irreps do not apply."""
    if result.irreps.empty:
        return None
    panels = (("mass", "the nodes' mass"), ("residual", "the residual"))
    figure = make_subplots(
        rows=1,
        cols=2,
        shared_yaxes=True,
        horizontal_spacing=0.04,
        subplot_titles=[title for _, title in panels],
    )
    labels = result.irreps["irrep"].drop_duplicates()
    for column, (name, title) in enumerate(panels, start=1):
        wide = result.irreps.pivot(index="irrep", columns="epoch", values=name).loc[labels]
        figure.add_trace(
            go.Heatmap(
                x=[str(epoch) for epoch in wide.columns],
                y=[f"{label} " for label in wide.index],
                z=wide.to_numpy() * len(labels),
                coloraxis="coloraxis",
                hovertemplate=f"epoch %{{x}}, irrep %{{y}}: %{{z:.2f}} equal shares of {title}<extra></extra>",
            ),
            row=1,
            col=column,
        )
        figure.update_xaxes(title="diagnosed epoch", type="category", nticks=10, row=1, col=column)
    largest = max(2.0, len(labels) * result.irreps[["mass", "residual"]].quantile(0.99).max())
    scale = {
        "colorscale": "PuOr_r",
        "cmin": 2 - largest,
        "cmax": largest,
        "colorbar": {"title": "equal<br>shares"},
    }
    figure.update_layout(coloraxis=scale)
    figure.update_yaxes(title="irrep", type="category", nticks=20, col=1)
    apply_style(figure, 500)
    return figure.update_layout(hovermode="closest")


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
    return _over_epochs(figure, result, rows=2)


def movement(result: RunResult) -> go.Figure:
    """How far the layers turn in one step, and how far Gram matrices are from diagonal."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    moving = result.metrics.iloc[1:]
    _line(figure, moving, "hidden_change", "W", BLUE, row=1)
    _line(figure, moving, "top_change", "V", ORANGE, row=1)
    figure.update_yaxes(title="1 − cos, per step", type="log", dtick=1, exponentformat="power", row=1, col=1)
    grams = result.diagnosis.dropna(subset=["node_offdiagonal"])
    _line(figure, grams, "node_offdiagonal", "F̃ᵀF̃ (nodes)", GREEN, mode="lines+markers", row=2)
    _line(figure, grams, "sample_offdiagonal", "P₁FFᵀ (samples)", PURPLE, mode="lines+markers", row=2)
    figure.update_yaxes(title="|off-diagonal| / |diagonal|", rangemode="tozero", row=2, col=1)
    return _over_epochs(figure, result, rows=2)


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


def _over_epochs(figure: go.Figure, result: RunResult, rows: int = 1) -> go.Figure:
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
