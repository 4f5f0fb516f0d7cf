"""The network as a ``torch.nn.Module``, for use outside li2."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from li2.models.networks import Network
from li2.models.weights import Weights


class NetworkModule(nn.Module):
    """A trained network.

    Attributes:
        W, V and what other weights the network has: parameters, by their names.
        offset: buffer (M,), added to the outputs; non-zero only for the loss ``mse-centred``.
    """

    def __init__(self, network: Network, weights: Weights, offset: Tensor | None = None) -> None:
        super().__init__()
        self.network = network
        for name, tensor in weights.named().items():
            self.register_parameter(name, nn.Parameter(tensor.clone()))
        self.offset: Tensor
        self.register_buffer("offset", weights.V.new_zeros(weights.V.shape[1]) if offset is None else offset)

    def forward(self, operands: Int[Tensor, "n k"]) -> Float[Tensor, "n M"]:
        """Class scores for tuples of operands, each element a number from 0 to M−1."""
        starts = torch.arange(operands.shape[1], device=operands.device) * len(self.offset)
        weights = Weights.of(dict(self.named_parameters()))
        outputs: Tensor = self.network.forward(weights, operands + starts) + self.offset
        return outputs
