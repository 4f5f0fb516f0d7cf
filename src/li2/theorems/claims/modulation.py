"""What the gradient asks for once some irreps are learned: Theorem 7, on all pairs of a group, σ(x) = x²."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from li2.diagnostics import FourierBasis
from li2.groups import Representations
from li2.landscape import DataEnergy, ascend, random_starts
from li2.models import Examples, named_activation, unit_nodes
from li2.theorems.claim import Check, Curve, Evidence, NotApplicable, Plot, Setting
from li2.theorems.instruments.pairs import all_pairs, centred_features
from li2.theory import reconstruction as theory
from li2.theory.maxima import square_maximum

CPU = torch.device("cpu")

ETA = 1e-6
"""η where it has to be small: unit nodes have ‖f̃‖ of about 1."""

AMPLITUDES = tuple(float(a) for a in np.geomspace(0.005, 1.0, 10))
"""Of the weights of a node that joins; its features grow as their square."""

PROBES = 6
"""Random nodes whose gradient is taken."""

PROBE_AMPLITUDE = 1e-4
"""Of these, so small that they leave the others' residual as it is."""

SMALL_ORDER = 30
"""Up to this order there are many subsets and starts at quick scale."""


def _subsets(representations: Representations, count: int, random: np.random.Generator) -> list[tuple[int, ...]]:
    """Sets of learned irreps, by their numbers: single ones, all but one, and a random half; ``count`` at most."""
    numbers = range(1, len(representations.characters.real_irreps))
    half = tuple(sorted(random.permutation(numbers)[: len(numbers) // 2].tolist()))
    singles = [(number,) for number in numbers]
    others = [tuple(n for n in numbers if n != number) for number in numbers]
    random.shuffle(singles)
    random.shuffle(others)
    mixed = [half, *(part for both in zip(singles, others, strict=True) for part in both)]
    return list(dict.fromkeys(mixed))[:count]


@dataclass(frozen=True)
class _Learned:
    """A network whose nodes are the constructed ones of some irreps, V fitted by least squares.

    Attributes:
        learned, missing: numbers of non-trivial irreps over the reals.
        nodes: (2M, K).
        features: F̃.
        targets: Ỹ.
        residual: Ỹ − F̃V.
    """

    learned: tuple[int, ...]
    missing: tuple[int, ...]
    nodes: Float[Tensor, "d K"]
    features: Float[Tensor, "n K"]
    targets: Float[Tensor, "n M"]
    residual: Float[Tensor, "n M"]

    @classmethod
    def of(cls, representations: Representations, examples: Examples, learned: tuple[int, ...]) -> "_Learned":
        """A network that holds these irreps exactly, V by least squares."""
        numbers = range(1, len(representations.characters.real_irreps))
        nodes = torch.from_numpy(theory.constructed_nodes(representations, learned))
        features = centred_features(nodes, examples)
        one_hot = torch.nn.functional.one_hot(examples.labels, representations.group.order).double()
        targets = one_hot - one_hot.mean(dim=0)
        q, _ = torch.linalg.qr(features)
        residual = targets - q @ (q.T @ targets)
        return cls(learned, tuple(n for n in numbers if n not in learned), nodes, features, targets, residual)

    def best_loss(self, added: Float[Tensor, "n k"]) -> Tensor:
        """J* = min_V ½‖Ỹ − F̃V‖² + ½η‖V‖² with further nodes; differentiable in their features."""
        cross = self.features.T @ added
        gram = torch.cat([torch.cat([self._gram, cross], dim=1), torch.cat([cross.T, added.T @ added], dim=1)])
        correlations = torch.cat([self._correlations, added.T @ self.targets])
        shifted = gram + ETA * torch.eye(len(gram), dtype=gram.dtype)
        fitted = (correlations * torch.linalg.solve(shifted, correlations)).sum()
        return (self.targets.square().sum() - fitted) / 2

    def whitened(self, added: Float[Tensor, "n k"]) -> Float[Tensor, " k"]:
        """f̃ᵀP_ηf̃ of nodes, P_η of those that are there."""
        shifted = self._gram + ETA * torch.eye(len(self._gram), dtype=added.dtype)
        cross = self.features.T @ added
        return added.square().sum(dim=0) - (cross * torch.linalg.solve(shifted, cross)).sum(dim=0)

    @cached_property
    def _gram(self) -> Float[Tensor, "K K"]:
        return self.features.T @ self.features

    @cached_property
    def _correlations(self) -> Float[Tensor, "K M"]:
        return self.features.T @ self.targets


@dataclass(frozen=True)
class _Kernels:
    """How a kernel on classes describes residual and gradient.

    Attributes:
        residual: ‖(Ỹ − F̃V) − kernel‖/‖Ỹ − F̃V‖.
        cosine: the least cosine of −∂J*/∂f̃ with kernel·f̃ over the probes.
    """

    residual: float
    cosine: float


def _kernels(network: _Learned, kernel: Float[Tensor, "M M"], examples: Examples, probes: Tensor) -> _Kernels:
    rows = kernel[examples.labels]
    error = (network.residual - rows).norm() / network.residual.norm()
    cosines = []
    for probe in probes.T:
        leaf = probe[:, None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(network.best_loss(leaf), leaf)
        sums = probe.new_zeros(len(kernel)).index_add_(0, examples.labels, probe)
        direction = (kernel @ sums)[examples.labels]
        length = direction.norm() * gradient.norm()
        cosines.append((-(direction @ gradient[:, 0]) / length).item() if length > 0 else 0.0)
    return _Kernels(error.item(), min(cosines))


@dataclass(frozen=True)
class _Ends:
    """Where ascents of the residual's energy have ended: how many, converged, on missing irreps, and at their E*."""

    total: int
    converged: int
    missing: int
    predicted: int


def _ends(representations: Representations, network: _Learned, inputs: Tensor, starts: int, seed: int) -> _Ends:
    energy = DataEnergy(inputs, network.residual, named_activation("square"))
    ascent = ascend(energy, random_starts(energy, starts, seed))
    features = FourierBasis(representations, CPU).node_features(ascent.nodes)
    order, irreps = representations.group.order, representations.characters.real_irreps
    numbers = [int(number) + 1 for number in features.irrep]  # the basis leaves out the trivial one
    pure = (features.isotypic_share > 1 - 1e-6).tolist()
    levels = [square_maximum(order, irreps[number].dimension, irreps[number].type).energy for number in numbers]
    near = [abs(e / level - 1) < 1e-6 for e, level in zip(ascent.energies.tolist(), levels, strict=True)]
    return _Ends(
        starts,
        int(ascent.converged.sum()),
        sum(p and number in network.missing for p, number in zip(pure, numbers, strict=True)),
        sum(near),
    )


def _gains(network: _Learned, nodes: Float[Tensor, "d k"], examples: Examples) -> tuple[Tensor, Tensor, Tensor]:
    """For nodes of each amplitude that join: by how much J* falls, the prediction, and E_S/η; (amplitudes, k)."""
    alone = network.best_loss(network.features[:, :0])
    drops, predictions, linear = [], [], []
    for amplitude in AMPLITUDES:
        added = centred_features(amplitude * nodes, examples)
        drops.append(torch.stack([alone - network.best_loss(f[:, None]) for f in added.T]))
        energies = (network.residual.T @ added).square().sum(dim=0) / 2
        predictions.append(theory.gain_of_node(energies, network.whitened(added), ETA))
        linear.append(energies / ETA)
    return torch.stack(drops), torch.stack(predictions), torch.stack(linear)


@dataclass(frozen=True)
class _Outcome:
    """What one set of learned irreps has shown.

    Attributes:
        printed, isotypic: how the two kernels describe it.
        ends: of the ascents.
        on_learned: the largest energy that the residual gives to a learned node.
        gain_error: the largest relative error of the predicted gain of a further node.
        excess: E_S/η over the gain, the largest at the smallest amplitude, the smallest at the largest.
        plot: gains of a node of a missing irrep.
    """

    printed: _Kernels
    isotypic: _Kernels
    ends: _Ends
    on_learned: float
    gain_error: float
    excess: tuple[float, float]
    plot: Plot


def _outcome(representations: Representations, learned: tuple[int, ...], starts: int, seed: int) -> _Outcome:
    examples, order = all_pairs(representations), representations.group.order
    network = _Learned.of(representations, examples, learned)
    inputs = torch.eye(2 * order, dtype=torch.float64)[examples.rows].sum(dim=1)
    generator = torch.Generator().manual_seed(seed)
    probes = unit_nodes(torch.randn(2 * order, PROBES, generator=generator, dtype=torch.float64))
    features = centred_features(PROBE_AMPLITUDE * probes, examples)
    printed, isotypic = (
        _kernels(network, torch.from_numpy(kernel(representations, network.missing)), examples, features)
        for kernel in (theory.printed_kernel, theory.isotypic_kernel)
    )
    fresh = torch.from_numpy(theory.constructed_nodes(representations, network.missing[:1]))[:, :1]
    drops, predicted, linear = _gains(network, torch.cat([fresh, probes], dim=1), examples)
    excess = linear / drops
    return _Outcome(
        printed,
        isotypic,
        _ends(representations, network, inputs, starts, seed),
        ((network.residual.T @ network.features).square().sum(dim=0) / 2).max().item(),
        (drops / predicted - 1).abs().max().item(),
        (excess[0].max().item(), excess[-1].min().item()),
        _gain_plot(drops[:, 0], predicted[:, 0], linear[:, 0]),
    )


def theorem_7(setting: Setting) -> Evidence:
    """The evidence for Theorem 7; raises NotApplicable where one irrep is all there is."""
    representations, name = setting.of_group, setting.of_group.group.name
    if len(representations.characters.real_irreps) < 3:
        raise NotApplicable(f"{name} has a single non-trivial irrep over the reals: none is missing beside it.")
    subsets, starts = (9, 12) if setting.is_full or representations.group.order <= SMALL_ORDER else (2, 4)
    sets = _subsets(representations, subsets, np.random.default_rng([setting.seed, 7]))
    found = [_outcome(representations, learned, starts, setting.seed + n) for n, learned in enumerate(sets)]
    total = starts * len(sets)
    converged, missing, at_energy = (
        sum(getattr(outcome.ends, count) for outcome in found) for count in ("converged", "missing", "predicted")
    )
    worst, exact = max(o.printed.residual for o in found), max(o.isotypic.residual for o in found)
    cosine, exact_cosine = min(o.printed.cosine for o in found), min(o.isotypic.cosine for o in found)
    gain_error, low = max(outcome.gain_error for outcome in found), max(outcome.excess[0] for outcome in found)
    high = min(outcome.excess[1] for outcome in found)
    return Evidence(
        [
            Check.at_most("residual against the printed Φ_SΦ_S*, relative error", 1e-6, worst),
            Check.at_least("cosine of −∂J/∂F of a node with (Φ_SΦ_S* ⊗ 11ᵀ)F as printed, least", 0.999, cosine),
            Check.every("ascents of the residual's energy that end on a missing irrep", missing, total),
        ],
        f"With {len(sets)} sets of learned irreps of {name}, {missing} of {total} ascents of the residual's energy end "
        f"on missing irreps; the residual differs from the isotypic kernel by {exact:.1g} of its size, from the "
        f"printed one by {worst:.2g}. A node that joins lowers the loss by E_S/(η + f̃ᵀP_ηf̃) up to {gain_error:.1g}, "
        f"so that E_S/η, right for small nodes, is at least {high:.2g} times too large at amplitude 1.",
        [
            Check.at_most("residual against the isotypic kernel, relative error", 1e-9, exact),
            Check.at_least("cosine of −∂J/∂F of a node with the isotypic kernel's, least", 0.999, exact_cosine),
            Check.every("ascents that converged", converged, total),
            Check.every("ascents that end at the E* of their irrep", at_energy, total),
            Check.at_most("energy of the learned nodes in the residual", 1e-9, max(o.on_learned for o in found)),
            Check.at_most("relative error of the gain E_S/(η + f̃ᵀP_ηf̃), all amplitudes", 0.01, gain_error),
            Check.at_most("E_S/η over the gain at the smallest amplitude, most", 1.05, low),
            Check.at_least("E_S/η over the gain at amplitude 1, least", 10, high),
        ],
        [found[0].plot],
    )


def _gain_plot(drops: Tensor, predicted: Tensor, linear: Tensor) -> Plot:
    return Plot(
        "What a new node of a missing irrep gains",
        "amplitude of its weights",
        "fall of min_V J",
        (
            Curve("E_S/(η + f̃ᵀP_ηf̃)", AMPLITUDES, predicted.tolist(), predicted=True),
            Curve("E_S/η", AMPLITUDES, linear.tolist(), predicted=True),
            Curve("measured", AMPLITUDES, drops.tolist()),
        ),
        log_x=True,
        log_y=True,
    )
