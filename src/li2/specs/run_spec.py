"""The specification of one run: frozen, validated, hashable."""

import hashlib
import json
import shlex
from functools import cached_property
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from li2.errors import Li2Error
from li2.specs.keys import KEYS, choices
from li2.specs.names import unknown_name
from li2.specs.parsing import DiagnosisSchedule, LearningRateSchedule, parse_activation

SIZES = ("train_fraction", "train_size", "critical_delta", "train_index")

LARGEST = 1e9
"""Of rates, decays and scales: beyond it float32 cannot hold their products."""

Finite = Annotated[float, Field(allow_inf_nan=False)]


def _default(name: str) -> Any:
    return KEYS[name].default


class RunSpec(BaseModel):
    """What a run is. Every key is explained in :data:`li2.specs.KEYS` and by ``li2 show-config``.

    Exactly one of train_fraction, train_size, critical_delta and train_index says how much data there
    is; without any, train_fraction is 0.4.

    Raises:
        Li2Error: one sentence on the first value that is wrong and what would be right.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    group: str = _default("group")
    width: Annotated[int, Field(ge=1)] = _default("width")
    train_fraction: Annotated[Finite, Field(gt=0, lt=1)] | None = None
    train_size: Annotated[int, Field(ge=1)] | None = None
    critical_delta: Annotated[Finite, Field(lt=2.7482)] | None = None
    train_index: str | None = None
    split: str = _default("split")
    activation: str = _default("activation")
    loss: str = _default("loss")
    optimizer: str = _default("optimizer")
    lr: Annotated[Finite, Field(gt=0, le=LARGEST)] = _default("lr")
    weight_decay: Annotated[Finite, Field(ge=0, le=LARGEST)] = _default("weight_decay")
    momentum: Annotated[Finite, Field(ge=0, lt=1)] = _default("momentum")
    beta1: Annotated[Finite, Field(ge=0, lt=1)] = _default("beta1")
    beta2: Annotated[Finite, Field(ge=0, lt=1)] = _default("beta2")
    schedule: str = _default("schedule")
    epochs: Annotated[int, Field(ge=0)] = _default("epochs")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = _default("seed")
    init: str = _default("init")
    hidden_scale: Annotated[Finite, Field(ge=0, le=LARGEST)] = _default("hidden_scale")
    top_scale: Annotated[Finite, Field(ge=0, le=LARGEST)] = _default("top_scale")
    output_scale: Annotated[Finite, Field(gt=0, le=LARGEST)] = _default("output_scale")
    init_weights: str | None = None
    dtype: str = _default("dtype")
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = _default("device")
    diagnose: str = _default("diagnose")
    accuracy_threshold: Annotated[Finite, Field(gt=0, le=1)] = _default("accuracy_threshold")
    purity_threshold: Annotated[Finite, Field(gt=0.5, le=1)] = _default("purity_threshold")

    def __init__(self, **values: Any) -> None:
        for name in values:
            if name not in KEYS:
                raise Li2Error(unknown_name("key", name, KEYS))
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise Li2Error(_sentence(error)) from None

    @field_validator(*(name for name in KEYS if choices(name)), mode="before")
    @classmethod
    def _known_choice(cls, value: Any, info: Any) -> Any:
        plain = str(value).strip().lower().replace("_", "-")
        if plain not in choices(info.field_name):
            raise ValueError("not one of the choices")
        return plain

    @field_validator("activation", mode="before")
    @classmethod
    def _known_activation(cls, value: Any) -> str:
        name, a, b = parse_activation(str(value))
        return f"{a}*x{b:+}*x**2" if name == "polynomial" else name

    @field_validator("schedule", mode="before")
    @classmethod
    def _known_schedule(cls, value: Any) -> str:
        LearningRateSchedule.parse(str(value))
        return str(value)

    @field_validator("diagnose", mode="before")
    @classmethod
    def _known_diagnosis(cls, value: Any) -> str:
        DiagnosisSchedule.parse(str(value))
        return str(value)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("true and false are no values of any key")
        return value

    @model_validator(mode="before")
    @classmethod
    def _one_size(cls, values: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in SIZES if values.get(name) is not None]
        if len(given) > 1:
            raise Li2Error(
                f"{' and '.join(given)} were both given, but one of {', '.join(SIZES)} says how much data "
                "there is; leave out the others."
            )
        return values if given else {**values, "train_fraction": _default("train_fraction")}

    @cached_property
    def learning_rates(self) -> LearningRateSchedule:
        """The parsed ``schedule``."""
        return LearningRateSchedule.parse(self.schedule)

    @cached_property
    def diagnosis(self) -> DiagnosisSchedule:
        """The parsed ``diagnose``."""
        return DiagnosisSchedule.parse(self.diagnose)

    def with_changes(self, **changes: Any) -> "RunSpec":
        """The same specification with some keys changed; raises Li2Error as the constructor does."""
        return RunSpec(**overridden(self.explicit(), changes))

    def explicit(self) -> dict[str, Any]:
        """The keys that have a value, in the order of :data:`KEYS`."""
        return {name: value for name in KEYS if (value := getattr(self, name)) is not None}

    def changed(self) -> dict[str, Any]:
        """The keys whose value is not the default."""
        return {name: value for name, value in self.explicit().items() if value != KEYS[name].default}

    def digest(self) -> str:
        """SHA-256 (hex) of the canonical JSON of all keys."""
        return hashlib.sha256(json.dumps(self.explicit(), sort_keys=True).encode()).hexdigest()

    def command(self) -> str:
        """The shell command that repeats this run."""
        words = [f"{name}={value}" for name, value in self.changed().items()]
        return shlex.join(["li2", "run", *words])


def overridden(values: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Values with later ones in their place; a later size (:data:`SIZES`) replaces whichever was there."""
    if any(name in later for name in SIZES):
        values = {name: value for name, value in values.items() if name not in SIZES}
    return {**values, **later}


def _sentence(error: ValidationError) -> str:
    """One sentence on the first problem that pydantic found, in the words of the key's range."""
    first = error.errors()[0]
    original = first.get("ctx", {}).get("error")
    if isinstance(original, Li2Error):
        return str(original)
    name = str(first["loc"][0])
    return f"{name}={first['input']!r} is not valid; {name} must be {KEYS[name].range}."
