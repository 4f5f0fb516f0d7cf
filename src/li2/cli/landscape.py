"""``li2 landscape``: climb the energy of a node from many starts, and compare what is found with the theory."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from li2.cli.keys import keys_epilog
from li2.cli.options import AsJson, Config, Settings
from li2.cli.progress import show_count
from li2.specs import LANDSCAPE_KEYS, LandscapeSpec, read_config, read_overrides

if TYPE_CHECKING:
    from li2.theorems import Landscape

LANDSCAPE_EPILOG = keys_epilog(LANDSCAPE_KEYS)

MOST_ROWS = 40
"""Of the table on the terminal; ``--json`` and ``--out`` have all."""


def landscape_command(
    settings: Settings = None,
    config: Config = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write end points, maxima and figures there, new or empty.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find the maxima of a hidden node's energy, and compare them with those that the theory predicts.

    The energy E(w) = ½‖Ỹᵀσ(Xw)‖² is climbed on the unit sphere from random starts, until the projected gradient
    vanishes. By default it is taken on all pairs of the group. On a part of them, --out also follows the maxima on all
    pairs to those on that part.
    """
    values = read_config(config, LANDSCAPE_KEYS) if config else {}
    spec = LandscapeSpec(**{**values, **read_overrides(settings or [], LANDSCAPE_KEYS)})
    from li2 import api  # both load PyTorch
    from li2.report import LandscapeDirectory
    from li2.theorems import course

    directory = None if out is None else LandscapeDirectory.new(out)
    with show_count("starts converged") as progress:
        landscape = api.explore(spec, progress)
    followed = None
    if directory is not None and spec.has_course:
        with show_count("data sizes") as progress:
            followed = course(spec, progress=progress)
    if directory is not None:
        directory.write(landscape, followed)
    if as_json:
        values = landscape.as_json() | ({} if followed is None else {"course": followed.as_json()})
        print(json.dumps(values, ensure_ascii=False, allow_nan=False))
    else:
        _print(landscape)
        if directory is not None:
            print(f"report  {directory.report}")


def _print(landscape: "Landscape") -> None:
    console = Console(highlight=False)
    table = Table(
        title=f"Maxima of the energy, {escape(landscape.spec.group)}", title_justify="left", box=None, pad_edge=False
    )
    for heading in ("energy", "predicted", "irrep", "type", "rank", "nullity", "share of starts", "kind"):
        table.add_column(heading, justify="left" if heading in {"type", "kind"} else "right")
    for row in landscape.as_json()["maxima"][:MOST_ROWS]:
        predicted = "–" if row["predicted"] is None else f"{row['predicted']:.8g}"
        irrep = f"d = {row['irrep_dim']}"
        numbers = (str(row["rank"]), str(row["nullity"]), f"{row['share']:.1%}")
        table.add_row(f"{row['energy']:.8g}", predicted, irrep, row["irrep_type"], *numbers, row["kind"])
    if len(landscape.maxima) > MOST_ROWS:
        table.caption = f"and {len(landscape.maxima) - MOST_ROWS} more: --json has them all"
    console.print(table)
    console.print(f"{landscape.spec.starts} starts, {landscape.converged:.1%} converged", style="dim")
    if landscape.unexplained is None:
        console.print("the theory predicts the energies for square activations and all pairs only", style="dim")
    else:
        console.print(f"{landscape.unexplained} ended where the theory predicts no maximum", style="dim")
