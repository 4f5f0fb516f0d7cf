"""Groups by name: ``cyclic:71``, ``product:4x7x2``, ``file:table.csv``."""

import math
from itertools import accumulate
from operator import mul
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.groups.group import Group, Table

MAX_ORDER = 4096
"""Largest order accepted; the table and the M² pairs of operands are held in memory."""

FAMILIES = {
    "cyclic": "cyclic:M, the integers under addition mod M, as in cyclic:71",
    "product": "product:AxBxC, a direct product of cyclic groups, as in product:4x7x2",
    "file": "file:PATH, a Cayley table of 0 … M−1 as CSV or NPY",
}


def named_group(name: str) -> Group:
    """The group that a name stands for.

    Raises:
        Li2Error: if the family is unknown, its parameter is wrong, or a table is not a group.
    """
    family, _, parameter = name.partition(":")
    if family == "cyclic":
        return _direct_product(name, (_positive(name, parameter),))
    if family == "product":
        return _direct_product(name, tuple(_positive(name, part) for part in parameter.split("x")))
    if family == "file":
        return Group.from_table(name, _read_table(parameter))
    raise Li2Error(f"unknown group {name!r}; known are: {'; '.join(FAMILIES.values())}.")


def _positive(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < 1:
        family = name.partition(":")[0]
        raise Li2Error(f"group {name!r}: {text!r} is not a positive whole number; write {FAMILIES[family]}.")
    return int(text)


def _check_order(name: str, order: int) -> None:
    if order > MAX_ORDER:
        gigabytes = 8 * order**2 / 1e9
        raise Li2Error(
            f"group {name!r} has order {order}, whose Cayley table alone needs {gigabytes:,.1f} GB; "
            f"the largest order is {MAX_ORDER}."
        )


def _direct_product(name: str, orders: tuple[int, ...]) -> Group:
    """Z_A × Z_B × …, the element (x₀, x₁, …) being number x₀ + A·x₁ + A·B·x₂ + …."""
    order = math.prod(orders)
    _check_order(name, order)
    elements = np.arange(order)
    strides = [1, *accumulate(orders, mul)][:-1]
    table: Table = np.zeros((order, order), dtype=np.int64)
    for factor, stride in zip(orders, strides, strict=True):
        digit = elements // stride % factor
        table += stride * (np.add.outer(digit, digit) % factor)
    generators = tuple(stride for factor, stride in zip(orders, strides, strict=True) if factor > 1)
    return Group(name, table, generators)


def _read_table(path: str) -> NDArray[np.integer]:
    file = Path(path)
    try:
        if file.suffix == ".npy":
            table = np.load(file, allow_pickle=False)
        else:
            with file.open() as lines:
                rows = sum(1 for line in lines if line.strip())
            _check_order(f"file:{path}", rows)
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
        _check_order(f"file:{path}", len(table))
    if table.dtype.kind == "f":
        if not ((np.abs(table) < 2**53) & (table == np.round(table))).all():
            raise Li2Error(f"{path} holds entries that are not whole numbers; entries must be 0 to M−1.")
        table = table.astype(np.int64)
    return table
