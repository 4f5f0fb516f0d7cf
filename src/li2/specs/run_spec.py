"""The specification of one run: frozen, validated, hashable."""

from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import Field, field_validator, model_validator

from li2.errors import Li2Error
from li2.specs.keys import KEYS, Key
from li2.specs.networks import impossible_network
from li2.specs.parsing import DiagnosisSchedule, LearningRateSchedule
from li2.specs.spec import ALONE, Finite, Spec

SIZES = ("train_fraction", "train_size", "critical_delta", "train_index")

LARGEST = 1e9
"""Of rates, decays and scales: beyond it float32 cannot hold their products."""


def _default(name: str) -> Any:
    return KEYS[name].default


class RunSpec(Spec):
    """What a run is. Every key is explained in :data:`li2.specs.KEYS` and by ``li2 show-config``.

    Exactly one of train_fraction, train_size, critical_delta and train_index says how much data there
    is; without any, train_fraction is 0.4.

    Raises:
        Li2Error: one sentence on the first value that is wrong and what would be right.
    """

    keys: ClassVar[dict[str, Key]] = KEYS
    command_name: ClassVar[str] = "run"

    group: str = _default("group")
    operands: Annotated[int, Field(ge=2)] = _default("operands")
    architecture: str = _default("architecture")
    width: Annotated[int, Field(ge=1)] = _default("width")
    layers: Annotated[int, Field(ge=1, le=64)] = _default("layers")
    residual: str = _default("residual")
    embedding: str = _default("embedding")
    weights: str = _default("weights")
    heads: Annotated[int, Field(ge=1)] = _default("heads")
    feedforward: Annotated[int, Field(ge=1)] = _default("feedforward")
    train_fraction: Annotated[Finite, Field(gt=0, lt=1)] | None = None
    train_size: Annotated[int, Field(ge=1)] | None = None
    critical_delta: Annotated[Finite, Field(lt=2.7482)] | None = None
    train_index: str | None = None
    split: str = _default("split")
    test_size: Annotated[int, Field(ge=1)] | None = None
    activation: str = _default("activation")
    loss: str = _default("loss")
    optimizer: str = _default("optimizer")
    muon: str = _default("muon")
    top_layer: str = _default("top_layer")
    ridge: Annotated[Finite, Field(gt=0, le=LARGEST)] | None = None
    lr: Annotated[Finite, Field(gt=0, le=LARGEST)] = _default("lr")
    weight_decay: Annotated[Finite, Field(ge=0, le=LARGEST)] = _default("weight_decay")
    momentum: Annotated[Finite, Field(ge=0, lt=1)] = _default("momentum")
    beta1: Annotated[Finite, Field(ge=0, lt=1)] = _default("beta1")
    beta2: Annotated[Finite, Field(ge=0, lt=1)] = _default("beta2")
    schedule: str = _default("schedule")
    epochs: Annotated[int, Field(ge=0)] = _default("epochs")
    batch_size: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = _default("seed")
    init: str = _default("init")
    hidden_scale: Annotated[Finite, Field(ge=0, le=LARGEST)] = _default("hidden_scale")
    top_scale: Annotated[Finite, Field(ge=0, le=LARGEST)] = _default("top_scale")
    output_scale: Annotated[Finite, Field(gt=0, le=LARGEST)] = _default("output_scale")
    init_weights: str | None = None
    dtype: str = _default("dtype")
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = _default("device")
    diagnose: str = _default("diagnose")
    measure: Annotated[str, Field(pattern=r"^(every|log):[1-9]\d*$")] = _default("measure")
    stop: str = _default("stop")
    accuracy_threshold: Annotated[Finite, Field(gt=0, le=1)] = _default("accuracy_threshold")
    purity_threshold: Annotated[Finite, Field(gt=0.5, le=1)] = _default("purity_threshold")

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

    @model_validator(mode="after")
    def _critical_ratio_of_pairs(self) -> "RunSpec":
        if self.critical_delta is not None and self.operands != 2:
            raise Li2Error(
                f"critical_delta is a share of pairs and needs operands=2, not {self.operands}; "
                "give train_size or train_fraction instead."
            )
        return self

    @model_validator(mode="after")
    def _possible_network(self, info: Any) -> "RunSpec":
        if info.context != ALONE and (reason := impossible_network(self)):
            raise Li2Error(reason)
        return self

    @property
    def columns(self) -> int:
        """Columns of W: one for each node, two for a complex one."""
        return 2 * self.width if self.weights == "complex" else self.width

    @cached_property
    def learning_rates(self) -> LearningRateSchedule:
        """The parsed ``schedule``."""
        return LearningRateSchedule.parse(self.schedule)

    @cached_property
    def diagnosis(self) -> DiagnosisSchedule:
        """The parsed ``diagnose``."""
        return DiagnosisSchedule.parse(self.diagnose)

    def is_measured(self, epoch: int) -> bool:
        """Whether losses, accuracies and norms are due at an epoch."""
        due = epoch == self.epochs or self._measurement.gram_is_due(epoch, self.epochs)
        return due or self.diagnosis.is_due(epoch, self.epochs)

    @cached_property
    def _measurement(self) -> DiagnosisSchedule:
        return DiagnosisSchedule.parse(self.measure)

    def with_changes(self, **changes: Any) -> "RunSpec":
        """The same specification with some keys changed; raises Li2Error as the constructor does."""
        return RunSpec(**overridden(self.explicit(), changes))


def overridden(values: dict[str, Any], later: dict[str, Any]) -> dict[str, Any]:
    """Values with later ones in their place; a later size (:data:`SIZES`) replaces whichever was there."""
    if any(name in later for name in SIZES):
        values = {name: value for name, value in values.items() if name not in SIZES}
    return {**values, **later}
