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
    return Group.from_table(f"file:{path}", _read_table(path))


def _read_table(path: str) -> NDArray[np.integer]:
    file = Path(path)
    try:
        if file.suffix == ".npy":
            table = np.load(file, allow_pickle=False)
        else:
            with file.open() as lines:
                rows = sum(1 for line in lines if line.strip())
            check_order(f"file:{path}", rows)
            if not rows:
                raise ValueError("it is empty")
            table = np.loadtxt(file, delimiter=",", ndmin=2, dtype=np.float64)
    except OSError as error:
        raise Li2Error(f"cannot read the Cayley table {path}: {error.strerror or error}.") from error
    except (ValueError, EOFError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise Li2Error(
            f"{path} is not a table of whole numbers as CSV (one row a line, commas between) or NPY: {reason}."
        ) from error
    if not isinstance(table, np.ndarray) or table.dtype.kind not in "iuf":
        raise Li2Error(f"{path} holds no numbers; a Cayley table is a square array of integers.")
    if table.ndim:
        check_order(f"file:{path}", len(table))
    if table.dtype.kind == "f":
        if not ((np.abs(table) < 2**53) & (table == np.round(table))).all():
            raise Li2Error(f"{path} holds entries that are not whole numbers; entries must be 0 to M−1.")
        table = table.astype(np.int64)
    return table
