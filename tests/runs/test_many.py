"""Many runs at once: the same results as alone, stopped and taken up again, with one run's trouble kept to itself."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from li2.runs import Failure, RunResult, start, start_many
from li2.runs.packing import plan
from li2.runs.record import Record
from li2.specs import RunSpec

SMALL: dict[str, Any] = {
    "group": "cyclic:7",
    "width": 64,
    "activation": "sigmoid",
    "train_fraction": 0.6,
    "diagnose": "log:4",
    "device": "cpu",
}


def varied(count: int = 5, epochs: int = 25) -> list[RunSpec]:
    """Runs of one kind that differ in all that they may differ in."""
    return [
        RunSpec(**SMALL, seed=seed, epochs=epochs - 3 * seed, lr=1e-3 * (1 + seed), weight_decay=1e-3 * seed)
        for seed in range(count)
    ]


def assert_same(many: RunResult | Failure, alone: RunResult) -> None:
    assert isinstance(many, RunResult), many
    for name in ("metrics", "diagnosis", "nodes", "irreps", "course"):
        pd.testing.assert_frame_equal(getattr(many, name), getattr(alone, name), check_exact=True)
    assert many.outcome.stages == alone.outcome.stages
    assert many.status == alone.status


def test_runs_of_a_pack_are_what_they_are_alone(tmp_path: Path) -> None:
    specs, told = varied(), []
    assert plan(specs).packs == (tuple(range(5)),)
    results = start_many(specs, tmp_path / "many", lambda done, total: told.append((done, total)))
    for spec, result in zip(specs, results, strict=True):
        assert_same(result, start(spec, tmp_path / f"alone-{spec.seed}"))
    total = sum(spec.epochs for spec in specs)
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_processes_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("li2.runs.packing.WORTH_PROCESSES", 0.0)
    specs = [*varied(3), RunSpec(**{**SMALL, "width": 30}, epochs=5), RunSpec(**SMALL, init_weights="nowhere")]
    schedule = plan(specs, cores=2)
    assert schedule.processes == 2
    assert sorted(run for pack in schedule.packs for run in pack) == list(range(5))
    results = start_many(specs, tmp_path / "many", cores=2)
    for spec, result in zip(specs[:4], results, strict=False):
        assert_same(result, start(spec, tmp_path / spec.digest()))
    assert isinstance(results[4], Failure)
    assert "nowhere" in results[4].reason


def test_a_stopped_call_made_again_finishes_the_work(tmp_path: Path) -> None:
    specs = varied(4)

    def stop(done: int, total: int) -> None:
        if done == 20:
            os.kill(os.getpid(), signal.SIGINT)

    stopped = start_many(specs, tmp_path / "many", stop)
    assert all(isinstance(result, RunResult) and result.outcome.interrupted for result in stopped)
    assert [len(result.metrics) for result in stopped] == [6, 6, 6, 6]
    for file in (tmp_path / "many" / specs[1].digest()[:16]).iterdir():
        if file.suffix in (".json", ".parquet"):
            file.unlink()  # as if cut off while it began
    for spec, result in zip(specs, start_many(specs, tmp_path / "many"), strict=True):
        assert_same(result, start(spec, tmp_path / f"alone-{spec.seed}"))
    told: list[int] = []
    again = start_many(specs, tmp_path / "many", lambda done, total: told.append(done))
    assert told == []  # nothing is trained twice
    assert all(isinstance(result, RunResult) for result in again)


def test_one_runs_trouble_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    specs = varied(3)
    np.save(tmp_path / "index.npy", np.arange(60))
    specs.append(RunSpec(**{**SMALL, "train_fraction": None}, train_index=str(tmp_path / "index.npy"), epochs=3))
    diagnose = Record.diagnose

    def poisoned(self: Record, setup: Any, position: Any, *rest: Any) -> None:
        if setup.spec.seed == 1 and position.epoch > 2:
            raise ZeroDivisionError("poison")
        diagnose(self, setup, position, *rest)

    monkeypatch.setattr(Record, "diagnose", poisoned)
    results = start_many(specs, tmp_path / "many")
    assert isinstance(results[1], Failure)
    assert results[1].reason == "ZeroDivisionError: poison"
    assert isinstance(results[3], Failure)
    assert "indices run from 0 to 48" in results[3].reason
    monkeypatch.undo()
    for run in (0, 2):
        assert_same(results[run], start(specs[run], tmp_path / f"alone-{run}"))


@pytest.mark.parametrize("whole_group", [False, True])
def test_a_signal_keeps_what_the_processes_have(tmp_path: Path, whole_group: bool) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\n"
        "from li2 import RunSpec, run_many\n"
        "import li2.runs.packing as packing\n"
        "if __name__ == '__main__':\n"
        "    packing.WORTH_PROCESSES = 0.0\n"
        "    specs = [RunSpec(group='cyclic:7', width=16, epochs=10**6, diagnose='off', seed=s) for s in range(4)]\n"
        f"    out = Path({str(tmp_path / 'many')!r})\n"
        "    results = run_many(specs, out, lambda done, total: print(done, flush=True), cores=2)\n"
        "    print(sum(hasattr(result, 'outcome') and result.outcome.interrupted for result in results))\n"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) > 0:
                break
        if whole_group:
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.send_signal(signal.SIGINT)
        assert int(process.stdout.read().splitlines()[-1]) >= 2  # one of the two packs may not have begun
    assert process.returncode == 0


def test_a_damaged_or_foreign_directory_is_its_own_runs_trouble(tmp_path: Path) -> None:
    specs = varied(3, epochs=8)
    start_many(specs, tmp_path)
    (tmp_path / specs[0].digest()[:16] / "result.json").write_text("")
    foreign = RunSpec(**SMALL, seed=9, epochs=3)
    path = tmp_path / foreign.digest()[:16]
    path.mkdir()
    (path / "thesis.txt").write_text("do not lose me")
    nowhere = RunSpec(**{**SMALL, "device": "cuda:7"}, epochs=3)
    results = start_many([*specs, foreign, nowhere], tmp_path)
    assert [isinstance(result, RunResult) for result in results] == [False, True, True, False, False]
    assert (path / "thesis.txt").read_text() == "do not lose me"
    assert "in the way" in results[3].reason
    assert "cuda:7" in results[4].reason


def test_polynomial_activations_are_of_one_kind(tmp_path: Path) -> None:
    specs = [RunSpec(**{**SMALL, "activation": "x+0.5*x**2"}, epochs=4, seed=seed) for seed in range(3)]
    told: list[int] = []
    start_many(specs, tmp_path, lambda done, total: told.append(done))
    assert told == [0, 0, 3, 6, 9, 12, 12]


def test_large_networks_are_trained_one_by_one_and_small_ones_side_by_side() -> None:
    small = [RunSpec(group="cyclic:23", width=256, seed=seed, lr=1e-3 * (1 + seed)) for seed in range(32)]
    large = [RunSpec(group="cyclic:71", width=2048, seed=seed) for seed in range(3)]
    schedule = plan([*small, *large], cores=2)
    assert (schedule.processes, schedule.threads) == (2, 1)
    assert sorted(len(pack) for pack in schedule.packs) == [1, 1, 1, 16, 16]
    few = plan(small[:2], cores=2)
    assert (few.packs, few.processes, few.threads) == (((0, 1),), 1, 2)
    alone = plan(large[:1], cores=2)
    assert (alone.processes, alone.threads) == (1, 2)


@pytest.mark.parametrize("change", [{"width": 60}, {"optimizer": "sgd"}, {"activation": "relu"}, {"output_scale": 2.0}])
def test_what_differs_in_kind_is_not_packed(change: dict[str, Any]) -> None:
    assert len(plan([RunSpec(**SMALL), RunSpec(**{**SMALL, **change})]).packs) == 2
