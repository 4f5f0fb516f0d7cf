"""``li2 sweep`` and ``li2 boundary`` as a user types them; killed, stopped, resumed, and asked for what cannot be."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from li2.cli.options import with_subcommand
from li2.sweeps import open_store

PLAN = ["group=cyclic:5,cyclic:7", "width=16", "epochs=40", "seed=range(0,3)", "diagnose=off", "device=cpu"]


Li2 = Callable[..., tuple[str, str]]


@pytest.fixture
def li2(call: Any) -> Li2:
    """Run the command line here: stdout and stderr; the exit code must be the expected one."""

    def run(*words: str | Path, code: int = 0) -> tuple[str, str]:
        found, out, complaints = call(*map(str, words))
        assert found == code, complaints + out
        return out, complaints

    return run


def test_a_sweep_from_the_first_word_to_the_parquet_files(tmp_path: Path, li2: Li2) -> None:
    out = tmp_path / "sweep"
    said = json.loads(li2("sweep", *PLAN, "workers=1", "--out", out, "--json")[0])
    assert said["runs"] == {"planned": 0, "running": 0, "done": 6, "failed": 0}
    assert sum(said["end_states"].values()) == 6
    assert json.loads(li2("sweep", "status", out, "--json")[0]) == said
    assert "6 runs: 6 done" in li2("sweep", "resume", out)[0]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert all(key[:12] in page for key in open_store(out).table()["key"])
    li2("sweep", "export", out)
    runs = pd.read_parquet(out / "runs.parquet")
    assert sorted(runs["group"]) == ["cyclic:5"] * 3 + ["cyclic:7"] * 3
    assert len(pd.read_parquet(out / "metrics.parquet")) == 6 * 41


def test_a_dry_run_costs_nothing(tmp_path: Path, li2: Li2) -> None:
    out = tmp_path / "sweep"
    said = json.loads(li2("sweep", *PLAN, "workers=3", "--dry-run", "--json", "--out", out)[0])
    assert (said["runs"], said["workers"]) == (6, 3)
    assert said["core_seconds"] > 0
    assert not out.exists()
    ready = li2("sweep", "--plan", "weight-decay", "--dry-run")[0]
    assert "runs" in ready
    assert "weight-decay" in li2("sweep", "plans")[0]


def test_a_sweep_of_files_with_an_odd_name_goes_on_from_anywhere(
    tmp_path: Path, li2: Li2, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, elsewhere = tmp_path / "start", tmp_path / "elsewhere"
    start.mkdir()
    table = "\n".join(",".join(str((a + b) % 5) for b in range(5)) for a in range(5))
    (start / "g[x].csv").write_text(table)
    words = ["group=file:g[x].csv", "width=16", "epochs=3", "seed=0,1", "diagnose=off", "workers=1"]
    monkeypatch.chdir(start)
    assert "2 runs: 2 done" in li2("sweep", *words, "--out", "[/bold]x")[0]
    (start / "[/bold]x").rename(elsewhere)
    monkeypatch.chdir(tmp_path)
    assert "2 runs: 2 done" in li2("sweep", "resume", elsewhere)[0]
    with open_store(elsewhere) as store:
        assert set(store.table()["group"]) == {f"file:{start / 'g[x].csv'}"}


def test_a_boundary_from_the_command_line(tmp_path: Path, li2: Li2) -> None:
    out = tmp_path / "boundary"
    words = ("groups=cyclic:7", "seeds=1", "width=32", "epochs=300", "lr=0.02", "weight_decay=1e-4", "tolerance=0.2")
    said = json.loads(li2("boundary", *words, "workers=1", "--out", out, "--json")[0])
    (group,) = said["boundary"]["groups"]
    (crossing,) = group["crossings"]
    assert crossing["status"] in ("bracketed", "above")
    assert said["boundary"]["runs"] == said["runs"]["done"] == crossing["runs"]
    assert "cyclic:7" in li2("sweep", "status", out)[0]
    if crossing["status"] == "bracketed":
        table = open_store(out).table().set_index("n")
        assert table.loc[crossing["high"], "end_state"] == "generalised"
        assert table.loc[crossing["low"], "end_state"] != "generalised"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["sweep", "start"], "there is no plan"),
        (["sweep", "widht=3"], "widht"),
        (["sweep", *PLAN], "Give --out DIR"),
        (["sweep", "group=nonsense:5", "--dry-run"], "nonsense"),
        (["sweep", "width=0,3", "--out", "SOMEWHERE"], "width must be a whole number ≥ 1"),
        (["sweep", *PLAN, "workers=none", "--out", "SOMEWHERE"], "workers must be a whole number ≥ 1"),
        (["sweep", *PLAN, "executor=slurm", "workers=2", "--out", "SOMEWHERE"], "workers"),
        (["sweep", "--plan", "wieght-decay", "--out", "SOMEWHERE"], "weight-decay"),
        (["sweep", "--plan", "weight-decay", "--config", "x.toml"], "leave out one"),
        (["sweep", *PLAN, "--out", "USED"], "USED"),
        (["sweep", "group=cyclic:5", "train_size=5,6", "train_fraction=0.1", "--out", "SOMEWHERE"], "were both given"),
        (["sweep", "group=cyclic:5,nonsense:5", "--out", "SOMEWHERE"], "nonsense"),
        (["sweep", "resume", "SOMEWHERE"], "does not hold a sweep"),
        (["sweep", "status", "USED"], "does not hold a sweep"),
        (["boundary", "groups=cyclic:x", "--out", "SOMEWHERE"], "cyclic:x"),
        (["boundary", "--out", "SOMEWHERE"], "groups is not given"),
        (["boundary", "groups=cyclic:7", "seed=3", "--out", "SOMEWHERE"], "seed"),
    ],
)
def test_mistakes_are_told_in_a_sentence_and_leave_nothing(
    tmp_path: Path, li2: Li2, words: list[str], sentence: str
) -> None:
    used = tmp_path / "USED"
    used.mkdir()
    (used / "thesis.txt").write_text("do not lose me")
    places = {"SOMEWHERE": str(tmp_path / "SOMEWHERE"), "USED": str(used)}
    _, complaints = li2(*(places.get(word, word) for word in words), code=2)
    assert sentence in complaints
    assert len(complaints.strip().splitlines()) == 1
    assert not (tmp_path / "SOMEWHERE").exists()
    assert [file.name for file in used.iterdir()] == ["thesis.txt"]


def test_what_a_command_does_without_a_subcommand() -> None:
    assert with_subcommand(["sweep", "lr=1"]) == ["sweep", "start", "lr=1"]
    assert with_subcommand(["sweep", "--plan", "x"]) == ["sweep", "start", "--plan", "x"]
    assert with_subcommand(["predict", "lr=1"]) == ["predict", "run", "lr=1"]
    assert with_subcommand(["predict", "--against", "x"]) == ["predict", "run", "--against", "x"]
    for words in (
        ["predict", "boundary", "groups=x"],
        ["sweep"],
        ["sweep", "--help"],
        ["sweep", "staus", "x"],
        ["sweep", "status", "x"],
        ["run", "a=b"],
        [],
    ):
        assert with_subcommand(words) == words


def started(out: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "li2", "sweep", *words, "--out", str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def wait_until_some_are_done(out: Path, process: subprocess.Popen[str], count: int) -> None:
    while process.poll() is None:
        try:
            with sqlite3.connect(f"file:{out / 'sweep.sqlite'}?mode=ro", uri=True) as connection:
                if connection.execute("SELECT count(*) FROM runs WHERE status = 'done'").fetchone()[0] >= count:
                    return
        except sqlite3.Error:  # not there yet
            pass
        time.sleep(0.05)
    raise AssertionError(process.communicate())


MANY = ["group=cyclic:5", "width=16,17,18,19,20,21,22,23,24,25", "epochs=500", "measure=every:50", "seed=range(0,2)"]


def test_a_killed_driver_loses_nothing_and_a_second_one_is_refused(tmp_path: Path, li2: Li2) -> None:
    out = tmp_path / "sweep"
    first = started(out, *MANY, "diagnose=off", "workers=1")
    wait_until_some_are_done(out, first, 3)
    _, refused = li2("sweep", "resume", out, code=2)
    assert "driver" in refused
    assert str(first.pid) in refused
    first.send_signal(signal.SIGKILL)
    first.communicate()
    with open_store(out) as store:
        done = store.table().query("status == 'done'")
    assert 3 <= len(done) < 20
    li2("sweep", "resume", out, "workers=1")
    with open_store(out) as store:
        table = store.table()
        assert table["status"].tolist() == ["done"] * 20
        assert table["key"].is_unique
        kept = table.set_index("key").loc[done["key"]]
        assert (kept["finished_at"].to_numpy() == done["finished_at"].to_numpy()).all()


def test_ctrl_c_stops_a_sweep(tmp_path: Path) -> None:
    out = tmp_path / "sweep"
    process = started(out, *MANY, "diagnose=off", "workers=1")
    wait_until_some_are_done(out, process, 1)
    process.send_signal(signal.SIGINT)
    said, complaints = process.communicate(timeout=60)
    assert process.returncode == 130, complaints
    assert f"li2 sweep resume {out}" in said
    with open_store(out) as store:
        assert {status.value for status, count in store.counts().items() if count} == {"done", "planned"}
