"""The specification of an ascent: which nodes climb what energy, how, and on how many training sets."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from li2.errors import Li2Error
from li2.specs.keys import ASCENT_KEYS, KEYS, Key
from li2.specs.run_spec import LARGEST, RunSpec
from li2.specs.spec import Finite, Spec

SHARED = tuple(name for name, key in ASCENT_KEYS.items() if name in KEYS and name not in ("seed", "lr"))
"""Keys that mean what they mean in a run."""

OTHER_LAYERS = ("operands", "architecture", "layers", "embedding", "weights", "output_scale", "init_weights")
"""Keys with any other value than their default for which the kernel of the initial layer is not known."""

LOSSES = ("mse", "mse-centred")
"""Those that have a ridge solution."""


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

        The learning rate is that of the ascent, not the run's, unless it is given; η is that of the run's ridge.

        Raises:
            Li2Error: if the run has another kind of hidden layer, or V has no ridge solution.
        """
        check_hidden_layer(run)
        own = {name: value for name, value in run.explicit().items() if name in (*SHARED, "seed")}
        if run.top_layer == "ridge" and run.ridge is not None:
            own["eta"] = run.ridge
        elif run.optimizer == "adamw" and "eta" not in changes:
            raise Li2Error(
                "optimizer=adamw decouples weight decay, so that η = n·weight_decay/2 does not hold; give eta."
            )
        own |= {"geometry": "adam" if run.optimizer == "adamw" else run.optimizer, "subsets": 1}
        return cls(**{**own, **changes})

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
        own = {name: value for name, value in self.explicit().items() if name in SHARED}
        optimizer = "sgd" if self.geometry == "gradient" else self.geometry
        own["width"] = max(self.width, self.nodes)
        return RunSpec(**{**own, "optimizer": optimizer, "seed": self.seed + subset, "dtype": "float64"})


def check_hidden_layer(run: RunSpec) -> None:
    """Raise Li2Error unless a run's hidden layer is one of independent real weights of a known law on one-hot pairs."""
    for name in OTHER_LAYERS:
        if getattr(run, name) != KEYS[name].default:
            plain = "" if KEYS[name].default is None else f" or take {name}={KEYS[name].default}"
            raise Li2Error(
                f"the kernel of the initial layer is not known for {name}={getattr(run, name)}; leave it out{plain}."
            )
    if not run.hidden_scale:
        raise Li2Error("the initial layer has no kernel with hidden_scale=0; take a hidden_scale > 0.")
