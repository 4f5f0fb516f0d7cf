"""An executor without processes."""

from collections import deque
from typing import Any

from li2.runs import train_assignments
from li2.sweeps.executor import Lost, Pack, Returned


class Inline:
    """Trains packs here, and loses those that it is told to lose.

    Args:
        losing: called with each pack; whether its worker dies.
    """

    slots = 2

    def __init__(self, losing: Any = lambda pack: False) -> None:
        self.packs: list[Pack] = []
        self._losing, self._waiting = losing, deque[Pack]()

    def __enter__(self) -> "Inline":
        return self

    def __exit__(self, *details: object) -> None:
        self._waiting.clear()

    def submit(self, pack: Pack) -> None:
        self.packs.append(pack)
        self._waiting.append(pack)

    def wait(self, seconds: float) -> list[Returned | Lost]:
        pack = self._waiting.popleft()
        if self._losing(pack):
            return [Lost(pack, "its worker was killed")]
        return [Returned(pack, tuple(train_assignments(pack.assignments)))]
