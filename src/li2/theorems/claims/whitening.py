"""Lemma 1: when G_F(∞) is ỸỸᵀF̃, and what it is otherwise, with the infinitely wide layer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from li2.statistics import exponent
from li2.theorems.claim import Check, Claim, Curve, Evidence, Plot, Setting
from li2.theorems.instruments.layer import (
    Readout,
    Samples,
    centred,
    cosine,
    distance,
    group_samples,
    normal,
    square_layer,
    wide_covariances,
)
from li2.theory import kernel, lazy
from li2.theory.statements import STATEMENTS

GROUPS = ("cyclic:7", "cyclic:23", "symmetric:3")

ROWS, CLASSES, CORRELATION = 24, 4, 0.5
"""Size of the data that meet the lemma's assumptions, and the inner product of their rows."""

RATIOS = (64, 128, 256, 512, 1024)
"""Widths K over n for them."""

WIDTHS = (0.5, 1.0, 2.0, 8.0)
"""Widths K over n on a group's pairs."""

SHARES = np.geomspace(1e-6, 1e2, 9).tolist()
"""η over 4K on a group's pairs; 4K is what the infinitely wide layer has in every direction."""

CHUNK, CHUNKS = 4096, 32
"""Nodes of a wide layer, at a time and how many times."""


def _lemma_1(setting: Setting) -> Evidence:
    ideal = _ideal(setting)
    samples = group_samples(setting.of_group.group, 1000 if setting.is_full else 160, setting.seed)
    scans = [_scan(samples, max(1, round(ratio * len(samples))), setting.seed) for ratio in WIDTHS]
    least = min((min(scan.plain), scan.width, scan.etas[int(np.argmin(scan.plain))]) for scan in scans)
    whitened = min(min(scan.whitened) for scan in scans)
    few = group_samples(setting.of_group.group, 48, setting.seed)
    statement = [
        *ideal.statement(),
        Check.at_least("cos of G_F(∞) with ỸỸᵀF̃ on the group's pairs, least over η and K", 0.99, least[0]),
    ]
    correction = [
        *ideal.correction(),
        *_exact_checks(few, setting.seed),
        Check.at_most(
            "1 − cos of G_F(∞) with P_ηỸỸᵀP_ηF̃ on the group's pairs, largest over η and K", 1e-9, 1 - whitened
        ),
        *_kernel_checks(few, setting.seed),
    ]
    name, n = setting.of_group.group.name, len(samples)
    return Evidence(
        statement,
        f"On data that meet the assumptions the factor of ỸỸᵀF̃ is {ideal.printed_ratio:.3g} times the printed one at "
        f"K = {ideal.widths[-1]} and goes as K to the power {ideal.power:.2f}; on {n} pairs of {name} the cosine of "
        f"G_F(∞) with ỸỸᵀF̃ falls to {least[0]:.2g} (K = {least[1]}, η = {least[2]:.1e}). G_F(∞) is the gradient of J*, "
        f"with a cosine of 1 to {1 - whitened:.0e} with P_ηỸỸᵀP_ηF̃, so that what nodes climb is whitened unless η is "
        "large.",
        correction,
        [ideal.plot(), _cosine_plot(scans, n, name)],
    )


