"""The page of claims: every statement with its verdict, predicted against measured, and figures."""

import plotly.graph_objects as go
from markupsafe import Markup

from li2.report.style import BLUE, GREEN, GREY, HEIGHT, ORANGE, PURPLE, RED, apply_style
from li2.report.templates import embedded, render
from li2.theorems import ClaimResult, Plot, Verdict, Verification

VERDICT_COLOURS = {
    Verdict.HOLDS: GREEN,
    Verdict.CORRECTED: ORANGE,
    Verdict.FAILS: RED,
    Verdict.NOT_APPLICABLE: GREY,
    Verdict.UNMEASURED: RED,
}

CURVE_COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, GREY, "#56B4E9", "#000000")

MOST_FINDINGS = 60
"""Of one claim with all their checks; of more groups only the verdicts."""


def claims_page(verification: Verification) -> str:
    """The page as HTML in one piece that works offline."""
    results = verification.measured
    return render(
        "claims.html.jinja",
        results=results,
        counts={verdict.value: sum(result.verdict == verdict for result in results) for verdict in Verdict},
        colours={verdict.value: colour for verdict, colour in VERDICT_COLOURS.items()},
        figures={result.claim.statement.name: _figures(result) for result in results},
        most=MOST_FINDINGS,
        number=number,
        seconds=verification.seconds,
        command=verification.spec.command(),
        rest=verification.rest and verification.rest.command(),
    )


def number(value: float | str) -> str:
    """A number with four digits, words as they are."""
    return value if isinstance(value, str) else f"{value:.4g}"


def _figures(result: ClaimResult) -> list[tuple[str, Markup]]:
    """The figures of the first group that has some, each with a title that names it."""
    for finding in result.findings:
        if finding.evidence and finding.evidence.plots:
            where = f", {finding.group}" if finding.group else ""
            return [
                (f"{plot.title}{where}", embedded(_drawn(plot), f"{result.claim.statement.name} {position}"))
                for position, plot in enumerate(finding.evidence.plots)
            ]
    return []


def _drawn(plot: Plot) -> go.Figure:
    """Predicted curves as lines, measured ones as dots; curves of one name share colour and legend."""
    figure = go.Figure()
    names = list(dict.fromkeys(curve.name for curve in plot.curves))
    measured = {curve.name for curve in plot.curves if not curve.predicted}
    for curve in plot.curves:
        colour = CURVE_COLOURS[names.index(curve.name) % len(CURVE_COLOURS)]
        spread = None
        if curve.spread is not None:
            low, high = curve.spread
            spread = {
                "type": "data",
                "symmetric": False,
                "array": [top - y for top, y in zip(high, curve.y, strict=True)],
                "arrayminus": [y - bottom for bottom, y in zip(low, curve.y, strict=True)],
                "thickness": 1,
            }
        figure.add_trace(
            go.Scatter(
                x=list(curve.x),
                y=list(curve.y),
                name=curve.name,
                mode="lines" if curve.predicted else "markers",
                line={"color": colour, "width": 2, "dash": "dash"},
                marker={"color": colour, "size": 8, "opacity": 0.8},
                error_y=spread,
                legendgroup=curve.name,
                showlegend=not (curve.predicted and curve.name in measured),
            )
        )
    apply_style(figure, HEIGHT)
    figure.update_xaxes(title=plot.x, type="log" if plot.log_x else "linear")
    figure.update_yaxes(title=plot.y, type="log" if plot.log_y else "linear", exponentformat="power")
    return figure.update_layout(hovermode="closest", showlegend=True, margin={"t": 70})
