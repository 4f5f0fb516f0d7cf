"""The store when processes are killed, the disk is full, or the file is not what it should be."""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from li2.errors import Li2Error
from li2.sweeps import database
from li2.sweeps.store import Status, Store
from sweeps.made_results import finish, metrics_table, some_runs, trained

WRITER = """
import sys, itertools
from pathlib import Path
from sweeps.made_results import planned, trained
from li2.sweeps.store import Store
directory, packed = Path(sys.argv[1]), int(sys.argv[2])
with Store.create(directory, {}) as store:
    for start in itertools.count(0, packed):
        runs = [planned(seed) for seed in range(start, start + packed)]
        store.add(runs)
        store.start([run.key for run in runs], "w")
        store.finish([trained(run.key, run.spec.seed, weights=b"w" * 20000) for run in runs])
        print(*(run.key for run in runs), flush=True)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that finishes runs, three at a time, and acknowledges them, until it is killed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", WRITER, str(tmp_path / "sweep"), "3"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_beside(directory: Path) -> None:
    """Readers see commits whole, and ever more of them."""
    seen = 3
    for _ in range(10):
        with Store.open(directory, write=False) as reader:
            table = reader.table()
            done = table[table["status"] == "done"]
            assert len(done) >= seen
            assert len(done) % 3 == len(table) % 3 == 0
            seen = len(done)
            assert not reader.metrics(done["key"].iloc[-1]).empty


def test_read_and_killed_while_it_finishes_runs(writer: subprocess.Popen[str], tmp_path: Path) -> None:
    assert writer.stdout is not None
    acknowledged = writer.stdout.readline().split()
    read_beside(tmp_path / "sweep")
    acknowledged += [key for _ in range(20) for key in writer.stdout.readline().split()]
    time.sleep(0.05)
    assert writer.poll() is None
    writer.send_signal(signal.SIGKILL)
    acknowledged += writer.stdout.read().split()
    with Store.open(tmp_path / "sweep", write=False) as reader:  # a journal may have to be rolled back
        before = reader.counts()
    with Store.open(tmp_path / "sweep", write=True) as store:
        assert store.counts() == before
        fates = store.fates()
        assert list(fates)[: len(acknowledged)] == acknowledged
        assert len(fates) - len(acknowledged) in (0, 3)  # committed, but killed before it could say so
        assert len(store.table()) - len(fates) in (0, 3)
        for number, key in enumerate(fates):
            assert store.outcome(key) == trained(key, number).outcome
            assert store.weights(key) == b"w" * 20000
            pd.testing.assert_frame_equal(store.metrics(key), metrics_table(number))
        store.release()
        assert store.counts()[Status.RUNNING] == 0


def test_a_journal_that_a_killed_driver_left(tmp_path: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from sweeps.made_results import planned
from li2.sweeps.store import Store
store = Store.create(Path(sys.argv[1]), {})
store.add([planned(seed) for seed in range(20)])
connection = store._connection
connection.execute("PRAGMA cache_size = 1")
connection.execute("BEGIN IMMEDIATE")
connection.execute("UPDATE runs SET status = 'failed', reason = hex(zeroblob(5000))")  # spills into the file
os.kill(os.getpid(), 9)
"""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "s")], env=environment, check=False)
    assert (tmp_path / "s" / "sweep.sqlite-journal").exists()
    with Store.open(tmp_path / "s", write=False) as reader:
        assert reader.counts()[Status.PLANNED] == 20


def test_full_disk(store: Store, tmp_path: Path) -> None:
    runs = some_runs(store, 60)
    finish(store, *runs[:3])
    pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
    store._connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    stored = 3
    with contextlib.suppress(OSError):
        for run in runs[3:]:
            finish(store, run, weights=b"w" * 9000)
            stored += 1
    assert 3 < stored < 60
    with pytest.raises(OSError, match="disk is full; nothing finished before is lost") as caught:
        finish(store, runs[stored], weights=b"w" * 9000)
    assert f"li2 sweep resume {store.directory}" in str(caught.value)
    assert list(store.fates()) == [run.key for run in runs[:stored]]
    store.close()
    with Store.open(store.directory, write=True) as again:  # without the limit
        assert list(again.fates()) == [run.key for run in runs[:stored]]
        pd.testing.assert_frame_equal(again.metrics(runs[stored - 1].key), metrics_table(stored - 1))
        finish(again, *runs[stored:])
        assert again.counts()[Status.DONE] == 60


