"""The figures of a run's report that tell its irreps apart."""

import math

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from li2.report.style import HEIGHT, TYPE_COLOURS, apply_style
from li2.runs import RunResult

PHASE_TICKS = {
    "tickvals": [-math.pi, -math.pi / 2, 0, math.pi / 2, math.pi],
    "ticktext": ["−π", "−π/2", "0", "π/2", "π"],
    "range": [-3.4, 3.4],
}


def coverage(result: RunResult) -> go.Figure | None:
    """Features of each irrep at the last diagnosed epoch, and what they span; None where irreps do not apply."""
    if result.irreps.empty:
        return None
    last = _at_last_epoch(result.irreps)
    larger = last[last["dimension"] > 1]
    figure = make_subplots(rows=2 if len(larger) else 1, cols=1, shared_xaxes=True, vertical_spacing=0.08)
    for kind, part in last.groupby("type", sort=False):
        figure.add_trace(
            go.Bar(
                x=part["irrep"],
                y=part["features"],
                name=f"{kind} type",
                marker_color=TYPE_COLOURS[str(kind)],
                customdata=part[["dimension", "mass", "residual"]],
                hovertemplate="irrep %{x}, dimension %{customdata[0]}: %{y} features<br>%{customdata[1]:.1%} of the "
                "nodes' mass, %{customdata[2]:.1%} of the residual<extra></extra>",
            ),
            row=1,
            col=1,
        )
    figure.update_yaxes(title="features", rangemode="tozero", row=1, col=1)
    if len(larger):
        _add_spans(figure, larger)
    apply_style(figure, HEIGHT if larger.empty else int(1.5 * HEIGHT))
    _irrep_axis(figure, list(last["irrep"]), row=2 if len(larger) else 1)
    return figure.update_layout(hovermode="closest", bargap=0.3)


def _add_spans(figure: go.Figure, larger: pd.DataFrame) -> None:
    """The dimensions that an irrep's features span, of those it has, under left and right multiplication."""
    for side, symbol in (("left", "triangle-left"), ("right", "triangle-right")):
        figure.add_trace(
            go.Scatter(
                x=larger["irrep"],
                y=larger[f"{side}_span"],
                name=f"spanned, {side} multiplication",
                mode="markers",
                marker={"symbol": symbol, "size": 11, "color": "#222"},
                hovertemplate=f"irrep %{{x}}: %{{y:.2f}} dimensions spanned under {side} multiplication<extra></extra>",
            ),
            row=2,
            col=1,
        )
    figure.add_trace(
        go.Scatter(
            x=larger["irrep"],
            y=larger["dimension"],
            name="dimension of the irrep",
            mode="markers",
            marker={"symbol": "line-ew-open", "size": 22, "color": "#888", "line": {"width": 2}},
        ),
        row=2,
        col=1,
    )
    figure.update_yaxes(title="dimensions", rangemode="tozero", row=2, col=1)


def feature_map(result: RunResult) -> go.Figure | None:
    """Each node at the last diagnosed epoch by irrep and phases; None where irreps do not apply."""
    if result.irreps.empty:
        return None
    last = _at_last_epoch(result.nodes)
    irreps = _at_last_epoch(result.irreps)
    labels = list(irreps["irrep"])
    panels = [("phase of the first operand", last["phase_1"])]
    if (irreps["dimension"] > 1).any():
        panels = [
            ("left phase, first operand", last["left_phase_1"].fillna(last["phase_1"])),
            ("right phase, second operand", last["right_phase_2"].fillna(last["phase_2"])),
        ]
    figure = make_subplots(rows=len(panels), cols=1, shared_xaxes=True, vertical_spacing=0.06)
    for row, (title, phases) in enumerate(panels, start=1):
        figure.add_trace(_node_dots(last, labels, phases), row=row, col=1)
        figure.update_yaxes(title=title, **PHASE_TICKS, row=row, col=1)
    figure.update_layout(showlegend=False)
    apply_style(figure, HEIGHT * len(panels))
    step = max(1, len(labels) // 24)
    figure.update_xaxes(
        tickvals=list(range(0, len(labels), step)), ticktext=labels[::step], range=[-0.7, len(labels) - 0.3]
    )
    figure.update_xaxes(title="irrep", row=len(panels), col=1)
    return figure.update_layout(hovermode="closest")


def _node_dots(nodes: pd.DataFrame, labels: list[str], phases: pd.Series) -> go.Scatter:
    """Dots at irrep and phase, spread out within each irrep so that few hide each other."""
    numbers = nodes["irrep"].map({label: number for number, label in enumerate(labels)}).astype(float)
    within = nodes.groupby("irrep").cumcount() / nodes.groupby("irrep")["norm"].transform("size")
    return go.Scatter(
        x=numbers + 0.5 * (within - 0.5),
        y=phases,
        mode="markers",
        marker={
            "color": nodes["purity"],
            "colorscale": "Viridis",
            "cmin": 0,
            "cmax": 1,
            "size": 4 + 10 * (nodes["norm"] / nodes["norm"].max()).fillna(0),
            "opacity": 0.15 + 0.75 * nodes["purity"].fillna(0),
            "line": {"width": 0},
            "colorbar": {"title": "purity"},
        },
        customdata=nodes[["irrep", "purity", "norm", "rank_1", "coupling"]],
        hovertemplate="irrep %{customdata[0]}<br>purity %{customdata[1]:.2f}<br>phase %{y:.2f}<br>"
        "‖w‖ %{customdata[2]:.3g}<br>rank %{customdata[3]:.2f}, coupling %{customdata[4]:.2f}<extra></extra>",
    )


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
    equal = result.irreps["functions"] / result.irreps.groupby("epoch")["functions"].transform("sum")
    table = result.irreps.assign(mass=result.irreps["mass"] / equal, residual=result.irreps["residual"] / equal)
    labels = table["irrep"].drop_duplicates()
    for column, (name, title) in enumerate(panels, start=1):
        wide = table.pivot(index="irrep", columns="epoch", values=name).loc[labels]
        figure.add_trace(
            go.Heatmap(
                x=[str(epoch) for epoch in wide.columns],
                y=[f"{label} " for label in wide.index],
                z=wide.to_numpy(),
                coloraxis="coloraxis",
                hovertemplate=f"epoch %{{x}}, irrep %{{y}}: %{{z:.2f}} equal shares of {title}<extra></extra>",
            ),
            row=1,
            col=column,
        )
        figure.update_xaxes(title="diagnosed epoch", type="category", nticks=10, row=1, col=column)
    largest = max(2.0, np.nanquantile(table[["mass", "residual"]], 0.99))
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


def _at_last_epoch(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["epoch"] == table["epoch"].max()]


def _irrep_axis(figure: go.Figure, labels: list[str], row: int) -> None:
    step = max(1, len(labels) // 24)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=labels, tickvals=labels[::step])
    figure.update_xaxes(title="irrep", row=row, col=1)
