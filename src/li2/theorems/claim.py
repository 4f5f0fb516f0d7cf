"""A claim: a statement of the paper with the measurement that decides on it.

A measurement brings checks, of the statement as it is printed and, apart from it, of its correction. The verdict
follows from them alone.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from li2.groups import Representations
from li2.statistics import Interval
from li2.theory.statements import Statement


class Verdict(StrEnum):
    """What became of a claim."""

    HOLDS = "holds"
    CORRECTED = "holds with a correction"
    FAILS = "fails here"
    NOT_APPLICABLE = "not applicable"
    UNMEASURED = "could not be measured"


class NotApplicable(Exception):
    """Raised by a measurement where its claim says nothing; the message is the reason, a whole sentence."""


@dataclass(frozen=True)
class Check:
    """One thing that was predicted, and measured.

    Attributes:
        what: what it is, a phrase without a full stop.
        predicted: a number, or words.
        measured: likewise, with its spread where there is one.
        tolerance: what counts as agreement, in words.
        passed: whether they agree.
    """

    what: str
    predicted: float | str
    measured: float | str
    tolerance: str
    passed: bool

    @classmethod
    def close(
        cls, what: str, predicted: float, measured: float, *, relative: float = 0.0, absolute: float = 0.0
    ) -> "Check":
        """The measured number is the predicted one, up to a relative and an absolute difference."""
        words = [f"{relative:g} relative"] * bool(relative) + [f"{absolute:g}"] * bool(absolute)
        passed = abs(measured - predicted) <= max(absolute, relative * abs(predicted))
        return cls(what, float(predicted), float(measured), "± " + " or ".join(words or ["0"]), bool(passed))

    @classmethod
    def at_most(cls, what: str, bound: float, measured: float) -> "Check":
        """The measured number does not exceed the predicted bound."""
        return cls(what, f"≤ {bound:.4g}", float(measured), "a bound", bool(measured <= bound))

    @classmethod
    def at_least(cls, what: str, bound: float, measured: float) -> "Check":
        """The measured number does not fall below the predicted bound."""
        return cls(what, f"≥ {bound:.4g}", float(measured), "a bound", bool(measured >= bound))

    @classmethod
    def inside(cls, what: str, predicted: float, measured: Interval) -> "Check":
        """The predicted number lies in the interval of the measured one."""
        found = f"{measured.value:.4g} [{measured.low:.4g}, {measured.high:.4g}]"
        return cls(what, predicted, found, "95 % interval", bool(measured.low <= predicted <= measured.high))

    @classmethod
    def every(cls, what: str, right: int, total: int) -> "Check":
        """Something that must be so in all cases."""
        return cls(what, f"{total} of {total}", f"{right} of {total}", "all", bool(right == total and total > 0))


@dataclass(frozen=True)
class Curve:
    """Points of a plot.

    Attributes:
        name: as in the legend.
        x, y: coordinates.
        predicted: whether it is a prediction (a line) or a measurement (dots).
        spread: (low, high) of each y, or None.
    """

    name: str
    x: Sequence[float]
    y: Sequence[float]
    predicted: bool = False
    spread: tuple[Sequence[float], Sequence[float]] | None = None


@dataclass(frozen=True)
class Plot:
    """A figure as data: predicted and measured curves on common axes."""

    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False


@dataclass(frozen=True)
class Evidence:
    """What a measurement brought.

    Attributes:
        statement: checks of the statement as it is printed; none where it cannot be decided here.
        correction: checks of what we put beside it.
        summary: two sentences: what was found, and what follows.
        plots: figures.
        notes: further figures that were measured and decide nothing, a phrase each.
    """

    statement: Sequence[Check]
    summary: str
    correction: Sequence[Check] = ()
    plots: Sequence[Plot] = ()
    notes: Sequence[str] = ()

    @property
    def verdict(self) -> Verdict:
        """Holds if every check of the statement passed; with a correction if every check of that did."""
        if not self.statement:
            return Verdict.NOT_APPLICABLE
        if all(check.passed for check in self.statement):
            return Verdict.HOLDS
        if self.correction and all(check.passed for check in self.correction):
            return Verdict.CORRECTED
        return Verdict.FAILS


@dataclass(frozen=True, eq=False)
class Setting:
    """Where a claim is measured.

    Attributes:
        representations: those of the group; None for a claim that needs none, or that has groups of its own.
        scale: ``quick`` (seconds) or ``paper`` (the full laws).
        seed: of everything random.
    """

    representations: Representations | None
    scale: str = "quick"
    seed: int = 0

    @property
    def of_group(self) -> Representations:
        """The representations, for a claim that needs a group."""
        assert self.representations is not None
        return self.representations

    @property
    def is_full(self) -> bool:
        """Whether the full laws are wanted."""
        return self.scale == "paper"


@dataclass(frozen=True)
class Claim:
    """A statement with its measurement.

    Attributes:
        statement: what is claimed.
        method: how it is measured, one or two sentences.
        measure: brings the evidence; raises NotApplicable.
        groups: on which groups it is measured unless others are asked for; empty for a claim without a group.
        small: whether it is quick enough for all small groups.
        family: whether it is a law over groups of its own, that can be looked at on a single group, too.
    """

    statement: Statement
    method: str
    measure: Callable[[Setting], Evidence]
    groups: tuple[str, ...] = ()
    small: bool = False
    family: bool = False

    def places(self, groups: Sequence[str]) -> Sequence[str | None]:
        """Where it is measured if these groups are asked for; None stands for no group."""
        if groups and (self.groups or self.family):
            return groups
        return self.groups or (None,)


@dataclass(frozen=True)
class Finding:
    """A claim measured in one place.

    Attributes:
        group: its name, None for a claim without a group.
        evidence: what was found, or None.
        reason: why there is no evidence: the claim is not applicable, or its measurement failed.
        seconds: process time.
        failed: whether the measurement failed.
    """

    group: str | None
    evidence: Evidence | None
    reason: str | None
    seconds: float
    failed: bool = False

    @property
    def verdict(self) -> Verdict:
        """That of the evidence."""
        if self.failed:
            return Verdict.UNMEASURED
        return self.evidence.verdict if self.evidence else Verdict.NOT_APPLICABLE

    @property
    def text(self) -> str:
        """What was found, or why nothing was, in words."""
        return self.evidence.summary if self.evidence else str(self.reason)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        evidence = self.evidence
        return {
            "group": self.group,
            "verdict": self.verdict.value,
            "summary": self.text,
            "statement": _checks_json(evidence.statement if evidence else ()),
            "correction": _checks_json(evidence.correction if evidence else ()),
            "notes": list(evidence.notes) if evidence else [],
            "seconds": round(self.seconds, 3),
        }


def _checks_json(checks: Sequence[Check]) -> list[dict[str, Any]]:
    return [
        {
            "what": check.what,
            "predicted": _plain(check.predicted),
            "measured": _plain(check.measured),
            "tolerance": check.tolerance,
            "passed": check.passed,
        }
        for check in checks
    ]


def _plain(value: float | str) -> float | str | None:
    """JSON knows no NaN and no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def overall(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several places: the worst of those where the claim applies, a failed measurement first."""
    seen = set(verdicts)
    for verdict in (Verdict.UNMEASURED, Verdict.FAILS, Verdict.CORRECTED, Verdict.HOLDS):
        if verdict in seen:
            return verdict
    return Verdict.NOT_APPLICABLE
