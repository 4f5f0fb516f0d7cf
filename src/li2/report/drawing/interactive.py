"""A panel as an interactive figure, by Plotly."""

import math
from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import Any

import plotly.graph_objects as go

from li2.report.drawing.layout import (
    EMPTY,
    FEW_POINTS,
    HEAT_COLOURS,
    Axis,
    axes,
    bands,
    colour,
    colour_range,
    has_gaps,
    in_legend,
    is_marked,
)
from li2.report.style import HEIGHT, apply_style, translucent
from li2.reproduce import Heat, Line, Panel

_MARKERS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "star", "cross", "x")
_DASHES = ("dash", "dot", "dashdot", "longdash")


def interactive(panel: Panel, among: Sequence[Panel] = ()) -> go.Figure:
    """The panel without its title; curves of one label are switched together.

    Args:
        panel: what to draw.
        among: the panels of the figure that it belongs to, whose maps share their colours.
    """
    x, y = axes(panel)
    figure = go.Figure()
    if panel.heat:
        figure.add_trace(_heat(panel, panel.heat, (x, y), colour_range(panel, among or [panel])))
    named = in_legend(panel)
    for line in panel.lines:
        if line.low and line.style != "points":
            figure.add_trace(_band(panel, line, (x, y)))
    for line in panel.lines:
        if panel.heat and line.style != "points":
            casing = {"hoverinfo": "skip", "showlegend": False, "line": {"color": "white", "width": 4.5}}
            figure.add_trace(_curve(panel, line, (x, y), casing))
        figure.add_trace(_curve(panel, line, (x, y), {"showlegend": any(line is other for other in named)}))
    apply_style(figure, HEIGHT + 26 * math.ceil(len(named) / 2))
    places = {"x": [v for line in panel.lines for v in line.x], "y": [v for line in panel.lines for v in line.y]}
    figure.update_xaxes(title=panel.x, **_axis(x, places["x"]))
    figure.update_yaxes(title=fill(panel.y, 32).replace("\n", "<br>"), **_axis(y, places["y"]))
    if panel.limits:
        figure.update_yaxes(range=[math.log10(limit) for limit in panel.limits] if y.log else list(panel.limits))
    if has_gaps(panel):
        figure.update_layout(plot_bgcolor=EMPTY)
    below = {"y": -0.3, "yanchor": "top"}  # the buttons are above
    return figure.update_layout(hovermode="closest", showlegend=True, legend=below, margin={"t": 34})


def _axis(axis: Axis, values: list[float]) -> dict[str, Any]:
    settings: dict[str, Any] = {"type": "log" if axis.log else "linear", "exponentformat": "power"}
    if axis.ticks:
        settings |= {"tickvals": list(axis.ticks), "ticktext": list(axis.texts)}
    elif axis.log:
        decades = [math.log10(value) for value in values if 0 < value < math.inf] or [0.0]
        span = max(decades) - min(decades)
        if span >= 1:  # else Plotly names 2 to 9 in each decade, too
            settings["dtick"] = math.ceil(span / 8) if span >= 2 else "D2"
    if axis.cells:
        ends = axis.cells[0], axis.cells[-1]
        settings |= {"range": [math.log10(end) for end in ends] if axis.log else list(ends), "showgrid": False}
    return settings


def _rounded(value: float) -> float | None:
    """With digits enough to be drawn, so that pages are small; None for a gap."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _plain(values: Iterable[float]) -> list[float | None]:
    return [_rounded(value) for value in values]


def _heat(panel: Panel, heat: Heat, on: tuple[Axis, Axis], colours: tuple[float, float]) -> go.Heatmap:
    return go.Heatmap(
        x=list(on[0].cells),
        y=list(on[1].cells),
        z=[_plain(row) for row in heat.z],
        customdata=[[[_rounded(a), _rounded(b)] for a in heat.x] for b in heat.y],
        hovertemplate=f"{panel.x}: %{{customdata[0]}}<br>{panel.y}: %{{customdata[1]}}<br>"
        f"{heat.label}: %{{z:.4g}}<extra></extra>",
        hoverongaps=False,
        zmin=colours[0],
        zmax=colours[1],
        colorscale=HEAT_COLOURS,
        colorbar={"title": {"text": heat.label, "side": "right"}, "thickness": 14},
    )


def _curve(panel: Panel, line: Line, on: tuple[Axis, Axis], changes: dict[str, Any]) -> go.Scatter:
    ink = colour(panel, line)
    marker: dict[str, Any] = {"color": ink, "size": 8, "symbol": _MARKERS[line.colour % len(_MARKERS)]}
    if line.style == "line" and len(line.x) > 2 * FEW_POINTS:
        marker["maxdisplayed"] = 9
    if panel.heat:
        marker["line"] = {"color": "white", "width": 2}
    modes = {"points": "markers", "line": "lines+markers" if is_marked(panel, line) else "lines", "dashed": "lines"}
    dash = _DASHES[line.colour % len(_DASHES)] if line.style == "dashed" else "solid"
    settings = {
        "x": _plain(on[0].places(line.x)),
        "y": _plain(on[1].places(line.y)),
        "name": line.label,
        "mode": modes[line.style],
        "line": {"color": ink, "width": 2.5 if panel.heat else 2, "dash": dash},
        "marker": marker,
        "legendgroup": line.label,
        "customdata": [[_rounded(a), _rounded(b)] for a, b in zip(line.x, line.y, strict=True)],
        "hovertemplate": f"{panel.x}: %{{customdata[0]}}<br>{panel.y}: %{{customdata[1]}}<extra>{line.label}</extra>",
        "error_y": _bars(line, on[1]) if line.low and line.style == "points" else None,
    }
    return go.Scatter(settings | changes)


def _bars(line: Line, axis: Axis) -> dict[str, Any]:
    y, low, high = axis.places(line.y), axis.places(line.low), axis.places(line.high)
    return {
        "type": "data",
        "symmetric": False,
        "array": _plain([top - middle for top, middle in zip(high, y, strict=True)]),
        "arrayminus": _plain([middle - bottom for middle, bottom in zip(y, low, strict=True)]),
        "thickness": 1.3,
    }


def _band(panel: Panel, line: Line, on: tuple[Axis, Axis]) -> go.Scatter:
    """Its outline, there on the lower side and back on the upper one, for each stretch without gaps."""
    x: list[float | None] = []
    y: list[float | None] = []
    for at, low, high in bands(panel, line):
        x += [*_plain(on[0].places([*at, *at[::-1]])), None]
        y += [*_plain(on[1].places([*low, *high[::-1]])), None]
    fill = translucent(colour(panel, line), 0.18)
    return go.Scatter(
        x=x, y=y, mode="lines", fill="toself", fillcolor=fill, line={"width": 0},
        legendgroup=line.label, showlegend=False, hoverinfo="skip",
    )  # fmt: skip
