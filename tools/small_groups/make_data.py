#!/usr/bin/env python3
"""Make the catalogue of small groups and the character tables that tests compare with, by GAP.

    python tools/small_groups/make_data.py

Needs GAP with its small groups library (Debian: gap-core, gap-smallgrp) and numpy; takes about three minutes.
Writes src/li2/groups/data/small_groups.npz and tests/groups/data/gap_characters.npz.
"""

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def main() -> None:
    """Run GAP and pack what it prints."""
    lines = subprocess.run(
        ["gap", "-q", HERE / "small_groups.g"], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.splitlines()
    versions, *groups = (json.loads(line) for line in lines)
    provenance = f"GAP {versions['gap']}, package SmallGrp {versions['smallgrp']}"
    np.savez_compressed(ROOT / "src/li2/groups/data/small_groups.npz", provenance=provenance, **catalogue(groups))
    np.savez_compressed(ROOT / "tests/groups/data/gap_characters.npz", provenance=provenance, **characters(groups))
    print(f"{len(groups)} groups, by {provenance}")


def catalogue(groups: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """A group a line: order, id, name, number of classes, largest irrep dimension, and its generators' rows."""
    return {
        "order": np.array([group["order"] for group in groups], dtype=np.uint8),
        "id": np.array([group["id"] for group in groups], dtype=np.uint16),
        "name": np.array([group["name"] for group in groups]),
        "abelian": np.array([group["abelian"] for group in groups]),
        "classes": np.array([sum(count for _, count in group["dimensions"]) for group in groups], dtype=np.uint8),
        "largest_dimension": np.array([max(d for d, _ in group["dimensions"]) for group in groups], dtype=np.uint8),
        "generators": np.array([len(group["rows"]) for group in groups], dtype=np.uint8),
        "rows": np.concatenate([np.array(group["rows"], dtype=np.uint8).ravel() for group in groups]),
    }


def characters(groups: list[dict[str, Any]]) -> dict[str, np.ndarray]:
    """The character tables of the non-Abelian groups, r × r each, as numbers of distinct values."""
    groups = [group for group in groups if not group["abelian"]]
    written = sorted({json.dumps(value) for group in groups for value in group["values"]})
    number = {value: i for i, value in enumerate(written)}
    tables = [
        np.array([number[json.dumps(value)] for value in group["values"]], dtype=np.uint16)[group["characters"]]
        for group in groups
    ]
    return {
        "order": np.array([group["order"] for group in groups], dtype=np.uint8),
        "id": np.array([group["id"] for group in groups], dtype=np.uint16),
        "irreps": np.array([len(table) for table in tables], dtype=np.uint8),
        "representatives": np.concatenate([group["classes"] for group in groups]).astype(np.uint8),
        "indicators": np.concatenate([group["indicators"] for group in groups]).astype(np.int8),
        "characters": np.concatenate([table.ravel() for table in tables]),
        "values": np.array([cyclotomic(*json.loads(value)) for value in written]),
    }


def cyclotomic(conductor: int, coefficients: list[int]) -> complex:
    """Σ cⱼ·exp(2πi·j/conductor)."""
    return complex(np.exp(2j * np.pi * np.arange(conductor) / conductor) @ coefficients)


if __name__ == "__main__":
    main()
