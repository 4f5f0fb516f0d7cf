"""The energy on the pairs (g, g⁻¹h) of one target h, with the means to tell its maxima."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from li2.groups import Group
from li2.landscape import DataEnergy, SampleEnergy, random_starts, sphere_spectrum
from li2.models import unit_nodes
from li2.models.activations import Activation
from li2.theory.memorisation import Memorisation

FLAT = 1e-6
"""An eigenvalue of the Hessian on the sphere below this times w·∇E does not count as positive."""

PROBE = 1e-5
"""Length of the steps that look for a rise beyond a kink."""


@dataclass(frozen=True, eq=False)
class OneTarget:
    """The pairs of one target.

    Attributes:
        group: of order M.
        target: h.
        counts: (M,) how often pair (g, g⁻¹h) is seen; one is largest.
    """

    group: Group
    target: int
    counts: NDArray[np.int64]

    @classmethod
    def random(cls, group: Group, seed: int) -> "OneTarget":
        """A random target and random counts; the likeliest pair leads by a tenth at least."""
        generator = np.random.default_rng([seed, 5])
        target = int(generator.integers(group.order))
        counts = generator.integers(2, 30, size=group.order)
        likeliest = counts.argmax()
        counts[likeliest] += 1 + counts[likeliest] // 10
        return cls(group, target, counts)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """(M,) p_g."""
        return np.asarray(self.counts / self.counts.sum())

    @property
    def pairs(self) -> Tensor:
        """(M, 2) rows of w that the pairs (g, g⁻¹h) select."""
        second = self.group.table[self.group.inverses, self.target]
        return torch.tensor(np.stack([np.arange(self.group.order), self.group.order + second], axis=1))

    @property
    def inputs(self) -> Tensor:
        """(M, 2M) one-hot pairs."""
        return torch.eye(2 * self.group.order, dtype=torch.float64)[self.pairs].sum(dim=1)

    def energy(self, activation: Activation) -> DataEnergy:
        """E = ½(Σ_g p_g σ(u_g + v_{g⁻¹h}))²."""
        return DataEnergy(self.inputs, torch.tensor(self.probabilities)[:, None], activation)

    def samples(self, activation: Activation, centring: str) -> SampleEnergy:
        """The energy of as many labelled samples as the counts say."""
        rows = self.pairs.repeat_interleave(torch.tensor(self.counts), dim=0)
        labels = torch.full((len(rows),), self.target)
        return SampleEnergy(rows, labels, self.group.order, activation, centring)

    def node(self, maximum: Memorisation) -> Tensor:
        """(2M,) the node with u_g = v_{g⁻¹h} = s_g/2."""
        node = torch.zeros(2 * self.group.order, dtype=torch.float64)
        for rows, half in zip(self.pairs.tolist(), (maximum.sums / 2).tolist(), strict=True):
            node[rows] = half
        return node


def is_maximum(energy: DataEnergy, node: Tensor) -> bool:
    """Whether E falls, or stays, in all directions; beyond kinks, too.

    A point of E = 0 is a minimum. The slope has to vanish, and no eigenvalue of the Hessian on the sphere to be
    positive; since both say nothing beyond a kink (relu), each sum u_g + v_{g⁻¹h} is raised and lowered a little.
    """
    values, gradients = energy.value_and_gradient(node[:, None])
    radial = node @ gradients[:, 0]
    if values.item() < 1e-12 or (gradients[:, 0] - radial * node).norm() > 1e-7 * gradients.norm():
        return False
    if (sphere_spectrum(energy, node) > FLAT * radial.abs()).any():
        return False
    steps = energy.inputs.T * (PROBE / 2**0.5)
    around = unit_nodes(torch.cat([node[:, None] + steps, node[:, None] - steps], dim=1))
    return not bool((energy.value_and_gradient(around)[0] > values * (1 + 1e-11)).any())


def positive_starts(energy: DataEnergy, count: int, seed: int) -> Tensor:
    """(2M, count + M) starts with positive weights: random ones, and one around each single pair."""
    starts = random_starts(energy, count + len(energy.inputs), seed + 1).abs()
    starts[:, count:] = unit_nodes(0.5 * starts[:, count:] + energy.inputs.T / 2**0.5)
    return starts


def best_division(probabilities: NDArray[np.float64], activation: Activation) -> float:
    """The greatest E if every s_g² is a multiple of a small part, by dynamic programming over the pairs.

    Global by construction, whatever the signs: |F| is greatest where F is, or −F. u_g = v_{g⁻¹h} costs least.
    """
    parts = max(400, 8 * len(probabilities))
    roots = torch.linspace(0, 2, parts + 1, dtype=torch.float64).sqrt()
    both = torch.stack([activation.function(roots), activation.function(-roots)]).numpy()
    best = 0.0
    for gains in (both.max(axis=0), -both.min(axis=0)):
        total = np.zeros(1)  # [k]: the greatest sum with k parts spent, over the pairs so far
        for p in probabilities:
            shifted = np.full((parts + 1, parts + 1), -np.inf)
            for spent, value in enumerate(total):
                shifted[spent, spent:] = value + p * gains[: parts + 1 - spent]
            total = shifted.max(axis=0)
        best = max(best, float(total.max()))
    return float(best**2 / 2)
