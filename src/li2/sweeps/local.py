"""Packs trained in processes of this machine."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from li2.errors import Li2Error
from li2.runs import ignored, usable_cores
from li2.specs import Assignment, Trained, Untrained
from li2.sweeps.executor import Lost, Pack, Returned


class LocalExecutor:
    """Processes that train one pack each at a time.

    Each computes with one thread, so that results do not depend on who trains. A process that dies loses its pack and
    no other; it is replaced. If this process dies, they end.

    Args:
        workers: number of processes; default: the cores that this process may use.

    Raises:
        Li2Error: while waiting: no process could be started.
    """

    def __init__(self, workers: int | None = None) -> None:
        self._count = workers or usable_cores()
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._queue: deque[Pack] = deque()
        self._proven = False

    def __enter__(self) -> "LocalExecutor":
        return self

    def __exit__(self, *details: object) -> None:
        self._queue.clear()
        for worker in self._workers:
            worker.end()
        self._workers = []

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
        readable = set(wait([worker.connection for worker in self._workers], timeout=seconds))
        ended: list[Returned | Lost] = []
        for worker in [worker for worker in self._workers if worker.connection in readable]:
            pack, answer = worker.pack, worker.answer()
            if answer is None:
                self._workers.remove(worker)
                if not self._proven:
                    raise Li2Error(_NO_START)
                if pack is not None:
                    ended.append(Lost(pack, f"its process {worker.death()}"))
            else:
                self._proven = True
                if pack is not None:
                    ended.append(Returned(pack, answer))
        self._hand_out()
        return ended

    def _hand_out(self) -> None:
        """Give packs to processes that are free, and start some if they are wanted."""
        for worker in [worker for worker in self._workers if worker.ready and worker.pack is None]:
            if self._queue and worker.train(self._queue[0]):  # else it died while it was idle, which wait() will see
                self._queue.popleft()
        starting = sum(not worker.ready for worker in self._workers)
        for _ in range(min(self._count - len(self._workers), len(self._queue) - starting)):
            self._workers.append(_Worker(self._context))


_NO_START = (
    "no worker process could be started, or it ended at once; a script that calls this needs "
    'if __name__ == "__main__": around the call.'
)


class _Worker:
    """A process; it says when it is ready, and then trains one pack after another.

    Attributes:
        ready: whether it has said so.
        pack: what it trains.
    """

    def __init__(self, context: multiprocessing.context.SpawnContext) -> None:
        self.connection, theirs = context.Pipe()
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs,), daemon=True)
        with ignored(signal.SIGINT):  # it is born ignoring it: Ctrl-C reaches all, and the parent says when to end
            self._process.start()
        theirs.close()
        self.ready = False
        self.pack: Pack | None = None

    def train(self, pack: Pack) -> bool:
        """Hand it a pack; whether it could be handed over."""
        try:
            self.connection.send(pack.assignments)
        except OSError:
            return False
        self.pack = pack
        return True

    def answer(self) -> tuple[Trained | Untrained, ...] | None:
        """What it says: results, of nothing if it has become ready; None if it has died."""
        try:
            results: tuple[Trained | Untrained, ...] = self.connection.recv()
        except (EOFError, OSError):
            self._process.join()
            self.connection.close()
            return None
        self.ready, self.pack = True, None
        return results

    def death(self) -> str:
        """How it died."""
        return _death(self._process.exitcode)

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
    """Say that it is ready, and train packs until there are no more."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import torch

    torch.set_num_threads(1)
    from li2.runs import train_assignments

    connection.send(())
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
