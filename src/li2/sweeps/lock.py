"""One driver for each sweep: a lock that ends with its process, and a sign of life for other machines."""

import errno
import fcntl
import json
import os
import socket
import sqlite3
import time
import uuid
import weakref
from pathlib import Path
from typing import Any

from li2.errors import Li2Error

PATIENCE = 60.0
"""Seconds after its last sign of life for which a driver on another machine is taken to be alive."""

LOCK_FILE = "sweep.lock"


class DriverLock:
    """Held by the one process that may write a sweep's database.

    On one machine ``flock`` on ``DIR/sweep.lock`` decides, which ends with the process however that ends; forked
    children let go of it. On a disk that machines share without sharing locks the row in ``driver`` does: it is
    refused while another machine's sign of life is younger than :data:`PATIENCE`, and renewed with everything that
    is written, so that a driver whose place was taken (after a long sleep) can write no more.

    Raises:
        Li2Error: if another driver has it.
        OSError: if the directory cannot be written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.token = uuid.uuid4().hex
        self.host, self.since = socket.gethostname(), time.time()
        self._file: int | None = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._file, 4096)
            self.release()
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise OSError(error.errno, "files here cannot be locked", str(directory / LOCK_FILE)) from error
            raise Li2Error(_refusal(directory, _described(holder))) from None
        _HELD.add(self)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, json.dumps({"host": self.host, "pid": os.getpid(), "since": self.since}).encode(), 0)

    def take_row(self, connection: sqlite3.Connection) -> None:
        """Enter this driver in the database, inside a transaction; raises Li2Error if another machine's is alive."""
        row = connection.execute("SELECT host, pid, since, heartbeat FROM driver").fetchone()
        # a heartbeat of this machine is that of a dead driver: the lock would not have been free
        if row and row[0] != self.host and row[3] > time.time() - PATIENCE:
            raise Li2Error(_refusal(self.directory, {"host": row[0], "pid": row[1], "since": row[2]}))
        connection.execute(
            "INSERT OR REPLACE INTO driver VALUES (1, ?, ?, ?, ?, ?)",
            (self.host, os.getpid(), self.since, time.time(), self.token),
        )

    def renew_row(self, connection: sqlite3.Connection) -> None:
        """A sign of life, inside a transaction; raises Li2Error if another driver has taken this one's place."""
        renewed = connection.execute("UPDATE driver SET heartbeat = ? WHERE token = ?", (time.time(), self.token))
        if renewed.rowcount == 0:
            raise Li2Error(
                f"another driver has taken over {self.directory} while this one gave no sign of life for "
                f"{PATIENCE:.0f} s; let it finish, what this one has stored is kept."
            )

    def drop_row(self, connection: sqlite3.Connection) -> None:
        """Take this driver out of the database."""
        connection.execute("DELETE FROM driver WHERE token = ?", (self.token,))

    def release(self) -> None:
        """Let go of the lock."""
        _HELD.discard(self)
        if self._file is not None:
            os.close(self._file)
            self._file = None


_HELD: weakref.WeakSet[DriverLock] = weakref.WeakSet()


def _let_go_in_child() -> None:
    """A forked worker would hold its driver's lock for as long as it lives, also after the driver was killed."""
    for lock in list(_HELD):
        lock.release()


os.register_at_fork(after_in_child=_let_go_in_child)


def _described(content: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(content))
    except ValueError:  # read between its taking the lock and saying who it is
        return {}


def _refusal(directory: Path, holder: dict[str, Any]) -> str:
    who = ""
    if {"host", "pid", "since"} <= holder.keys():
        since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(holder["since"]))
        who = f" (process {holder['pid']} on {holder['host']}, since {since})"
    return (
        f"another driver{who} is at work on {directory}; wait for it or stop it (li2 sweep status {directory} "
        "reads beside it)."
    )
