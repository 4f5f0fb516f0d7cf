"""The files that values of keys name: group tables, training sets, initial weights."""

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from li2.errors import Li2Error
from li2.specs.run_spec import RunSpec

_NEXT_FACTOR = re.compile(r"\*(?=[a-z]+(?:[:*]|$))")
"""The star before the next factor of a group's name."""


def absolute_value(name: str, value: str | int | float) -> str | int | float:
    """A key's value, the file that it names by its absolute path if it names one."""
    if name in ("train_index", "init_weights"):
        return str(Path(str(value)).absolute())
    if name == "group" and "file:" in str(value):
        parts = (part.partition("file:") for part in _NEXT_FACTOR.split(str(value)))
        return "*".join(
            f"file:{Path(path).absolute()}" if found and not before else before + found + path
            for before, found, path in parts
        )
    return value


def files_of(spec: RunSpec) -> Iterator[tuple[str, Path]]:
    """The files that a specification names, each with the word that names it."""
    if "file:" in spec.group:
        for part in _NEXT_FACTOR.split(spec.group):
            if part.startswith("file:"):
                yield f"group={part}", Path(part.removeprefix("file:"))
    for name in ("train_index", "init_weights"):
        if (path := getattr(spec, name)) is not None:
            yield f"{name}={path}", Path(path)


def contents_digest(what: str, path: Path) -> str:
    """SHA-256 (hex) of a file's contents."""
    try:
        state = path.stat()
        return _digest(path, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
    except OSError as error:
        raise Li2Error(f"cannot read {what}: {error.strerror or error}.") from error


@lru_cache(maxsize=1024)
def _digest(path: Path, *state: int) -> str:
    """Of a file in a state: many runs may name it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
