"""The specification of a verification: which claims are measured, on which groups, how thoroughly."""

import re
import shlex
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from li2.errors import Li2Error
from li2.specs.keys import VERIFY_KEYS, Key
from li2.specs.spec import Spec

NEXT_NAME = r",(?=\s*[a-z]+(?:[:*,]|\s*$)|\s*$)"
"""A comma between names of groups, such as cyclic:5,quaternion; not one inside a file's name, such as file:a,b.csv."""


class VerifySpec(Spec):
    """What a verification is. Every key is explained in :data:`li2.specs.VERIFY_KEYS`.

    Without ``group`` each claim is measured on groups of its own choice.

    Raises:
        Li2Error: one sentence on the first value that is wrong and what would be right.
    """

    keys: ClassVar[dict[str, Key]] = VERIFY_KEYS
    command_name: ClassVar[str] = "verify"

    claims: tuple[str, ...] = ()
    group: tuple[str, ...] = ()
    all_small_groups: Annotated[int, Field(ge=2, le=127)] | None = None
    scale: Literal["quick", "paper"] = "quick"
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @field_validator("group", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(name.strip() for name in re.split(NEXT_NAME, value))

    @model_validator(mode="after")
    def _one_choice_of_groups(self) -> "VerifySpec":
        if self.group and self.all_small_groups is not None:
            raise Li2Error("group and --all-small-groups were both given; leave out one.")
        return self

    def command(self) -> str:
        """The shell command that repeats it."""
        words = ["li2", self.command_name, *self.claims]
        if self.group:
            words.append(f"group={','.join(self.group)}")
        if self.seed:
            words.append(f"seed={self.seed}")
        if self.all_small_groups is not None:
            words += ["--all-small-groups", str(self.all_small_groups)]
        if self.scale != "quick":
            words += ["--scale", self.scale]
        return shlex.join(words)
