"""Hemispheres through some nodes, seen from above, with an energy as their height lines."""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import torch
from numpy.typing import NDArray
from plotly.subplots import make_subplots

from li2.landscape import Energy, Hemisphere, stacked
from li2.report.style import HEIGHT, apply_style
from li2.theorems.landscape import Landscape
from li2.theorems.landscape_course import Course

SIDE, SMALL_SIDE = 121, 91
"""Points along each side of a slice, and of one of three."""

FARTHEST = 0.99
"""|cos| up to which two nodes count as different."""

BLOCK = 1000
"""Nodes whose energy is computed at once."""


def contour(hemisphere: Hemisphere, energy: Energy, side: int, **layout: object) -> go.Contour:
    """The height lines of an energy."""
    x, y, nodes = hemisphere.points(side)
    parts = [energy.value_and_gradient(part)[0] for part in torch.split(nodes.to(energy.device), BLOCK, dim=1)]
    line = np.linspace(-1, 1, side)
    values = np.full((side, side), np.nan, dtype=np.float32)
    values[np.searchsorted(line, y), np.searchsorted(line, x)] = torch.cat(parts).cpu().numpy()
    return go.Contour(
        x=line, y=line, z=values, colorscale="Viridis", ncontours=25, hovertemplate="E = %{z:.4g}<extra></extra>",
        **layout,
    )  # fmt: skip


def slice_of(landscape: Landscape) -> go.Figure | None:
    """The energy on a hemisphere through two different maxima; None if there are no two."""
    converged = landscape.points[landscape.points["converged"]].sort_values("energy", ascending=False)
    candidates = [int(number) for number in (*converged.drop_duplicates("irrep").index, *converged.index)]
    if not candidates:
        return None
    nodes = stacked(torch.from_numpy(landscape.nodes)).numpy()
    cosines = np.abs(nodes[:, candidates[0]] @ nodes[:, candidates])
    others = np.flatnonzero(cosines < FARTHEST)  # neither the same point nor its mirror image
    if not len(others):
        return None
    chosen = [candidates[0], candidates[int(others[0])]]
    hemisphere = Hemisphere.through([nodes[:, number] for number in chosen], landscape.spec.seed)
    figure = go.Figure(contour(hemisphere, landscape.energy, SIDE, colorbar={"title": "E"}))
    for number in chosen:
        _mark(figure, hemisphere, nodes[:, number], f"irrep {landscape.points['irrep'][number]}")
    apply_style(figure, int(1.5 * HEIGHT))
    return _from_above(figure)


@dataclass(frozen=True)
class Chosen:
    """The nodes of figure 4's slices.

    Attributes:
        features: two numbers of tracked maxima, or one.
        are_held: whether these are held down to the specification's pairs; otherwise they are shown as on all pairs.
        memorising: number of the random start that ended memorising, at the largest energy, or None.
    """

    features: list[int]
    are_held: bool
    memorising: int | None


def chosen_nodes(course: Course) -> Chosen | None:
    """What to lay slices through; None if there are no two different nodes."""
    last = course.table[course.table["n"] == course.table["n"].min()]
    tracked = last[last["path"] == "tracked"].set_index("number")
    held = tracked[tracked["is_held"]].sort_values("purity", ascending=False)
    lost = course.lost_at()
    longest = tracked.assign(lost=lost).sort_values("lost", na_position="first")
    pool = held if len(held) else longest
    first = course.table[(course.table["n"] == course.table["n"].max()) & (course.table["path"] == "tracked")]
    irreps = first.set_index("number")["irrep"].loc[pool.index]
    features = [int(number) for number in irreps.drop_duplicates().index[:2]]
    random = last[(last["path"] == "random") & (last["kind"] == "memorising")].set_index("number")
    memorising = int(random["energy"].idxmax()) if len(random) else None
    found = Chosen(features, bool(len(held)), memorising)
    return found if len(features) + (memorising is not None) > 1 else None


def slices_of(course: Course, chosen: Chosen) -> go.Figure:
    """Figure 4: the same slice for σ(x) = x and on all pairs, and for the specification's σ and pairs."""
    source = course.ends["tracked"] if chosen.are_held else course.originals
    points = [source[:, number].cpu().numpy() for number in chosen.features]
    irreps = course.table[course.table["path"] == "tracked"].groupby("number", sort=False)["irrep"].first()
    names = [f"irrep {irreps[number]}" for number in chosen.features]
    if chosen.memorising is not None:
        points.append(course.ends["random"][:, chosen.memorising].cpu().numpy())
        names.append("memorising")
    hemisphere = Hemisphere.through(points, course.spec.seed)
    n, total = int(course.table["n"].min()), int(course.table["n"].max())
    titles = (f"σ(x) = x, {n} pairs", f"all {total} pairs", f"{n} pairs")
    figure = make_subplots(rows=1, cols=3, subplot_titles=titles, horizontal_spacing=0.03)
    for column, energy in enumerate((course.linear, course.whole, course.part), start=1):
        low, high = figure.get_subplot(1, column).xaxis.domain
        bar = {"orientation": "h", "len": 0.9 * (high - low), "x": (low + high) / 2, "y": -0.02, "yanchor": "top",
               "thickness": 12, "nticks": 5}  # fmt: skip
        figure.add_trace(contour(hemisphere, energy, SMALL_SIDE, colorbar=bar), row=1, col=column)
        for point, name in zip(points, names, strict=True):
            _mark(figure, hemisphere, point, name, row=1, col=column)
    apply_style(figure, 490)
    figure.update_layout(margin={"l": 10, "r": 10, "t": 70, "b": 80})
    return _from_above(figure)


def _mark(figure: go.Figure, hemisphere: Hemisphere, node: NDArray[np.float64], name: str, **where: int) -> None:
    x, y = hemisphere.place(node)
    marker = {"symbol": "x-thin", "size": 10, "line": {"width": 2.5, "color": "#fff"}}
    figure.add_trace(go.Scatter(x=[x], y=[y], mode="markers", marker=marker, hoverinfo="skip"), **where)
    figure.add_annotation(
        x=x, y=y, text=name, showarrow=False, yshift=17, font={"size": 12}, bgcolor="rgba(255,255,255,0.75)", **where
    )


def _from_above(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(visible=False, range=[-1.05, 1.05], constrain="domain")
    for number, axis in enumerate(figure.select_yaxes(), start=1):
        axis.update(visible=False, range=[-1.05, 1.05], scaleanchor="x" if number == 1 else f"x{number}")
    return figure.update_layout(hovermode="closest", showlegend=False)
