"""A landscape on disk: end points, maxima, and a page that draws them."""

import json
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import torch

from li2.errors import Li2Error
from li2.files import put_in_place
from li2.report.style import HEIGHT, TYPE_COLOURS, apply_style
from li2.report.templates import embedded, render
from li2.theorems import Landscape

SLICE = 121
"""Points along each side of the slice."""

FARTHEST = 0.99
"""|cos| up to which two end points count as different in the slice."""


class LandscapeDirectory:
    """The files of one landscape: spec.json, points.parquet, maxima.parquet, nodes.npy, report.html."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.report = path / "report.html"

    @classmethod
    def new(cls, path: Path) -> "LandscapeDirectory":
        """A directory that is yet to be written; raises Li2Error if there is something at its place."""
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise Li2Error(f"{path} exists and is not an empty directory; choose another --out.")
        return cls(path)

    def write(self, landscape: Landscape) -> None:
        """Write everything; raises Li2Error if the directory cannot be made, OSError if a file cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Li2Error(f"cannot write to {self.path}: {error.strerror or error}.") from error
        values = {"spec": landscape.spec.explicit(), "command": landscape.spec.command()}
        put_in_place(self.path / "spec.json", lambda file: file.write_text(json.dumps(values, indent=2) + "\n"))
        put_in_place(self.path / "points.parquet", landscape.points.to_parquet)
        put_in_place(self.path / "maxima.parquet", landscape.maxima.to_parquet)
        put_in_place(self.path / "nodes.npy", lambda file: _save(file, landscape.nodes))
        page = landscape_page(landscape)
        put_in_place(self.report, lambda file: file.write_text(page, encoding="utf-8"))


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array)


def landscape_page(landscape: Landscape) -> str:
    """The page as HTML in one piece that works offline."""
    drawn = _slice(landscape)
    return render(
        "landscape.html.jinja",
        landscape=landscape,
        rows=landscape.as_json()["maxima"],
        energies=embedded(_energies(landscape), "energies"),
        slice=None if drawn is None else embedded(drawn, "slice"),
        command=landscape.spec.command(),
    )


def _energies(landscape: Landscape) -> go.Figure:
    """The energy of every end point by irrep, and the predicted ones."""
    figure = go.Figure()
    named = landscape.points.assign(length=landscape.points["irrep"].str.len())
    labels = list(dict.fromkeys(named.sort_values(["dimension", "length", "irrep"])["irrep"]))
    place = {label: number for number, label in enumerate(labels)}
    spread = np.random.default_rng(0).uniform(-0.3, 0.3, len(landscape.points))
    for kind, part in landscape.points.assign(spread=spread).groupby("type"):
        figure.add_trace(
            go.Scatter(
                x=part["irrep"].map(place) + part["spread"],
                y=part["energy"],
                mode="markers",
                name=f"{kind} type",
                marker={"color": TYPE_COLOURS[str(kind)], "size": 7, "opacity": 0.6},
                customdata=part[["irrep", "purity", "kind"]],
                hovertemplate="irrep %{customdata[0]}: E = %{y:.6g}<br>purity %{customdata[1]:.3f}, %{customdata[2]}"
                "<extra></extra>",
            )
        )
    known = landscape.maxima.dropna(subset=["predicted"]).drop_duplicates(["dimension", "type"])
    for row in known.to_dict("records"):
        of_kind = landscape.points[
            (landscape.points["dimension"] == row["dimension"]) & (landscape.points["type"] == row["type"])
        ]
        for label in of_kind["irrep"].unique():
            line = {"color": "#222", "width": 2, "dash": "dot"}
            figure.add_shape(
                type="line", x0=place[label] - 0.45, x1=place[label] + 0.45, y0=row["predicted"], y1=row["predicted"],
                line=line,
            )  # fmt: skip
    apply_style(figure)
    step = max(1, len(labels) // 24)
    figure.update_xaxes(title="irrep", tickvals=list(range(0, len(labels), step)), ticktext=labels[::step])
    figure.update_yaxes(title="E at the end of the ascent", rangemode="tozero")
    return figure.update_layout(hovermode="closest")


def _slice(landscape: Landscape) -> go.Figure | None:
    """The energy on a hemisphere through two different maxima, seen from above; None if there are no two."""
    converged = landscape.points[landscape.points["converged"]].sort_values("energy", ascending=False)
    candidates = [int(number) for number in (*converged.drop_duplicates("irrep").index, *converged.index)]
    if not candidates:
        return None
    cosines = np.abs(landscape.nodes[:, candidates[0]] @ landscape.nodes[:, candidates])
    others = np.flatnonzero(cosines < FARTHEST)  # neither the same point nor its mirror image
    if not len(others):
        return None
    chosen = [candidates[0], candidates[int(others[0])]]
    first, second = (landscape.nodes[:, number] for number in chosen)
    top = (first + second) / np.linalg.norm(first + second)
    across = (first - second) / np.linalg.norm(first - second)
    third = np.random.default_rng(landscape.spec.seed).normal(size=len(top))
    for axis in (top, across):
        third -= (third @ axis) * axis
    third /= np.linalg.norm(third)
    side = np.linspace(-1, 1, SLICE)
    x, y = np.meshgrid(side, side)
    height = np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
    nodes = across[:, None] * x.ravel() + third[:, None] * y.ravel() + top[:, None] * height.ravel()
    values, _ = landscape.energy.value_and_gradient(torch.from_numpy(nodes).to(landscape.energy.device))
    energies = values.cpu().numpy().reshape(x.shape)
    energies[x**2 + y**2 > 1] = np.nan
    figure = go.Figure(
        go.Contour(x=side, y=side, z=energies.astype(np.float32), colorscale="Viridis", ncontours=25,
                   colorbar={"title": "E"}, hovertemplate="E = %{z:.4g}<extra></extra>")
    )  # fmt: skip
    for number, node in zip(chosen, (first, second), strict=True):
        figure.add_annotation(
            x=node @ across,
            y=node @ third,
            text=f"✕ irrep {landscape.points['irrep'][number]}",
            showarrow=False,
            bgcolor="rgba(255,255,255,0.75)",
        )
    apply_style(figure, int(1.5 * HEIGHT))
    figure.update_xaxes(visible=False, range=[-1.05, 1.05], constrain="domain")
    figure.update_yaxes(visible=False, scaleanchor="x", range=[-1.05, 1.05])
    return figure.update_layout(hovermode="closest", showlegend=False)
