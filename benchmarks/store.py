"""What a sweep's store costs at 100,000 runs: process CPU seconds and memory of each operation.

    OMP_NUM_THREADS=1 python benchmarks/store.py [RUNS] [DIR]

Half of the runs are done, with the curves of 400 epochs. The database is written where DIR says (default: temporary).
"""

import io
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.ipc

from li2.specs import STAGES, EndState, Facts, Outcome, PlannedRun, RunSpec, StageBoundary, Trained
from li2.sweeps.store import Store

EPOCHS = 400
PACK = 32

Value = TypeVar("Value")


def timed(what: str, action: Callable[[], Value], count: int = 1) -> Value:
    """What an action returns; prints its process CPU time and the peak of memory so far."""
    wall, begun = time.perf_counter(), time.process_time()
    value = action()
    cpu, wall = time.process_time() - begun, time.perf_counter() - wall
    each = f"{1e3 * cpu / count:9.3f} ms each" if count > 1 else ""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what:34}{cpu:8.2f} s CPU{wall:8.2f} s wall{peak:8.0f} MB{each}", flush=True)
    return value


def runs(count: int) -> Iterator[PlannedRun]:
    """Different runs, one after the other."""
    return (PlannedRun(RunSpec(group="cyclic:23", width=256, seed=seed)) for seed in range(count))


def curve() -> bytes:
    """An Arrow file of random metrics, which do not compress."""
    draw = random.Random(0)
    names = ("train_loss", "train_accuracy", "test_loss", "test_accuracy", "gradient_norm")
    table = pd.DataFrame({"epoch": range(EPOCHS), **{name: [draw.random() for _ in range(EPOCHS)] for name in names}})
    columns, sink = pa.Table.from_pandas(table, preserve_index=False), io.BytesIO()
    with pa.ipc.new_file(sink, columns.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(columns)
    return sink.getvalue()


def result(key: str, metrics: bytes) -> Trained:
    """A result like any other."""
    outcome = Outcome(
        status=EndState.GENERALISED,
        epochs=EPOCHS,
        first_epoch={"train_accuracy_1": 40, "test_accuracy_50": 100, "test_accuracy_99": 150},
        final={"train_loss": 1e-3, "train_accuracy": 1.0, "test_loss": 1e-2, "test_accuracy": 0.999},
        gradient_norm_peak={"epoch": 50, "value": 0.3},
        stages=tuple(StageBoundary(name, 10, "a sentence or two that say how it was found" * 2) for name in STAGES),
        irreps_covered=11,
        irreps_total=11,
        interrupted=False,
        seconds=1.0,
    )
    return Trained(key, Facts(23, 1, 211, 318), outcome, metrics, None, None, "0.1.0")


def main(count: int, directory: Path) -> None:
    """Print the table."""
    metrics = curve()
    print(f"{count} runs, half of them done, {len(metrics) / 1e3:.0f} kB of metrics each")
    planned = timed("specifications and keys", lambda: [(run, run.key) for run in runs(count)], count)
    store = Store.create(directory, {"kind": "benchmark"})
    timed("add", lambda: store.add(run for run, _ in planned), count)
    timed("add again", lambda: store.add(run for run, _ in planned), count)
    done = [key for _, key in planned[: count // 2]]
    packs = [done[start : start + PACK] for start in range(0, len(done), PACK)]

    def finish() -> None:
        for keys in packs:
            store.finish([result(key, metrics) for key in keys])

    timed(f"finish {len(done)}, {PACK} a commit", finish, len(done))
    timed("ready(512)", lambda: store.ready(512))
    timed("start 32", lambda: store.start([key for _, key in planned[-32:]], "worker"))
    timed("release all", store.release)
    timed("finish one", lambda: store.finish([result(planned[-1][1], metrics)]))
    timed("counts", store.counts)
    timed("fates", store.fates)
    timed("versions", store.versions)
    timed("beat", store.beat)
    table = timed("table", store.table)
    assert len(table) == count
    timed("metrics of 100 runs", lambda: [store.metrics(key) for key in done[:100]], 100)
    store.close()
    print(json.dumps({"MB on disk": (directory / "sweep.sqlite").stat().st_size / 1e6}))
    timed("open to read", lambda: Store.open(directory, write=False)).close()
    store = timed("open to write", lambda: Store.open(directory, write=True))
    timed("export", lambda: store.export(directory / "out"))
    store.close()
    timed("pandas.read_parquet(runs)", lambda: pd.read_parquet(directory / "out" / "runs.parquet"))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        place = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(folder) / "sweep"
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000, place)
