"""How a run ended: end state, stages with their evidence, and the figures that --json prints."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

STAGES = ("lazy", "independent", "interactive", "generalised")
"""The three stages of the theory in order, and the moment of generalisation."""


class EndState(StrEnum):
    """Where a run stands at its last epoch.

    GENERALISED: test accuracy has reached the accuracy threshold.
    MEMORISED: train accuracy 1, test accuracy below 0.1 (in small groups: below twice chance) and changed by
        less than 0.02 over the last fifth.
    COLLAPSED: the weights have decayed to zero and the loss to that of a zero output.
    DIVERGED: loss or weights became non-finite.
    LEARNING: none of these; the budget ended first.
    """

    GENERALISED = "generalised"
    MEMORISED = "memorised"
    COLLAPSED = "collapsed"
    DIVERGED = "diverged"
    LEARNING = "learning"


@dataclass(frozen=True)
class StageBoundary:
    """When a stage began.

    Attributes:
        name: one of :data:`STAGES`.
        first_epoch: the epoch at which its rule was first met, or None if not seen.
        evidence: the rule and the figures that placed it, or what was missing.
    """

    name: str
    first_epoch: int | None
    evidence: str


@dataclass(frozen=True)
class Outcome:
    """What a run came to; ``as_json`` is what ``li2 run --json`` prints.

    Attributes:
        status: the end state.
        epochs: steps taken.
        first_epoch: train_accuracy_1, test_accuracy_50, test_accuracy_99 -> first epoch or None.
        final: train_loss, train_accuracy, test_loss, test_accuracy at the last epoch.
        gradient_norm_peak: epoch and value of the largest published gradient norm.
        stages: the boundaries, in the order of :data:`STAGES`.
        irreps_covered, irreps_total: non-trivial irreps (conjugates together) that some node is a
            feature of, and all of them; None where irreps do not apply.
        interrupted: whether the run stopped before its last epoch at the user's request.
        seconds: wall-clock time spent on training and diagnosis, over all sessions.
    """

    status: EndState
    epochs: int
    first_epoch: dict[str, int | None]
    final: dict[str, float | None]
    gradient_norm_peak: dict[str, float | int | None]
    stages: tuple[StageBoundary, ...]
    irreps_covered: int | None
    irreps_total: int | None
    interrupted: bool
    seconds: float

    def as_json(self) -> dict[str, Any]:
        """Plain values only; non-finite numbers are None."""
        return {
            "status": self.status.value,
            "interrupted": self.interrupted,
            "epochs": self.epochs,
            "first_epoch": self.first_epoch,
            "final": self.final,
            "gradient_norm_peak": self.gradient_norm_peak,
            "stages": [vars(stage) for stage in self.stages],
            "irreps_covered": self.irreps_covered,
            "irreps_total": self.irreps_total,
            "seconds": round(self.seconds, 3),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Outcome":
        """The outcome that ``as_json`` wrote."""
        fields = {name: values[name] for name in cls.__dataclass_fields__}
        fields["status"] = EndState(values["status"])
        fields["stages"] = tuple(StageBoundary(**stage) for stage in values["stages"])
        return cls(**fields)
