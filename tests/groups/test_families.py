"""Group names and table files."""

from pathlib import Path

import numpy as np
import pytest

from li2.errors import Li2Error
from li2.groups import named_group


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cyclic:0", "not a positive whole number"),
        ("cyclic:abc", "not a positive whole number"),
        ("cyclic:", "not a positive whole number"),
        ("product:4x-1", "not a positive whole number"),
        ("product:4xx2", "not a positive whole number"),
        ("monster:1", "unknown group"),
        ("71", "unknown group"),
        ("cyclic:1000000", "8,000.0 GB"),
        ("file:/nowhere/table.csv", "cannot read"),
    ],
)
def test_wrong_names(name: str, message: str) -> None:
    with pytest.raises(Li2Error, match=message):
        named_group(name)


def test_tables_from_csv_and_npy(tmp_path: Path) -> None:
    table = named_group("product:2x3").table
    np.savetxt(tmp_path / "t.csv", table, fmt="%d", delimiter=",")
    np.save(tmp_path / "t.npy", table)
    for name in ("t.csv", "t.npy"):
        assert np.array_equal(named_group(f"file:{tmp_path / name}").table, table)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "shape|square|whole numbers"),
        (b"0,1\n1\n", "whole numbers"),
        (b"0,a\n1,0\n", "whole numbers"),
        (b"0,1.5\n1,0\n", "not whole numbers"),
        (b"0,\n1,0\n", "whole numbers"),
        (b"1e300,0\n0,1\n", "not whole numbers"),
        (b"nan,0\n0,1\n", "not whole numbers"),
        (b"\x00\xff\xfe", "whole numbers|cannot read"),
    ],
)
def test_damaged_csv(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(Li2Error, match=message):
        named_group(f"file:{tmp_path / 't.csv'}")


def test_damaged_npy(tmp_path: Path) -> None:
    (tmp_path / "t.npy").write_bytes(b"no array")
    with pytest.raises(Li2Error, match="whole numbers"):
        named_group(f"file:{tmp_path / 't.npy'}")
    np.save(tmp_path / "o.npy", np.array([{"a": 1}], dtype=object))
    with pytest.raises(Li2Error, match="whole numbers"):
        named_group(f"file:{tmp_path / 'o.npy'}")