def refused(directory: Path, pattern: str) -> None:
    """Opening gives one sentence, and the database is not changed."""
    path = directory / "sweep.sqlite"
    before = path.read_bytes()
    for write in (True, False):
        with pytest.raises(Li2Error, match=pattern) as caught:
            Store.open(directory, write=write)
        assert "\n" not in str(caught.value)
        assert str(caught.value).endswith(".")
        assert path.read_bytes() == before


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a store with 300 runs, 30 of them done."""
    directory = tmp_path_factory.mktemp("store") / "original"
    with Store.create(directory, {}) as store:
        finish(store, *some_runs(store, 300)[:30])
    return directory


@pytest.fixture
def closed(original: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(original, tmp_path / "kept")


def test_no_database(tmp_path: Path) -> None:
    for directory in (tmp_path, tmp_path / "absent"):
        with pytest.raises(Li2Error, match=r"holds no sweep \(no sweep.sqlite in it\)"):
            Store.open(directory, write=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "pattern"),
    [(b"", "is empty"), (b"dear diary" * 50, "not an SQLite database"), (b"SQLite format 3\0" + b"\0" * 20, "cut off")],
)
def test_no_sqlite_file(tmp_path: Path, content: bytes, pattern: str) -> None:
    (tmp_path / "sweep.sqlite").write_bytes(content)
    refused(tmp_path, pattern)


def test_foreign_database(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "sweep.sqlite") as connection:
        connection.execute("CREATE TABLE runs (key)")
    connection.close()
    refused(tmp_path, "not that of a sweep of li2")


def test_database_of_a_later_version(closed: Path) -> None:
    with sqlite3.connect(closed / "sweep.sqlite") as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    refused(closed, "later version of li2 .*version 7")


def tree_pages(path: Path, table: str) -> list[int]:
    """Offsets of the pages of a table's tree, by what SQLite's first pages say: its root and the root's children."""
    connection = sqlite3.connect(path)
    root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    size = connection.execute("PRAGMA page_size").fetchone()[0]
    connection.close()
    content, base = path.read_bytes(), (root - 1) * size
    assert content[base] == 5, "an interior page"
    cells = int.from_bytes(content[base + 3 : base + 5], "big")
    pointers = [int.from_bytes(content[base + 12 + 2 * n : base + 14 + 2 * n], "big") for n in range(cells)]
    children = [int.from_bytes(content[base + at : base + at + 4], "big") for at in pointers]
    return [base, *((page - 1) * size for page in children)]


def overwrite(path: Path, at: int, content: bytes) -> None:
    """Change some bytes of a file."""
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize("where", ["magic", "page size", "schema", "root", "leaf", "truncated", "half"])
def test_damaged_database(closed: Path, where: str) -> None:
    path = closed / "sweep.sqlite"
    root, *leaves = tree_pages(path, "runs")
    size = path.stat().st_size
    pattern = "is damaged"
    if where == "magic":
        overwrite(path, 3, b"?")
        pattern = "not an SQLite database"
    elif where == "page size":
        overwrite(path, 16, b"\x03\x07")
    elif where == "schema":
        overwrite(path, 100, b"\xff" * 40)
    elif where == "root":
        overwrite(path, root, b"\xff" * 64)
    elif where == "leaf":
        overwrite(path, leaves[3], b"\x00" * 200)
    elif where == "truncated":
        os.truncate(path, size - 4096)
    else:
        os.truncate(path, size // 2)
    if where in ("root", "leaf"):  # reading meets it when it comes there
        before = path.read_bytes()
        with pytest.raises(Li2Error, match=pattern):
            Store.open(closed, write=True)
        with pytest.raises(Li2Error, match=pattern), Store.open(closed, write=False) as reader:
            reader.table()
        assert path.read_bytes() == before
    else:
        refused(closed, pattern)


def test_damaged_values(store: Store) -> None:
    run = some_runs(store, 2)[0]
    finish(store, run)
    connection = sqlite3.connect(store.directory / "sweep.sqlite", isolation_level=None)
    connection.execute("UPDATE results SET metrics = x'0011', outcome = '{'")
    connection.execute("UPDATE runs SET spec = '{\"group\": ' WHERE status = 'planned'")
    connection.close()
    for read in (lambda: store.metrics(run.key), lambda: store.outcome(run.key), store.table, lambda: store.ready(1)):
        with pytest.raises(Li2Error, match="is damaged"):
            read()


def test_kept_locked_by_another_program(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = some_runs(store, 2)
    store._connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(store.directory / "sweep.sqlite", isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM runs").fetchone()
    with pytest.raises(Li2Error, match="kept locked by another program"):
        finish(store, runs[0])
    other.close()
    assert store.fates() == {}
    finish(store, *runs)
    assert len(store.fates()) == 2


def test_write_ahead_log_is_taken_back(closed: Path) -> None:
    connection = sqlite3.connect(closed / "sweep.sqlite")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    Store.open(closed, write=True).close()
    assert (closed / "sweep.sqlite").read_bytes()[18:20] == b"\x01\x01"
    assert database.BUSY_SECONDS >= 60
