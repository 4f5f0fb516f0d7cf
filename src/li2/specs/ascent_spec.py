"""The specification of an ascent: which nodes climb what energy, how, and on how many training sets."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from li2.errors import Li2Error
from li2.specs.keys import KEYS, Key, choices
from li2.specs.run_spec import LARGEST, RunSpec
from li2.specs.spec import Finite, Spec

LAYER = ("group", "train_fraction", "train_size", "critical_delta", "train_index", "split", "activation", "loss")
"""Keys that mean what they mean in a run: the task, its training set and its loss,"""

NETWORK = ("width", "init", "hidden_scale", "weight_decay", "muon", "momentum", "beta1", "beta2")
"""the hidden layer, the weight decay, and the optimiser's own numbers."""

LOSSES = ("mse", "mse-centred")
"""Those that have a ridge solution."""


def _one_of(name: str) -> str:
    *head, last = choices(name)
    return f"{', '.join(head)} or {last}"


ASCENT_KEYS: dict[str, Key] = {
    **{name: KEYS[name] for name in LAYER},
    "loss": Key("loss", "mse", f"{LOSSES[0]} or {LOSSES[1]}", "whether F and Y are centred over the samples"),
    "seed": Key("seed", 0, KEYS["seed"].range, "of the first training set and its initial weights"),
    "subsets": Key("subsets", 3, "a whole number from 1 to 10,000", "training sets, of as many seeds in turn"),
    **{name: KEYS[name] for name in NETWORK},
    "nodes": Key(
        "nodes", 48, "a whole number from 1 to 100,000", "how many climb: the first ones of the initial layer"
    ),
    "steps": Key("steps", 2500, "a whole number ≥ 0", "how many steps they take"),
    "lr": Key("lr", 2e-3, KEYS["lr"].range, "learning rate of these steps"),
    "geometry": Key(
        "geometry",
        "adam",
        _one_of("geometry"),
        "whose steps: those of an optimiser, or projected gradient ascent with adapting steps",
    ),
    "walk": Key(
        "walk",
        "sphere",
        _one_of("walk"),
        "nodes keep length one; or start with their initial weights and move freely, with weight decay",
    ),
    "whitening": Key(
        "whitening",
        "both",
        _one_of("whitening"),
        "what they climb: E = ½‖Ỹᵀσ(Xw)‖², its gradient with P_η on one side or on both, or E without what is additive "
        "in the operands",
    ),
    "eta": Key("eta", None, "a number > 0", "η of P_η; default n·weight_decay/2"),
}
"""The keys of an ascent."""


def _default(name: str) -> Any:
    return ASCENT_KEYS[name].default


class AscentSpec(Spec):
    """What an ascent is. Every key is explained in :data:`li2.specs.ASCENT_KEYS`.

    Raises:
        Li2Error: one sentence on the first value that is wrong and what would be right.
    """

    keys: ClassVar[dict[str, Key]] = ASCENT_KEYS
    command_name: ClassVar[str] = "predict landscape"

    group: str = _default("group")
    train_fraction: Annotated[Finite, Field(gt=0, lt=1)] | None = None
    train_size: Annotated[int, Field(ge=1)] | None = None
    critical_delta: Annotated[Finite, Field(lt=2.7482)] | None = None
    train_index: str | None = None
    split: str = _default("split")
    activation: str = _default("activation")
    loss: str = _default("loss")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = _default("seed")
    subsets: Annotated[int, Field(ge=1, le=10_000)] = _default("subsets")
    width: Annotated[int, Field(ge=1)] = _default("width")
    init: str = _default("init")
    hidden_scale: Annotated[Finite, Field(gt=0, le=LARGEST)] = _default("hidden_scale")
    weight_decay: Annotated[Finite, Field(ge=0, le=LARGEST)] = _default("weight_decay")
    muon: str = _default("muon")
    momentum: Annotated[Finite, Field(ge=0, lt=1)] = _default("momentum")
    beta1: Annotated[Finite, Field(ge=0, lt=1)] = _default("beta1")
    beta2: Annotated[Finite, Field(ge=0, lt=1)] = _default("beta2")
    nodes: Annotated[int, Field(ge=1, le=100_000)] = _default("nodes")
    steps: Annotated[int, Field(ge=0)] = _default("steps")
    lr: Annotated[Finite, Field(gt=0, le=LARGEST)] = _default("lr")
    geometry: str = _default("geometry")
    walk: str = _default("walk")
    whitening: str = _default("whitening")
    eta: Annotated[Finite, Field(gt=0, le=LARGEST)] | None = None

    @classmethod
    def of_run(cls, run: RunSpec, **changes: Any) -> "AscentSpec":
        """The ascent on a run's own training set from its own initial layer, with some keys given.

        The learning rate is that of the ascent, not the run's, unless it is given.
        """
        own = {name: value for name, value in run.explicit().items() if name in (*LAYER, *NETWORK, "seed")}
        return cls(
            **{**own, "geometry": "adam" if run.optimizer == "adamw" else run.optimizer, "subsets": 1, **changes}
        )

    @model_validator(mode="after")
    def _has_a_ridge_solution(self) -> "AscentSpec":
        if self.loss not in LOSSES:
            raise Li2Error(f"loss={self.loss} has no ridge solution to climb by; take {' or '.join(LOSSES)}.")
        return self

    @model_validator(mode="after")
    def _has_eta(self) -> "AscentSpec":
        if self.eta is None and not self.weight_decay:
            raise Li2Error("without weight decay η = n·weight_decay/2 is 0; give eta or a weight_decay > 0.")
        return self

    @model_validator(mode="after")
    def _gradient_of_an_energy(self) -> "AscentSpec":
        if self.geometry == "gradient" and (self.whitening == "one-sided" or self.walk == "free"):
            wrong = "whitening=one-sided" if self.whitening == "one-sided" else "walk=free"
            raise Li2Error(
                f"geometry=gradient climbs an energy on the unit sphere, but {wrong} was given; take whitening=both "
                "and walk=sphere, or another geometry."
            )
        return self

    @model_validator(mode="after")
    def _seeds_are_seeds(self) -> "AscentSpec":
        if self.seed + self.subsets > 2**32:
            raise Li2Error(f"seed={self.seed} with subsets={self.subsets} goes beyond the last seed, {2**32 - 1}.")
        self.run(0)
        return self

    def run(self, subset: int) -> RunSpec:
        """A run on one of the training sets, numbered from 0, with the initial layer whose first nodes climb."""
        own = {name: value for name, value in self.explicit().items() if name in (*LAYER, *NETWORK)}
        optimizer = "sgd" if self.geometry == "gradient" else self.geometry
        own["width"] = max(self.width, self.nodes)
        return RunSpec(**{**own, "optimizer": optimizer, "seed": self.seed + subset, "dtype": "float64"})
