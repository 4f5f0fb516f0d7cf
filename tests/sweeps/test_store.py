"""The store: what went in comes out."""

import dataclasses
import json
import sqlite3
import time
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow.parquet
import pytest

from li2.errors import Li2Error
from li2.specs import KEYS, Assignment, EndState, PlannedRun, Untrained
from li2.sweeps.schema import COLUMNS
from li2.sweeps.store import Status, Store
from sweeps.made_results import arrow_file, diagnosis_table, finish, metrics_table, planned, some_runs, trained


def test_plan_is_kept(store: Store) -> None:
    plan = {"kind": "sweep", "name": "μ", "settings": {"lr": [0.1, 1e-3]}}
    assert store.plan == plan
    with Store.open(store.directory, write=False) as other:
        assert other.plan == plan


def test_runs_are_added_once_and_come_in_order(store: Store) -> None:
    runs = some_runs(store)
    assert store.add([*runs[:2], planned(99)]) == 1
    ready = store.ready(100)
    assert [assignment.key for assignment in ready] == [run.key for run in [*runs, planned(99)]]
    assert ready[0] == Assignment(runs[0].key, runs[0].spec, None, False)
    assert [assignment.key for assignment in store.ready(2)] == [run.key for run in runs[:2]]


def test_a_run_from_start_to_end(store: Store) -> None:
    begun = time.time()
    run, other = some_runs(store, 2)
    store.start([run.key], "worker 3")
    assert store.counts() == {Status.PLANNED: 1, Status.RUNNING: 1, Status.DONE: 0, Status.FAILED: 0}
    assert [assignment.key for assignment in store.ready(9)] == [other.key]
    assert store.fates() == {}
    result = trained(run.key, 4)
    store.finish([result])
    row = store.table().set_index("key").loc[run.key]
    assert (row["status"], row["end_state"], row["worker"], row["attempts"]) == ("done", "learning", "worker 3", 1)
    times = [begun, row["planned_at"], row["started_at"], row["finished_at"], time.time()]
    assert times == sorted(times)
    assert row["seconds"] == result.outcome.seconds
    assert store.outcome(run.key) == result.outcome
    assert store.outcome(other.key) is None
    assert store.versions() == {"0.1.0": 1}
    assert store.attempts(run.key) == 1


def test_a_done_run_stays_as_it_is(store: Store) -> None:
    (run,) = some_runs(store, 1)
    finish(store, run)
    before = store.table()
    store.finish([trained(run.key, 17)])
    store.fail([Untrained(run.key, "too late")])
    store.release()
    store.release([run.key])
    assert store.retry() == 0
    assert store.add([run]) == 0
    pd.testing.assert_frame_equal(store.table(), before)
    pd.testing.assert_frame_equal(store.metrics(run.key), metrics_table(0))


def test_fates(store: Store) -> None:
    runs = some_runs(store, 7)
    finish(store, *runs[:5])
    store.fail([Untrained(runs[5].key, "killed")])
    states = list(EndState)
    expected = {run.key: states[run.spec.seed] == EndState.GENERALISED for run in runs[:5]}
    assert store.fates() == {**expected, runs[5].key: None}


def test_failed_and_tried_again(store: Store) -> None:
    run, other = some_runs(store, 2)
    store.start([run.key], "a")
    store.fail([Untrained(run.key, "its worker ran out of memory")])
    row = store.table().iloc[0]
    assert (row["status"], row["reason"], row["attempts"]) == ("failed", "its worker ran out of memory", 1)
    assert store.retry() == 1
    row = store.table().iloc[0]
    assert row["status"] == "planned"
    assert row["attempts"] == 0
    assert row[["reason", "worker", "started_at", "finished_at"]].isna().all()
    store.start([run.key, other.key], "b")
    store.release([other.key])
    assert (store.attempts(run.key), store.attempts(other.key)) == (1, 0)  # a stop undoes a start
    store.release([run.key], lost=True)
    assert store.attempts(run.key) == 1
    assert store.counts()[Status.PLANNED] == 2
    store.fail([Untrained(run.key, "again")])
    finish(store, run)  # a result that comes late counts
    assert store.counts()[Status.DONE] == 1
    assert pd.isna(store.table().iloc[0]["reason"])


def test_children_start_from_their_parents_weights(store: Store) -> None:
    parent = planned(0)
    child, other = planned(0, parent.key, epochs=7), planned(0, parent.key, epochs=9)
    grandchild = planned(1, child.key)
    assert store.add([parent, child, other, grandchild]) == 4
    assert [assignment.keep_weights for assignment in store.ready(9)] == [True]
    with pytest.raises(Li2Error, match="waits for its parent"):
        store.start([child.key], "w")
    finish(store, parent, weights=b"W and V")
    assert store.weights(parent.key) == b"W and V"
    assert store.ready(9) == [
        Assignment(child.key, child.spec, b"W and V", keep_weights=True, parent=parent.key),
        Assignment(other.key, other.spec, b"W and V", keep_weights=False, parent=parent.key),
    ]
    late = planned(5, parent.key)
    store.add([late])
    assert store.ready(9)[-1].initial == b"W and V"


