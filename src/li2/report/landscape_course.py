"""The part of a landscape's page on what happens to its maxima with less data: figures, and the words around them."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from li2.report.style import BLUE, HEIGHT, ORANGE, RED, apply_style, translucent
from li2.theorems.landscape_course import Course

KIND_COLOURS = {"feature": BLUE, "mixed": ORANGE, "memorising": RED}

PATH_TITLES = {
    "tracked": "followed step by step",
    "original": "from the maxima on all pairs",
    "random": "from random points",
}


def tracked_figure(course: Course) -> go.Figure:
    """Purity and energy of every tracked maximum against the share of the pairs."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.06)
    table = course.table[course.table["path"] == "tracked"]
    for row, (name, title) in enumerate((("purity", "purity"), ("energy", "E")), start=1):
        x: list[float | None] = []
        y: list[float | None] = []
        for _, line in table.groupby("number"):
            x += [*line["fraction"], None]
            y += [*line[name], None]
        figure.add_trace(
            go.Scatter(x=x, y=y, mode="lines", line={"color": "rgba(90,90,90,0.35)", "width": 1}, hoverinfo="skip",
                       showlegend=False), row=row, col=1,
        )  # fmt: skip
        for kind, colour in KIND_COLOURS.items():
            part = table[table["kind"] == kind]
            figure.add_trace(
                go.Scatter(
                    x=part["fraction"], y=part[name], mode="markers", name=kind, legendgroup=kind,
                    marker={"color": colour, "size": 6}, showlegend=row == 1 and len(part) > 0,
                    customdata=part[["number", "irrep", "purity", "energy", "n", "cosine"]],
                    hovertemplate="maximum %{customdata[0]}, %{customdata[4]} pairs: irrep %{customdata[1]}<br>"
                    "purity %{customdata[2]:.3f}, E = %{customdata[3]:.5g}, |cos| with the maximum on all pairs "
                    "%{customdata[5]:.2f}",
                ),
                row=row,
                col=1,
            )  # fmt: skip
        figure.update_yaxes(title=title, rangemode="tozero", row=row, col=1)
    apply_style(figure, int(1.5 * HEIGHT))
    figure.update_yaxes(range=[0, 1.04], row=1, col=1)
    return _against_data(figure, course, rows=2).update_layout(hovermode="closest")


def shares_figure(course: Course) -> go.Figure:
    """The shares of kinds among the ends, by where the ascents began."""
    summary = course.summary()
    figure = make_subplots(rows=1, cols=3, shared_yaxes=True, subplot_titles=list(PATH_TITLES.values()),
                           horizontal_spacing=0.03)  # fmt: skip
    for column, path in enumerate(PATH_TITLES, start=1):
        for kind, colour in KIND_COLOURS.items():
            figure.add_trace(
                go.Scatter(
                    x=summary["fraction"], y=summary[f"{path}_{kind}"], name=kind, legendgroup=kind, stackgroup="all",
                    line={"color": colour, "width": 1}, fillcolor=translucent(colour, 0.6), showlegend=column == 1,
                    hovertemplate="%{y:.0%}",
                ),
                row=1,
                col=column,
            )  # fmt: skip
    apply_style(figure, 340)
    figure.update_layout(margin={"t": 70}, legend={"y": 1.12})
    figure.update_yaxes(range=[0, 1], tickformat=".0%")
    return _against_data(figure, course, rows=1)


def _against_data(figure: go.Figure, course: Course, rows: int) -> go.Figure:
    """All pairs on the left, so that data are taken away to the right."""
    low, high = course.table["fraction"].min(), course.table["fraction"].max()
    margin = 0.02 * max(high - low, 0.05)
    figure.update_xaxes(range=[high + margin, low - margin])
    return figure.update_xaxes(title="share of the pairs, n/M²", row=rows)


def course_words(course: Course) -> str:
    """Where the tracked maxima are lost, in two to four sentences."""
    lost, summary = course.lost_at(), course.summary()
    tracks, last = len(lost), summary.iloc[-1]
    pairs = f"the {last['n']:.0f} pair{'s' if last['n'] > 1 else ''}"
    features = lost[lost != 1]  # those that are features of one irrep on all pairs
    held = int(np.isnan(lost).sum())
    words = [_count(len(features), tracks, "maxima on all pairs", "features of an irrep")]
    if held == len(features) > 0:
        words.append(f"None of these is lost down to {pairs}.")
    elif len(features):
        words.append(f"The first is lost, no feature of that irrep any more, at n/M² = {np.nanmax(features):.3g};")
        half = summary[summary["held"] < 0.5 * len(features) / tracks]
        words.append(f"fewer than half are left from {half.iloc[0]['fraction']:.3g} on," if len(half) else "")
        words.append(f"{held or 'none'} on {pairs}.")
    ends, randoms = _kinds(last, "tracked"), _kinds(last, "random")
    others = "as are those from random points" if ends == randoms else f"those from random points {randoms}"
    words.append(f"The ends there are {ends}, {others}.")
    return " ".join(word for word in words if word)


def _count(count: int, total: int, of: str, what: str) -> str:
    if 0 < count < total:
        return f"{count} of {total} {of} are {what}."
    return f"{'All' if count else 'None of'} {total} {of} are {what}."


def _kinds(row: pd.Series, path: str) -> str:
    """Such as ``60% feature, 40% mixed``; only the kinds that there are."""
    shares = {kind: float(row[f"{path}_{kind}"]) for kind in KIND_COLOURS}
    parts = [("all " if share == 1 else f"{share:.0%} ") + kind for kind, share in shares.items() if share]
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def linear_words(course: Course) -> str:
    """What the energy is for σ(x) = x."""
    maxima, n = course.linear_maxima, int(course.table["n"].min())
    largest = float(maxima[0])
    next_one = float(maxima[1]) if maxima[1] > 1e-9 * largest else 0.0
    vanishes = course.linear_on_all <= 1e-9 * max(largest, 1e-3)
    if course.spec.centring == "none":
        on_all = f"on all pairs it reaches {course.linear_on_all:.4g}"
    elif vanishes:
        on_all = "on all pairs it vanishes, since every class then sees every element of each operand once"
    else:
        on_all = f"on all pairs it reaches {course.linear_on_all:.4g}"
    these = f"these {n}" if n > 1 else "this one"
    sign = "phase" if course.spec.weights == "complex" else "sign"
    if largest <= 1e-12:
        here = f"so it does on {these}"
    elif largest - next_one > 1e-9 * largest:
        here = (
            f"on {these} it has one maximum up to its {sign}, E = {largest:.4g}; at the other eigenvectors "
            f"(the next has E = {next_one:.4g}) it has saddle points or its minimum"
        )
    else:
        here = f"on {these} its largest value, E = {largest:.4g}, is taken on a whole circle or more"
    return f"For σ(x) = x the energy is a quadratic form: {on_all}; {here}."
