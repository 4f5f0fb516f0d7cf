"""Where a group and seed begin to generalise: between which two amounts of data."""

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class CrossingStatus(StrEnum):
    """How a search stands.

    BRACKETED: two neighbouring sizes are known, of which the smaller does not generalise and the larger does.
    BELOW: even a single training tuple generalises.
    ABOVE: no size generalises, not even all tuples but one.
    OPEN: runs are still wanted.
    FAILED: a run that was needed failed.
    """

    BRACKETED = "bracketed"
    BELOW = "below"
    ABOVE = "above"
    OPEN = "open"
    FAILED = "failed"


@dataclass(frozen=True)
class Crossing:
    """Where one group and seed begin to generalise.

    Attributes:
        group: its name.
        seed: of the runs.
        order: M.
        largest_irrep_dim: d_max; None if the task is not the law of a group.
        tuples: Mᵏ, how many there are to train and test on.
        low: training tuples of the largest run below ``high`` that did not generalise; None if there is none.
        high: those of the smallest run that did; None if there is none.
        runs: that ended, failed ones included.
        status: how the search stands.
        contradictions: runs that did not generalise although one on less data did; a bisection makes none.
    """

    group: str
    seed: int
    order: int
    largest_irrep_dim: int | None
    tuples: int
    low: int | None
    high: int | None
    runs: int
    status: CrossingStatus
    contradictions: int = 0

    @property
    def low_ratio(self) -> float | None:
        """``low`` as a share of all tuples."""
        return None if self.low is None else self.low / self.tuples

    @property
    def high_ratio(self) -> float | None:
        """``high`` as a share of all tuples."""
        return None if self.high is None else self.high / self.tuples

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        return {
            **asdict(self),
            "low_ratio": self.low_ratio,
            "high_ratio": self.high_ratio,
            "status": self.status.value,
        }