@dataclass(frozen=True, eq=False)
class _Ideal:
    """G_F(∞) on rows of equal length with equal inner products.

    Attributes:
        widths: K, ROWS times the RATIOS.
        factors: of ỸỸᵀF̃ in G_F(∞), mean over draws of W.
        printed, corrected: predictions of it.
        power: of K in the factors.
        cosine: of G_F(∞) with ỸỸᵀF̃, least at the largest K.
        large: the factor over the corrected one at the largest K, farthest from 1 over η and activations.
        slope: ‖∂J/∂V‖ at V_ridge over that at V = 0, largest.
        node_gram, sample_gram: how far F̃ᵀF̃ and F̃F̃ᵀ are from multiples of I and P₁ at the largest K.
    """

    widths: list[int]
    factors: list[float]
    printed: list[float]
    corrected: list[float]
    power: float
    cosine: float
    large: float
    slope: float
    node_gram: float
    sample_gram: float

    @property
    def printed_ratio(self) -> float:
        """The factor over the printed one at the largest K."""
        return self.factors[-1] / self.printed[-1]

    def statement(self) -> list[Check]:
        """The lemma as printed."""
        widest = self.widths[-1]
        return [
            Check.close(
                f"factor of ỸỸᵀF̃ over the printed one, K = {widest}, n = {ROWS}, equal inner products",
                1.0,
                self.printed_ratio,
                absolute=0.05,
            ),
            Check.close("power of K in that factor", -1.0, self.power, absolute=0.05),
            Check.at_least(f"cos of G_F(∞) with ỸỸᵀF̃ there, K = {widest}", 0.99, self.cosine),
            Check.at_most(f"distance of F̃F̃ᵀ from a multiple of P₁, relative, K = {widest}", 0.2, self.sample_gram),
            Check.at_most(f"distance of F̃ᵀF̃ from a multiple of I, relative, K = {widest}", 0.2, self.node_gram),
        ]

    def correction(self) -> list[Check]:
        """With the same whitening on both sides."""
        return [
            Check.at_most("‖∂J/∂V‖ at V_ridge over that at V = 0", 1e-9, self.slope),
            Check.close("power of K in the factor of ỸỸᵀF̃, equal inner products", -2.0, self.power, absolute=0.05),
            Check.close(
                f"factor over η/(Kc + η)², K = {self.widths[-1]}, farthest from 1 over η, square, relu and tanh",
                1.0,
                self.large,
                absolute=0.05,
            ),
        ]

    def plot(self) -> Plot:
        """The factor over K."""
        curves = (
            Curve("measured", self.widths, self.factors),
            Curve("corrected, η/(Kc + η)²", self.widths, self.corrected, predicted=True),
            Curve("as printed", self.widths, self.printed, predicted=True),
        )
        title = f"Factor of ỸỸᵀF̃ in G_F(∞), equal inner products, n = {ROWS}"
        return Plot(title, "nodes K", "factor", curves, log_x=True, log_y=True)


def _ideal(setting: Setting) -> _Ideal:
    """Rows √(1 − ρ)·I beside a common column √ρ, W standard normal, random labels of which none is alone."""
    generator = torch.Generator().manual_seed(setting.seed)
    common = torch.full((ROWS, 1), CORRELATION**0.5, dtype=torch.float64)
    inputs = torch.cat([(1 - CORRELATION) ** 0.5 * torch.eye(ROWS, dtype=torch.float64), common], dim=1)
    labels = (torch.arange(ROWS) % CLASSES)[torch.randperm(ROWS, generator=generator)]
    targets = torch.nn.functional.one_hot(labels, CLASSES).double()
    level, eta = kernel.equal_level(torch.square, CORRELATION), 1.0
    widths, factors, slope, gram = [ROWS * ratio for ratio in RATIOS], [], 0.0, (0.0, 0.0)
    cosines: list[float] = []
    for width in widths:
        found = []
        for _ in range(16 if setting.is_full else 4):
            features = (inputs @ normal(generator, ROWS + 1, width)).square()
            factor, cos, residual = _factor(Readout(features, targets, eta))
            found.append(factor)
            slope = max(slope, residual)
            if width == widths[-1]:
                cosines.append(cos)
                gram = _gram_distances(features)
        factors.append(float(np.mean(found)))
    ratios = [factors[-1] / lazy.wide_factor(widths[-1], level, eta)]
    for function in (torch.square, torch.relu, torch.tanh):
        features, own = (
            function(inputs @ normal(generator, ROWS + 1, widths[-1])),
            kernel.equal_level(function, CORRELATION),
        )
        for size in (0.1, 1.0, 10.0):
            readout = Readout(features, targets, size * own * widths[-1])
            ratios.append(_factor(readout)[0] / lazy.wide_factor(widths[-1], own, readout.eta))
    return _Ideal(
        widths,
        factors,
        [lazy.printed_factor(width, ROWS, level, eta) for width in widths],
        [lazy.wide_factor(width, level, eta) for width in widths],
        exponent(widths, factors),
        min(cosines),
        max(ratios, key=lambda ratio: abs(ratio - 1)),
        slope,
        *gram,
    )


