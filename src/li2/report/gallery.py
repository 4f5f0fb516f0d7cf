"""The gallery of reproduced figures: pictures, a page, and the same as Markdown, from their findings alone."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from li2.errors import Li2Error
from li2.files import put_in_place
from li2.report.drawing.interactive import interactive
from li2.report.drawing.layout import has_gaps
from li2.report.drawing.paper import pictures
from li2.report.style import GREEN, GREY, ORANGE, RED
from li2.report.templates import embedded, render
from li2.reproduce import Finding, Verdict
from li2.reproduce.recipe import figure_order

NOT_MEASURED = "not measured"

VERDICT_COLOURS = {
    Verdict.CONFIRMED.value: GREEN,
    Verdict.NOT_CONFIRMED.value: RED,
    Verdict.UNDECIDED.value: GREY,
    NOT_MEASURED: ORANGE,
}


@dataclass(frozen=True)
class Entry:
    """A reproduced figure.

    Attributes:
        name: of the figure, and of its directory.
        texts: the other values of its ``finding.json``: title, claim, source, chosen, scale, command, error, notes,
            parts, runs, failed, training_seconds, wall_seconds, versions.
        finding: what it shows; None if that could not be measured.
    """

    name: str
    texts: dict[str, Any]
    finding: Finding | None

    @property
    def verdict(self) -> str:
        """Of the finding, in words."""
        return self.finding.verdict.value if self.finding else NOT_MEASURED

    @property
    def is_drawn(self) -> bool:
        """Whether there are panels."""
        return self.finding is not None and bool(self.finding.panels)

    @property
    def has_gaps(self) -> bool:
        """Whether a map has cells without a value."""
        return self.finding is not None and any(has_gaps(panel) for panel in self.finding.panels)


def write_gallery(directory: Path) -> Path:
    """Draw all figures of a directory: ``NAME/NAME.png`` and ``.svg``, ``gallery.md``, and ``index.html``.

    The same findings give the same bytes.

    Args:
        directory: with a directory for each figure that holds its ``finding.json``.

    Returns:
        The page, ``index.html``: one file that works offline.

    Raises:
        Li2Error: if there is no finding, or one is damaged; nothing has been written then.
        OSError: if something cannot be written.
    """
    entries = _entries(directory)
    for entry in entries:
        if entry.finding and entry.is_drawn:
            for kind, content in pictures(entry.finding.panels).items():
                _put(directory / entry.name / f"{entry.name}.{kind}", content)
    values: dict[str, Any] = {"entries": entries, "checks": sum(len(e.finding.checks) for e in entries if e.finding)}
    _put(directory / "gallery.md", render("gallery.md.jinja", **values, cell=_cell).encode())
    panels = {entry.name: _interactive(entry) for entry in entries}
    page = directory / "index.html"
    _put(page, render("gallery.html.jinja", **values, panels=panels, colours=VERDICT_COLOURS).encode())
    return page


def _entries(directory: Path) -> list[Entry]:
    """The figures in the paper's order."""
    paths = sorted(directory.glob("*/finding.json"), key=lambda path: figure_order(path.parent.name))
    if not paths:
        raise Li2Error(f"{directory} holds no finding (NAME/finding.json); li2 reproduce --out {directory} makes some.")
    return [_entry(path) for path in paths]


def _entry(path: Path) -> Entry:
    name = path.parent.name
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        finding = values.pop("finding")
        texts = {key: _as(kind, values[key]) for key, kind in _KINDS.items()}
        for part in texts["parts"]:
            for key, kind in _PART_KINDS.items():
                _as(kind, part[key])
        return Entry(name, texts, None if finding is None else Finding.from_json(finding))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        raise Li2Error(
            f"{path} is damaged or not a finding of li2 reproduce; delete it, and li2 reproduce {name} writes it anew."
        ) from None


_KINDS: dict[str, Any] = {
    **dict.fromkeys(("title", "claim", "source", "chosen", "scale", "command"), str),
    "error": str | None,
    "notes": list,
    "parts": list,
    "versions": dict,
    **dict.fromkeys(("runs", "failed"), int),
    **dict.fromkeys(("training_seconds", "wall_seconds"), int | float),
}

_PART_KINDS: dict[str, Any] = {"name": str, "kind": str, "settings": dict, "runs": int, "command": str | None}


def _as(kind: Any, value: Any) -> Any:
    """The value if it is of a kind."""
    if not isinstance(value, kind):
        raise TypeError
    return value


def _interactive(entry: Entry) -> list[tuple[str, Markup]]:
    """Each panel's title and figure."""
    panels = entry.finding.panels if entry.finding else ()
    return [
        (panel.title, embedded(interactive(panel, panels), f"{entry.name} {position}"))
        for position, panel in enumerate(panels)
    ]


def _cell(text: str) -> str:
    """Text for a cell of a Markdown table, and for lines that must stay one."""
    return " ".join(text.replace("|", "\\|").replace("<", "&lt;").split())


def _put(path: Path, content: bytes) -> None:
    put_in_place(path, lambda beside: beside.write_bytes(content))
