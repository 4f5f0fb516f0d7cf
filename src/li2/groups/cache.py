"""Arrays computed once per group, kept in the user's cache folder."""

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from li2.groups.group import Group

VERSION = 1
"""Raised when what is computed changes, so that older files are no longer read."""

Arrays = dict[str, NDArray[Any]]


def cache_folder() -> Path:
    """``$LI2_CACHE``, or the folder that the system has for caches; files there may be deleted at any time."""
    chosen = os.environ.get("LI2_CACHE")
    return Path(chosen) if chosen else user_cache_path("li2", appauthor=False)


def cached(group: Group, kind: str, compute: Callable[[], Arrays]) -> Arrays:
    """What ``compute`` returns for a group, from disk if it is there, and then equal to the bit.

    A file that is damaged, or a folder that cannot be written, costs time and nothing else.
    """
    table = hashlib.sha256(group.table.tobytes()).hexdigest()[:32]
    path = cache_folder() / f"groups-{VERSION}" / f"{kind}-{group.order}-{table}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return dict(file)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        arrays = compute()
    with suppress(OSError):  # read-only or full: computed again next time
        _write(path, arrays)
    return arrays


def _write(path: Path, arrays: Arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
