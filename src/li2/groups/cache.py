"""Arrays computed once per group, kept in the user's cache folder."""

import hashlib
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from li2.files import put_in_place
from li2.groups.group import Group

VERSION = 1
"""Raised when what is computed changes, so that older files are no longer read."""

Arrays = dict[str, NDArray[Any]]

_DAMAGE = (
    OSError,
    ValueError,
    EOFError,
    KeyError,
    AttributeError,
    TypeError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What reading a damaged file can raise: it may have become any other kind of zip file."""


def cache_folder() -> Path:
    """``$LI2_CACHE``, or the folder that the system has for caches; files there may be deleted at any time."""
    chosen = os.environ.get("LI2_CACHE")
    return Path(chosen) if chosen else user_cache_path("li2", appauthor=False)


def cached(group: Group, kind: str, shapes: Mapping[str, tuple[int, ...]], compute: Callable[[], Arrays]) -> Arrays:
    """What ``compute`` returns for a group, from disk if it is there, and then equal to the bit.

    A file that is damaged or holds other arrays, or a folder that cannot be written, costs time and nothing else.

    Args:
        group: the group.
        kind: what is computed; part of the file's name.
        shapes: names and shapes of the arrays.
        compute: makes them.
    """
    table = hashlib.sha256(group.table.tobytes()).hexdigest()[:32]
    path = cache_folder() / f"groups-{VERSION}" / f"{kind}-{group.order}-{table}.npz"
    arrays = _read(path)
    if {name: array.shape for name, array in arrays.items()} != shapes:
        arrays = compute()
        with suppress(OSError):  # read-only or full: computed again next time
            _write(path, arrays)
    return arrays


def _read(path: Path) -> Arrays:
    """The arrays of a file; none if there is no such file, or it is damaged."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            return dict(file)
    except _DAMAGE:
        return {}


def _write(path: Path, arrays: Arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    put_in_place(path, lambda beside: np.savez(beside, allow_pickle=False, **arrays))
