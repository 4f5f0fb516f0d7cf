"""The driver: everything planned is trained once, whatever happens to workers, to the driver, or to a single run."""

import multiprocessing
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from inline import Inline
from li2 import Li2Error
from li2.runs import start
from li2.specs import Assignment, Plan, PlannedRun, RunSpec
from li2.sweeps import Progress, Status, Store, begin_sweep, open_store
from li2.sweeps.driver import drive
from li2.sweeps.executor import Lost, Pack, Returned
from li2.sweeps.local import LocalExecutor

WORDS = ["group=cyclic:5,cyclic:7", "width=16", "epochs=30", "seed=range(0,5)", "lr=1e-3,1e-2", "train_fraction=0.6"]


class Stop:
    """A stop request that sets itself when it has been told of progress so many times."""

    def __init__(self, after: int = 10**9) -> None:
        self.asked, self._after = False, after

    def watch(self, progress: Progress) -> None:
        self._after -= 1
        self.asked = self._after <= 0


def begun(directory: Path, words: list[str] = WORDS) -> Store:
    return begin_sweep(directory, Plan.from_words([*words, "diagnose=off", "device=cpu"]))


def finished(store: Store) -> pd.DataFrame:
    """What a sweep found, without what may differ between two of them."""
    table = store.table().sort_values("key", ignore_index=True)
    assert set(table["status"]) == {"done"}
    return table.drop(columns=["number", "attempts", "worker", "planned_at", "started_at", "finished_at", "seconds"])


def ignore(progress: Progress) -> None:
    pass


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    with begun(tmp_path_factory.mktemp("undisturbed")) as store:
        drive(store, Inline(), ignore, Stop())
        return finished(store)


def test_all_runs_are_trained_to_what_they_are_alone(tmp_path: Path) -> None:
    told: list[Progress] = []
    executor = Inline()
    with begun(tmp_path / "sweep") as store:
        drive(store, executor, told.append, Stop())
        table = store.table()
        assert store.counts() == {Status.PLANNED: 0, Status.RUNNING: 0, Status.DONE: 20, Status.FAILED: 0}
        assert set(table["attempts"]) == {1}
        for number in (0, 13):
            row = table.iloc[number]
            names = ("group", "width", "epochs", "seed", "lr", "train_fraction", "diagnose", "device")
            alone = start(RunSpec(**{name: row[name] for name in names}), tmp_path / str(number))
            pd.testing.assert_frame_equal(store.metrics(row["key"]), alone.metrics, check_exact=True)
            assert row["end_state"] == alone.status
    assert [len(pack.assignments) for pack in executor.packs] == [10, 10]  # two groups for two workers
    assert told[-1].ended == told[-1].total == 20


def test_a_stopped_sweep_goes_on_and_trains_nothing_twice(tmp_path: Path, undisturbed: pd.DataFrame) -> None:
    first, second = Inline(), Inline()
    with begun(tmp_path / "sweep") as store:
        drive(store, first, (stop := Stop(1)).watch, stop)
        assert store.counts() == {Status.PLANNED: 10, Status.RUNNING: 0, Status.DONE: 10, Status.FAILED: 0}
    with open_store(tmp_path / "sweep", write=True) as store:
        drive(store, second, ignore, Stop())
        pd.testing.assert_frame_equal(finished(store), undisturbed)
        drive(store, third := Inline(), ignore, Stop())
        assert third.packs == []
    assert sum(len(pack.assignments) for pack in second.packs) == 10


def test_a_lost_pack_is_trained_run_by_run(tmp_path: Path, undisturbed: pd.DataFrame) -> None:
    executor = Inline(losing=lambda pack: len(pack.assignments) > 1)
    with begun(tmp_path / "sweep") as store:
        drive(store, executor, ignore, Stop())
        pd.testing.assert_frame_equal(finished(store), undisturbed)
        assert set(store.table()["attempts"]) == {2}
    assert sorted(len(pack.assignments) for pack in executor.packs) == [1] * 20 + [10, 10]
    assert len({pack.name for pack in executor.packs}) == 22


def test_a_run_that_kills_its_workers_is_given_up_and_the_others_are_not(tmp_path: Path) -> None:
    def losing(pack: Pack) -> bool:
        return any(assignment.spec.seed == 3 and assignment.spec.lr == 1e-2 for assignment in pack.assignments)

    with begun(tmp_path / "sweep") as store:
        drive(store, Inline(losing), ignore, Stop())
        table = store.table()
        failed = table[table["status"] == "failed"]
        assert len(failed) == 2  # of two groups
        assert set(failed["attempts"]) == {3}
        assert set(failed["reason"]) == {"its worker was killed, at the last of 3 attempts"}
        assert store.counts()[Status.DONE] == 18
        assert store.retry() == 2
        drive(store, Inline(), ignore, Stop())
        assert store.counts()[Status.DONE] == 20


def test_what_cannot_be_trained_fails_with_its_reason(tmp_path: Path) -> None:
    with begun(tmp_path / "sweep", ["group=cyclic:5", "width=16", "epochs=3", "batch_size=4,40"]) as store:
        drive(store, Inline(), ignore, Stop())
        table = store.table().set_index("batch_size")
        assert table.loc[4, "status"] == "done"
        assert "the training set has 10 samples" in table.loc[40, "reason"]


