"""A network's weights, by name."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Weights:
    """The tensors of a network, or with a leading axis those of R networks.

    Attributes:
        W: (kM, K), the lowest layer: column j is the hidden node w_j = [u_j; v_j]; K complex nodes are 2K columns.
        V: (K, M), the top layer.
        others: what else there is, by name: layers between, an embedding; empty for a two-layer network.
    """

    W: Float[Tensor, "*R d K"]
    V: Float[Tensor, "*R K M"]
    others: Mapping[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "others", dict(sorted(self.others.items())))  # as files have them

    @classmethod
    def of(cls, named: Mapping[str, Tensor]) -> "Weights":
        """From all tensors by name."""
        others = {name: tensor for name, tensor in named.items() if name not in ("W", "V")}
        return cls(named["W"], named["V"], others)

    def named(self) -> dict[str, Tensor]:
        """All tensors by name: W, V, then the others by the alphabet."""
        return {"W": self.W, "V": self.V, **self.others}

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.named().values())

    def map(self, change: Callable[[Tensor], Tensor]) -> "Weights":
        """What a function makes of each tensor."""
        return Weights.of({name: change(tensor) for name, tensor in self.named().items()})

    def clone(self) -> "Weights":
        """A copy that shares no memory."""
        return self.map(Tensor.clone)


def stacked(weights: Sequence[Weights]) -> Weights:
    """Those of R networks along a new leading axis."""
    return Weights.of({name: torch.stack([own.named()[name] for own in weights]) for name in weights[0].named()})
