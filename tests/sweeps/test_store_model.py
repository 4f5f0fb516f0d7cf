"""The store against a dict, through any course of events."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from li2.specs import PlannedRun, Untrained
from li2.sweeps.store import Status, Store
from sweeps.made_results import planned, trained


class StoreAsDict(RuleBasedStateMachine):
    """The store against a dict of what each run must be, through any course of events."""

    @initialize()
    def make(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store.create(Path(self.folder.name) / "s", {})
        self.store._connection.execute("PRAGMA synchronous = OFF")
        self.runs: dict[str, PlannedRun] = {}
        self.model: dict[str, dict[str, object]] = {}

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()

    def pick(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(list(self.model)))

    def below(self, key: str) -> list[str]:
        children = [other for other, run in self.runs.items() if run.parent == key]
        return children + [deeper for child in children for deeper in self.below(child)]

    def ready_keys(self) -> list[str]:
        def can(key: str) -> bool:
            parent = self.runs[key].parent
            return self.model[key]["status"] == "planned" and (parent is None or self.model[parent]["status"] == "done")

        return [key for key in self.model if can(key)]

    @rule(seed=st.integers(0, 6), data=st.data())
    def add(self, seed: int, data: st.DataObject) -> None:
        keeping = [key for key, run in self.runs.items() if run.keep_weights]
        parent = data.draw(st.sampled_from([None, *keeping]))
        run = planned(seed, parent, keep_weights=seed < 3)
        assert self.store.add([run]) == (run.key not in self.model)
        if run.key not in self.model:
            failed = parent is not None and self.model[parent]["status"] == "failed"
            reason = "its parent run failed" if failed else None
            self.runs[run.key] = run
            self.model[run.key] = {"status": "failed" if failed else "planned", "reason": reason, "attempts": 0}

    @rule(limit=st.integers(0, 4), start=st.booleans())
    def ready(self, limit: int, start: bool) -> None:
        ready = self.store.ready(limit)
        assert [assignment.key for assignment in ready] == self.ready_keys()[:limit]
        for assignment in ready:
            parent = self.runs[assignment.key].parent
            assert assignment.spec == self.runs[assignment.key].spec
            assert assignment.initial == (None if parent is None else parent.encode())
        if start:
            self.store.start([assignment.key for assignment in ready], "w")
            for assignment in ready:
                row = self.model[assignment.key]
                row.update(status="running", attempts=row["attempts"] + 1)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        key = self.pick(data)
        parent = self.runs[key].parent
        if parent is not None and self.model[parent]["status"] != "done":
            return  # nobody can have trained it
        self.store.finish(
            [trained(key, self.runs[key].spec.seed, key.encode() if self.runs[key].keep_weights else None)]
        )
        self.model[key].update(status="done", reason=None)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), reason=st.sampled_from(["killed", "its split is empty"]))
    def fail(self, data: st.DataObject, reason: str) -> None:
        key = self.pick(data)
        self.store.fail([Untrained(key, reason)])
        if self.model[key]["status"] != "done":
            self.model[key].update(status="failed", reason=reason)
            for child in self.below(key):
                if self.model[child]["status"] == "planned":
                    self.model[child].update(status="failed", reason="its parent run failed")

    @precondition(lambda self: self.model)
    @rule(data=st.data(), everything=st.booleans(), lost=st.booleans())
    def release(self, data: st.DataObject, everything: bool, lost: bool) -> None:
        keys = list(self.model) if everything else [self.pick(data)]
        self.store.release(None if everything else keys, lost=lost)
        for row in (self.model[key] for key in keys):
            if row["status"] == "running":
                row.update(status="planned", attempts=row["attempts"] - (not lost))

    @rule()
    def retry(self) -> None:
        failed = [row for row in self.model.values() if row["status"] == "failed"]
        assert self.store.retry() == len(failed)
        for row in failed:
            row.update(status="planned", reason=None, attempts=0)

    @rule()
    def reopen(self) -> None:
        directory = self.store.directory
        self.store.close()
        self.store = Store.open(directory, write=True)

    @invariant()
    def same(self) -> None:
        if not hasattr(self, "store"):
            return
        query = "SELECT key, status, reason, attempts FROM runs ORDER BY number"
        rows = self.store._connection.execute(query).fetchall()
        assert [tuple(row) for row in rows] == [(key, *row.values()) for key, row in self.model.items()]
        states = [row["status"] for row in self.model.values()]
        assert self.store.counts() == {status: states.count(status) for status in Status}
        done = {key for key, row in self.model.items() if row["status"] == "done"}
        assert {key for key, fate in self.store.fates().items() if fate is not None} == done


TestStoreAsDict = StoreAsDict.TestCase
TestStoreAsDict.settings = settings(max_examples=12, stateful_step_count=30, deadline=None)
