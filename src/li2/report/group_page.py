"""The page of a group: its Cayley table, its character table, its irreps and the maxima that they promise."""

import cmath
import math
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from li2.groups import CharacterTable, Group, RealIrrep, Representations, identify
from li2.groups.words import character_text
from li2.report.style import TYPE_COLOURS, apply_style
from li2.report.templates import embedded, render
from li2.theory.maxima import Maximum, square_maximum

LARGEST_CAYLEY_TABLE = 1024
"""Elements; the table of a larger group would not fit a page."""

LARGEST_WRITTEN_TABLE = 20
"""Classes; a larger character table is drawn in colours only."""

LARGEST_CHARACTER_MAP = 300
"""Classes."""

MOST_DRAWN_IRREPS = 60


@dataclass(frozen=True)
class IrrepCard:
    """An irrep over the reals as the page shows it.

    Attributes:
        irrep: the irrep.
        maximum: predicted maxima of the energy; None for the trivial irrep.
        matrices: for each generator, the rows of its matrix as (colour, value in words).
    """

    irrep: RealIrrep
    maximum: Maximum | None
    matrices: tuple[tuple[int, list[list[tuple[str, str]]]], ...]


def group_page(representations: Representations) -> str:
    """The page of a group as HTML in one piece that works offline."""
    group, characters = representations.group, representations.characters
    small = group.order <= LARGEST_CAYLEY_TABLE
    return render(
        "group.html.jinja",
        group=group,
        line=identify(group),
        characters=characters,
        cards=[_card(representations, number) for number in range(min(len(characters.real_irreps), MOST_DRAWN_IRREPS))],
        cayley=embedded(_cayley_table(group), "Cayley table") if small else None,
        largest_cayley=LARGEST_CAYLEY_TABLE,
        written=_written(characters) if len(characters.classes) <= LARGEST_WRITTEN_TABLE else None,
        character_map=embedded(_character_map(characters), "character table")
        if len(characters.classes) <= LARGEST_CHARACTER_MAP
        else None,
        largest_character_map=LARGEST_CHARACTER_MAP,
        type_colours=TYPE_COLOURS,
        wheel=[(_colour(cmath.exp(1j * math.radians(angle))), f"{angle}°") for angle in range(-180, 180, 30)],
    )


def _card(representations: Representations, number: int) -> IrrepCard:
    group, irrep = representations.group, representations.characters.real_irreps[number]
    matrices = representations.matrices(irrep.members[0])
    cells = tuple(
        (
            g,
            [
                [(_colour(value), character_text(value)) for value in row]
                for row in matrices[g].astype(complex).tolist()
            ],
        )
        for g in group.generators
    )
    maximum = square_maximum(group.order, irrep.dimension, irrep.type) if number else None
    return IrrepCard(irrep, maximum, cells)


def _colour(value: complex) -> str:
    """Hue by argument (1 blue, −1 orange), strength by modulus; 0 is white."""
    hue = (210 + math.degrees(cmath.phase(value))) % 360
    return f"hsl({hue:.0f} 75% {100 - 50 * min(abs(value), 1):.0f}%)"


def _cayley_table(group: Group) -> go.Figure:
    dtype = np.uint8 if group.order <= 256 else np.uint16
    figure = go.Figure(
        go.Heatmap(
            z=group.table.astype(dtype),
            colorscale="Turbo",
            colorbar={"title": "a·b"},
            hovertemplate="%{y} · %{x} = %{z}<extra></extra>",
            texttemplate="%{z}" if group.order <= LARGEST_WRITTEN_TABLE else None,
        )
    )
    apply_style(figure, 640)
    figure.update_xaxes(title="b", side="top", constrain="domain", rangemode="tozero")
    figure.update_yaxes(title="a", autorange="reversed", scaleanchor="x", constrain="domain")
    return figure.update_layout(hovermode="closest", margin={"t": 70})


def _character_map(characters: CharacterTable) -> go.Figure:
    labels = [irrep.label for irrep in characters.irreps]
    columns = zip(characters.classes.orders, characters.classes.representatives, strict=True)
    classes = [f"{order}: {g}" for order, g in columns]
    words = [[character_text(value) for value in row] for row in characters.values.tolist()]
    largest = float(characters.values.real.max())
    figure = go.Figure(
        go.Heatmap(
            z=characters.values.real.astype(np.float32),
            customdata=words,
            colorscale="RdBu",
            zmin=-largest,
            zmax=largest,
            colorbar={"title": "Re χ"},
            hovertemplate="χ of irrep %{y} on class %{x} = %{customdata}<extra></extra>",
        )
    )
    height = min(900, 160 + 22 * len(labels))
    apply_style(figure, height)
    figure.update_xaxes(
        title="class (order of its elements: first of them)",
        side="top",
        tickvals=_ticks(len(classes)),
        ticktext=[classes[i] for i in _ticks(len(classes))],
    )
    figure.update_yaxes(
        title="irrep",
        autorange="reversed",
        tickvals=_ticks(len(labels)),
        ticktext=[labels[i] for i in _ticks(len(labels))],
    )
    return figure.update_layout(hovermode="closest", margin={"t": 80})


def _ticks(count: int) -> list[int]:
    return list(range(0, count, max(1, count // 24)))


def _written(characters: CharacterTable) -> list[tuple[str, list[str]]]:
    """The rows of the character table in words."""
    return [
        (irrep.label, [character_text(value) for value in row])
        for irrep, row in zip(characters.irreps, characters.values.tolist(), strict=True)
    ]
