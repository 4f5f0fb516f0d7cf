"""The tables of a sweep's database, and the columns in which its runs are read.

runs     a row per run from the moment it is planned: the columns of :data:`BEFORE_SPEC` and :data:`AFTER_SPEC`, the
         specification as JSON (``spec``), and what only the driver needs (``keep_weights``; ``waiting``: 1 until the
         parent is done)
results  a row per done run: outcome as JSON, metrics and diagnosis as Arrow IPC files, weights as safetensors; apart,
         so that reading ``runs`` does not read them
plan     one row: what was asked for, as JSON
driver   one row while a driver is at work: its host, process, start, last sign of life and token
"""

import io
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any, get_args

import pandas as pd
import pyarrow as pa
import pyarrow.json

from li2.specs import RunSpec, Trained

APPLICATION_ID = 0x4C693253
"""Tells a sweep's database from others: Li2S."""

USER_VERSION = 1
"""Of these tables; a database with a larger one was written by a later li2."""


class Status(StrEnum):
    """Where a run stands. How a done run ended is its end state."""

    PLANNED = "planned"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


_TEXT, _WHOLE, _REAL = pa.string(), pa.int64(), pa.float64()
_SQL = {_TEXT: "TEXT", _WHOLE: "INTEGER", _REAL: "REAL"}
_ALWAYS_THERE = ("key", "number", "status", "attempts", "planned_at")

BEFORE_SPEC = {
    "key": _TEXT,
    "number": _WHOLE,
    "status": _TEXT,
    "end_state": _TEXT,
    "reason": _TEXT,
    "attempts": _WHOLE,
    "worker": _TEXT,
    "parent": _TEXT,
    "planned_at": _REAL,
    "started_at": _REAL,
    "finished_at": _REAL,
    "seconds": _REAL,
    "version": _TEXT,
}
"""What happened to a run; times are UNIX seconds, ``seconds`` those of training and diagnosis."""

AFTER_SPEC = {
    "order": _WHOLE,
    "largest_irrep_dim": _WHOLE,
    "n": _WHOLE,
    "test_size_n": _WHOLE,
    "ratio": _REAL,
    "epochs_taken": _WHOLE,
    "train_loss": _REAL,
    "train_accuracy": _REAL,
    "test_loss": _REAL,
    "test_accuracy": _REAL,
    "memorised_epoch": _WHOLE,
    "test_accuracy_50": _WHOLE,
    "test_accuracy_99": _WHOLE,
    "gradient_norm_peak": _REAL,
    "gradient_norm_peak_epoch": _WHOLE,
    "lazy_epoch": _WHOLE,
    "independent_epoch": _WHOLE,
    "interactive_epoch": _WHOLE,
    "generalised_epoch": _WHOLE,
    "irreps_covered": _WHOLE,
    "irreps_total": _WHOLE,
}
"""What came of a done run: sizes, last figures, first epochs (``test_accuracy_50`` and ``_99`` are epochs)."""


def columns_of(result: Trained, operands: int) -> dict[str, Any]:
    """What a result, of a task of so many operands, puts into the row of its run."""
    facts, outcome = result.facts, result.outcome
    first, peak = outcome.first_epoch, outcome.gradient_norm_peak
    return {
        "status": Status.DONE,
        "end_state": outcome.status,
        "reason": None,
        "seconds": outcome.seconds,
        "version": result.version,
        "order": facts.order,
        "largest_irrep_dim": facts.largest_irrep_dim,
        "n": facts.train_size,
        "test_size_n": facts.test_size,
        "ratio": facts.train_size / facts.order**operands,
        "epochs_taken": outcome.epochs,
        **{name: outcome.final[name] for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy")},
        "memorised_epoch": first["train_accuracy_1"],
        "test_accuracy_50": first["test_accuracy_50"],
        "test_accuracy_99": first["test_accuracy_99"],
        "gradient_norm_peak": peak["value"],
        "gradient_norm_peak_epoch": peak["epoch"],
        **{f"{stage.name}_epoch": stage.first_epoch for stage in outcome.stages},
        "irreps_covered": outcome.irreps_covered,
        "irreps_total": outcome.irreps_total,
    }


def _declared(columns: dict[str, pa.DataType]) -> str:
    return ", ".join(f'"{name}" {_SQL[kind]}' for name, kind in columns.items())


_LATER = ("end_state", "reason", "worker", "started_at", "finished_at", "seconds", "version")

TABLES = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {USER_VERSION};
CREATE TABLE plan (id INTEGER PRIMARY KEY CHECK (id = 1), json TEXT NOT NULL);
CREATE TABLE driver (id INTEGER PRIMARY KEY CHECK (id = 1), host TEXT NOT NULL, pid INTEGER NOT NULL,
    since REAL NOT NULL, heartbeat REAL NOT NULL, token TEXT NOT NULL);
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL CHECK (status IN ({", ".join(f"'{status}'" for status in Status)})),
    attempts INTEGER NOT NULL DEFAULT 0,
    parent TEXT REFERENCES runs (key),
    keep_weights INTEGER NOT NULL,
    waiting INTEGER NOT NULL,
    planned_at REAL NOT NULL,
    {_declared({name: kind for name, kind in BEFORE_SPEC.items() if name in _LATER})},
    spec TEXT NOT NULL,
    {_declared(AFTER_SPEC)});
