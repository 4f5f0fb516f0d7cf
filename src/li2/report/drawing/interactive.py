"""A panel as an interactive figure, by Plotly."""

import math
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
    colour_ranges,
    has_gaps,
    in_legend,
    is_marked,
    written,
)
from li2.report.style import HEIGHT, apply_style, translucent
from li2.reproduce import Heat, Line, Panel

_MARKERS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "star", "cross", "x")
_DASHES = ("dash", "dot", "dashdot", "longdash")


def interactive(panel: Panel, colours: tuple[float, float] | None = None) -> go.Figure:
    """The panel without its title; curves of one label are switched together.

    Args:
        panel: what to draw.
        colours: lowest and highest value of its map's colours; None: by its own data.
    """
    x, y = axes(panel)
    figure = go.Figure()
    if panel.heat:
        figure.add_trace(_heat(panel, panel.heat, (x, y), colours or colour_ranges([panel])[panel.heat.label]))
    named = in_legend(panel)
    for line in panel.lines:
        if line.low and line.style != "points":
            figure.add_trace(_band(panel, line, (x, y)))
    for line in panel.lines:
        if panel.heat:
            casing = {"color": "white", "width": 6 if line.style != "points" else 0}
            figure.add_trace(_curve(panel, line, (x, y), hoverinfo="skip", showlegend=False, line=casing, error_y=None))
        figure.add_trace(_curve(panel, line, (x, y), showlegend=any(line is other for other in named)))
    apply_style(figure, HEIGHT)
    figure.update_xaxes(title=panel.x, **_axis(x))
    figure.update_yaxes(title=panel.y, **_axis(y), exponentformat="power")
    if panel.limits:
        figure.update_yaxes(range=[math.log10(limit) for limit in panel.limits] if y.log else list(panel.limits))
    if has_gaps(panel):
        figure.update_layout(plot_bgcolor=EMPTY)
    return figure.update_layout(hovermode="closest", showlegend=True, margin={"t": 70 if named else 20})


def _axis(axis: Axis) -> dict[str, Any]:
    settings: dict[str, Any] = {"type": "log" if axis.log else "linear"}
    if axis.ticks:
        settings |= {"tickvals": list(axis.ticks), "ticktext": list(axis.texts)}
    if axis.cells:
        ends = axis.cells[0], axis.cells[-1]
        settings |= {"range": [math.log10(end) for end in ends] if axis.log else list(ends), "showgrid": False}
    return settings


def _plain(values: list[float]) -> list[float | None]:
    """None is a gap."""
    return [value if math.isfinite(value) else None for value in values]


def _heat(panel: Panel, heat: Heat, on: tuple[Axis, Axis], colours: tuple[float, float]) -> go.Heatmap:
    return go.Heatmap(
        x=list(on[0].cells),
        y=list(on[1].cells),
        z=[_plain(list(row)) for row in heat.z],
        text=[[f"{panel.x}: {written(a)}<br>{panel.y}: {written(b)}" for a in heat.x] for b in heat.y],
        hovertemplate=f"%{{text}}<br>{heat.label}: %{{z:.4g}}<extra></extra>",
        hoverongaps=False,
        zmin=colours[0],
        zmax=colours[1],
        colorscale=HEAT_COLOURS,
        colorbar={"title": {"text": heat.label, "side": "right"}, "thickness": 14},
    )


def _curve(panel: Panel, line: Line, on: tuple[Axis, Axis], **changes: Any) -> go.Scatter:
    ink = colour(panel, line)
    marker = {"color": ink, "size": 8, "symbol": _MARKERS[line.colour % len(_MARKERS)]}
    if line.style == "line" and len(line.x) > 2 * FEW_POINTS:
        marker["maxdisplayed"] = 9
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
        "customdata": [[written(a), written(b)] for a, b in zip(line.x, line.y, strict=True)],
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
        x += [*on[0].places(at), *on[0].places(at[::-1]), None]
        y += [*on[1].places(low), *on[1].places(high[::-1]), None]
    fill = translucent(colour(panel, line), 0.18)
    return go.Scatter(
        x=x, y=y, mode="lines", fill="toself", fillcolor=fill, line={"width": 0},
        legendgroup=line.label, showlegend=False, hoverinfo="skip",
    )  # fmt: skip
