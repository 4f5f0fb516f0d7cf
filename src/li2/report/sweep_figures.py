"""Where groups begin to generalise: the phase diagram, and the collapse of accuracies onto the law."""

import math
from itertools import pairwise

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from li2.report.style import apply_style
from li2.report.sweep_cells import ACCURACY_SCALE, Cell, Drawing, at_most, cells
from li2.report.sweep_laws import Critical, Law
from li2.report.sweep_table import SweepTable, by_order, dimension, text
from li2.theory.scaling import CRITICAL_CONSTANT

MOST_RATIOS = 40
"""Of a panel that is drawn as a grid; more are drawn as single runs."""

FAMILY_WORDS = {"cyclic": "cyclic groups", "dihedral": "dihedral groups", "other": "other groups"}


def phase_diagrams(sweep: SweepTable) -> Drawing | None:
    """Test accuracy over group and training ratio, by family and setting; None with one group or one ratio."""
    panels = []
    for words, part in _panels(sweep):
        if part["group"].nunique() > 1 and part["p"].nunique() > 1:
            panels.append((words, _phase_diagram(part)))
    if not panels:
        return None
    return Drawing(
        "Phase diagram",
        "Test accuracy at the end of the runs, the median over seeds, by group and share p of all pairs that is "
        f"trained on. A run generalises if its test accuracy reaches {sweep.thresholds}. Lines: the laws of the "
        "critical ratio. Runs that were stopped early count with the accuracy that they had. A click on a cell "
        "shows its runs.",
        **at_most(panels),
    )


def _panels(sweep: SweepTable) -> list[tuple[str, pd.DataFrame]]:
    """Fresh runs by family and by settings other than group, size of the data and seed, each with its words."""
    return [
        (", ".join(filter(None, (FAMILY_WORDS[str(kind)], words))), part)
        for kind, runs in sweep.fresh.groupby("family", sort=True)
        for words, part in sweep.series(runs, but=("group", "p"))
    ]


def _phase_diagram(runs: pd.DataFrame) -> go.Figure:
    """One panel: groups side by side in the order of their size, the ratio upwards."""
    groups = by_order(runs)
    place = {group: position for position, group in enumerate(groups)}
    ratios = sorted(runs["p"].unique().tolist())
    found = cells(runs, ["group", "p"])
    full = len(found) / (len(groups) * len(ratios))
    drawn_as_grid = len(ratios) <= MOST_RATIOS and full >= 0.4
    figure = go.Figure(_grid(found, groups, ratios) if drawn_as_grid else _single_runs(found, place))
    facts = runs.drop_duplicates("group").set_index("group")
    sizes = [(int(facts["order"][group]), dimension(facts["largest_irrep_dim"][group])) for group in groups]
    joined = set(runs["family"]) != {"other"}
    for law in Critical.of(runs).drawn:
        _draw_law(figure, law, list(range(len(groups))), sizes, joined)
    apply_style(figure, 460)
    step = math.ceil(len(groups) / 40)
    names = [str(facts["order"][group]) if joined else text(group) for group in groups]
    figure.update_xaxes(
        title="group order M" if joined else "group, by order",
        tickvals=list(range(0, len(groups), step)), ticktext=names[::step], showgrid=False,
    )  # fmt: skip
    edges = _edges(ratios)
    figure.update_yaxes(title="training ratio p = n/M²", range=[edges[0], edges[-1]], showgrid=False)
    return figure.update_layout(hovermode="closest", margin={"t": 80})


def _grid(found: dict[tuple[str, float], Cell], groups: list[str], ratios: list[float]) -> go.Heatmap:
    rows = [[((group, ratio), found.get((group, ratio))) for group in groups] for ratio in ratios]
    return go.Heatmap(
        x=list(range(len(groups))),
        y=ratios,
        z=[[None if cell is None else cell.accuracy for _, cell in row] for row in rows],
        text=[["" if cell is None else _titled(key, cell) for key, cell in row] for row in rows],
        customdata=[[[] if cell is None else cell.linked for _, cell in row] for row in rows],
        hovertemplate="%{text}<extra></extra>",
        hoverongaps=False,
        xgap=1,
        ygap=1,
        zmin=0,
        zmax=1,
        colorscale=ACCURACY_SCALE,
        colorbar={"title": "test accuracy", "thickness": 14},
    )


def _single_runs(found: dict[tuple[str, float], Cell], place: dict[str, int]) -> go.Scatter:
    """A mark for each group and ratio, where the ratios of the groups are not the same."""
    return go.Scatter(
        x=[place[group] for group, _ in found],
        y=[ratio for _, ratio in found],
        mode="markers",
        showlegend=False,
        marker={
            "symbol": "square",
            "size": 11 if len(place) <= 30 else 7,
            "color": [cell.accuracy for cell in found.values()],
            "line": {"width": 0.5, "color": "#666"},
            "cmin": 0,
            "cmax": 1,
            "colorscale": ACCURACY_SCALE,
            "colorbar": {"title": "test accuracy", "thickness": 14},
        },
        text=[_titled(key, cell) for key, cell in found.items()],
        customdata=[cell.linked for cell in found.values()],
        hovertemplate="%{text}<extra></extra>",
    )


