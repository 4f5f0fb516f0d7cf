"""``li2 reproduce``: the figures of the paper, trained, measured and drawn."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from li2.cli.keys import keys_epilog
from li2.cli.options import AsJson, DryRun
from li2.cli.progress import show_sweep
from li2.cli.sweep import split_executor, workers_of
from li2.cli.words import counted, printed_seconds
from li2.specs import EXECUTOR_KEYS, ExecutorSpec

if TYPE_CHECKING:
    from li2.reproduce import Recipe, Reproduced

REPRODUCE_EPILOG = keys_epilog(EXECUTOR_KEYS)

COLOURS = {"confirmed": "green", "not confirmed": "red", "undecided at this scale": "yellow"}
WIDEST = max(map(len, COLOURS))


def reproduce_command(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FIGURE]... [KEY=VALUE]...",
            show_default=False,
            help="Names such as fig5a, all, or files of recipes; keys of the executor. None: lists the figures.",
        ),
    ] = None,
    scale: Annotated[
        str, typer.Option(metavar="SCALE", help="smoke: seconds; quick: minutes; paper: its settings, hours or days.")
    ] = "quick",
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New, empty, or one to go on with; default: reproduction-SCALE."),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Reproduce figures of the paper: train what they need, measure what they claim, and draw them.

    Ctrl-C stops; the same command goes on, and does nothing twice. When all is there it measures and draws anew.
    """
    figures, executor = split_executor(words or [])
    from li2 import api  # both load PyTorch
    from li2.reproduce import ALL, command, default_directory, recipes_of

    recipes = recipes_of(figures or [ALL])
    if dry_run or not figures:
        print_costs(recipes, scale, executor, as_json)
        return
    directory = out or default_directory(scale)
    with show_sweep() as progress:
        made = api.reproduce_figures(figures, scale, directory, executor, lambda what, runs: progress(runs, what))
    print_findings(made, directory, as_json)
    if len(made) < len(recipes):
        again = command(words or [], scale, directory)
        typer.echo(f"stopped; to go on: {again}", err=True)
        raise typer.Exit(130)
    if any(figure.finding is None for figure in made):
        raise typer.Exit(1)


def print_costs(recipes: "Sequence[Recipe]", scale: str, executor: ExecutorSpec, as_json: bool) -> None:
    """Print what figures show and are to cost."""
    from li2.reproduce import expected

    workers = workers_of(executor)
    rows: list[dict[str, Any]] = []
    for recipe in recipes:
        costs = expected(recipe, scale)
        rows.append(
            {
                "figure": recipe.name,
                "title": recipe.title,
                "runs": costs.runs,
                "computations": costs.computations,
                "seconds": round(costs.core_seconds / workers, 3),
            }
        )
    if as_json:
        print(json.dumps({"scale": scale, "workers": workers, "figures": rows}, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("figure", "runs", "time", "what it shows"):
        table.add_column(heading, justify="right" if heading in ("runs", "time") else "left", no_wrap=heading == "time")
    for row in rows:
        more = " +" if row["computations"] else ""
        table.add_row(row["figure"], str(row["runs"]), printed_seconds(row["seconds"]) + more, row["title"])
    console = Console(highlight=False, markup=False)
    console.print(table)
    total = printed_seconds(sum(row["seconds"] for row in rows))
    console.print(f"\nabout {total} at the {scale} scale with {counted(workers, 'worker')}", soft_wrap=True)
    if any(row["computations"] for row in rows):
        console.print("+: and computations, whose time is not known before")


def print_findings(made: "Sequence[Reproduced]", directory: Path, as_json: bool) -> None:
    """Print what was found, figure by figure, and where it is."""
    page = directory / "index.html"
    if as_json:
        values: dict[str, Any] = {"directory": str(directory), "page": str(page)}
        print(json.dumps({**values, "figures": [_as_json(figure) for figure in made]}, ensure_ascii=False))
        return
    console = Console(highlight=False)
    for figure in made:
        console.print(f"[bold]{figure.recipe.name}[/]  {escape(figure.recipe.title)}", soft_wrap=True)
        for check in figure.finding.checks if figure.finding else ():
            verdict = f"[{COLOURS[check.verdict]}]{check.verdict:<{WIDEST}}[/]"
            words = f"{check.what}: {check.measured}; expected: {check.expected}"
            console.print(f"  {verdict}  {escape(words)}", soft_wrap=True)
        if figure.error is not None:
            console.print(f"  [red]{'not measured':<{WIDEST}}[/]  {escape(figure.error)}", soft_wrap=True)
        for note in figure.notes:
            console.print(f"  {note}", style="red", markup=False, soft_wrap=True)
    if page.exists():
        console.print(f"page  {page}", markup=False, soft_wrap=True)


def _as_json(figure: "Reproduced") -> dict[str, Any]:
    finding = figure.finding
    return {
        "figure": figure.recipe.name,
        "verdict": figure.verdict,
        "error": figure.error,
        "summary": finding and finding.summary,
        "checks": finding.as_json()["checks"] if finding else [],
        "notes": figure.notes,
    }
