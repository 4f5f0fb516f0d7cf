"""The specification of a prediction: a run or a boundary, and how finely it is foreseen."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from li2.errors import Li2Error
from li2.specs.boundary_spec import BOUNDARY_KEYS, BoundarySpec
from li2.specs.keys import KEYS, Key
from li2.specs.run_spec import RunSpec

RESOLUTION: dict[str, Key] = {
    "nodes": Key(
        "nodes",
        512,
        "a whole number ≥ 1",
        "S, the nodes that stand for the hidden layer; all of them if that has fewer",
    ),
    "stride": Key(
        "stride",
        None,
        "a whole number ≥ 1",
        "epochs in a step; default: as many as move a weight by 5 % of its initial size, from 1 to 8",
    ),
}
"""Keys of how finely a prediction is computed."""

SUBSETS = Key(
    "subsets", 3, "a whole number from 1 to 1,000", "random training sets that are looked at, with seeds from seed on"
)

PREDICTION_KEYS: dict[str, Key] = {"subsets": SUBSETS, **RESOLUTION, **KEYS}
"""The keys of a prediction: its own and all of a run's."""

CRITICAL_KEYS: dict[str, Key] = {
    "groups": BOUNDARY_KEYS["groups"],
    "subsets": Key("subsets", 3, SUBSETS.range, "random training sets that are looked at, with seeds from 0 on"),
    **RESOLUTION,
    **{name: key for name, key in BOUNDARY_KEYS.items() if name not in ("groups", "seeds", "tolerance")},
}
"""The keys of a predicted boundary."""


def _unforeseeable(spec: RunSpec) -> str | None:
    """Why a run is of a kind that is not predicted, or None."""
    if spec.architecture != "mlp" or spec.layers != 1 or spec.embedding != "one-hot" or spec.weights != "real":
        return "only networks with one hidden layer of real weights on one-hot operands are predicted"
    if spec.loss not in ("mse", "mse-centred"):
        return f"loss={spec.loss} has no top layer in closed form; only loss=mse and loss=mse-centred are predicted"
    if spec.batch_size is not None:
        return "only full batches are predicted; leave out batch_size"
    if spec.init_weights is not None:
        return "only random initial weights are predicted; leave out init_weights"
    return None


class PredictionSpec(RunSpec):
    """What is to be foreseen: a run, how many training sets, and how finely.

    Every key is explained in :data:`PREDICTION_KEYS`.

    Raises:
        Li2Error: one sentence on the first value that is wrong and what would be right.
    """

    keys: ClassVar[dict[str, Key]] = PREDICTION_KEYS
    command_name: ClassVar[str] = "predict"

    subsets: Annotated[int, Field(ge=1, le=1_000)] = SUBSETS.default
    nodes: Annotated[int, Field(ge=1)] = RESOLUTION["nodes"].default
    stride: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _foreseeable(self) -> "PredictionSpec":
        if reason := _unforeseeable(self):
            raise Li2Error(f"{reason}.")
        return self

    def runs(self) -> list[RunSpec]:
        """The runs on each training set, with consecutive seeds."""
        values = {name: value for name, value in self.explicit().items() if name in KEYS}
        return [RunSpec(**{**values, "seed": self.seed + number}) for number in range(self.subsets)]


class CriticalSpec(BoundarySpec):
    """What predicted boundary is wanted: of which groups, on how many training sets, and how finely.

    Every key is explained in :data:`CRITICAL_KEYS`.

    Raises:
        Li2Error: one sentence on the first value that is wrong and what would be right.
    """

    keys: ClassVar[dict[str, Key]] = CRITICAL_KEYS
    command_name: ClassVar[str] = "predict boundary"

    subsets: Annotated[int, Field(ge=1, le=1_000)] = SUBSETS.default
    nodes: Annotated[int, Field(ge=1)] = RESOLUTION["nodes"].default
    stride: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _foreseeable(self) -> "CriticalSpec":
        if reason := _unforeseeable(self):
            raise Li2Error(f"{reason}.")
        return self

    def prediction(self, group: str, train_size: int) -> PredictionSpec:
        """The prediction for one group on so many training tuples."""
        names = (*KEYS, "subsets", "nodes", "stride")
        values: dict[str, Any] = {name: value for name, value in self.explicit().items() if name in names}
        return PredictionSpec(**values, group=group, seed=0, train_size=train_size)

    def command(self) -> str:
        """The shell command that repeats it."""
        return super().command().replace("li2 'predict boundary'", "li2 predict boundary", 1)