def _titled(key: tuple[str, float], cell: Cell) -> str:
    group, ratio = key
    return f"{text(group)}, p = {ratio:.4g}<br>{cell.words}"


def _edges(values: list[float]) -> list[float]:
    """The borders of cells whose centres are these."""
    inner = [(low + high) / 2 for low, high in pairwise(values)]
    return [values[0] - (inner[0] - values[0]), *inner, values[-1] + (values[-1] - inner[-1])]


def _draw_law(figure: go.Figure, law: Law, x: list[float], sizes: list[tuple[int, int]], joined: bool) -> None:
    """A law at some groups: a line if they are of one family, else a dash for each of them; its interval dotted."""
    curves = [(law.name, [law.ratio(*size) for size in sizes], law.dash, 3.0)]
    if law.band is not None:
        bounds = [law.band(*size) for size in sizes]
        curves += [("", [bound[end] for bound in bounds], "dot", 1.2) for end in (0, 1)]
    for name, y, dash, width in curves:
        figure.add_trace(
            go.Scatter(
                x=x,
                y=y,
                name=name,
                showlegend=bool(name),
                mode="lines" if joined else "markers",
                line={"color": law.colour, "dash": dash, "width": width},
                marker={"symbol": "line-ew", "size": 16, "line": {"color": law.colour, "width": width}},
                hovertemplate=f"p = %{{y:.4f}}<extra>{law.name}</extra>" if name else None,
                hoverinfo=None if name else "skip",
            )
        )


def collapse(sweep: SweepTable) -> Drawing | None:
    """Accuracy against p·M/ln M, a line for each group; None without several ratios."""
    panels = []
    for words, part in sweep.series(sweep.fresh[sweep.fresh["operands"] == 2], but=("group", "p")):
        part = part.dropna(subset=["place"])
        if part["p"].nunique() > 1 and len(part.drop_duplicates(["group", "p"])) > part["group"].nunique():
            panels.append((words, _collapse(part)))
    if not panels:
        return None
    return Drawing(
        "Collapse onto the law",
        "Test accuracy (median over seeds) against p·M/ln M, divided by d_max/2 for non-Abelian groups. If the law "
        f"holds, all groups rise at the same place; the published one is c = {CRITICAL_CONSTANT} (dashed).",
        **at_most(panels),
    )


def _collapse(runs: pd.DataFrame) -> go.Figure:
    figure = go.Figure()
    groups = by_order(runs)
    orders = runs.drop_duplicates("group").set_index("group")["order"]
    low, high = math.log(orders.min()), math.log(orders.max())
    few = len(groups) <= 10
    found = sorted(cells(runs, ["group", "place", "p"]).items(), key=lambda item: item[0][1])
    for group in groups:
        share = (math.log(orders[group]) - low) / (high - low) if high > low else 0.5
        of_group = [(place, (group, p), cell) for (name, place, p), cell in found if name == group]
        figure.add_trace(
            go.Scatter(
                x=[place for place, _, _ in of_group],
                y=[cell.accuracy for _, _, cell in of_group],
                name=text(group),
                showlegend=few,
                mode="lines+markers",
                line={"color": sample_colorscale("Viridis", 0.9 * share)[0], "width": 1.5},
                marker={"size": 6},
                text=[_titled(key, cell) for _, key, cell in of_group],
                customdata=[cell.linked for _, _, cell in of_group],
                hovertemplate="%{text}<br>p·M/ln M = %{x:.3f}<extra></extra>",
            )
        )
    figure.add_vline(x=CRITICAL_CONSTANT, line={"color": "#222", "dash": "dash", "width": 2})
    apply_style(figure)
    if not few:
        figure.add_trace(_order_scale(orders))
    shown = min(1.03 * float(runs["place"].max()), 3 * CRITICAL_CONSTANT)
    figure.update_xaxes(title="p·M/ln M", range=[0, shown])
    figure.update_yaxes(title="test accuracy", range=[-0.03, 1.03])
    return figure.update_layout(hovermode="closest", margin={"t": 60 if few else 20})


def _order_scale(orders: pd.Series) -> go.Scatter:
    """Nothing but a bar that shows which colour is which M (logarithmic)."""
    low, high = math.log(orders.min()), math.log(orders.max())
    ticks = np.unique(np.geomspace(orders.min(), orders.max(), 5).round().astype(int))
    scale = [[share, sample_colorscale("Viridis", 0.9 * share)[0]] for share in np.linspace(0, 1, 11)]
    bar = {"title": "M", "thickness": 14, "tickvals": np.log(ticks).tolist(), "ticktext": [str(tick) for tick in ticks]}
    marker = {"color": [low], "cmin": low, "cmax": high, "colorscale": scale, "showscale": True, "colorbar": bar}
    return go.Scatter(x=[None], y=[None], mode="markers", marker=marker, showlegend=False, hoverinfo="skip")
