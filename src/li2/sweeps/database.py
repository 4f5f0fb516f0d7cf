"""Opening a sweep's database, and one sentence for each thing that SQLite can meet."""

import errno
import json
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from li2.errors import Li2Error
from li2.sweeps.lock import LOCK_FILE
from li2.sweeps.schema import APPLICATION_ID, TABLES, USER_VERSION

DATABASE = "sweep.sqlite"

BUSY_SECONDS = 60.0
"""How long to wait for another process that reads or writes; each read of ours lasts well under a second."""

CACHE_KIBIBYTES = 65_536
"""Holds the index of 100,000 keys: they are hashes, and a new one may belong on any of its pages."""

_SQLITE_MAGIC = b"SQLite format 3\0"
_HEADER_BYTES = 100  # of the database file format; user version and application id at 60 and 68, big-endian


def connect(path: Path, *, write: bool) -> sqlite3.Connection:
    """A connection to an existing database of this kind, in autocommit mode.

    A reader opens the file with ``mode=ro``. Only if a killed driver left a journal, which has to be rolled back
    before anything can be read, is it opened for writing first.

    Raises:
        Li2Error: if the file is not there, empty, foreign, damaged or of a later version; it is not changed.
        OSError: if it cannot be read, or not be written.
    """
    _check_header(path)
    with told(path):
        if not write:
            try:
                return _connected(path, "ro")
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                    raise
                _connected(path, "rw").close()
                return _connected(path, "ro")
        connection = _connected(path, "rw")
        try:
            # the rows only, not the curves: their pages are many, and what is wrong with them shows when they are read
            problem = connection.execute("PRAGMA quick_check(runs)").fetchone()[0]
            if problem != "ok":
                raise damaged(path, problem)
        except BaseException:
            connection.close()
            raise
        return connection


def _connected(path: Path, mode: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None
    )
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIBIBYTES}")
        connection.execute("SELECT count(*) FROM plan, sqlite_master").fetchone()  # the first read: file and tables
        if mode == "rw" and connection.execute("PRAGMA journal_mode").fetchone()[0] != "delete":
            connection.execute("PRAGMA journal_mode = DELETE")  # WAL breaks on disks that machines share
    except BaseException:
        connection.close()
        raise
    return connection


def _check_header(path: Path) -> None:
    """Raises Li2Error unless the first bytes are those of a sweep's database."""
    if not path.is_file():
        raise Li2Error(f"{path.parent} holds no sweep (no {path.name} in it); li2 sweep … --out DIR makes one.")
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header.startswith(_SQLITE_MAGIC[: len(header)]) or not header:
        what = "is empty" if not header else "is not an SQLite database"
        raise Li2Error(f"{path} {what}; put back a copy of the sweep's database, or choose another directory.")
    if len(header) < _HEADER_BYTES:
        raise damaged(path, "it is cut off")
    version, application = struct.unpack(">I4xI", header[60:72])
    if application != APPLICATION_ID:
        raise Li2Error(f"{path} is an SQLite database, but not that of a sweep of li2; choose another directory.")
    if version > USER_VERSION:
        raise Li2Error(
            f"{path} was made by a later version of li2 (its tables have version {version}, this li2 knows "
            f"{USER_VERSION}); update li2."
        )


def damaged(path: Path, detail: str) -> Li2Error:
    """The sentence for a database whose content cannot be right."""
    return Li2Error(
        f"{path} is damaged ({detail}); put back a copy, or save what can be read with sqlite3 {path} .recover, and "
        "run the sweep again in another directory."
    )


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Turns what SQLite and unreadable content raise inside into one sentence.

    Raises:
        OSError: disk full, or the file cannot be read or written.
        Li2Error: everything else.
    """
    try:
        yield
    except sqlite3.ProgrammingError:  # closed, or used by another thread: the caller's mistake
        raise
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # text that is no UTF-8 has no code
        kept = "nothing finished before is lost"
        if code == sqlite3.SQLITE_FULL:
            sentence = f"the disk is full; {kept}: make room, then li2 sweep resume {path.parent} goes on"
            raise OSError(errno.ENOSPC, sentence, str(path)) from error
        if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
            sentence = f"cannot be read or written ({error}); {kept}: li2 sweep resume {path.parent} goes on"
            raise OSError(errno.EIO, sentence, str(path)) from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise Li2Error(
                f"{path} was kept locked by another program for {BUSY_SECONDS:.0f} s; close it, then li2 sweep "
                f"resume {path.parent} goes on ({kept})."
            ) from error
        raise damaged(path, str(error)) from error
    except (json.JSONDecodeError, UnicodeDecodeError, pa.ArrowInvalid) as error:
        raise damaged(path, str(error).splitlines()[0]) from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of what happens inside or, if it raises, nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite itself rolls back after some errors
            connection.execute("ROLLBACK")
        raise


def refuse_used(directory: Path) -> None:
    """Raises Li2Error unless a directory is free for a new sweep: absent, or empty but for a lock."""
    if (directory / DATABASE).exists():
        raise Li2Error(
            f"{directory} already holds a sweep; go on with li2 sweep resume {directory}, or choose another --out."
        )
    if directory.exists() and (not directory.is_dir() or any(file.name != LOCK_FILE for file in directory.iterdir())):
        raise Li2Error(f"{directory} exists and is not an empty directory; choose another --out.")


def make(path: Path, plan: dict[str, Any]) -> None:
    """Write the database of a sweep without runs."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(f"BEGIN; {TABLES}")
        connection.execute("INSERT INTO plan VALUES (1, ?)", (dumped(plan),))
        connection.execute("COMMIT")


def dumped(values: dict[str, Any]) -> str:
    """JSON as it is kept in the database."""
    return json.dumps(values, ensure_ascii=False, allow_nan=False)
