"""Turning Ctrl-C and SIGTERM into a request that is honoured between two epochs."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol, runtime_checkable


@runtime_checkable
class StopRequest(Protocol):
    """Whether a stop was asked for."""

    @property
    def asked(self) -> bool:
        """It was."""
        ...


class _Asked:
    asked = False


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """A stop request that the first Ctrl-C or SIGTERM sets; a second one acts at once.

    Signals can be handled in the main thread only; elsewhere the request is never set.
    """
    request = _Asked()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in signals}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(number: int, frame: FrameType | None) -> None:
        request.asked = True
        restore()

    for number in signals:
        signal.signal(number, ask)
    try:
        yield request
    finally:
        restore()


@contextmanager
def ignored(number: int) -> Iterator[None]:
    """A signal ignored, where signals can be handled: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)