def test_children_fail_with_their_parent_and_come_back_with_it(store: Store) -> None:
    parent = planned(0)
    child = planned(1, parent.key)
    grandchild = planned(2, child.key)
    store.add([parent, child, grandchild])
    store.start([parent.key], "w")
    store.fail([Untrained(parent.key, "why")])
    late = planned(3, parent.key)
    store.add([late])
    assert list(store.table()["reason"]) == ["why", *["its parent run failed"] * 3]
    assert store.counts()[Status.FAILED] == 4
    assert store.retry() == 4
    assert [assignment.key for assignment in store.ready(9)] == [parent.key]


def test_a_parent_without_weights(store: Store) -> None:
    parent, done = planned(0), planned(1)
    with pytest.raises(Li2Error, match="which is not in"):
        store.add([planned(2, parent.key)])
    assert len(store.table()) == 0
    store.add([parent, done])
    finish(store, done)
    with pytest.raises(Li2Error, match="is done and does not keep them"):
        store.add([planned(2, done.key)])
    child = planned(2, parent.key)
    store.add([child])
    finish(store, parent)  # it was handed out before it had a child
    assert list(store.table()["reason"].dropna()) == [
        "its weights were to be kept and did not come back",
        "its parent run failed",
    ]
    assert store.retry() == 2
    finish(store, parent, weights=b"now")
    assert store.ready(1)[0].initial == b"now"


def test_unknown_keys(store: Store) -> None:
    (run,) = some_runs(store, 1)
    actions = [
        lambda key: store.finish([trained(run.key, 1), trained(key, 1)]),
        lambda key: store.fail([Untrained(run.key, "x"), Untrained(key, "x")]),
        lambda key: store.start([run.key, key], "w"),
        lambda key: store.release([key]),
        store.metrics,
        store.diagnosis,
        store.weights,
        store.outcome,
        store.attempts,
    ]
    for action in actions:
        with pytest.raises(Li2Error, match="has the key 'f00'"):
            action("f00")
    assert store.counts()[Status.PLANNED] == 1  # nothing of what was refused was done
    store.start([run.key], "w")
    with pytest.raises(Li2Error, match="is running; only what"):
        store.start([run.key], "w")


def test_table(store: Store) -> None:
    runs = [planned(0), planned(1, operands=3, train_size=21), planned(2, weight_decay=0, test_size=5), planned(3)]
    store.add(runs)
    finish(store, *runs[:3])
    table = store.table()
    assert list(table.columns) == COLUMNS.names
    assert len(set(COLUMNS.names)) == len(COLUMNS.names)
    assert set(KEYS) <= set(table.columns)
    for (_, row), run in zip(table.iterrows(), runs, strict=True):
        values = {name: None if pd.isna(row[name]) else row[name] for name in KEYS}
        assert values == {name: getattr(run.spec, name) for name in KEYS}
        assert row["key"] == run.key
    assert list(table["number"]) == [1, 2, 3, 4]
    assert table["ratio"].tolist()[:3] == [19 / 49, 19 / 343, 19 / 49]
    row, outcome = table.iloc[1], trained("", 1).outcome
    for name in ("train_loss", "train_accuracy", "test_loss", "test_accuracy"):
        assert row[name] == outcome.final[name]
    sizes = ["order", "largest_irrep_dim", "n", "test_size_n", "irreps_covered", "irreps_total", "epochs_taken"]
    assert row[sizes].tolist() == [7, 1, 19, 30, 2, 3, 20]
    assert (row["memorised_epoch"], row["test_accuracy_50"]) == (3, 5)
    assert pd.isna(row["test_accuracy_99"])
    assert (row["gradient_norm_peak"], row["gradient_norm_peak_epoch"]) == (outcome.gradient_norm_peak["value"], 1)
    assert row[["lazy_epoch", "independent_epoch", "interactive_epoch", "generalised_epoch"]].tolist() == [1, 2, 3, 4]
    assert table.iloc[3][["end_state", "order", "ratio", "version", "lazy_epoch"]].isna().all()


def test_types_of_the_table_do_not_depend_on_its_content(store: Store) -> None:
    empty = store.table().dtypes
    finish(store, *some_runs(store))
    pd.testing.assert_series_equal(store.table().dtypes, empty)
    assert (empty["seed"], empty["lr"], empty["train_size"], empty["group"]) == ("int64", "float64", "Int64", "str")


def test_a_key_that_old_rows_lack_has_its_default(store: Store) -> None:
    (run,) = some_runs(store, 1)
    with sqlite3.connect(store.directory / "sweep.sqlite") as connection:
        connection.execute("UPDATE runs SET spec = json_remove(spec, '$.dtype', '$.width')")
    connection.close()
    row = store.table().iloc[0]
    assert (row["dtype"], row["width"], row["seed"]) == ("float32", KEYS["width"].default, run.spec.seed)


