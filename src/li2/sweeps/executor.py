"""What the driver asks of whatever trains packs for it: processes here, a dask cluster, Slurm."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from li2.specs import Assignment, Trained, Untrained


@dataclass(frozen=True)
class Pack:
    """Assignments that are trained side by side.

    Attributes:
        name: unlike that of any other pack of the session.
        assignments: at least one.
    """

    name: str
    assignments: tuple[Assignment, ...]


@dataclass(frozen=True)
class Returned:
    """A pack that came back, with one result for each of its assignments."""

    pack: Pack
    results: tuple[Trained | Untrained, ...]


@dataclass(frozen=True)
class Lost:
    """A pack whose worker is gone (killed, out of memory, its machine lost), and what is known of that."""

    pack: Pack
    reason: str


@runtime_checkable
class Executor(Protocol):
    """Trains packs; used by one thread. Entering it starts its workers, leaving it ends them and drops their work."""

    def __enter__(self) -> "Executor": ...

    def __exit__(self, *details: object) -> None: ...

    @property
    def slots(self) -> int:
        """Packs that it can train at a time, now."""
        ...

    def submit(self, pack: Pack) -> None:
        """Have a pack trained by :func:`li2.runs.train_assignments`; returns at once."""
        ...

    def wait(self, seconds: float) -> list[Returned | Lost]:
        """Packs that ended since it was last asked; waits for one, but no longer than so many seconds."""
        ...