def _factor(readout: Readout) -> tuple[float, float, float]:
    """The factor of ỸỸᵀF̃ in G_F at the minimum of J, their cosine, and how far ∂J/∂V is from zero."""
    top = readout.dual_minimiser()
    features, targets = centred(readout.features), centred(readout.targets)
    measured, plain = readout.backpropagated(top), targets @ (targets.T @ features)
    residual = readout.velocity(top).norm() / readout.velocity(torch.zeros_like(top)).norm()
    return ((measured * plain).sum() / plain.square().sum()).item(), cosine(measured, plain), residual.item()


def _gram_distances(features: Tensor) -> tuple[float, float]:
    """Relative distances of F̃ᵀF̃ from a multiple of I and of F̃F̃ᵀ from one of P₁; both have these traces and norms."""
    gram = centred(features) @ centred(features).T
    share = gram.trace() ** 2 / gram.square().sum()
    nodes, rows = ((1 - share / size).clamp_min(0).sqrt().item() for size in (features.shape[1], len(features) - 1))
    return nodes, rows


def _exact_checks(samples: Samples, seed: int) -> list[Check]:
    """G_F(∞) as the gradient of J*, and a node's own energy beside the others."""
    width = max(2, round(1.5 * len(samples)))
    features = square_layer(samples.inputs, width, seed)
    F, Y = centred(features), centred(samples.targets)
    gradients, energies, columns = [0.0], [0.0], [0.0]
    for share in (1e-2, 0.3):
        eta = share * Readout(features, samples.targets).stiffness
        readout = Readout(features, samples.targets, eta)
        top = readout.minimiser()
        measured, least = readout.backpropagated(top), readout.objective(features, top)
        leaf = F.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(lazy.least_objective(leaf, Y, eta), leaf)
        gradients.append(distance(measured, -gradient))
        for node in {0, 1, width - 1}:
            rest = [other for other in range(width) if other != node]
            without = Readout(features[:, rest], samples.targets, eta)
            drop = without.objective(without.features, without.minimiser()) - least
            own = F[:, node].clone().requires_grad_()
            energy = lazy.node_energy(F[:, rest], own, Y, eta)
            (column,) = torch.autograd.grad(energy, own)
            energies.append(abs(drop / energy - 1).item())
            columns.append(distance(measured[:, node], column))
    return [
        Check.at_most("relative error of −∂J*/∂F, J* = ½ tr ỸᵀP_ηỸ, as G_F(∞)", 1e-8, max(gradients)),
        Check.at_most("relative error of (η/2)‖ỸᵀR₋f̃‖²/(1 + f̃ᵀR₋f̃) as fall of min J by a node", 1e-7, max(energies)),
        Check.at_most("relative error of its gradient as the node's column of G_F(∞)", 1e-7, max(columns)),
    ]


@dataclass(frozen=True, eq=False)
class _Scan:
    """Cosines of G_F(∞) with predictions, by η at one width.

    Attributes:
        width: K.
        etas: η.
        plain: cosine with ỸỸᵀF̃.
        whitened: cosine with P_ηỸỸᵀP_ηF̃.
        predicted: cosine of the latter with the former.
    """

    width: int
    etas: list[float]
    plain: list[float]
    whitened: list[float]
    predicted: list[float]


def _scan(samples: Samples, width: int, seed: int) -> _Scan:
    features = square_layer(samples.inputs, width, seed)
    F, Y = centred(features), centred(samples.targets)
    direction = Y @ (Y.T @ F)
    scan = _Scan(width, [share * 4 * width for share in SHARES], [], [], [])
    for eta in scan.etas:
        readout = Readout(features, samples.targets, eta)
        measured = readout.backpropagated(readout.minimiser())
        predicted = lazy.whitened_gradient(F, Y, eta)
        scan.plain.append(cosine(measured, direction))
        scan.whitened.append(cosine(measured, predicted))
        scan.predicted.append(cosine(predicted, direction))
    return scan


