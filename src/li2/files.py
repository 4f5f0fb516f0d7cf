"""Writing files so that nothing is ever half there."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


def put_in_place(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file beside its place, then put it there in one step; what was there stays if writing fails.

    Args:
        path: the file.
        write: writes to the path that it is given.

    Raises:
        OSError: if it cannot be written.
    """
    beside = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        write(beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
