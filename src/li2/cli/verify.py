"""``li2 verify``: measure what the paper claims, statement by statement, and say what holds."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from li2.cli.keys import keys_epilog
from li2.cli.options import AsJson
from li2.cli.pages import check_page, write_page
from li2.cli.progress import show_count
from li2.specs import VERIFY_KEYS, VerifySpec, read_overrides
from li2.theory.statements import STATEMENTS

if TYPE_CHECKING:
    from li2.theorems import Verification

_WORDS = {name: VERIFY_KEYS[name] for name in ("group", "seed")}
_CLAIMS = "\n\n".join(f"[cyan]{name}[/cyan]  {escape(statement.title)}" for name, statement in STATEMENTS.items())
VERIFY_EPILOG = f"[bold]Claims[/bold]\n\n{_CLAIMS}\n\n{keys_epilog(_WORDS)}"

COLOURS = {
    "holds": "green",
    "holds with a correction": "yellow",
    "fails here": "red",
    "not applicable": "dim",
    "could not be measured": "red",
}


def verify_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[CLAIM]... [KEY=VALUE]...", show_default=False, help="See below; default: all claims."),
    ] = None,
    all_small_groups: Annotated[
        int | None, typer.Option(metavar="N", help="Measure the quick claims on all groups of order 2 to N.")
    ] = None,
    scale: Annotated[
        str, typer.Option(metavar="SCALE", help="quick: minutes in all; paper: the full laws, much longer.")
    ] = "quick",
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write statements, verdicts, figures and checks to a page.")
    ] = None,
) -> None:
    """Check the statements of the paper by numbers, also on groups of your own.

    Each statement is measured as it is printed and, apart from that, as we correct it: it holds, holds with a
    correction, fails here, or is not applicable. Ctrl-C keeps what has been found.
    """
    spec = _spec(words or [], all_small_groups, scale)
    check_page(html)
    from li2 import api  # both load PyTorch
    from li2.report.claims_page import claims_page

    with show_count() as progress:
        verification = api.verify(spec, progress)
    if as_json:
        print(json.dumps(verification.as_json(), ensure_ascii=False, allow_nan=False))
    else:
        _print(verification)
    if html is not None:
        write_page(html, claims_page(verification), said=not as_json)
    if verification.rest is not None:
        raise typer.Exit(130)
    if verification.failed:
        raise typer.Exit(1)


def _spec(words: list[str], all_small_groups: int | None, scale: str) -> VerifySpec:
    claims = [word for word in words if "=" not in word]
    groups = [word.removeprefix("group=") for word in words if word.startswith("group=")]
    others = [word for word in words if "=" in word and not word.startswith("group=")]
    return VerifySpec(
        claims=tuple(claims),
        group=",".join(groups) if groups else (),
        all_small_groups=all_small_groups,
        scale=scale,
        **read_overrides(others, _WORDS),
    )


def _print(verification: "Verification") -> None:
    console = Console(highlight=False)
    for result in verification.measured:
        colour = COLOURS[result.verdict]
        console.print(f"\n[bold]{escape(result.claim.statement.title)}[/bold]  [{colour}]{result.verdict}[/]")
        for finding in result.findings[:_MOST_GROUPS]:
            where = f"[bold]{escape(finding.group)}[/bold]  " if finding.group else ""
            note = f"[{COLOURS[finding.verdict]}]{finding.verdict}[/]. " if len(result.findings) > 1 else ""
            console.print(Padding(f"{where}{note}{escape(finding.text)}", (0, 0, 0, 2)))
        if len(result.findings) > _MOST_GROUPS:
            console.print(
                f"  and {len(result.findings) - _MOST_GROUPS} more: --json and --html have them all", style="dim"
            )
    console.print(_table(verification))
    console.print(f"{verification.seconds:.0f} s of process time; --json and --html have every check", style="dim")
    if verification.rest is not None:
        console.print(f"interrupted; the rest: {verification.rest.command()}", soft_wrap=True)


_MOST_GROUPS = 12
"""Of one claim on the terminal."""


def _table(verification: "Verification") -> Table:
    table = Table(title="\nVerdicts", title_justify="left", box=None, pad_edge=False)
    for heading in ("claim", "verdict", "groups", "checks as printed", "as corrected"):
        table.add_column(heading, justify="left" if heading in {"claim", "verdict"} else "right")
    for result in verification.measured:
        measured = [finding.evidence for finding in result.findings if finding.evidence]
        counts = []
        for part in ("statement", "correction"):
            checks = [check for evidence in measured for check in getattr(evidence, part)]
            passed = sum(check.passed for check in checks)
            alarm = "red" if part == "correction" and passed < len(checks) else "none"
            counts.append(f"[{alarm}]{passed} of {len(checks)}[/]" if checks else "–")
        places = str(len(measured)) if result.claim.groups else "–"
        table.add_row(result.claim.statement.name, f"[{COLOURS[result.verdict]}]{result.verdict}[/]", places, *counts)
    return table
