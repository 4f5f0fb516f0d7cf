"""The parts of a recipe as work: what each asks for, whether it is there already, and doing what is missing."""

import inspect
import json
import shlex
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa
import pyarrow.parquet as pq

from li2.errors import Li2Error
from li2.files import put_in_place
from li2.reproduce.computations import COMPUTATIONS
from li2.reproduce.recipe import Part
from li2.runs import StopRequest, code_version
from li2.specs import BoundarySpec, Plan
from li2.specs.names import unknown_name
from li2.sweeps import (
    Boundary,
    Cost,
    Executor,
    Progress,
    Status,
    Store,
    begin_boundary,
    begin_sweep,
    boundary_cost,
    carry_on,
    check,
    cost_of,
    is_complete,
    open_store,
)
from li2.sweeps.database import refuse_used

METADATA = b"li2"
"""Under which a computation's table says what it was computed from."""


class NotComputed(Li2Error):
    """A function that computes a part has raised something."""


def reason_of(error: Exception) -> str:
    """What an error says, with its kind if it is none of ours."""
    return str(error) if isinstance(error, Li2Error) else f"{type(error).__name__}: {error}"


@dataclass(frozen=True)
class Session:
    """What parts are worked on with.

    Attributes:
        workers: the executor, entered when it is first asked for.
        watch: told how far a part's runs are; with None, that something without runs has begun.
        stop: looked at every second.
    """

    workers: Callable[[], Executor]
    watch: Callable[[Progress | None], None]
    stop: StopRequest


@runtime_checkable
class Work(Protocol):
    """A part of a recipe at one scale, in its place."""

    @property
    def part(self) -> Part:
        """What is to be done."""
        ...

    def refuse(self) -> None:
        """Raise Li2Error if the part is not possible, or other things are in its place; changes nothing."""
        ...

    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        ...

    def do(self, session: Session) -> None:
        """Do what is left, until a stop is asked for."""
        ...

    def cost(self) -> Cost | None:
        """Of the whole part; None if nobody can say."""
        ...

    def account(self) -> dict[str, Any]:
        """What was done, as plain values: runs, failures, seconds, versions of the code, and the command if any."""
        ...


def work_of(part: Part, directory: Path) -> Work:
    """A part as work in a figure's directory; raises Li2Error if its keys or values are wrong."""
    if part.kind == "computation":
        return Computed(part, directory / f"{part.name}.parquet")
    if part.kind == "boundary":
        return Trained(part, directory / part.name, BoundarySpec(**part.settings).with_absolute_paths())
    values = {"name": f"{directory.name}-{part.name}", **part.settings}
    return Trained(part, directory / part.name, Plan.from_table(values, part.name).with_absolute_paths())


@dataclass(frozen=True)
class Trained:
    """A sweep, or a search for a boundary."""

    part: Part
    directory: Path
    asked: Plan | BoundarySpec

    def refuse(self) -> None:
        """See :class:`Work`."""
        if isinstance(self.asked, Plan):
            check(self.asked.runs())
        else:
            Boundary(self.asked)
        if self._is_begun():
            with open_store(self.directory) as store:
                if self._found(store) != self.asked:
                    raise _other_settings(self.directory)
        else:
            refuse_used(self.directory)

    def is_done(self) -> bool:
        """See :class:`Work`."""
        if not self._is_begun():
            return False
        with open_store(self.directory) as store:
            return is_complete(store)

    def do(self, session: Session) -> None:
        """See :class:`Work`."""
        with self._opened() as store:
            carry_on(store, session.workers(), session.watch, session.stop)

    def cost(self) -> Cost:
        """See :class:`Work`."""
        if isinstance(self.asked, Plan):
            return cost_of(self.asked.runs())
        return boundary_cost(Boundary(self.asked), {})

    def account(self) -> dict[str, Any]:
        """See :class:`Work`."""
        with open_store(self.directory) as store:
            table, counts, versions = store.table(), store.counts(), store.versions()
        reasons = Counter(table.loc[table["status"] == Status.FAILED, "reason"]).most_common()
        return {
            "command": self._command(),
            "runs": counts[Status.DONE],
            "failed": counts[Status.FAILED],
            "reasons": dict(reasons),
            "seconds": round(float(table["seconds"].sum()), 1),
            "code": sorted(versions),
        }

    def _is_begun(self) -> bool:
        return any(self.directory.glob("*.sqlite"))

    def _opened(self) -> Store:
        if self._is_begun():
            return open_store(self.directory, write=True)
        if isinstance(self.asked, Plan):
            return begin_sweep(self.directory, self.asked)
        return begin_boundary(self.directory, self.asked)

    def _found(self, store: Store) -> Plan | BoundarySpec:
        """What the store is of."""
        return Plan.from_json(store.plan) if store.plan["kind"] == "sweep" else BoundarySpec(**store.plan["spec"])

    def _command(self) -> str | None:
        """The command that does the same alone; None if it needs a file."""
        if isinstance(self.asked, BoundarySpec):
            return self.asked.command()
        settings = {**self.part.settings}
        if "variants" in settings:
            return None
        later = {f"then.{name}": value for name, value in settings.pop("then", {}).items()}
        words = {**settings, **later}
        texts = {"name", "description", "look_at"}
        return shlex.join(["li2", "sweep", *(f"{n}={_word(v)}" for n, v in words.items() if n not in texts)])