def _cosine_plot(scans: Sequence[_Scan], count: int, name: str) -> Plot:
    curves = []
    for scan in scans:
        shares = [eta / (4 * scan.width) for eta in scan.etas]
        curves.append(Curve(f"measured, K = {scan.width}", shares, scan.plain))
        curves.append(Curve(f"whitened, K = {scan.width}", shares, scan.predicted, predicted=True))
    title = f"cos of G_F(∞) with ỸỸᵀF̃, {count} pairs of {name}"
    return Plot(title, "η/(4K)", "cosine", tuple(curves), log_x=True)


def _kernel_checks(samples: Samples, seed: int) -> list[Check]:
    """The infinitely wide layer against sampled ones."""
    shared = (samples.inputs @ samples.inputs.T).round().long()
    checks = []
    for words, law in (("Gaussian", kernel.Law(True)), ("uniform", kernel.Law(False))):
        covariances, _ = wide_covariances(samples, law.is_gaussian, seed, CHUNK, CHUNKS)
        levels = kernel.square_levels(law)
        predicted = {2: levels.both - levels.none, 1: levels.shared, 0: 0.0}
        for operands, expected in predicted.items():
            chosen = covariances[:, shared == operands]
            if chosen.shape[1]:
                means = chosen.mean(dim=1)
                error = 5 * means.std().item() / CHUNKS**0.5
                what = f"covariance of activations sharing {operands} operands, {words} weights, ± 5 standard errors"
                checks.append(Check.close(what, expected, means.mean().item(), absolute=error))
    return [*checks, *_width_checks(samples, seed)]


def _width_checks(samples: Samples, seed: int) -> list[Check]:
    """How the kernel and P_η of a sampled layer come to those of the infinitely wide one."""
    levels, targets = kernel.square_levels(kernel.Law(True)), centred(samples.targets)
    identity = torch.eye(len(samples), dtype=torch.float64)
    projector = identity - 1 / len(samples)
    limit = projector @ kernel.pair_kernel(samples.inputs, levels) @ projector
    counts = [CHUNKS // 16, CHUNKS // 4, CHUNKS]
    errors: dict[str, list[list[float]]] = {"kernel": [], "P_η": []}
    for draw in range(4):
        _, grams = wide_covariances(samples, True, seed + draw, CHUNK, CHUNKS)
        kernels, whitenings = [], []
        for count in counts:
            width, gram = count * CHUNK, projector @ grams[:count].mean(dim=0) @ projector
            eta = 0.1 * levels.own * width
            measured = torch.linalg.solve(gram + eta / width * identity, targets)
            kernels.append(distance(gram, limit))
            expected = kernel.wide_whitening(samples.inputs, targets, levels, width, eta, is_centred=True)
            whitenings.append(distance(eta / width * measured, expected))
        errors["kernel"].append(kernels)
        errors["P_η"].append(whitenings)
    checks = []
    for name, found in errors.items():
        sizes = np.sqrt(np.square(found).mean(axis=0))
        widths = [count * CHUNK for count in counts]
        checks.append(
            Check.close(
                f"power of K in the error of the infinitely wide {name}",
                -0.5,
                exponent(widths, sizes.tolist()),
                absolute=0.15,
            )
        )
        checks.append(Check.at_most(f"that error at K = {widths[-1]}, relative", 0.05, float(sizes[-1])))
    return checks


CLAIMS = [
    Claim(
        STATEMENTS["lemma-1"],
        "G_F by autograd at minima of J: on rows with equal inner products, for the factor of ỸỸᵀF̃ over K; on pairs of "
        "the group, for its direction over η and K; and layers of 131,072 nodes for the infinitely wide one.",
        _lemma_1,
        GROUPS,
    )
]
