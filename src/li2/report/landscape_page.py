"""A landscape on disk: end points, maxima, and a page that draws them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from li2.files import put_in_place
from li2.report import folder, landscape_course, landscape_slices
from li2.report.style import TYPE_COLOURS, apply_style
from li2.report.templates import embedded, render
from li2.theorems.landscape import Landscape
from li2.theorems.landscape_course import Course


class LandscapeDirectory:
    """The files of one landscape: spec.json, points.parquet, maxima.parquet, nodes.npy, report.html; course.parquet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.report = path / "report.html"

    @classmethod
    def new(cls, path: Path) -> "LandscapeDirectory":
        """A directory that is yet to be written; raises Li2Error if there is something at its place."""
        folder.check_new(path)
        return cls(path)

    def write(self, landscape: Landscape, course: Course | None = None) -> None:
        """Write everything, with the course from all pairs if it was followed.

        Raises:
            Li2Error: if the directory cannot be made.
            OSError: if a file cannot be written.
        """
        folder.make(self.path)
        values = {"spec": landscape.spec.explicit(), "command": landscape.spec.command()}
        put_in_place(self.path / "spec.json", lambda file: file.write_text(json.dumps(values, indent=2) + "\n"))
        put_in_place(self.path / "points.parquet", landscape.points.to_parquet)
        put_in_place(self.path / "maxima.parquet", landscape.maxima.to_parquet)
        put_in_place(self.path / "nodes.npy", lambda file: _save(file, landscape.nodes))
        if course is not None:
            put_in_place(self.path / "course.parquet", course.table.to_parquet)
        page = landscape_page(landscape, course)
        put_in_place(self.report, lambda file: file.write_text(page, encoding="utf-8"))


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        np.save(file, array)


def landscape_page(landscape: Landscape, course: Course | None = None) -> str:
    """The page as HTML in one piece that works offline."""
    drawn = landscape_slices.slice_of(landscape)
    return render(
        "landscape.html.jinja",
        landscape=landscape,
        rows=landscape.as_json()["maxima"],
        energies=embedded(_energies(landscape), "energies"),
        slice=None if drawn is None else embedded(drawn, "slice"),
        course=None if course is None else _course_parts(course),
        command=landscape.spec.command(),
    )


def _course_parts(course: Course) -> dict[str, Any]:
    """What the page shows of a course."""
    chosen = landscape_slices.chosen_nodes(course)
    slices = None if chosen is None else landscape_slices.slices_of(course, chosen)
    return {
        "sizes": course.table["n"].nunique(),
        "words": landscape_course.course_words(course),
        "linear": landscape_course.linear_words(course),
        "tracked": embedded(landscape_course.tracked_figure(course), "tracked"),
        "shares": embedded(landscape_course.shares_figure(course), "shares"),
        "chosen": chosen,
        "slices": None if slices is None else embedded(slices, "slices"),
    }


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
