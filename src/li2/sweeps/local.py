"""Packs trained in processes of this machine."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from li2.runs import ignored, usable_cores
from li2.specs import Assignment, Trained, Untrained
from li2.sweeps.executor import Lost, Pack, Returned


class LocalExecutor:
    """Processes that train one pack each at a time.

    Each computes with one thread, so that results do not depend on who trains. A process that dies loses its pack and
    no other; it is replaced. If this process dies, they end.

    Args:
        workers: number of processes; default: the cores that this process may use.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._count = workers or usable_cores()
        self._context = multiprocessing.get_context("spawn")
        self._idle: list[_Worker] = []
        self._busy: list[_Worker] = []
        self._queue: deque[Pack] = deque()

    def __enter__(self) -> "LocalExecutor":
        return self

    def __exit__(self, *details: object) -> None:
        self._queue.clear()
        for worker in [*self._busy, *self._idle]:
            worker.end()
        self._busy, self._idle = [], []

    @property
    def slots(self) -> int:
        """Packs that it can train at a time."""
        return self._count

    def submit(self, pack: Pack) -> None:
        """Have a pack trained, as soon as a process is free."""
        self._queue.append(pack)
        self._hand_out()

    def wait(self, seconds: float) -> list[Returned | Lost]:
        """Packs that ended since it was last asked; waits for one, but no longer than so many seconds."""
        readable = set(wait([worker.connection for worker in self._busy], timeout=seconds))
        ended: list[Returned | Lost] = []
        for worker in [worker for worker in self._busy if worker.connection in readable]:
            self._busy.remove(worker)
            ended.append(result := worker.result())
            if isinstance(result, Returned):
                self._idle.append(worker)
        self._hand_out()
        return ended

    def _hand_out(self) -> None:
        while self._queue and len(self._busy) < self._count:
            worker = self._idle.pop() if self._idle else _Worker(self._context)
            if worker.train(self._queue[0]):
                self._queue.popleft()
                self._busy.append(worker)


class _Worker:
    """A process, and the pack that it trains."""

    def __init__(self, context: multiprocessing.context.SpawnContext) -> None:
        self.connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs,), daemon=True)
        with ignored(signal.SIGINT):  # it is born ignoring it: Ctrl-C reaches all, and the parent says when to end
            self._process.start()
        theirs.close()
        self._pack: Pack | None = None

    def train(self, pack: Pack) -> bool:
        """Hand it a pack; whether it could be handed over (a process may have died while it was idle)."""
        self._pack = pack
        try:
            self.connection.send(pack.assignments)
        except OSError:
            self.end()
            return False
        return True

    def result(self) -> Returned | Lost:
        """What became of the pack: it has been trained, or the process has died."""
        assert self._pack is not None
        try:
            return Returned(self._pack, self.connection.recv())
        except (EOFError, OSError):
            self._process.join()
            return Lost(self._pack, f"its process {_death(self._process.exitcode)}")

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def _death(code: int | None) -> str:
    if code is not None and code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"


def _serve(connection: Connection) -> None:
    """Train packs until there are no more."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)
    from li2.runs import train_assignments

    while True:
        try:
            assignments: Sequence[Assignment] = connection.recv()
        except EOFError:
            return
        results: tuple[Trained | Untrained, ...] = tuple(train_assignments(assignments))
        connection.send(results)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
