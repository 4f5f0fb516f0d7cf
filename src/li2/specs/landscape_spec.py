"""The specification of a landscape: whose energy is climbed, on which pairs, from how many starts."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, model_validator

from li2.errors import Li2Error
from li2.specs.keys import LANDSCAPE_KEYS, Key
from li2.specs.parsing import parse_activation
from li2.specs.spec import Finite, Spec

SIZES = ("train_fraction", "train_size", "train_index")

HOLOMORPHIC = ("square", "cube", "polynomial")
"""The activations that are polynomials."""


def _default(name: str) -> Any:
    return LANDSCAPE_KEYS[name].default


class LandscapeSpec(Spec):
    """What a landscape is. Every key is explained in :data:`li2.specs.LANDSCAPE_KEYS`.

    Without train_fraction, train_size and train_index the energy is taken on all pairs.

    Raises:
        Li2Error: one sentence on the first value that is wrong and what would be right.
    """

    keys: ClassVar[dict[str, Key]] = LANDSCAPE_KEYS
    command_name: ClassVar[str] = "landscape"

    group: str = _default("group")
    activation: str = _default("activation")
    train_fraction: Annotated[Finite, Field(gt=0, lt=1)] | None = None
    train_size: Annotated[int, Field(ge=1)] | None = None
    train_index: str | None = None
    split: str = _default("split")
    centring: str = _default("centring")
    weights: str = _default("weights")
    starts: Annotated[int, Field(ge=1, le=1_000_000)] = _default("starts")
    seed: Annotated[int, Field(ge=0, lt=2**32)] = _default("seed")
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")] = _default("device")

    @model_validator(mode="after")
    def _one_size(self) -> "LandscapeSpec":
        given = [name for name in SIZES if getattr(self, name) is not None]
        if len(given) > 1:
            raise Li2Error(f"{' and '.join(given)} were both given; leave out all but one.")
        return self

    @model_validator(mode="after")
    def _complex_weights_need_a_polynomial(self) -> "LandscapeSpec":
        if self.weights == "complex" and parse_activation(self.activation)[0] not in HOLOMORPHIC:
            raise Li2Error(
                f"weights=complex needs a σ that is holomorphic, but activation={self.activation} is not; "
                "take square, cube or a*x+b*x**2."
            )
        return self

    @property
    def has_all_pairs(self) -> bool:
        """Whether the energy is taken on all pairs."""
        return all(getattr(self, name) is None for name in SIZES)

    @property
    def has_course(self) -> bool:
        """Whether there are maxima on all pairs to follow to those on a part of them."""
        kind, _, b = parse_activation(self.activation)
        return not self.has_all_pairs and not (kind == "polynomial" and b == 0)
