"""Plans: which runs a sweep consists of, from words or a file, as a value that is quick to count and to list."""

import hashlib
import itertools
import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from li2.errors import Li2Error
from li2.specs.keys import KEYS, Key
from li2.specs.names import unknown_name
from li2.specs.run_spec import SIZES, RunSpec, overridden
from li2.specs.sources import read_config
from li2.specs.values import expand

Value = str | int | float
Table = dict[str, tuple[Value, ...]]
"""The values that each key takes, those of different keys in all combinations."""

MOST_RUNS = 1_000_000
"""Of a plan."""

PLAN_KEYS = {
    "name": Key("name", "", "a text", "what the plan is called; default: its file's name"),
    "description": Key("description", "", "a text", "what it shows"),
    "look_at": Key("look_at", "", "a text", "which of its results show that"),
    "variants": Key("variants", None, "tables of keys", "keys that vary together"),
    "then": Key("then", None, "a table of keys", "what each run is continued with, from its final weights"),
    "keep_weights": Key("keep_weights", False, "true or false", "whether the final weights of all runs are kept"),
}
"""What a plan file may hold beside the keys of a run."""


@dataclass(frozen=True)
class PlannedRun:
    """A run of a plan.

    Attributes:
        spec: what to train.
        parent: key of the run whose final weights it starts from; the initial weights of ``spec`` are then not used.
        keep_weights: whether its own final weights are wanted.
    """

    spec: RunSpec
    parent: str | None = None
    keep_weights: bool = False

    @cached_property
    def key(self) -> str:
        """SHA-256 (hex) of what differs from the defaults, the parent's key and the contents of the files it names.

        A key of a run that a later version adds, with what was done before as its default, changes no hash.

        Raises:
            Li2Error: if such a file cannot be read.
        """
        contents = [[what, _contents(what, path)] for what, path in _files(self.spec)]
        identity = [self.spec.changed(), self.parent, contents]
        return hashlib.sha256(json.dumps(identity, sort_keys=True, allow_nan=False).encode()).hexdigest()

    @property
    def names_files(self) -> bool:
        """Whether the specification names files."""
        return next(_files(self.spec), None) is not None


