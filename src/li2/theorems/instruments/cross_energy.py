"""The energy that the proof of Theorem 4 studies: that of x² with the squares u² and v² left out."""

import torch
from jaxtyping import Float
from torch import Tensor

from li2.landscape.energies import Nodes, SampleEnergy, Values


class CrossEnergy:
    """E = ½‖Ỹᵀ(2uv)‖² on labelled pairs.

    On all pairs the squares do not depend on the class and are centred away, so that this is the energy for x²; on
    some of the pairs it is not.
    """

    def __init__(self, pairs: SampleEnergy) -> None:
        self._pairs = pairs
        self.size = pairs.size
        self.device = pairs.device

    def value_and_gradient(self, W: Nodes) -> tuple[Values, Nodes]:
        """E(w) and ∇E(w) of every column of W."""
        first, second = self._pairs.rows.T
        u, v = W[first], W[second]
        correlations = self._pairs.onto_classes(2 * u * v)
        signal = 2 * self._pairs.onto_samples(correlations)
        gradient = torch.zeros_like(W).index_add_(0, first, v * signal).index_add_(0, second, u * signal)
        return correlations.square().sum(dim=0) / 2, gradient

    def hessian(self, w: Float[Tensor, " d"]) -> Float[Tensor, "d d"]:
        """∇²E(w) of one node, by autograd through the gradient."""
        return torch.func.jacrev(lambda node: self.value_and_gradient(node[:, None])[1][:, 0])(w)
