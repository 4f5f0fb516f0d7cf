"""Runs and their curves as Parquet files, written a row group at a time."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from li2.files import put_in_place
from li2.sweeps.schema import COLUMNS

ROW_GROUP = 100_000
"""Rows of a row group of curves (runs: those of a batch); what is in memory at a time."""

_KEY = pa.field("key", pa.string(), nullable=False)


def opened_curve(content: bytes) -> pyarrow.ipc.RecordBatchFileReader:
    """Reader of an Arrow IPC file; raises pa.ArrowInvalid if it is none."""
    return pyarrow.ipc.open_file(pa.BufferReader(content))


def write_runs(path: Path, batches: Iterable[pa.Table]) -> None:
    """Write tables of runs, each as a row group; raises OSError."""
    _write(path, COLUMNS, batches)


def write_curves(path: Path, curves: Callable[[], Iterable[tuple[str, bytes | None]]]) -> None:
    """Stack curves, with their run's key as the first column.

    Args:
        path: the Parquet file.
        curves: key and Arrow IPC file (None: no curve) of each run; asked twice, for the columns and for the rows.

    Raises:
        OSError: if it cannot be written.
    """
    schema = pa.schema([_KEY])
    for _, content in curves():
        if content is not None:
            columns = opened_curve(content).schema.remove_metadata()
            if any(field.name not in schema.names or schema.field(field.name) != field for field in columns):
                schema = pa.unify_schemas([schema, columns], promote_options="permissive")
    _write(path, schema, _grouped(_stacked(curves(), schema)))


def _stacked(curves: Iterable[tuple[str, bytes | None]], schema: pa.Schema) -> Iterator[pa.Table]:
    """Each curve with all columns of a schema."""
    for key, content in curves:
        if content is not None:
            table = opened_curve(content).read_all()
            given = set(table.column_names)
            columns = [pa.repeat(pa.scalar(key), len(table))]
            for field in list(schema)[1:]:
                there = field.name in given
                columns.append(table[field.name].cast(field.type) if there else pa.nulls(len(table), field.type))
            yield pa.table(columns, schema=schema)


def _grouped(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of at least a row group."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= ROW_GROUP:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def _write(path: Path, schema: pa.Schema, tables: Iterable[pa.Table]) -> None:
    def write(beside: Path) -> None:
        with pyarrow.parquet.ParquetWriter(beside, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table, row_group_size=max(len(table), 1))

    put_in_place(path, write)
