"""A reproduced figure as data: panels to draw, and checks of what the paper claims."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

Numbers = tuple[float, ...]

DIGITS = 6
"""Of numbers that are kept to be drawn."""


class Verdict(StrEnum):
    """What a check says of a claim."""

    CONFIRMED = "confirmed"
    NOT_CONFIRMED = "not confirmed"
    UNDECIDED = "undecided at this scale"


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several checks: the worst; undecided without any."""
    seen = set(verdicts)
    for verdict in (Verdict.NOT_CONFIRMED, Verdict.UNDECIDED, Verdict.CONFIRMED):
        if verdict in seen:
            return verdict
    return Verdict.UNDECIDED


@dataclass(frozen=True)
class Line:
    """A curve of a panel.

    Attributes:
        label: as in the legend; lines of one label share it.
        x, y: coordinates, NaN for a gap.
        low, high: of a band around y, or of bars at points; empty without.
        style: ``line``, ``points``, or ``dashed`` for what is predicted or given for reference.
        colour: number of a colour of the palette.
    """

    label: str
    x: Numbers
    y: Numbers
    low: Numbers = ()
    high: Numbers = ()
    style: str = "line"
    colour: int = 0


@dataclass(frozen=True)
class Heat:
    """A map of colours.

    Attributes:
        x, y: centres of the columns and rows, ascending.
        z: values, a row for each y; NaN where there is none.
        label: of the colours.
    """

    x: Numbers
    y: Numbers
    z: tuple[Numbers, ...]
    label: str


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes:
        title: what is shown.
        x, y: labels of the axes, with units.
        lines: curves, drawn over the map if there is one.
        heat: map of colours.
        log_x, log_y: logarithmic axes.
        limits: lowest and highest y; None: by the data.
    """

    title: str
    x: str
    y: str
    lines: tuple[Line, ...] = ()
    heat: Heat | None = None
    log_x: bool = False
    log_y: bool = False
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class Check:
    """One thing that the paper claims, measured.

    Attributes:
        what: a phrase without a full stop.
        expected: what the claim asks for, in words.
        measured: what was found, with its spread.
        verdict: whether that confirms it.
    """

    what: str
    expected: str
    measured: str
    verdict: Verdict


@dataclass(frozen=True)
class Finding:
    """What a reproduced figure shows.

    Attributes:
        panels: to draw, in reading order.
        checks: of the claim.
        summary: one or two sentences on what was found, written from the measurement.
    """

    panels: tuple[Panel, ...]
    checks: tuple[Check, ...]
    summary: str

    @property
    def verdict(self) -> Verdict:
        """The worst of the checks'."""
        return overall(check.verdict for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """Plain values, numbers to :data:`DIGITS` digits; None for what is not finite."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Finding":
        """What :meth:`as_json` wrote."""
        panels = tuple(
            Panel(
                **{
                    **panel,
                    "lines": tuple(Line(**_arrays(line)) for line in panel["lines"]),
                    "heat": panel["heat"] and Heat(**_arrays(panel["heat"])),
                    "limits": panel["limits"] and tuple(panel["limits"]),
                }
            )
            for panel in values["panels"]
        )
        checks = tuple(Check(**{**check, "verdict": Verdict(check["verdict"])}) for check in values["checks"])
        return cls(panels, checks, values["summary"])


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
    return value


def _arrays(values: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as tuples, None as NaN."""
    return {name: _array(value) if isinstance(value, list) else value for name, value in values.items()}


def _array(values: list[Any]) -> tuple[Any, ...]:
    return tuple(_array(v) if isinstance(v, list) else math.nan if v is None else v for v in values)