def test_curves(store: Store) -> None:
    runs = some_runs(store, 3)
    store.finish([trained(runs[0].key, 0), trained(runs[1].key, 1, diagnosed=False)])
    pd.testing.assert_frame_equal(store.metrics(runs[0].key), metrics_table(0))
    pd.testing.assert_frame_equal(store.diagnosis(runs[0].key), diagnosis_table(0))
    assert store.diagnosis(runs[1].key).empty
    assert store.metrics(runs[2].key).empty
    assert store.weights(runs[0].key) is None


def expected_curves(runs: list[PlannedRun], column: str) -> pd.DataFrame:
    """The curves of runs as they went in, stacked by pandas."""
    made = {"metrics": metrics_table, "diagnosis": diagnosis_table}[column]
    tables = [made(run.spec.seed).assign(key=run.key) for run in runs]
    stacked = pd.concat(tables, ignore_index=True)
    return stacked[["key", *stacked.columns.drop("key")]].astype({"key": "str"})


def test_exported_tables_equal_what_went_in(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("li2.sweeps.export.ROW_GROUP", 50)
    runs = some_runs(store, 8)
    finish(store, *runs[:6])
    store.fail([Untrained(runs[6].key, "broken")])
    paths = store.export(tmp_path / "out")
    assert [path.name for path in paths] == ["runs.parquet", "metrics.parquet", "diagnosis.parquet"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(path.name for path in paths)

    table = pd.read_parquet(paths[0])
    pd.testing.assert_frame_equal(table, store.table(), check_dtype=False)
    polars = pl.read_parquet(paths[0])
    rows = store.table().astype(object).where(store.table().notna(), None).to_dict("records")
    assert polars.to_dicts() == rows
    assert polars.schema["seed"] == pl.Int64
    assert polars.schema["lr"] == pl.Float64
    whole = pd.read_parquet(paths[0], dtype_backend="numpy_nullable")
    assert (str(whole["test_accuracy_50"].dtype), whole["test_accuracy_50"].count()) == ("Int64", 4)
    last = pl.scan_parquet(paths[1]).group_by("key").agg(pl.col("test_accuracy").sort_by("epoch").last().alias("last"))
    joined = pl.scan_parquet(paths[0]).join(last, on="key").sort("number").collect()
    assert joined["last"].to_list() == [metrics_table(run.spec.seed)["test_accuracy"].iloc[-1] for run in runs[:6]]

    for path in paths[1:]:
        expected = expected_curves(runs[:6], path.stem)
        pd.testing.assert_frame_equal(pd.read_parquet(path), expected)
        frame = pl.read_parquet(path)
        assert frame.columns == list(expected.columns)
        assert frame["key"].to_list() == list(expected["key"])
        for name in frame.columns[1:]:
            np.testing.assert_array_equal(frame[name].to_numpy().astype(float), expected[name])
    diagnosis = pl.read_parquet(paths[2])
    assert diagnosis.filter(pl.col("key") == runs[0].key)["irreps_covered"].null_count() == 2
    assert pyarrow.parquet.ParquetFile(paths[1]).num_row_groups == 2  # 126 rows


def test_export_of_an_empty_store(store: Store, tmp_path: Path) -> None:
    runs, metrics, diagnosis = store.export(tmp_path)
    assert pl.read_parquet(runs).shape == (0, len(COLUMNS))
    assert list(pd.read_parquet(metrics)) == list(pd.read_parquet(diagnosis)) == ["key"]


def test_whole_numbers_and_fractions_meet_in_one_column(store: Store, tmp_path: Path) -> None:
    runs = some_runs(store, 2)
    for run, values in zip(runs, ([1, 2], [0.5, 1.5]), strict=True):
        table = arrow_file(pd.DataFrame({"epoch": [0, 1], "figure": values}))
        store.finish([dataclasses.replace(trained(run.key, 0), metrics=table)])
    assert pd.read_parquet(store.export(tmp_path)[1])["figure"].tolist() == [1.0, 2.0, 0.5, 1.5]


def test_read_with_sqlite_alone(store: Store) -> None:
    runs = some_runs(store, 3)
    finish(store, *runs)
    connection = sqlite3.connect(store.directory / "sweep.sqlite")
    query = "SELECT json_extract(spec, '$.lr'), test_accuracy FROM runs WHERE status = 'done' ORDER BY number"
    rows = connection.execute(query).fetchall()
    connection.close()
    assert rows == [(run.spec.lr, trained("", run.spec.seed).outcome.final["test_accuracy"]) for run in runs]


def test_readers_cannot_write(store: Store) -> None:
    with Store.open(store.directory, write=False) as reader, pytest.raises(Li2Error, match="opened for reading"):
        reader.release()


def test_create_refuses_what_is_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Li2Error, match="already holds a sweep; go on with li2 sweep resume"):
        Store.create(store.directory, {})
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("")
    for name in ("full", "file"):
        with pytest.raises(Li2Error, match="not an empty directory"):
            Store.create(tmp_path / name, {})
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["letter.txt"]
    (tmp_path / "empty").mkdir()
    Store.create(tmp_path / "empty", {}).close()


def test_plan_is_json_without_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Store.create(tmp_path / "s", {"lr": float("nan")})
    assert json.dumps([file.name for file in (tmp_path / "s").iterdir()]) == '["sweep.lock"]'
