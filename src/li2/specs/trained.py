"""What a trained network leaves behind when no directory is kept for it: plain values and bytes, ready to be stored."""

from dataclasses import dataclass

from li2.specs.outcome import Outcome
from li2.specs.run_spec import RunSpec


@dataclass(frozen=True)
class Assignment:
    """A run to be trained somewhere.

    Attributes:
        key: identifies it; results are told apart by it.
        spec: what to train.
        initial: safetensors with W and V to start from, in place of what the specification draws.
        keep_weights: whether the final weights are wanted.
        parent: key of the run whose final weights those are.
    """

    key: str
    spec: RunSpec
    initial: bytes | None = None
    keep_weights: bool = False
    parent: str | None = None


@dataclass(frozen=True)
class Facts:
    """Sizes of a run that follow from its specification.

    Attributes:
        order: M.
        largest_irrep_dim: d_max; None if the task is not the law of a group.
        train_size: n.
        test_size: number of test tuples.
    """

    order: int
    largest_irrep_dim: int | None
    train_size: int
    test_size: int


@dataclass(frozen=True)
class Trained:
    """What came of an assignment.

    Attributes:
        key: of the assignment.
        facts: its sizes.
        outcome: end state, stages and summary figures.
        metrics: Arrow IPC file (zstd), one row per measured epoch.
        diagnosis: the same, one row per diagnosed epoch; None without diagnosis.
        weights: safetensors with the final W and V; None if they were not wanted.
        version: of the code that trained it.
    """

    key: str
    facts: Facts
    outcome: Outcome
    metrics: bytes
    diagnosis: bytes | None
    weights: bytes | None
    version: str


@dataclass(frozen=True)
class Untrained:
    """An assignment without a result, and why."""

    key: str
    reason: str
