"""Which network a specification names, and how networks are gone through."""

from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from li2.models.activations import named_activation, paired_activation
from li2.models.autograd import Autograd
from li2.models.deep import DeepNetwork
from li2.models.fused import Fused, is_fused
from li2.models.losses import Loss
from li2.models.passes import ALIGNED, ClosedForm, Passes
from li2.models.transformer import Transformer
from li2.models.two_layer import TwoLayer
from li2.models.weights import Weights
from li2.specs import RunSpec


@runtime_checkable
class Network(Protocol):
    """An architecture: outputs are β times features of the samples times the top layer V."""

    @property
    def output_scale(self) -> float:
        """β."""
        ...

    def top_features(self, weights: Weights, rows: Int[Tensor, "n k"]) -> Float[Tensor, "n K"]:
        """What V is multiplied by; rows[i]: operand·M + element of each operand of sample i."""
        ...

    def forward(self, weights: Weights, rows: Int[Tensor, "n k"]) -> Float[Tensor, "n M"]:
        """Outputs."""
        ...


def named_network(spec: RunSpec) -> Network:
    """The network of a specification."""
    if spec.weights == "complex":
        return TwoLayer(paired_activation(spec.activation), spec.output_scale)
    activation = named_activation(spec.activation)
    if spec.architecture == "transformer":
        return Transformer(
            activation, spec.width, spec.layers, spec.heads, spec.feedforward, output_scale=spec.output_scale
        )
    if spec.layers == 1 and spec.embedding == "one-hot":
        return TwoLayer(activation, spec.output_scale)
    return DeepNetwork(activation, spec.layers, spec.residual, spec.output_scale)


def passes_of(network: Network, loss: Loss, like: Weights) -> Passes:
    """How a network is gone through: in closed form where there is one, in compiled code where that can.

    Args:
        network: architecture.
        loss: what is minimised.
        like: weights of one run or of many, for dtype, device and sizes.
    """
    if isinstance(network, TwoLayer):
        if is_fused(network.activation, like.W):
            return Fused(network, loss)
        return ClosedForm(network, loss, like)
    if isinstance(network, DeepNetwork):
        side_by_side = goes_side_by_side(like.W.shape[-1], embeds="E" in like.others)
        return Autograd(network.forward, loss, network.layers * like.W.shape[-1], side_by_side=side_by_side)
    assert isinstance(network, Transformer)
    held = like.others["positions"].shape[-2] * network.layers * (8 * network.width + 2 * network.feedforward)
    return Autograd(network.forward, loss, held)


def goes_side_by_side(width: int, *, embeds: bool) -> bool:
    """Whether several deep networks are gone through at once: if all their matrices have aligned sizes."""
    return width % ALIGNED == 0 and not embeds
