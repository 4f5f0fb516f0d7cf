"""``li2 boundary``: the critical ratio of each group, found with few runs, and the law that it follows."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from li2.cli.keys import keys_epilog
from li2.cli.options import AsJson, Config, DryRun, Settings
from li2.cli.sweep import print_cost, split_executor, work_on
from li2.errors import Li2Error
from li2.specs import BOUNDARY_KEYS, EXECUTOR_KEYS, BoundarySpec, read_config, read_overrides

BOUNDARY_EPILOG = keys_epilog(BOUNDARY_KEYS) + "\n\n" + keys_epilog(EXECUTOR_KEYS)


def boundary_command(
    settings: Settings = None,
    config: Config = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Its directory, new or empty.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Find how much data each group needs to generalise, and fit the law p = c·(ln M)^α/M^β.

    For each group and seed the smallest training set that generalises is sought by bisection; runs end as soon as
    their fate is known. Ctrl-C stops; li2 sweep resume DIR goes on.
    """
    words, executor = split_executor(settings or [])
    values = read_config(config, BOUNDARY_KEYS) if config else {}
    spec = BoundarySpec(**{**values, **read_overrides(words, BOUNDARY_KEYS)})
    from li2.sweeps import Boundary, begin_boundary, boundary_cost  # loads PyTorch

    if dry_run:
        print_cost(boundary_cost(Boundary(spec), {}), executor, as_json)
        return
    if out is None:
        raise Li2Error("where are its runs to go? Give --out DIR, a new or empty directory.")
    work_on(begin_boundary(out, spec), executor, as_json)


def print_boundary(values: dict[str, Any]) -> None:
    """Print critical ratios and the fitted law."""
    console = Console(highlight=False, markup=False)
    table = Table(box=None, pad_edge=False)
    for heading in ("group", "M", "d_max", "critical p", "95 % interval", "p·M/ln M", "seeds", "runs"):
        table.add_column(heading, justify="left" if heading == "group" else "right", no_wrap=True)
    for row in values["groups"]:
        ratio = row["critical_ratio"]
        known = ratio is not None
        table.add_row(
            row["group"],
            str(row["order"]),
            "–" if row["largest_irrep_dim"] is None else str(row["largest_irrep_dim"]),
            f"{ratio['value']:.3f}" if known else "–",
            f"{_end(ratio['low'])} to {_end(ratio['high'])}" if known else "–",
            f"{row['constant']:.2f}" if known else "–",
            f"{row['bracketed']}/{row['seeds']}",
            str(row["runs"]),
        )
    console.print(table)
    for sentence in values["sentences"]:
        console.print(sentence, soft_wrap=True)


def _end(value: float | None) -> str:
    return "?" if value is None else f"{value:.3f}"
