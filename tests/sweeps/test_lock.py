"""One driver for each sweep."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from li2.errors import Li2Error
from li2.sweeps.lock import PATIENCE
from li2.sweeps.store import Store
from sweeps.made_results import planned


def row(directory: Path) -> tuple[object, ...] | None:
    """Who drives, by the database."""
    connection = sqlite3.connect(directory / "sweep.sqlite")
    found = connection.execute("SELECT host, pid, since, heartbeat, token FROM driver").fetchone()
    connection.close()
    return found


def write_row(directory: Path, host: str, heartbeat: float) -> None:
    """Have a driver on another machine, which shares the disk but no locks."""
    connection = sqlite3.connect(directory / "sweep.sqlite", isolation_level=None)
    connection.execute("INSERT OR REPLACE INTO driver VALUES (1, ?, 17, 1e9, ?, 'other')", (host, heartbeat))
    connection.close()


def test_a_second_driver_is_refused(store: Store) -> None:
    with pytest.raises(Li2Error) as caught:
        Store.open(store.directory, write=True)
    sentence = str(caught.value)
    assert re.search(
        rf"another driver \(process {os.getpid()} on .+, since 20\d\d-\d\d-\d\d .* UTC\) is at work", sentence
    )
    assert f"li2 sweep status {store.directory} reads beside it" in sentence
    store.add([planned(0)])  # the first one goes on
    with Store.open(store.directory, write=False) as reader:
        assert len(reader.ready(9)) == 1
    store.close()
    assert row(store.directory) is None
    Store.open(store.directory, write=True).close()


DRIVER = """
import sys, time
from pathlib import Path
from li2.sweeps.store import Store
store = Store.create(Path(sys.argv[1]), {})
print("driving", flush=True)
time.sleep(600)
"""


def test_a_killed_driver_holds_nobody_up(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DRIVER, str(tmp_path / "s")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "driving\n"
            with pytest.raises(Li2Error, match=f"process {process.pid} on"):
                Store.open(tmp_path / "s", write=True)
        finally:
            process.send_signal(signal.SIGKILL)
    assert row(tmp_path / "s") is not None
    Store.open(tmp_path / "s", write=True).close()


def test_a_forked_worker_does_not_hold_the_lock(store: Store) -> None:
    ready, told = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other tests have started threads; the child needs none
        child = os.fork()
    if child == 0:
        os.write(told, b"1")
        signal.pause()
        os._exit(0)
    try:
        os.read(ready, 1)
        with pytest.raises(Li2Error, match="another driver"):
            Store.open(store.directory, write=True)  # the child's letting go leaves the parent's lock
        store.close()
        Store.open(store.directory, write=True).close()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(ready)
        os.close(told)


def test_a_driver_on_another_machine(store: Store) -> None:
    directory = store.directory
    store.close()
    for heartbeat in (time.time() - PATIENCE + 20, time.time() + 500):  # its clock may be ahead
        write_row(directory, "elsewhere", heartbeat)
        with pytest.raises(Li2Error, match=r"process 17 on elsewhere, since 2001-09-09 01:46:40 UTC"):
            Store.open(directory, write=True)
        assert row(directory) == ("elsewhere", 17, 1e9, heartbeat, "other")
    write_row(directory, "elsewhere", time.time() - PATIENCE - 1)
    Store.open(directory, write=True).close()


def test_whose_place_was_taken_writes_no_more(store: Store) -> None:
    write_row(store.directory, "elsewhere", time.time())
    for action in (store.beat, store.release, lambda: store.add([planned(1)])):
        with pytest.raises(Li2Error, match="another driver has taken over"):
            action()
    assert len(store.table()) == 0
    store.close()
    assert row(store.directory) is not None  # it does not take the other's row away


def test_signs_of_life(store: Store) -> None:
    first = row(store.directory)
    store.beat()
    second = row(store.directory)
    store.add([planned(0)])
    third = row(store.directory)
    assert first is not None
    assert second is not None
    assert third is not None
    assert first[3] < second[3] < third[3]
    assert first[:3] == third[:3]
    assert first[1] == os.getpid()
