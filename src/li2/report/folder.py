"""Folders that a command writes what it found to, page included."""

from pathlib import Path

from li2.errors import Li2Error


def check_new(path: Path) -> None:
    """Refuse a folder that is not new or empty.

    Raises:
        Li2Error: if there is something at its place.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Li2Error(f"{path} exists and is not an empty directory; choose another --out.")


def make(path: Path) -> None:
    """Make a folder with those above it.

    Raises:
        Li2Error: if it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Li2Error(f"cannot write to {path}: {error.strerror or error}.") from error
