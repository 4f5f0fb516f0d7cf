"""Complex nodes as real ones of twice the length, so that ascents and spectra stay as they are."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Inexact
from torch import Tensor

from li2.landscape.energies import DataEnergy, Nodes, SampleEnergy, TableEnergy, Values
from li2.models import complex_nodes


@dataclass(frozen=True, eq=False)
class ComplexEnergy:
    """The energy ½‖Ỹᵀσ(Xw)‖² of complex nodes w as a function of the real ones [Re w; Im w].

    Attributes:
        inner: the energy; its σ must be a polynomial, and a :class:`TableEnergy` be made for complex nodes.
    """

    inner: DataEnergy | SampleEnergy | TableEnergy

    @property
    def size(self) -> int:
        """2d."""
        return 2 * self.inner.size

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return self.inner.device

    def value_and_gradient(self, W: Nodes) -> tuple[Values, Nodes]:
        """E and ∇E of every column of W."""
        values, gradient = self.inner.value_and_gradient(complex_nodes(W, dim=0))
        return values, stacked(gradient)

    def hessian(self, w: Float[Tensor, " d"]) -> Float[Tensor, "d d"]:
        """∇²E of one node."""
        return self.inner.hessian(complex_nodes(w))


def stacked(nodes: Inexact[Tensor, "d S"]) -> Float[Tensor, "e S"]:
    """Columns [Re w; Im w] of complex nodes; real nodes as they are."""
    return torch.cat([nodes.real, nodes.imag]) if nodes.is_complex() else nodes
