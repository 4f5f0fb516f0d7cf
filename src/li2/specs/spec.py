"""What all specifications have in common: frozen values of known keys, one sentence for each mistake."""

import hashlib
import json
import shlex
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from li2.errors import Li2Error
from li2.specs.keys import Key, choices
from li2.specs.names import unknown_name
from li2.specs.parsing import parse_activation

Finite = Annotated[float, Field(allow_inf_nan=False)]

ALONE = "alone"
"""Context of a validation that leaves out whether keys go together."""


class Spec(BaseModel):
    """A specification; a subclass has a field for each of its keys.

    Raises:
        Li2Error: one sentence on the first value that is wrong and what would be right.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    keys: ClassVar[dict[str, Key]]
    """Default, range and meaning of each key."""

    command_name: ClassVar[str]
    """The command of li2 that takes it, one word or two."""

    def __init__(self, **values: Any) -> None:
        for name in values:
            if name not in self.keys:
                raise Li2Error(unknown_name("key", name, self.keys))
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise Li2Error(self._sentence(error)) from None

    @classmethod
    def value_of(cls, name: str, value: Any) -> Any:
        """A key's value as a specification has it, whatever other keys it needs beside it.

        Raises:
            Li2Error: one sentence, if no specification can have it.
        """
        alone = cls.__new__(cls)
        try:
            cls.__pydantic_validator__.validate_python({name: value}, self_instance=alone, context=ALONE)
        except ValidationError as error:
            raise Li2Error(cls._sentence(error)) from None
        return getattr(alone, name)

    @field_validator("*", mode="before")
    @classmethod
    def _plain_value(cls, value: Any, info: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("true and false are no values of any key")
        if value is not None and info.field_name == "activation":
            name, a, b = parse_activation(str(value))
            return f"{a}*x{b:+}*x**2" if name == "polynomial" else name
        if value is not None and choices(info.field_name):
            plain = str(value).strip().lower().replace("_", "-")
            if plain not in choices(info.field_name):
                raise ValueError("not one of the choices")
            return plain
        return value

    @classmethod
    def _sentence(cls, error: ValidationError) -> str:
        """One sentence on the first problem that pydantic found, in the words of the key's range."""
        first = error.errors()[0]
        original = first.get("ctx", {}).get("error")
        if isinstance(original, Li2Error):
            return str(original)
        name = str(first["loc"][0])
        return f"{name}={first['input']!r} is not valid; {name} must be {cls.keys[name].range}."

    def explicit(self) -> dict[str, Any]:
        """The keys that have a value, in the order of :attr:`keys`."""
        return {name: value for name in self.keys if (value := getattr(self, name)) is not None}

    def changed(self) -> dict[str, Any]:
        """The keys whose value is not the default."""
        return {name: value for name, value in self.explicit().items() if value != self.keys[name].default}

    def digest(self) -> str:
        """SHA-256 (hex) of the canonical JSON of all keys."""
        return hashlib.sha256(json.dumps(self.explicit(), sort_keys=True).encode()).hexdigest()

    def command(self) -> str:
        """The shell command that repeats it."""
        words = [f"{name}={value}" for name, value in self.changed().items()]
        return shlex.join(["li2", *self.command_name.split(), *words])
