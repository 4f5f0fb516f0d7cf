"""Cayley tables from files."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.groups.constructions import check_order
from li2.groups.group import Group


def group_from_file(path: str) -> Group:
    """The group whose Cayley table a CSV or NPY file holds.

    Raises:
        Li2Error: if the file cannot be read, or its table is not a group.
    """
    if not path:
        raise Li2Error("group 'file:' names no file; write file:PATH, a Cayley table as CSV or NPY.")
    try:
        table = _npy(Path(path)) if Path(path).suffix == ".npy" else _csv(Path(path))
    except OSError as error:
        raise Li2Error(f"cannot read the Cayley table {path}: {error.strerror or error}.") from error
    return Group.from_table(f"file:{path}", table)


def _npy(path: Path) -> NDArray[np.generic]:
    header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with path.open("rb") as file:
        try:
            shape, _, dtype = header[np.lib.format.read_magic(file)](file)
            if shape:
                check_order(f"file:{path}", max(shape))
            file.seek(0)
            return np.lib.format.read_array(file, allow_pickle=False) if not dtype.hasobject else np.empty(0, dtype)
        except Li2Error:
            raise
        except (ValueError, KeyError, EOFError, MemoryError) as error:
            raise Li2Error(f"{path} is not an NPY file of whole numbers, or it is damaged.") from error


def _csv(path: Path) -> NDArray[np.float64]:
    """The rows of a CSV file; blank lines and lines that begin with # do not count."""
    with path.open(encoding="utf-8-sig") as file:
        try:
            lines = [line for line in file if line.strip() and not line.lstrip().startswith("#")]
        except UnicodeDecodeError as error:
            raise Li2Error(f"{path} is not a text file; a Cayley table is CSV or NPY.") from error
    check_order(f"file:{path}", len(lines))
    rows = []
    for number, line in enumerate(lines):
        cells = line.split(",")
        try:
            rows.append(np.array(cells, dtype=np.float64))
        except ValueError:
            raise _wrong_entry(path, number, cells) from None
        if len(cells) != len(rows[0]):
            raise Li2Error(
                f"{path} is not a Cayley table: row {number} has {len(cells)} entries, but row 0 has {len(rows[0])}."
            )
    return np.array(rows, dtype=np.float64)


def _wrong_entry(path: Path, row: int, cells: list[str]) -> Li2Error:
    """What is wrong with the first entry of a row that is no number."""
    for column, text in enumerate(cells):
        try:
            float(text)
        except ValueError:
            found = f"is {text.strip()!r}" if text.strip() else "is empty"
            return Li2Error(
                f"{path} is not a table of whole numbers as CSV (one row a line, commas between): the entry in row "
                f"{row}, column {column}, counted from 0, {found}."
            )
    raise AssertionError("some entry is no number")
