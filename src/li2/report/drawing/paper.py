"""Panels as pictures for paper and for Markdown, by Matplotlib. The same panels give the same bytes."""

from collections.abc import Sequence
from io import BytesIO
from textwrap import fill
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import FixedFormatter, FixedLocator, NullFormatter, NullLocator
from matplotlib.transforms import ScaledTranslation

from li2.report.drawing.layout import (
    EMPTY,
    FEW_POINTS,
    HEAT_COLOURS,
    Axis,
    axes,
    bands,
    colour,
    colour_range,
    in_legend,
    is_marked,
    share_legend,
)
from li2.reproduce import Heat, Line, Panel

STYLE = ["default", "li2.report.li2"]
"""Matplotlib's own style without the user's changes, then ours (li2.mplstyle)."""

_WIDTHS = {1: 7.0, 2: 5.2, 3: 4.3}
_HEIGHTS = {1: 4.2, 2: 3.7, 3: 3.4}
"""Of a panel in inches, by the number of columns."""

_MARKERS = "os^Dv*PX"
_DASHES = ((4, 1.6), (1, 1.2), (5, 1.5, 1, 1.5), (7, 2))
_LETTER, _BOLD_LETTER = 0.074, 0.096
"""Widths in inches."""


def pictures(panels: Sequence[Panel]) -> dict[str, bytes]:
    """A figure as files of the kinds ``png`` and ``svg``.

    Args:
        panels: at least one, in reading order.
    """
    files = {"png": BytesIO(), "svg": BytesIO()}
    with matplotlib.style.context(STYLE):
        figure = on_paper(panels)
        figure.savefig(files["png"], format="png", metadata={"Software": None})
        figure.savefig(files["svg"], format="svg", metadata={"Date": None, "Creator": None})
    return {kind: file.getvalue() for kind, file in files.items()}


def on_paper(panels: Sequence[Panel]) -> Figure:
    """A figure of panels in a grid of at most three columns."""
    columns = {1: 1, 2: 2, 4: 2}.get(len(panels), 3)
    width, shared = _WIDTHS[columns], share_legend(panels)
    rows = [panels[i : i + columns] for i in range(0, len(panels), columns)]
    legends = [0 if shared else max(_legend_rows(panel, width) for panel in row) for row in rows]
    height = len(rows) * _HEIGHTS[columns] + 0.24 * (sum(legends) or 1)
    with matplotlib.style.context(STYLE):
        figure = Figure(figsize=(columns * width, height), layout="constrained")
        FigureCanvasAgg(figure)
        ratios = [_HEIGHTS[columns] + 0.24 * count for count in legends]
        grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=ratios).ravel()
        for place, panel in zip(grid, panels, strict=False):
            _draw(figure, place, panel, panels, width, not shared)
        for place in grid[len(panels) :]:
            place.remove()
        if shared:
            _legend_above(figure, columns * width)
    return figure


def _plain(text: str, letters: int = 10_000) -> str:
    """Lines of at most so many letters, in which nothing is read as mathematics."""
    return fill(text, letters).replace("$", r"\$")


def _draw(figure: Figure, place: Axes, panel: Panel, among: Sequence[Panel], width: float, own_legend: bool) -> None:
    x, y = axes(panel)
    place.set_title(_plain(panel.title, int((width - 1.1) / _BOLD_LETTER)))
    place.set_xlabel(_plain(panel.x, int((width - 1.1) / _LETTER)))
    place.set_ylabel(_plain(panel.y, 38))
    # Scales first: what is drawn on a logarithmic axis is sampled by it.
    place.set_xscale("log" if x.log else "linear")
    place.set_yscale("log" if y.log else "linear")
    if panel.heat:
        _draw_heat(figure, place, panel.heat, (x, y), colour_range(panel, among))
    named = in_legend(panel)
    for line in panel.lines:
        _draw_line(figure, place, panel, line, (x, y), any(line is other for other in named))
    _set_ticks(place.xaxis, x)
    _set_ticks(place.yaxis, y)
    if panel.limits:
        place.set_ylim(*panel.limits)
    if named and own_legend:
        below = place.transAxes + ScaledTranslation(-40 / 72, -36 / 72, figure.dpi_scale_trans)
        columns = _columns([line.label for line in named], width - 0.2)
        place.legend(loc="upper left", bbox_to_anchor=(0, 0), bbox_transform=below, ncols=columns)


