"""What both ways of drawing a panel agree on: scales, ticks, cells, colours and legends."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

import numpy as np

from li2.report.style import CURVE_COLOURS, PURPLE, RED
from li2.reproduce import Line, Panel

EMPTY = "#D3D3D3"
"""Of cells without a value."""

HEAT_COLOURS = "viridis"

FEW_POINTS = 12
"""Up to which each point of a line is marked, and each x may have a tick."""

_ON_HEAT = (RED, "#222222", PURPLE)
_REGULAR = 1.5
"""How much longer than the shortest the longest step of an even axis may be."""

_MOST_SHARED = 6


@dataclass(frozen=True)
class Axis:
    """An axis of a panel.

    Attributes:
        log: whether it is logarithmic.
        ticks: where ticks are; empty where the drawing library may choose.
        texts: of the ticks.
        cells: borders of the cells of a map, one more than cells; empty without a map.
        values: centres of cells that stand side by side whatever their distance; empty if they stand where they are.
    """

    log: bool
    ticks: tuple[float, ...] = ()
    texts: tuple[str, ...] = ()
    cells: tuple[float, ...] = ()
    values: tuple[float, ...] = ()

    def places(self, values: Sequence[float]) -> list[float]:
        """Where values are drawn; values between and beyond cells that stand side by side in proportion."""
        if not self.values:
            return list(values)
        known = np.array(self.values)
        if len(known) == 1:
            return [0.0 if value == known[0] else math.nan for value in values]
        at = np.clip(np.searchsorted(known, values) - 1, 0, len(known) - 2)
        return [float(place) for place in at + (np.array(values) - known[at]) / (known[at + 1] - known[at])]


def axes(panel: Panel) -> tuple[Axis, Axis]:
    """The axes of a panel, x and y."""
    if panel.heat:
        return _of_cells(panel.heat.x, panel.log_x), _of_cells(panel.heat.y, panel.log_y)
    measured = [line for line in panel.lines if line.style != "dashed"] or list(panel.lines)
    values = sorted({x for line in measured for x in line.x if math.isfinite(x) and (x > 0 or not panel.log_x)})
    if not 1 < len(values) <= FEW_POINTS:
        return Axis(panel.log_x), Axis(panel.log_y)
    kept = _apart([math.log(value) for value in values] if panel.log_x else values)
    ticks = tuple(values[i] for i in kept)
    return Axis(panel.log_x, ticks, tuple(map(written, ticks))), Axis(panel.log_y)


def written(value: float) -> str:
    """A number as ticks have it."""
    return f"{value:.4g}"


def _apart(places: Sequence[float], least: float = 0.1) -> list[int]:
    """Positions of places that are no closer than a share of their range."""
    kept: list[int] = []
    for i, place in enumerate(places):
        if not kept or place - places[kept[-1]] >= least * (places[-1] - places[0]):
            kept.append(i)
    return kept


def _of_cells(values: tuple[float, ...], log: bool) -> Axis:
    """Cells where their values are if these are evenly spaced, else side by side."""
    log = log and min(values) > 0
    scaled = [math.log(value) for value in values] if log else list(values)
    gaps = [right - left for left, right in pairwise(scaled)]
    if not gaps or max(gaps) > _REGULAR * min(gaps):
        texts = [written(value) for value in values]
        step = math.ceil(len(values) * (max(map(len, texts)) + 2) / 44)
        shown = range(0, len(values), step)
        borders = tuple(i - 0.5 for i in range(len(values) + 1))
        return Axis(False, tuple(map(float, shown)), tuple(texts[i] for i in shown), borders, values)
    inner = [(left + right) / 2 for left, right in pairwise(scaled)]
    borders = (scaled[0] - gaps[0] / 2, *inner, scaled[-1] + gaps[-1] / 2)
    if not log:
        few = values if len(values) <= 6 else ()
        return Axis(False, few, tuple(map(written, few)), borders)
    kept = [values[i] for i in _apart(scaled)]
    return Axis(True, tuple(kept), tuple(map(written, kept)), tuple(math.exp(border) for border in borders))


def colour_range(panel: Panel, among: Sequence[Panel]) -> tuple[float, float]:
    """Lowest and highest value of the colours of a panel's map.

    Maps of one label share their colours, unless one would use but a small part of them. Shares have those from 0 to 1
    if they use a good part of that.
    """
    label = panel.heat.label if panel.heat else ""
    alike = [_values(other) for other in among if other.heat and other.heat.label == label]
    together = [value for values in alike for value in values] or [0.0, 1.0]
    low, high = min(together), max(together)
    if low >= 0 and 0.3 < high <= 1:
        return 0.0, 1.0
    if any(max(values) - min(values) < (high - low) / 5 for values in alike if values):
        own = _values(panel) or [0.0, 1.0]
        low, high = min(own), max(own)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _values(panel: Panel) -> list[float]:
    """Of its map."""
    return [value for row in panel.heat.z for value in row if math.isfinite(value)] if panel.heat else []


def has_gaps(panel: Panel) -> bool:
    """Whether some cells of a map have no value."""
    return panel.heat is not None and not all(math.isfinite(value) for row in panel.heat.z for value in row)


def colour(panel: Panel, line: Line) -> str:
    """Of a line; over a map, one of those that no map has."""
    colours = _ON_HEAT if panel.heat else CURVE_COLOURS
    return colours[line.colour % len(colours)]


def is_marked(panel: Panel, line: Line) -> bool:
    """Whether a line has marks, so that it differs from others by more than its colour, or as it has few points."""
    if line.style != "line" or panel.heat:
        return line.style == "points"
    colours = {other.colour for other in panel.lines if other.style == "line"}
    return len(colours) > 1 or len(line.x) <= FEW_POINTS


def in_legend(panel: Panel) -> list[Line]:
    """The lines that stand for their labels: the first of each that is not dashed, else the first."""
    chosen: dict[str, Line] = {}
    for line in panel.lines:
        if line.label and (line.label not in chosen or chosen[line.label].style == "dashed" != line.style):
            chosen[line.label] = line
    return list(chosen.values())


def share_legend(panels: Sequence[Panel]) -> bool:
    """Whether one legend serves all panels: few labels, each with the same look in all of them and no two alike."""
    looks = {
        (line.label, (colour(panel, line), line.style == "dashed")) for panel in panels for line in in_legend(panel)
    }
    labels, kinds = {label for label, _ in looks}, {kind for _, kind in looks}
    most = max(len(in_legend(panel)) for panel in panels)
    return len(looks) == len(labels) == len(kinds) <= max(most, _MOST_SHARED)


def bands(panel: Panel, line: Line) -> list[tuple[list[float], list[float], list[float]]]:
    """x, low and high of a line's spread, a piece for each stretch without gaps; on a logarithmic axis above 0."""
    if not line.low:
        return []
    finite = [value for value in line.y if value > 0]
    floor = min(finite, default=1.0) / 100 if panel.log_y else -math.inf
    points = [(x, max(low, floor), high) for x, low, high in zip(line.x, line.low, line.high, strict=True)]
    pieces = groupby(points, key=lambda point: all(map(math.isfinite, point)))
    stretches = [list(piece) for whole, piece in pieces if whole]
    return [([p[0] for p in s], [p[1] for p in s], [p[2] for p in s]) for s in stretches]
