"""Two hundred runs whose workers and driver are killed in the middle come to what they come to undisturbed."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil
import pytest

from li2.sweeps import open_store
from sweeps.dask_workers import Workers, until

pytestmark = pytest.mark.slow


def plan(directory: Path) -> Path:
    """192 runs, and 8 longer ones."""
    file = directory / "plan.toml"
    file.write_text(
        'device = "cpu"\ndiagnose = "off"\nmeasure = "every:50"\ntrain_fraction = 0.5\n'
        '[[variants]]\ngroup = ["cyclic:5", "cyclic:7", "dihedral:3", "symmetric:3"]\nwidth = [16, 24]\n'
        'lr = [1e-3, 1e-2]\nseed = "range(0,12)"\nepochs = 3000\n'
        '[[variants]]\ngroup = "cyclic:11"\nwidth = 16\nseed = "range(0,8)"\nepochs = 9000\n'
    )
    return file


def sweep(*words: str | Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "li2", "sweep", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, "OMP_NUM_THREADS": "1"})


def done(out: Path) -> int:
    """How many runs are."""
    try:
        with sqlite3.connect(f"file:{out / 'sweep.sqlite'}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM runs WHERE status = 'done'").fetchone()[0])
    except sqlite3.Error:  # not there yet
        return 0


def found(out: Path) -> pd.DataFrame:
    """What a sweep found, without what may differ between two of them; with the curves' sums."""
    with open_store(out) as store:
        table = store.table().sort_values("key", ignore_index=True)
        assert len(table) == 200
        assert table["key"].is_unique
        assert set(table["status"]) == {"done"}
        curves = [store.metrics(key).sum().sum() for key in table["key"]]
    varying = ["number", "attempts", "worker", "planned_at", "started_at", "finished_at", "seconds"]
    return table.drop(columns=varying).assign(curves=curves)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    place = tmp_path_factory.mktemp("undisturbed")
    assert sweep("start", "--config", plan(place), "workers=2", "--out", place / "sweep").wait() == 0
    return found(place / "sweep")


def test_killed_worker_and_killed_driver(tmp_path: Path, undisturbed: pd.DataFrame) -> None:
    out = tmp_path / "sweep"
    driver = sweep("start", "--config", plan(tmp_path), "workers=2", "--out", out)
    until(lambda: done(out) > 0, 120)
    workers = [child for child in psutil.Process(driver.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    assert len(workers) == 2
    workers[0].kill()
    reached = done(out)
    until(lambda: done(out) > reached, 120)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    kept = done(out)
    assert kept < 200
    until(lambda: not any(worker.is_running() for worker in workers), 20)  # they do not outlive their driver
    assert sweep("resume", out, "workers=2").wait() == 0
    pd.testing.assert_frame_equal(found(out), undisturbed, check_exact=True)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Workers]:
    made = Workers(tmp_path, 2)
    yield made
    made.end()


def test_killed_worker_of_a_dask_cluster_and_killed_driver(
    tmp_path: Path, cluster: Workers, undisturbed: pd.DataFrame
) -> None:
    out, where = tmp_path / "sweep", ("executor=dask", f"scheduler={cluster.address}")
    driver = sweep("start", "--config", plan(tmp_path), *where, "--out", out)
    until(lambda: done(out) > 0, 120)
    cluster.processes[0].kill()
    cluster.processes.append(cluster.add())
    reached = done(out)
    until(lambda: done(out) > reached, 120)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert done(out) < 200
    time.sleep(1)
    assert sweep("resume", out, *where).wait() == 0
    pd.testing.assert_frame_equal(found(out), undisturbed, check_exact=True)