def _set_ticks(axis: Any, ours: Axis) -> None:
    if ours.ticks:
        axis.set_major_locator(FixedLocator(ours.ticks))
        axis.set_major_formatter(FixedFormatter(ours.texts))
        axis.set_minor_locator(NullLocator())
        axis.set_minor_formatter(NullFormatter())


def _draw_heat(figure: Figure, place: Axes, heat: Heat, on: tuple[Axis, Axis], colours: tuple[float, float]) -> None:
    (x, y), (low, high) = on, colours
    mesh = place.pcolormesh(
        x.cells, y.cells, np.ma.masked_invalid(heat.z), cmap=HEAT_COLOURS, vmin=low, vmax=high, rasterized=True
    )
    place.set_facecolor(EMPTY)
    place.grid(False)
    place.set_xlim(x.cells[0], x.cells[-1])
    place.set_ylim(y.cells[0], y.cells[-1])
    figure.colorbar(mesh, ax=place, label=_plain(heat.label, 36), pad=0.02, aspect=28)


def _draw_line(figure: Figure, place: Axes, panel: Panel, line: Line, on: tuple[Axis, Axis], named: bool) -> None:
    ink = colour(panel, line)
    look: dict[str, Any] = {"color": ink, "label": _plain(line.label) if named else "_"}
    if is_marked(panel, line):
        look |= {"marker": _MARKERS[line.colour % len(_MARKERS)], "markeredgecolor": "white", "markeredgewidth": 0.6}
        if line.style == "line" and len(line.x) > 2 * FEW_POINTS:
            look["markevery"] = (0.02 + 0.017 * (line.colour % 6), 0.13)
    if line.style == "points":
        look |= {"linestyle": "none", "zorder": 3}
    if line.style == "dashed":
        look["dashes"] = _DASHES[line.colour % len(_DASHES)]
    if panel.heat:
        look |= {"linewidth": 2.4, "path_effects": [Stroke(linewidth=4.5, foreground="white"), Normal()]}
    drawn: list[Artist] = list(place.plot(on[0].places(line.x), on[1].places(line.y), **look))
    for at, low, high in bands(panel, line):
        at, low, high = on[0].places(at), on[1].places(low), on[1].places(high)
        if line.style == "points":
            middle, reach = (np.array(high) + np.array(low)) / 2, (np.array(high) - np.array(low)) / 2
            bars = place.errorbar(at, middle, reach, fmt="none", ecolor=ink, elinewidth=1.3, capsize=3)
            drawn += bars.get_children()
        else:
            place.fill_between(at, low, high, color=ink, alpha=0.18, linewidth=0)
    shift = _shift(panel, line)
    for artist in drawn if shift else ():  # once drawn, as the limits are those of the data
        artist.set_transform(place.transData + ScaledTranslation(shift / 72, 0, figure.dpi_scale_trans))


def _shift(panel: Panel, line: Line) -> float:
    """By how many points to move a line: few marks of several colours stand side by side, so that all are seen."""
    few = [other for other in panel.lines if other.style == "points" and len(other.x) <= FEW_POINTS]
    if panel.heat or not any(line is other for other in few):
        return 0.0
    colours = sorted({other.colour for other in few})
    return 5 * (colours.index(line.colour) - (len(colours) - 1) / 2)


def _columns(labels: Sequence[str], width: float) -> int:
    """How many columns of a legend fit into a width in inches."""
    for count in range(len(labels), 1, -1):
        columns = np.array_split(np.array([len(label) for label in labels]), count)
        if sum(_LETTER * column.max() + 0.6 for column in columns) <= width:
            return count
    return 1


def _legend_rows(panel: Panel, width: float) -> int:
    labels = [line.label for line in in_legend(panel)]
    return -(-len(labels) // _columns(labels, width - 0.2))


def _legend_above(figure: Figure, width: float) -> None:
    """One legend for all panels, each label once."""
    handles: dict[str, Any] = {}
    for place in figure.axes:
        for handle, label in zip(*place.get_legend_handles_labels(), strict=True):
            handles.setdefault(label, handle)
    if handles:
        columns = _columns(list(handles), width - 0.2)
        figure.legend(list(handles.values()), list(handles), loc="outside upper left", ncols=columns)