@dataclass(frozen=True)
class Computed:
    """A table that a function computes."""

    part: Part
    path: Path

    def refuse(self) -> None:
        """See :class:`Work`."""
        name = self._asked["function"]
        if name not in COMPUTATIONS:
            raise Li2Error(unknown_name("function", str(name), COMPUTATIONS))
        try:
            inspect.signature(COMPUTATIONS[name]).bind(**self._asked["parameters"])
        except TypeError as error:
            raise Li2Error(f"the function {name} does not take these parameters: {error}.") from None
        if self.path.exists() and {name: self._found().get(name) for name in self._asked} != self._asked:
            raise _other_settings(self.path)

    def is_done(self) -> bool:
        """See :class:`Work`."""
        return self.path.exists()

    def do(self, session: Session) -> None:
        """See :class:`Work`; a stop is not looked at before the end. Raises NotComputed if the function raises."""
        session.watch(None)
        begun = time.perf_counter()
        try:
            frame = COMPUTATIONS[self._asked["function"]](**self._asked["parameters"])
        except Exception as error:
            raise NotComputed(f"{self.part.name} could not be computed: {reason_of(error)}") from error
        table = pa.Table.from_pandas(frame, preserve_index=False)
        facts = {**self._asked, "seconds": round(time.perf_counter() - begun, 1), "code": code_version()}
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA: json.dumps(facts)})
        self.path.parent.mkdir(parents=True, exist_ok=True)
        put_in_place(self.path, lambda beside: pq.write_table(table, beside))

    def cost(self) -> None:
        """See :class:`Work`."""
        return

    def account(self) -> dict[str, Any]:
        """See :class:`Work`."""
        found = self._found()
        return {
            "command": None,
            "runs": 0,
            "failed": 0,
            "reasons": {},
            "seconds": found["seconds"],
            "code": [found["code"]],
        }

    @property
    def _asked(self) -> dict[str, Any]:
        parameters = {name: value for name, value in self.part.settings.items() if name != "function"}
        return {"function": self.part.settings.get("function"), "parameters": parameters}

    def _found(self) -> dict[str, Any]:
        """What the table says that it was computed from; nothing if it does not."""
        try:
            return json.loads((pq.read_schema(self.path).metadata or {}).get(METADATA, b"{}"))
        except (pa.ArrowException, OSError, ValueError):
            return {}


def _other_settings(path: Path) -> Li2Error:
    return Li2Error(f"{path} was made from other settings, or is none of ours; choose another --out.")


def _word(value: Any) -> str:
    """A table's value as a word has it."""
    if isinstance(value, list):
        return ",".join(map(_word, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def failures(parts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A sentence on each reason for which runs of parts failed, from the parts' accounts."""
    return [
        f"{count} of the runs of {name} failed: {reason.rstrip('.')}."
        for name, account in parts.items()
        for reason, count in account["reasons"].items()
    ]