CREATE INDEX runs_by_status ON runs (status, waiting);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE TABLE results (number INTEGER PRIMARY KEY REFERENCES runs (number), outcome TEXT NOT NULL,
    metrics BLOB NOT NULL, diagnosis BLOB, weights BLOB);
"""
"""What makes an empty file a sweep's database."""


def _kind(annotation: Any) -> pa.DataType | None:
    """The column type of a specification's field: that of the plain type its annotation is made of."""
    plain = {int: _WHOLE, float: _REAL, str: _TEXT}
    if annotation in plain:
        return plain[annotation]
    return next((kind for part in get_args(annotation) if (kind := _kind(part)) is not None), None)


_DEFAULTS = {name: RunSpec.model_fields[name].default for name in RunSpec.keys}
_SPEC = {name: _kind(RunSpec.model_fields[name].annotation) for name in RunSpec.keys}

COLUMNS = pa.schema(
    [
        pa.field(name, kind, nullable=name not in _ALWAYS_THERE and _DEFAULTS.get(name) is None)
        for name, kind in {**BEFORE_SPEC, **_SPEC, **AFTER_SPEC}.items()
    ]
)
"""The columns of a sweep's table: a column for each key of a run between what happened to it and what came of it."""

SELECT_COLUMNS = ", ".join(f'"{name}"' for name in (*BEFORE_SPEC, *AFTER_SPEC, "spec"))
"""What :func:`batch_of_runs` takes of each row."""


def batch_of_runs(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows of :data:`SELECT_COLUMNS` as a table of :data:`COLUMNS`.

    A key that a specification lacks has its default: it was stored before the key existed.

    Raises:
        pa.ArrowInvalid: if a specification is no JSON object of the keys' types.
    """
    if not rows:
        return COLUMNS.empty_table()
    *columns, specs = zip(*rows, strict=True)
    named: dict[str, pa.Array] = {}
    for (name, kind), values in zip((BEFORE_SPEC | AFTER_SPEC).items(), columns, strict=True):
        named[name] = pa.array(values, kind)
    for name, column in _expanded(specs).items():
        named[name] = column if _DEFAULTS[name] is None else column.fill_null(_DEFAULTS[name])
    return pa.table([named[name] for name in COLUMNS.names], schema=COLUMNS)


def _expanded(specs: Iterable[str]) -> dict[str, pa.Array]:
    """A column for each key of a run."""
    lines = "\n".join(specs).encode()
    reading = pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
    parsing = pyarrow.json.ParseOptions(explicit_schema=pa.schema(_SPEC), unexpected_field_behavior="ignore")
    table = pyarrow.json.read_json(io.BytesIO(lines), read_options=reading, parse_options=parsing)
    return {name: table[name].combine_chunks() for name in _SPEC}


def frame_of_runs(table: pa.Table) -> pd.DataFrame:
    """A table of :data:`COLUMNS` in pandas: text as str, numbers as int64, float64 (NaN) and Int64 (NA)."""
    frame = table.to_pandas(types_mapper={_WHOLE: pd.Int64Dtype()}.get)
    return frame.astype({field.name: "int64" for field in COLUMNS if field.type == _WHOLE and not field.nullable})
