"""Planned runs and results as a sweep has them, made up instead of trained."""

import io
import random

import pandas as pd
import pyarrow as pa
import pyarrow.ipc

from li2.specs import STAGES, EndState, Facts, Outcome, PlannedRun, RunSpec, StageBoundary, Trained
from li2.sweeps.store import Store


def planned(seed: int, parent: str | None = None, keep_weights: bool = False, **keys: object) -> PlannedRun:
    """A run of a small group."""
    return PlannedRun(RunSpec(**{"group": "cyclic:7", "width": 8, "seed": seed, **keys}), parent, keep_weights)


def arrow_file(table: pd.DataFrame) -> bytes:
    """A table as an Arrow IPC file (zstd)."""
    columns = pa.Table.from_pandas(table, preserve_index=False)
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, columns.schema, options=options) as writer:
        writer.write_table(columns)
    return sink.getvalue()


def metrics_table(seed: int, epochs: int = 20) -> pd.DataFrame:
    """Noise in the columns of metrics."""
    draw = random.Random(seed)
    names = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "gradient_norm")
    return pd.DataFrame(
        {"epoch": range(epochs + 1), **{name: [draw.random() for _ in range(epochs + 1)] for name in names}}
    )


def diagnosis_table(seed: int) -> pd.DataFrame:
    """Two diagnosed epochs; only some runs have figures of irreps."""
    table = pd.DataFrame({"epoch": [0, 20], "alignment": [seed / 7, float("nan")]})
    return table.assign(irreps_covered=[0.0, float(seed)]) if seed % 2 else table


def trained(key: str, seed: int, weights: bytes | None = None, diagnosed: bool = True) -> Trained:
    """A result with different values for each seed; some have end states and epochs that others lack."""
    draw = random.Random(seed)
    states = list(EndState)
    reached = seed % 3 != 0
    outcome = Outcome(
        status=states[seed % len(states)],
        epochs=20,
        first_epoch={"train_accuracy_1": 3, "test_accuracy_50": 5 if reached else None, "test_accuracy_99": None},
        final={
            "train_loss": draw.random(),
            "train_accuracy": 1.0,
            "test_loss": None if seed % 5 == 3 else draw.random(),
            "test_accuracy": draw.random(),
        },
        gradient_norm_peak={"epoch": seed % 20, "value": draw.random()},
        stages=tuple(StageBoundary(name, seed + n if reached else None, "it was so") for n, name in enumerate(STAGES)),
        irreps_covered=2 if diagnosed else None,
        irreps_total=3,
        interrupted=False,
        seconds=draw.random(),
    )
    diagnosis = arrow_file(diagnosis_table(seed)) if diagnosed else None
    facts = Facts(order=7, largest_irrep_dim=1, train_size=19, test_size=30)
    return Trained(key, facts, outcome, arrow_file(metrics_table(seed)), diagnosis, weights, version="0.1.0")


def some_runs(store: Store, number: int = 6) -> list[PlannedRun]:
    """Planned runs that were added."""
    runs = [planned(seed, lr=0.1 / (seed + 1)) for seed in range(number)]
    assert store.add(runs) == number
    return runs


def finish(store: Store, *runs: PlannedRun, weights: bytes | None = None) -> None:
    """Have runs done with what their seeds make."""
    store.finish([trained(run.key, run.spec.seed, weights) for run in runs])
