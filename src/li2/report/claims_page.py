"""The page of claims: every statement with its verdict, predicted against measured, and figures."""

from markupsafe import Markup

from li2.report.drawing.interactive import interactive
from li2.report.style import GREEN, GREY, ORANGE, RED
from li2.report.templates import embedded, render
from li2.reproduce import Line, Panel
from li2.theorems import ClaimResult, Plot, Verdict, Verification

VERDICT_COLOURS = {
    Verdict.HOLDS: GREEN,
    Verdict.CORRECTED: ORANGE,
    Verdict.FAILS: RED,
    Verdict.NOT_APPLICABLE: GREY,
    Verdict.UNMEASURED: RED,
}

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
                (
                    f"{plot.title}{where}",
                    embedded(interactive(_panel(plot)), f"{result.claim.statement.name} {position}"),
                )
                for position, plot in enumerate(finding.evidence.plots)
            ]
    return []


def _panel(plot: Plot) -> Panel:
    """Predicted curves dashed, measured ones as dots; curves of one name share colour and legend."""
    names = list(dict.fromkeys(curve.name for curve in plot.curves))
    lines = [
        Line(
            curve.name,
            tuple(curve.x),
            tuple(curve.y),
            low=tuple(curve.spread[0]) if curve.spread else (),
            high=tuple(curve.spread[1]) if curve.spread else (),
            style="dashed" if curve.predicted else "points",
            colour=names.index(curve.name),
        )
        for curve in plot.curves
    ]
    return Panel(plot.title, plot.x, plot.y, tuple(lines), log_x=plot.log_x, log_y=plot.log_y)
