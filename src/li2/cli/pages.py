"""Pages that a command writes where the user says: ``--html FILE``."""

from pathlib import Path

from li2.errors import Li2Error
from li2.files import put_in_place


def check_page(path: Path | None) -> None:
    """Refuse a place where no page can be written, before anything is computed.

    Raises:
        Li2Error: if it is no regular file in an existing folder, or nothing can be written there.
    """
    if path is None:
        return
    if not path.parent.is_dir() or (path.exists() and not path.is_file()):
        raise Li2Error(f"--html {path} is not a file in an existing folder.")
    try:
        put_in_place(path.resolve().with_name(f".{path.name}.try"), Path.touch)
        path.resolve().with_name(f".{path.name}.try").unlink()
    except OSError as error:
        raise Li2Error(f"cannot write --html {path}: {error.strerror or error}.") from error


def write_page(path: Path, page: str, *, said: bool) -> None:
    """Put a page in its place, and say where if wanted; a symbolic link stays one."""
    put_in_place(path.resolve(), lambda beside: beside.write_text(page, encoding="utf-8"))
    if said:
        print(f"page  {path}")
