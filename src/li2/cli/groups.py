"""``li2 groups``: the catalogue of small groups, and everything about one group."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from li2.cli.pages import check_page, write_page
from li2.errors import Li2Error
from li2.groups import (
    FAMILIES,
    LARGEST,
    CharacterTable,
    Group,
    Representations,
    SmallGroup,
    catalogue,
    identify,
    named_group,
)
from li2.groups.words import character_text
from li2.theory.maxima import square_maximum

MOST_ROWS, MOST_COLUMNS = 60, 12
"""Of tables on the terminal; ``--json`` and ``--html`` have them whole."""

_FORMS = "\n\n".join(f"[cyan]{escape(family.form)}[/cyan]  {escape(family.meaning)}" for family in FAMILIES.values())
NAMES_EPILOG = f"[bold]Names of groups[/bold], which * joins to direct products\n\n{_FORMS}"

groups_app = typer.Typer(
    help="Finite groups: the catalogue of small ones, and everything about any one.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


@groups_app.command("list", epilog=NAMES_EPILOG)
def list_command(
    order: Annotated[int | None, typer.Option(metavar="N", help="Only groups of this order.")] = None,
    non_abelian: Annotated[bool, typer.Option("--non-abelian", help="Only non-Abelian groups.")] = False,
    max_irrep_dim: Annotated[
        int | None, typer.Option(metavar="D", help="Only groups without irreps of more than D dimensions.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a list of JSON objects.")] = False,
) -> None:
    """List the groups of order 127 or less, with GAP's numbers and descriptions."""
    if order is not None and not 1 <= order <= LARGEST:
        raise Li2Error(f"--order {order}: the catalogue holds the groups of order 1 to {LARGEST}.")
    if max_irrep_dim is not None and max_irrep_dim < 1:
        raise Li2Error(f"--max-irrep-dim {max_irrep_dim}: irreps have 1 dimension or more.")
    lines = [
        line
        for line in catalogue()
        if (order is None or line.order == order)
        and not (non_abelian and line.is_abelian)
        and (max_irrep_dim is None or line.largest_dimension <= max_irrep_dim)
    ]
    if as_json:
        print(json.dumps([_line_json(line) for line in lines], ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("name", "structure", "Abelian", "classes", "largest irrep"):
        table.add_column(heading, justify="right" if heading in {"classes", "largest irrep"} else "left")
    for line in lines:
        abelian = "yes" if line.is_abelian else "no"
        table.add_row(line.name, line.structure, abelian, str(line.classes), str(line.largest_dimension))
    console = Console(highlight=False)
    console.print(table)
    console.print(f"{len(lines)} groups" if len(lines) != 1 else "1 group", style="dim")


def _line_json(line: SmallGroup) -> dict[str, Any]:
    return {
        "name": line.name,
        "structure": line.structure,
        "order": line.order,
        "abelian": line.is_abelian,
        "classes": line.classes,
        "max_irrep_dim": line.largest_dimension,
    }


@groups_app.command("show", epilog=NAMES_EPILOG)
def show_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A group, as in small:21.1 or dihedral:4*cyclic:3.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, and nothing else.")] = False,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw Cayley table, character table and irreps to a page.")
    ] = None,
) -> None:
    """Show a group: its classes, its irreps, and the maxima of the energy that they promise.

    The maxima are those of a hidden node's energy on the unit sphere, for square activations and all pairs.
    """
    check_page(html)
    representations = Representations(named_group(name))
    if as_json:
        print(json.dumps(_group_json(representations), ensure_ascii=False))
    else:
        _print_group(Console(highlight=False), representations)
    if html is not None:
        from li2.report.group_page import group_page  # loads PyTorch

        write_page(html, group_page(representations), said=not as_json)


def _group_json(representations: Representations) -> dict[str, Any]:
    group, characters = representations.group, representations.characters
    line = identify(group)
    irreps = []
    for row, irrep in enumerate(characters.irreps):
        maximum = square_maximum(group.order, irrep.dimension, irrep.type) if row else None
        irreps.append(
            {
                "label": irrep.label,
                "dim": irrep.dimension,
                "type": irrep.type,
                "energy_max": maximum and maximum.energy,
                "nullity": maximum and maximum.nullity,
            }
        )
    return {
        "name": group.name,
        "small": line and line.name,
        "structure": line and line.structure,
        "order": group.order,
        "abelian": group.is_abelian,
        "exponent": group.exponent,
        "centre": len(group.centre),
        "classes": len(characters.classes),
        "irreps": irreps,
    }


def _print_group(console: Console, representations: Representations) -> None:
    group, characters = representations.group, representations.characters
    line = identify(group)
    alias = f"  {line.name}, {line.structure}" if line else ""
    console.print(f"\n[bold]{escape(group.name)}[/bold][dim]{escape(alias)}[/dim]\n")
    console.print(_facts(group, characters))
    console.print(_irreps(group, characters))
    if len(characters.classes) <= MOST_COLUMNS:
        console.print(_characters(characters))


def _facts(group: Group, characters: CharacterTable) -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    table.add_row("order", str(group.order))
    table.add_row("Abelian", "yes" if group.is_abelian else "no")
    table.add_row("exponent", str(group.exponent))
    table.add_row("centre", f"order {len(group.centre)}")
    table.add_row("generators", ", ".join(map(str, group.generators)) or "none")
    table.add_row("conjugacy classes", str(len(characters.classes)))
    joined = len(characters.real_irreps)
    table.add_row("irreps", f"{len(characters.irreps)}, with conjugates joined {joined}")
    return table


def _irreps(group: Group, characters: CharacterTable) -> Table:
    table = Table(title="Irreps, and the predicted maxima of the energy", title_justify="left", pad_edge=False)
    for heading in ("irrep", "dimension", "type", "E*", "rank", "nullity"):
        table.add_column(heading, justify="left" if heading in {"irrep", "type"} else "right")
    for number, irrep in enumerate(characters.real_irreps[:MOST_ROWS]):
        label = irrep.label if len(irrep.members) == 1 else f"{irrep.label} and its conjugate"
        figures = ["–", "–", "–"]
        if number:
            maximum = square_maximum(group.order, irrep.dimension, irrep.type)
            figures = [f"{maximum.energy:.6g}", str(maximum.rank), str(maximum.nullity)]
        table.add_row(label, str(irrep.dimension), irrep.type, *figures)
    if len(characters.real_irreps) > MOST_ROWS:
        table.caption = f"and {len(characters.real_irreps) - MOST_ROWS} more: --json has them all"
    return table


def _characters(characters: CharacterTable) -> Table:
    """Classes by their first element, below it the order of its elements and the class's size."""
    table = Table(title="Character table", title_justify="left", pad_edge=False)
    table.add_column("element\nits order\nclass size", style="bold")
    classes = characters.classes
    for g, order, size in zip(classes.representatives, classes.orders, classes.sizes, strict=True):
        table.add_column(f"{g}\n{order}\n{size}", justify="right")
    for irrep, row in zip(characters.irreps, characters.values.tolist(), strict=True):
        table.add_row(irrep.label, *(character_text(value) for value in row))
    return table