def test_continued_runs_start_from_their_parents_weights(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text('group = "cyclic:7"\nwidth = 16\nepochs = 20\n[then]\ntrain_fraction = [0.2, 0.3]\n')
    with begin_sweep(tmp_path / "sweep", Plan.from_words([], plan)) as store:
        drive(store, Inline(), ignore, Stop())
        table = store.table()
        assert table["status"].tolist() == ["done"] * 3
        parent = table.iloc[0]
        before = store.metrics(parent["key"]).iloc[-1]
        for _, child in table.iloc[1:].iterrows():
            assert child["parent"] == parent["key"]
            after = store.metrics(child["key"]).iloc[0]
            assert after["top_norm"] == pytest.approx(before["top_norm"], rel=1e-6)


class Doubling:
    """Wants one run after another, each of twice the width, until one has been trained at 32."""

    def propose(self, fates: Mapping[str, bool | None]) -> list[PlannedRun]:
        runs = [PlannedRun(RunSpec(group="cyclic:5", width=2**power, epochs=3, device="cpu")) for power in range(6)]
        missing = [run for run in runs if run.key not in fates]
        return missing[:1]


def test_a_design_sees_what_became_of_its_runs(tmp_path: Path) -> None:
    with Store.create(tmp_path / "sweep", {"kind": "test"}) as store:
        drive(store, Inline(), (stop := Stop(3)).watch, stop, Doubling())
        assert store.counts()[Status.DONE] == 3
        drive(store, Inline(), ignore, Stop(), Doubling())
        assert store.table()["width"].tolist() == [1, 2, 4, 8, 16, 32]
        assert store.counts()[Status.DONE] == 6


def ended(executor: LocalExecutor) -> Returned | Lost:
    """The next pack that ends."""
    while not (packs := executor.wait(1.0)):
        pass
    return packs[0]


def test_a_killed_process_loses_its_pack_and_is_replaced() -> None:
    spec = RunSpec(group="cyclic:5", width=8, epochs=10**8, diagnose="off", device="cpu")
    endless = Pack("endless", (Assignment("endless", spec),))
    short = Pack("short", (Assignment("short", spec.with_changes(epochs=3)),))
    with LocalExecutor(workers=1) as executor:
        executor.submit(endless)
        while not (busy := [worker for worker in executor._workers if worker.pack is endless]):
            assert executor.wait(0.2) == []
        assert busy[0]._process.pid is not None
        os.kill(busy[0]._process.pid, signal.SIGKILL)
        executor.submit(short)
        assert ended(executor) == Lost(endless, "its process was killed by SIGKILL")
        back = ended(executor)
        assert isinstance(back, Returned)
        assert back.pack is short
    assert multiprocessing.active_children() == []


def test_stops_do_not_count_as_attempts(tmp_path: Path) -> None:
    with begun(tmp_path / "sweep", ["group=cyclic:5", "width=16", "epochs=40"]) as store:
        for _ in range(4):
            stop = Stop()

            def losing(pack: Pack, stop: Stop = stop) -> bool:
                stop.asked = True  # the signal that stops the sweep has killed the worker, too
                return True

            drive(store, Inline(losing), ignore, stop)
        assert store.table()["attempts"].tolist() == [0]
        drive(store, Inline(), ignore, Stop())
        assert store.table()["attempts"].tolist() == [1]


def test_no_process_can_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("li2.sweeps.local._serve", os._exit)  # called with a connection: the process ends at once
    with begun(tmp_path / "sweep", ["group=cyclic:5", "width=16", "epochs=4"]) as store:
        with pytest.raises(Li2Error, match="no worker process could be started"):
            drive(store, LocalExecutor(workers=1), ignore, Stop())
        assert store.counts()[Status.PLANNED] == 1
        assert store.table()["attempts"].tolist() == [0]


def test_a_file_that_has_changed_fails_its_run(tmp_path: Path) -> None:
    index = tmp_path / "index.npy"
    np.save(index, np.arange(8))
    with begun(tmp_path / "sweep", ["group=cyclic:5", "width=16", "epochs=4", f"train_index={index}"]) as store:
        np.save(index, np.arange(9))
        drive(store, Inline(), ignore, Stop())
        assert store.table()["reason"].tolist() == ["a file that it names has changed since it was planned"]
        np.save(index, np.arange(8))
        store.retry()
        drive(store, Inline(), ignore, Stop())
        assert store.table()["n"].tolist() == [8]


def test_more_failing_runs_than_are_looked_at_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("li2.sweeps.driver.LOOKED_AT", 2)
    index = tmp_path / "index.npy"
    np.save(index, np.arange(8))
    words = ["group=cyclic:5", "width=16", "epochs=2", f"train_index={index}", "seed=range(0,5)"]
    with begun(tmp_path / "sweep", words) as store:
        index.unlink()
        drive(store, Inline(), ignore, Stop())
        assert store.counts()[Status.FAILED] == 5


def test_leaving_the_executor_ends_its_processes_and_drops_their_work(tmp_path: Path) -> None:
    with begun(tmp_path / "sweep", ["group=cyclic:5", "width=16", "epochs=1000000"]) as store:
        drive(store, LocalExecutor(workers=1), (stop := Stop(3)).watch, stop)
        assert store.counts()[Status.PLANNED] == 1
    assert multiprocessing.active_children() == []
