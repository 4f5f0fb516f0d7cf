"""The network as a ``torch.nn.Module``, for use outside li2."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from li2.models.two_layer import TwoLayer
from li2.models.weights import Weights


class TwoLayerModule(nn.Module):
    """A trained two-layer network.

    Attributes:
        W, V: parameters, shapes (kM, K) and (K, M).
        offset: buffer (M,), added to the outputs; non-zero only for the loss ``mse-centred``.
    """

    def __init__(self, network: TwoLayer, weights: Weights, offset: Tensor | None = None) -> None:
        super().__init__()
        self.network = network
        self.W = nn.Parameter(weights.W.clone())
        self.V = nn.Parameter(weights.V.clone())
        self.offset: Tensor
        self.register_buffer("offset", weights.V.new_zeros(weights.V.shape[1]) if offset is None else offset)

    def forward(self, operands: Int[Tensor, "n k"]) -> Float[Tensor, "n M"]:
        """Class scores for tuples of operands, each element a number from 0 to M−1."""
        starts = torch.arange(operands.shape[1], device=operands.device) * self.V.shape[1]
        outputs: Tensor = self.network.forward(Weights(self.W, self.V), operands + starts) + self.offset
        return outputs
