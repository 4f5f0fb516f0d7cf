"""Which irreps the hidden nodes carry: the share of a node's mass in each, and its phases."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from li2.groups import FourierModes


@dataclass(frozen=True)
class NodeFeatures:
    """The irrep content of K nodes.

    Attributes:
        mass: (irreps, K) squared length of each node's part in each non-trivial irrep, all operands.
        irrep: (K,) int64, the irrep with the largest mass.
        purity: (K,) that irrep's share of the node's non-constant mass; NaN for a constant node.
        phases: (k, K) radians: operand i's part in that irrep is ∝ cos(θ(g) − phase), where
            exp(iθ(g)) is the irrep's first character; 0 or π for a real irrep.
    """

    mass: Float[Tensor, "irreps K"]
    irrep: Tensor
    purity: Float[Tensor, " K"]
    phases: Float[Tensor, "k K"]


class FourierBasis:
    """The Fourier modes of an Abelian group as tensors, conjugate characters taken together."""

    def __init__(self, modes: FourierModes, device: torch.device) -> None:
        self.irreps = modes.irreps
        self._characters = torch.from_numpy(modes.characters()).to(device)
        membership = np.zeros((len(modes.irreps), len(modes.exponents)))
        for number, irrep in enumerate(modes.irreps):
            membership[number, list(irrep.members)] = 1
        self._membership = torch.from_numpy(membership).to(device)
        self._first = torch.tensor([irrep.members[0] for irrep in modes.irreps], device=device)

    @property
    def labels(self) -> list[str]:
        """The irreps' labels, in order."""
        return [irrep.label for irrep in self.irreps]

    def node_features(self, W: Float[Tensor, "d K"]) -> NodeFeatures:
        """The irrep content of the columns of W, k stacked blocks of M rows."""
        order = len(self._characters)
        blocks = W.double().reshape(-1, order, W.shape[1])
        coefficients = self._characters @ blocks.to(self._characters.dtype)  # û_k = Σ_g u_g χ_k(g)
        squares = coefficients.abs().square().sum(dim=0) / order
        mass = self._membership @ squares
        total = mass.sum(dim=0)
        largest, irrep = mass.max(dim=0)
        purity = torch.where(total > 0, largest / total, torch.nan)
        chosen = self._first[irrep].expand(len(blocks), 1, -1)
        phases = coefficients.gather(1, chosen).squeeze(1).angle()
        return NodeFeatures(mass, irrep, purity, phases)

    def class_shares(self, values: Float[Tensor, "r M"]) -> Float[Tensor, " irreps"]:
        """Each irrep's share of the non-constant part of functions of the class, the rows; sums to 1."""
        coefficients = values.double().to(self._characters.dtype) @ self._characters.T
        mass = self._membership @ coefficients.abs().square().sum(dim=0)
        return mass / mass.sum()