@dataclass(frozen=True)
class Plan:
    """The runs of a sweep: all combinations of the settings' values with each of the variants.

    Attributes:
        name: what it is called.
        description: what it shows.
        look_at: which of its results show that.
        settings: values of keys, in all combinations.
        variants: tables of values, each another choice of keys that vary together; empty: there is one choice.
        then: if given, each run is continued, from its final weights, with each combination of these values.
        keep_weights: whether the final weights of all runs are kept, and not of those alone that are continued.

    Raises:
        Li2Error: if a key is unknown, a value is wrong by itself, a key varies in two places, or the runs are too many.
    """

    name: str = "sweep"
    description: str = ""
    look_at: str = ""
    settings: Table = field(default_factory=dict)
    variants: tuple[Table, ...] = ()
    then: Table | None = None
    keep_weights: bool = False

    def __post_init__(self) -> None:
        several = {name for name, values in self.settings.items() if len(values) > 1}
        for name in sorted(several & {name for variant in self.variants for name in _replaced_by(variant)}):
            raise Li2Error(f"{name} has several values for all runs, and a variant changes it; leave out one of them.")
        most = _count(self.settings) * (sum(map(_count, self.variants)) or 1) * (1 + self._continuations)
        if most > MOST_RUNS:
            raise Li2Error(f"the plan has {most:,} runs, but at most {MOST_RUNS:,} make a plan; leave out some values.")
        if not self._choices:
            raise Li2Error("the plan has no runs: each of its keys needs a value.")

    @classmethod
    def from_words(cls, words: Iterable[str], config: Path | None = None) -> "Plan":
        """The plan of ``KEY=VALUES`` words, which come after those of a plan file if there is one; see `with_words`."""
        return (cls.from_file(config) if config else cls()).with_words(words)

    @classmethod
    def from_file(cls, path: Path) -> "Plan":
        """The plan of a TOML or YAML file of keys; a list, or a text with commas or functions, is several values.

        Beside the keys of a run it may hold :data:`PLAN_KEYS`; ``[[variants]]`` and ``[then]`` are tables of keys,
        whose values may be several, too.

        Raises:
            Li2Error: one sentence on the first mistake.
        """
        return cls.from_table({"name": path.stem, **read_config(path, {**KEYS, **PLAN_KEYS})}, str(path))

    @classmethod
    def from_table(cls, values: Mapping[str, Any], where: str) -> "Plan":
        """The plan of a table with what a plan file may hold.

        Args:
            values: keys and their values.
            where: what to call the table in a sentence on a mistake.

        Raises:
            Li2Error: one sentence on the first mistake.
        """
        given = dict(values)
        texts = {name: given.pop(name, "") for name in ("name", "description", "look_at")}
        for name, text in texts.items():
            if not isinstance(text, str):
                raise Li2Error(f"{where}: {name} must be a text, not {text!r}.")
        variants, then = given.pop("variants", []), given.pop("then", None)
        if not isinstance(variants, list):
            raise Li2Error(f"{where}: variants must be tables of keys, each under [[variants]].")
        return cls(
            **{**texts, "name": texts["name"] or "sweep"},
            keep_weights=_truth(given.pop("keep_weights", False)),
            settings=_read_table(given, "the plan"),
            variants=tuple(_read_table(variant, "a variant") for variant in variants),
            then=None if then is None else _read_table(then, "then"),
        )

    @classmethod
    def ready(cls, name: str) -> "Plan":
        """A plan that comes with li2; raises Li2Error if there is none of that name."""
        if name not in cls.ready_names():
            raise Li2Error(unknown_name("plan", name, cls.ready_names()))
        with as_file(_READY.joinpath(f"{name}.toml")) as path:
            return cls.from_file(path)

    @staticmethod
    def ready_names() -> list[str]:
        """The names of the plans that come with li2, sorted."""
        return sorted(file.name.removesuffix(".toml") for file in _READY.iterdir() if file.name.endswith(".toml"))

    def with_words(self, words: Iterable[str]) -> "Plan":
        """The plan with some keys' values replaced by those of words.

        ``KEY=VALUES`` replaces the key for all runs, in the variants, too; ``then.KEY=VALUES`` replaces it for the runs
        that continue others; ``keep_weights=true`` has all final weights kept. A size
        (:data:`li2.specs.run_spec.SIZES`) replaces whichever was there.

        Args:
            words: with several values in the language of :func:`li2.specs.values.expand`; the last of a repeated key
                counts.

        Raises:
            Li2Error: one sentence on the first mistake.
        """
        later: dict[str, dict[str, str]] = {"": {}, "then.": {}}
        for word in words:
            full_name, separator, value = word.partition("=")
            if not separator:
                raise Li2Error(f"{word!r} is not of the form KEY=VALUES, such as width=256,512.")
            place = "then." if full_name.startswith("then.") else ""
            later[place][full_name.removeprefix(place)] = value
        keep_weights = _truth(later[""].pop("keep_weights", self.keep_weights))
        settings, then = _read_table(later[""], "the plan"), _read_table(later["then."], "then")
        gone = _replaced_by(settings)
        return replace(
            self,
            settings=overridden(self.settings, settings),
            variants=tuple({n: v for n, v in variant.items() if n not in gone} for variant in self.variants),
            then=overridden(self.then or {}, then) if then else self.then,
            keep_weights=keep_weights,
        )

    def with_absolute_paths(self) -> "Plan":
        """The plan with the files that it names by paths that do not depend on the current directory."""

        def absolute(table: Table) -> Table:
            return {name: tuple(absolute_value(name, value) for value in values) for name, values in table.items()}

        return replace(
            self,
            settings=absolute(self.settings),
            variants=tuple(absolute(variant) for variant in self.variants),
            then=None if self.then is None else absolute(self.then),
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        return {
            "name": self.name,
            "description": self.description,
            "look_at": self.look_at,
            "settings": _lists(self.settings),
            "variants": [_lists(variant) for variant in self.variants],
            "then": None if self.then is None else _lists(self.then),
            "keep_weights": self.keep_weights,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Plan":
        """The plan that ``as_json`` wrote; what else is there is not looked at."""
        return cls(
            name=values["name"],
            description=values["description"],
            look_at=values["look_at"],
            settings=_table(values["settings"], "the plan"),
            variants=tuple(_table(variant, "a variant") for variant in values["variants"]),
            then=None if values["then"] is None else _table(values["then"], "then"),
            keep_weights=values.get("keep_weights", False),  # stores of earlier versions lack it
        )

    def __len__(self) -> int:
        """The number of runs, equal ones counted once; quick even where they are many."""
        return _count(self.settings) * len(self._choices) * (1 + self._continuations)

    def runs(self) -> Iterator[PlannedRun]:
        """The runs, no two of them equal, each after the one that it continues; none of them is held.

        Keys vary in the order in which they were given, the last one fastest.

        Raises:
            Li2Error: at the first run whose values do not go together, or whose files cannot be read.
        """
        for common in _combinations(self.settings):
            for choice in self._choices:
                continued = self.then is not None
                first = PlannedRun(_spec(overridden(common, choice)), keep_weights=continued or self.keep_weights)
                yield first
                if self.then is not None:
                    for changes in _combinations(self.then):
                        spec = _spec(overridden(first.spec.explicit(), changes))
                        yield PlannedRun(spec, parent=first.key, keep_weights=self.keep_weights)

    @property
    def axes(self) -> dict[str, tuple[Value | None, ...]]:
        """The keys that vary over the runs, with their values in the order in which they appear.

        A key that some runs leave unset, such as train_size where they give a train_fraction, has None among them.
        """
        variants, later = (name for variant in self.variants for name in variant), self.then or {}
        taken: dict[str, tuple[Value | None, ...]] = {}
        for name in dict.fromkeys([*self.settings, *variants, *later, *SIZES]):
            several = self.settings.get(name, ())
            first = several if len(several) > 1 else [getattr(spec, name) for spec in self._effective]
            then = later.get(name, (None,) if name in _replaced_by(later) else ())
            taken[name] = tuple(dict.fromkeys([*first, *then]))
        return {name: values for name, values in taken.items() if len(values) > 1}

    @property
    def _continuations(self) -> int:
        """Of each run."""
        return 0 if self.then is None else _count(self.then)

    @cached_property
    def _choices(self) -> tuple[dict[str, Value], ...]:
        """What the variants come to: one choice of values each, no two of which mean the same."""
        return tuple(self._effective.values())

    @cached_property
    def _effective(self) -> dict[RunSpec, dict[str, Value]]:
        """The same, by the run that each of them makes with the settings' first values."""
        common = next(_combinations(self.settings), None)
        if common is None:
            return {}
        choices: dict[RunSpec, dict[str, Value]] = {}
        for variant in self.variants or ({},):
            for choice in _combinations(variant):
                choices.setdefault(_spec(overridden(common, choice)), choice)
        return choices


_READY = files("li2").joinpath("sweeps", "plans")


def _spec(values: dict[str, Any]) -> RunSpec:
    try:
        return RunSpec(**values)
    except Li2Error as error:
        words = " ".join(f"{name}={value}" for name, value in values.items())
        raise Li2Error(f"the run {words} is not possible: {error}") from None


def _truth(given: Any) -> bool:
    """Of a key that is true or false, from TOML or as the text that words and YAML have."""
    known = {True: True, False: False, "true": True, "false": False}
    if not isinstance(given, bool | str) or given not in known:
        raise Li2Error(f"keep_weights={given!r} is not valid; keep_weights must be true or false.")
    return known[given]


def _count(table: Table) -> int:
    return math.prod(map(len, table.values()))


def _combinations(table: Table) -> Iterator[dict[str, Value]]:
    """One value of each key, in all combinations, the last key fastest."""
    return (dict(zip(table, values, strict=True)) for values in itertools.product(*table.values()))


def _replaced_by(table: Table) -> list[str]:
    """The keys that lose their values to these: they themselves, and all sizes if there is one."""
    return [*table, *(name for name in SIZES if name not in table and not table.keys().isdisjoint(SIZES))]


def _lists(table: Table) -> dict[str, list[Value]]:
    return {name: list(values) for name, values in table.items()}


def _read_table(given: Any, where: str) -> Table:
    """The table that a file or words give, its texts read as lists of values."""
    if not isinstance(given, dict):
        raise Li2Error(f"{where} must be a table of keys, not {given!r}.")
    return _table({name: list(_listed(name, value)) for name, value in given.items()}, where)


def _table(lists: Mapping[str, Sequence[Any]], where: str) -> Table:
    """Values checked one by one, in the types that a specification has them in, equal ones once."""
    for name in lists:
        if name not in KEYS:
            raise Li2Error(f"{where}: {unknown_name('key', name, KEYS)}")
    return {
        name: tuple(dict.fromkeys(RunSpec.value_of(name, value) for value in values)) for name, values in lists.items()
    }


def _listed(name: str, given: Any) -> Iterator[Any]:
    """The values that one key is given."""
    if isinstance(given, str):
        try:
            yield from expand(given)
        except Li2Error as error:
            raise Li2Error(f"{name}: {error}") from None
    elif isinstance(given, list):
        if not given:
            raise Li2Error(f"{name}=[] has no value; give at least one.")
        for value in given:
            if isinstance(value, list | dict):
                raise Li2Error(f"{name}: {value!r} is no value; write one list of numbers or texts.")
            yield from _listed(name, value)
    else:
        yield given


_NEXT_FACTOR = re.compile(r"\*(?=[a-z]+(?:[:*]|$))")
"""The star before the next factor of a group's name."""


def absolute_value(name: str, value: Value) -> Value:
    """A key's value, the file that it names by its absolute path if it names one."""
    if name in ("train_index", "init_weights"):
        return str(Path(str(value)).absolute())
    if name == "group" and "file:" in str(value):
        parts = (part.partition("file:") for part in _NEXT_FACTOR.split(str(value)))
        return "*".join(
            f"file:{Path(path).absolute()}" if found and not before else before + found + path
            for before, found, path in parts
        )
    return value


def _files(spec: RunSpec) -> Iterator[tuple[str, Path]]:
    """The files that a specification names, each with the word that names it."""
    if "file:" in spec.group:
        for part in _NEXT_FACTOR.split(spec.group):
            if part.startswith("file:"):
                yield f"group={part}", Path(part.removeprefix("file:"))
    for name in ("train_index", "init_weights"):
        if (path := getattr(spec, name)) is not None:
            yield f"{name}={path}", Path(path)


def _contents(what: str, path: Path) -> str:
    """SHA-256 (hex) of a file's contents."""
    try:
        state = path.stat()
        return _digest(path, state.st_size, state.st_mtime_ns, state.st_ctime_ns, state.st_ino)
    except OSError as error:
        raise Li2Error(f"cannot read {what}: {error.strerror or error}.") from error


@lru_cache(maxsize=1024)
def _digest(path: Path, *state: int) -> str:
    """Of a file in a state: many runs may name it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
