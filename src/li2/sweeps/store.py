"""The store of a sweep: one SQLite file ``DIR/sweep.sqlite``, a row per run, written by the driver alone."""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from li2.errors import Li2Error
from li2.files import put_in_place
from li2.specs import Assignment, EndState, Outcome, PlannedRun, RunSpec, Trained, Untrained
from li2.sweeps.database import DATABASE, connect, damaged, dumped, make, refuse_used, told, transaction
from li2.sweeps.export import opened_curve, write_curves, write_runs
from li2.sweeps.lock import DriverLock
from li2.sweeps.schema import SELECT_COLUMNS, Status, batch_of_runs, columns_of, frame_of_runs

_ADDED_AT_A_TIME = 5_000
_READ_AT_A_TIME = 10_000

_FAIL_BELOW = """
WITH RECURSIVE below (key) AS (
    SELECT key FROM runs WHERE parent = ?
    UNION SELECT runs.key FROM runs JOIN below ON runs.parent = below.key)
UPDATE runs SET status = 'failed', reason = 'its parent run failed', finished_at = ?
WHERE key IN (SELECT key FROM below) AND status = 'planned'
"""


class Store:
    """Planned, running, done and failed runs of a sweep, with their curves; a context manager.

    Everything that a method was given is on the disk when it returns, or, if it raises, nothing of it (of ``add``:
    nothing of its last five thousand). Readers work beside a driver; each process, and each thread, opens its own.

    Attributes:
        directory: DIR.
        plan: what was asked for, as it was given to :meth:`create`.

    Raises:
        Li2Error: by every method, if the database is damaged or kept locked, or a key is not in it.
        OSError: by every method, if the disk is full or cannot be read or written.
    """

    def __init__(self, directory: Path, connection: sqlite3.Connection, lock: DriverLock | None) -> None:
        self.directory = directory
        self._path = directory / DATABASE
        self._connection = connection
        self._lock = lock
        with told(self._path):
            self.plan: dict[str, Any] = json.loads(connection.execute("SELECT json FROM plan").fetchone()[0])

    @classmethod
    def create(cls, directory: Path, plan: dict[str, Any]) -> "Store":
        """A new store in a directory that does not exist or is empty, for writing.

        Args:
            directory: DIR.
            plan: JSON values that say what was asked for.

        Raises:
            Li2Error: if the directory holds something.
        """
        path = directory / DATABASE
        refuse_used(directory)
        directory.mkdir(parents=True, exist_ok=True)
        lock = DriverLock(directory)
        try:
            refuse_used(directory)  # another process may have been as quick
            with told(path):
                put_in_place(path, lambda beside: make(beside, plan))
            return cls._entered(directory, connect(path, write=True), lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def open(cls, directory: Path, *, write: bool) -> "Store":
        """The store in a directory; for writing it takes the driver's lock.

        Raises:
            Li2Error: if there is none, it is damaged or foreign (and not changed), or another driver has the lock.
        """
        connection = connect(directory / DATABASE, write=write)
        try:
            if not write:
                return cls(directory, connection, None)
            lock = DriverLock(directory)
            try:
                return cls._entered(directory, connection, lock)
            except BaseException:
                lock.release()
                raise
        except BaseException:
            connection.close()
            raise

    @classmethod
    def _entered(cls, directory: Path, connection: sqlite3.Connection, lock: DriverLock) -> "Store":
        with told(directory / DATABASE), transaction(connection):
            lock.take_row(connection)
        return cls(directory, connection, lock)

    def beat(self) -> None:
        """A sign of life for other machines; a driver that writes nothing gives one every ten seconds or so.

        Raises:
            Li2Error: if another driver has taken this one's place.
        """
        with self._writing():
            pass

    def last_sign(self) -> float | None:
        """UNIX time of the last sign of life of a driver that has not left as it should; None if there is none."""
        return next((sign for (sign,) in self._rows("SELECT heartbeat FROM driver")), None)

    def add(self, runs: Iterable[PlannedRun]) -> int:
        """Plan runs that are not there yet, a run after its parent; returns how many were new.

        What a run starts from is kept: a parent that is still to be trained will keep its weights. A child of a failed
        run fails with it.

        Raises:
            Li2Error: if a parent is not there, or is running or done without keeping its weights.
        """
        source, new = iter(runs), 0
        while chunk := [(run.key, run) for run in islice(source, _ADDED_AT_A_TIME)]:
            with self._writing() as connection:
                new += sum(self._insert(connection, key, run) for key, run in chunk)
        return new

    def _insert(self, connection: sqlite3.Connection, key: str, run: PlannedRun) -> int:
        known = connection.execute("SELECT 1 FROM runs WHERE key = ?", (key,)).fetchone()
        if known:
            if run.keep_weights:
                self._keep_weights(connection, key)
            return 0
        status, reason, waiting = Status.PLANNED, None, 0
        if run.parent is not None:
            parent = connection.execute("SELECT status, keep_weights FROM runs WHERE key = ?", (run.parent,)).fetchone()
            if parent is None:
                raise Li2Error(
                    f"run {key} starts from run {run.parent}, which is not in {self.directory}; add it first."
                )
            if not (parent[1] or self._keep_weights(connection, run.parent)):
                raise Li2Error(
                    f"run {key} starts from the weights of run {run.parent}, which is {parent[0]} and does not keep "
                    "them; plan it with keep_weights in a new sweep."
                )
            waiting = int(parent[0] != Status.DONE)
            if parent[0] == Status.FAILED:
                status, reason = Status.FAILED, "its parent run failed"
        connection.execute(
            "INSERT INTO runs (key, status, reason, parent, keep_weights, waiting, planned_at, spec) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                key,
                status,
                reason,
                run.parent,
                int(run.keep_weights),
                waiting,
                time.time(),
                dumped(run.spec.explicit()),
            ),
        )
        return 1

    def _keep_weights(self, connection: sqlite3.Connection, key: str) -> bool:
        """Have a run's weights kept; False if it is too late for that."""
        update = "UPDATE runs SET keep_weights = 1 WHERE key = ? AND status IN ('planned', 'failed')"
        return connection.execute(update, (key,)).rowcount == 1

    def ready(self, limit: int) -> list[Assignment]:
        """Planned runs that can start, at most so many, oldest first, with their parents' weights in ``initial``."""
        with told(self._path):
            rows = self._connection.execute(
                "SELECT key, spec, parent, keep_weights FROM runs WHERE status = 'planned' AND waiting = 0 "
                "ORDER BY number LIMIT ?",
                (limit,),
            ).fetchall()
            initial = {parent: self.weights(parent) for parent in {row[2] for row in rows} if parent is not None}
            for parent, weights in initial.items():
                if weights is None:
                    raise damaged(
                        self._path, f"run {parent} is done and its weights, which others start from, are gone"
                    )
            return [
                Assignment(key, RunSpec(**json.loads(spec)), initial.get(parent), bool(keep), parent)
                for key, spec, parent, keep in rows
            ]

    def start(self, keys: Iterable[str], worker: str) -> None:
        """Mark runs of :meth:`ready` as running on a worker; their attempts rise by one.

        Raises:
            Li2Error: if one of them is not ready.
        """
        keys, now = list(keys), time.time()
        update = (
            "UPDATE runs SET status = 'running', attempts = attempts + 1, started_at = ?, worker = ? "
            "WHERE key = ? AND status = 'planned' AND waiting = 0"
        )
        with self._writing() as connection:
            for key in keys:
                if connection.execute(update, (now, worker, key)).rowcount == 0:
                    status, waiting = self._row("SELECT status, waiting FROM runs WHERE key = ?", key)
                    what = "waits for its parent" if waiting and status == Status.PLANNED else f"is {status}"
                    raise Li2Error(f"run {key} {what}; only what ready() returns can start.")

    def finish(self, results: Iterable[Trained]) -> None:
        """Store results; runs that start from them become ready. A run that is done stays as it is.

        A result without the weights that were to be kept is a failure of its run.
        """
        results, now = list(results), time.time()
        with self._writing() as connection:
            for result in results:
                query = "SELECT number, status, spec, keep_weights FROM runs WHERE key = ?"
                number, status, spec, keep = self._row(query, result.key)
                if status == Status.DONE:
                    continue
                if keep and result.weights is None:
                    failure = Untrained(result.key, "its weights were to be kept and did not come back")
                    self._fail(connection, failure, now)
                    continue
                values = {**columns_of(result, json.loads(spec)["operands"]), "finished_at": now}
                assignments = ", ".join(f'"{name}" = ?' for name in values)
                connection.execute(f"UPDATE runs SET {assignments} WHERE number = ?", (*values.values(), number))
                outcome = dumped({**result.outcome.as_json(), "seconds": result.outcome.seconds})
                connection.execute(
                    "INSERT INTO results VALUES (?, ?, ?, ?, ?)",
                    (number, outcome, result.metrics, result.diagnosis, result.weights),
                )
                connection.execute("UPDATE runs SET waiting = 0 WHERE parent = ?", (result.key,))

    def fail(self, failures: Iterable[Untrained]) -> None:
        """Mark runs as failed, and with them those that wait for them; a run that is done stays done."""
        failures, now = list(failures), time.time()
        with self._writing() as connection:
            for failure in failures:
                self._fail(connection, failure, now)

    def _fail(self, connection: sqlite3.Connection, failure: Untrained, now: float) -> None:
        status = self._row("SELECT status FROM runs WHERE key = ?", failure.key)[0]
        if status != Status.DONE:
            update = "UPDATE runs SET status = 'failed', reason = ?, finished_at = ? WHERE key = ?"
            connection.execute(update, (failure.reason, now, failure.key))
            connection.execute(_FAIL_BELOW, (failure.key, now))

    def release(self, keys: Iterable[str] | None = None, *, lost: bool = False) -> None:
        """Make running runs planned again; None: all of them, which a driver that died or was stopped has left.

        An attempt counts only if it was lost: if the worker died.
        """
        update = "UPDATE runs SET status = 'planned', started_at = NULL, worker = NULL"
        update += f"{'' if lost else ', attempts = attempts - 1'} WHERE status = 'running'"
        keys = None if keys is None else list(keys)
        with self._writing() as connection:
            if keys is None:
                connection.execute(update)
                return
            for key in keys:
                if connection.execute(f"{update} AND key = ?", (key,)).rowcount == 0:
                    self._row("SELECT 1 FROM runs WHERE key = ?", key)

    def retry(self) -> int:
        """Make failed runs planned again, with no attempts made; returns how many."""
        with self._writing() as connection:
            return connection.execute(
                "UPDATE runs SET status = 'planned', attempts = 0, reason = NULL, started_at = NULL, "
                "finished_at = NULL, worker = NULL WHERE status = 'failed'"
            ).rowcount

    def attempts(self, key: str) -> int:
        """How often a run was started, since it was planned or tried anew; not counted are starts that a stop undid."""
        return int(self._row("SELECT attempts FROM runs WHERE key = ?", key)[0])

    def counts(self) -> dict[Status, int]:
        """How many runs stand where; all four are there."""
        found = dict(self._rows("SELECT status, count(*) FROM runs GROUP BY status"))
        return {status: found.get(status, 0) for status in Status}

    def versions(self) -> dict[str, int]:
        """How many done runs were made by which version of the code."""
        return dict(self._rows("SELECT version, count(*) FROM runs WHERE status = 'done' GROUP BY version"))

    def fates(self) -> dict[str, bool | None]:
        """Whether each run that is done generalised, by its key; None for failed ones."""
        rows = self._rows("SELECT key, status, end_state FROM runs WHERE status IN ('done', 'failed') ORDER BY number")
        return {key: state == EndState.GENERALISED if status == Status.DONE else None for key, status, state in rows}

    def table(self) -> pd.DataFrame:
        """A row per run, in the order of planning, with the columns of :data:`li2.sweeps.schema.COLUMNS`.

        Text is str, whole numbers are int64 (Int64 with NA where some lack), others float64 (NaN); times are UNIX
        seconds.
        """
        with told(self._path):
            return frame_of_runs(pa.concat_tables([batch_of_runs([]), *self._batches()]))

    def _batches(self) -> Iterator[pa.Table]:
        """The rows in batches, each read at once: a reader that lingers would keep the driver from writing."""
        last = 0
        query = f"SELECT {SELECT_COLUMNS} FROM runs WHERE number > ? ORDER BY number LIMIT {_READ_AT_A_TIME}"
        while rows := self._rows(query, last):
            batch = batch_of_runs(rows)
            yield batch
            last = batch["number"][-1].as_py()

    def outcome(self, key: str) -> Outcome | None:
        """The outcome of a run, with its stages and their evidence; None if it is not done."""
        content = self._result(key, "outcome")
        with told(self._path):
            return None if content is None else Outcome.from_json(json.loads(content))

    def metrics(self, key: str) -> pd.DataFrame:
        """The metrics of a run, one row per measured epoch; empty if it is not done."""
        return self._curve(key, "metrics")

    def diagnosis(self, key: str) -> pd.DataFrame:
        """The diagnosis of a run, one row per diagnosed epoch; empty if it is not done or had none."""
        return self._curve(key, "diagnosis")

    def weights(self, key: str) -> bytes | None:
        """The final W and V of a run as safetensors; None if it is not done or they were not wanted."""
        return self._result(key, "weights")

    def export(self, directory: Path) -> list[Path]:
        """Write runs.parquet, metrics.parquet and diagnosis.parquet; returns their paths.

        The curves of all done runs are stacked, with the run's key in the first column; a column that a run lacks is
        null in its rows. Memory does not grow with the number of runs. What was there before stays if writing fails.
        """
        directory.mkdir(parents=True, exist_ok=True)
        paths = [directory / f"{name}.parquet" for name in ("runs", "metrics", "diagnosis")]
        with told(self._path):
            numbers = [row[0] for row in self._rows("SELECT number FROM runs WHERE status = 'done' ORDER BY number")]
            for path in paths[1:]:
                write_curves(path, partial(self._results, path.stem, numbers))
            write_runs(paths[0], self._batches())  # last, so that beside a driver each curve's run is done in it
        return paths

    def close(self) -> None:
        """Let go of the database and of the driver's lock."""
        if self._lock is not None:
            # without room on the disk for this, the row is that of a dead driver, which holds nobody up for long
            with contextlib.suppress(sqlite3.Error), transaction(self._connection):
                self._lock.drop_row(self._connection)
        self._connection.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *details: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of the driver."""
        if self._lock is None:
            raise Li2Error(
                f"the sweep in {self.directory} was opened for reading; open it with write=True to change it."
            )
        with told(self._path), transaction(self._connection):
            self._lock.renew_row(self._connection)
            yield self._connection

    def _rows(self, query: str, *values: Any) -> list[Any]:
        with told(self._path):
            return self._connection.execute(query, values).fetchall()

    def _row(self, query: str, key: str) -> Any:
        """The row that a query finds for a run; raises Li2Error if there is none."""
        rows = self._rows(query, key)
        if not rows:
            raise Li2Error(f"no run of the sweep in {self.directory} has the key {key!r}; its table lists the keys.")
        return rows[0]

    def _result(self, key: str, column: str) -> Any:
        return self._row(f"SELECT {column} FROM runs LEFT JOIN results USING (number) WHERE key = ?", key)[0]

    def _results(self, column: str, numbers: list[int]) -> Iterator[tuple[str, Any]]:
        query = f"SELECT key, {column} FROM results JOIN runs USING (number) WHERE number = ?"
        return (self._rows(query, number)[0] for number in numbers)

    def _curve(self, key: str, column: str) -> pd.DataFrame:
        content = self._result(key, column)
        with told(self._path):
            return pd.DataFrame() if content is None else opened_curve(content).read_all().to_pandas()
