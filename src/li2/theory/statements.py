"""The statements of the paper and our corrections of them, as words; they stand in ``statements.toml``."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from li2.errors import Li2Error


@dataclass(frozen=True)
class Statement:
    """A statement of the paper.

    Attributes:
        name: how a user addresses it, ``theorem-2``.
        title: its number and subject.
        text: what the paper states.
        correction: what we found to hold instead or in addition; None where nothing needs correcting.
    """

    name: str
    title: str
    text: str
    correction: str | None = None


def _read() -> dict[str, Statement]:
    tables = tomllib.loads((files("li2.theory") / "statements.toml").read_text(encoding="utf-8"))
    return {
        name: Statement(name, **{key: " ".join(text.split()) for key, text in table.items()})
        for name, table in tables.items()
    }


STATEMENTS: dict[str, Statement] = _read()
"""All statements by name, in the order of the paper."""


def named_statements(names: Iterable[str]) -> list[Statement]:
    """The statements of these names, in the paper's order; raises Li2Error if a name is unknown."""
    wanted = set(names)
    for name in sorted(wanted):
        if name not in STATEMENTS:
            raise Li2Error(f"unknown claim {name!r}; known are {', '.join(STATEMENTS)}.")
    return [statement for name, statement in STATEMENTS.items() if name in wanted]
