"""The specification of a boundary: of which groups, with how many seeds, how sharply, and how its networks train."""

import shlex
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from li2.errors import Li2Error
from li2.specs.keys import KEYS, Key
from li2.specs.named_files import absolute_value
from li2.specs.run_spec import SIZES, RunSpec
from li2.specs.spec import Finite
from li2.specs.values import expand, quoted

SEARCHED = ("group", "seed", *SIZES)
"""Keys of a run that the search itself gives values to."""

DEFAULTS = {
    "width": 512,
    "lr": 5e-4,
    "weight_decay": 2e-4,
    "epochs": 3000,
    "diagnose": "off",
    "measure": "every:10",
    "stop": "decided",
}
"""Where the defaults are not those of a run."""


def _with_default(key: Key) -> Key:
    return Key(key.name, DEFAULTS.get(key.name, key.default), key.range, key.meaning)


BOUNDARY_KEYS: dict[str, Key] = {
    "groups": Key(
        "groups",
        (),
        "names of groups with commas between them, such as cyclic:primes(11,71),dihedral:range(5,36,5)",
        "whose critical ratio is sought",
    ),
    "seeds": Key("seeds", 5, "a whole number from 1 to 10,000", "how many seeds of each group, from 0 on"),
    "tolerance": Key(
        "tolerance",
        0.05,
        "≥ 0.001 and ≤ 1",
        "largest share by which the smallest training set that generalises may exceed the largest that does not "
        "(or one pair, where that is more)",
    ),
    **{name: _with_default(key) for name, key in KEYS.items() if name not in SEARCHED},
}
"""The keys of a boundary: all of a run's but its group, seed and amount of data, which the search chooses."""


def _default(name: str) -> Any:
    return BOUNDARY_KEYS[name].default


class BoundarySpec(RunSpec):
    """What a boundary is: a run whose group, seed and amount of data are open.

    Every key is explained in :data:`li2.specs.boundary_spec.BOUNDARY_KEYS`.

    Raises:
        Li2Error: one sentence on the first value that is wrong and what would be right.
    """

    keys: ClassVar[dict[str, Key]] = BOUNDARY_KEYS
    command_name: ClassVar[str] = "boundary"

    groups: tuple[str, ...] = _default("groups")
    seeds: Annotated[int, Field(ge=1, le=10_000)] = _default("seeds")
    tolerance: Annotated[Finite, Field(ge=0.001, le=1)] = _default("tolerance")

    def __init__(self, **values: Any) -> None:
        super().__init__(**{**DEFAULTS, **values})

    @field_validator("groups", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        return tuple(expand(value)) if isinstance(value, str) and value.strip() else value or ()

    @field_validator("groups", mode="after")
    @classmethod
    def _some_different(cls, groups: tuple[str, ...]) -> tuple[str, ...]:
        if not groups or not all(groups):
            raise Li2Error("groups is not given; write the names of groups, such as groups=cyclic:23,dihedral:5.")
        twice = [name for number, name in enumerate(groups) if name in groups[:number]]
        if twice:
            raise Li2Error(f"groups has {twice[0]} more than once; name each group once.")
        return groups

    @model_validator(mode="after")
    def _of_pairs(self) -> "BoundarySpec":
        if self.operands != 2:
            raise Li2Error(f"a boundary is a share of pairs and needs operands=2, not {self.operands}.")
        return self

    def run(self, group: str, seed: int, train_size: int) -> RunSpec:
        """The run of one group and seed on so many training tuples."""
        values = {name: value for name, value in self.explicit().items() if name in KEYS}
        return RunSpec(**values, group=group, seed=seed, train_size=train_size)

    def with_absolute_paths(self) -> "BoundarySpec":
        """The same with the files that it names by paths that do not depend on the current directory."""
        groups = tuple(str(absolute_value("group", name)) for name in self.groups)
        named = {name: absolute_value(name, value) for name, value in self.explicit().items() if name != "groups"}
        return BoundarySpec(**{**named, "groups": groups})

    def command(self) -> str:
        """The shell command that repeats it."""
        names = (name if expand(name) == [name] else quoted(name) for name in self.groups)
        words = {**self.changed(), "groups": ",".join(names)}
        return shlex.join(["li2", self.command_name, *(f"{name}={value}" for name, value in words.items())])
