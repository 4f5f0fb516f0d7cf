"""Memorising maxima: Theorem 5, on the pairs (g, g⁻¹h) of one target h with random probabilities."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from li2.landscape import Ascent, DataEnergy, ascend, random_starts
from li2.models import named_activation, unit_nodes
from li2.models.activations import Activation
from li2.theorems.claim import Check, Claim, Curve, Evidence, Plot, Setting
from li2.theorems.instruments.one_target import OneTarget, best_division, is_maximum, positive_starts
from li2.theory.memorisation import (
    SHAPES,
    Memorisation,
    global_maximum,
    local_maxima,
    power,
    relu_limit,
    trend,
)
from li2.theory.statements import STATEMENTS

ACTIVATIONS = ("square", "cube", "relu", "silu", "tanh", "sigmoid")

SAME_NODE = 1e-6
"""Largest difference of weights up to which two nodes of length one are the same."""

FLOW_STEP, FLOW_STEPS = 0.2, 160
"""Of gradient ascent in small steps, in units of 1/(w·∇E)."""

LOG_COSH = Activation("log cosh 2x", lambda z: (2 * z).cosh().log(), lambda z: 2 * torch.tanh(2 * z))


@dataclass(frozen=True, eq=False)
class _Found:
    """Where ascents have ended.

    Attributes:
        ascent: from random starts, then from positive ones.
        free: how many starts were random.
        highest: (2M,) the end point of greatest energy.
        is_maximum: (free,) whether an end point of a random start is a local maximum.
    """

    ascent: Ascent
    free: int
    highest: Tensor
    is_maximum: NDArray[np.bool_]

    def at(self, nodes: list[Tensor]) -> NDArray[np.bool_]:
        """(free,) whether a random start has ended at one of these nodes."""
        distances = torch.stack([self._distance(node) for node in nodes])
        return np.asarray((distances.amin(dim=0) <= SAME_NODE).numpy())

    def _distance(self, node: Tensor) -> Tensor:
        return (self.ascent.nodes[:, : self.free] - node[:, None]).abs().amax(dim=0)


def _found(energy: DataEnergy, setting: Setting) -> _Found:
    """Ascents from random starts and, since relu has dead regions, from positive ones."""
    free = 300 if setting.is_full else 60
    ascent = ascend(energy, torch.cat([random_starts(energy, free, setting.seed), _positive(energy, setting)], dim=1))
    known: dict[tuple[float, ...], bool] = {}
    maxima = []
    for number in range(free):
        key = tuple(ascent.nodes[:, number].round(decimals=5).add(0.0).tolist())
        if key not in known:
            known[key] = bool(ascent.converged[number]) and is_maximum(energy, ascent.nodes[:, number])
        maxima.append(known[key])
    highest = ascent.nodes[:, int(torch.where(ascent.converged, ascent.energies, -1).argmax())]
    return _Found(ascent, free, highest, np.array(maxima))


def _theorem_5(setting: Setting) -> Evidence:
    data = OneTarget.random(setting.of_group.group, setting.seed)
    p = data.probabilities
    found = {name: _found(data.energy(named_activation(name)), setting) for name in ACTIVATIONS}
    printed = {name: global_maximum(p, SHAPES[name]) for name in ACTIVATIONS}
    nodes = {name: data.node(maximum) for name, maximum in printed.items()}
    centred = max(_centred_share(data, name, node) for name, node in nodes.items())
    what = "largest E at the printed maxima with Ỹ centred over samples, as E is defined, over E not centred"
    statement = [Check(what, "> 0", centred, "above 1e-12", centred > 1e-12)]
    for name in ACTIVATIONS:
        error = (found[name].highest - nodes[name]).abs().max().item()
        mirrored = (found[name].highest + nodes[name]).abs().max().item()
        what = f"{name}: distance of the highest end point from the printed ±w, E not centred, largest component"
        statement.append(Check.at_most(what, SAME_NODE, min(error, mirrored)))
    reached = {name: int(found[name].is_maximum.sum()) for name in ACTIVATIONS}
    right = {name: int((found[name].is_maximum & found[name].at([nodes[name]])).sum()) for name in ACTIVATIONS}
    for name in ACTIVATIONS:
        if reached[name]:
            what = f"{name}: random starts, of those that end at local maxima, that end at the printed w"
            statement.append(Check.every(what, right[name], reached[name]))
    exponents, exponent_plot = _exponents(data, setting)
    local, listed = _local_checks(data, found)
    correction = [
        Check.every(
            "ascents that converged",
            sum(int(each.ascent.converged.sum()) for each in found.values()),
            sum(len(each.ascent.converged) for each in found.values()),
        ),
        *_centring_checks(data, setting.seed),
        _trend_check(),
        *_global_checks(data, found, printed),
        *local,
        *_relu_checks(data, setting.seed),
        *exponents,
        _threshold_check(data, setting),
    ]
    shares = ", ".join(f"{right[name]} of {reached[name]} for {name}" for name in ACTIVATIONS if reached[name])
    elsewhere = sum(reached.values()) - sum(right.values())
    agreeing = sum(check.passed for check in statement[1 : 1 + len(ACTIVATIONS)])
    return Evidence(
        statement,
        f"On the {len(p)} pairs of one target of {data.group.name} the highest end point is the printed one, up to "
        f"sign, for {agreeing} of {len(ACTIVATIONS)} activations, if E is not centred over samples; centred, it is "
        f"{centred:.0e} times that. Of the random starts that end at local maxima, {shares} end at the printed w, and "
        f"{listed - sum(right.values())} of the other {elsewhere} at those that the correction lists: −w, other single "
        "pairs (x³), negative sums (silu).",
        correction,
        [_profile_plot(data, found, printed), exponent_plot],
    )


def _centred_share(data: OneTarget, name: str, node: Tensor) -> float:
    """E with Ỹ centred over samples over E with Ỹ as it is."""
    energies = [data.samples(named_activation(name), centring) for centring in ("samples", "none")]
    centred, plain = (energy.value_and_gradient(node[:, None])[0].item() for energy in energies)
    return centred / plain


def _centring_checks(data: OneTarget, seed: int) -> list[Check]:
    """E of labelled samples, by how Ỹ is centred, beside ½(Σ p σ)²."""
    n, M = int(data.counts.sum()), data.group.order
    vanishing, plain, classes = 0.0, 0.0, 0.0
    for name in ACTIVATIONS:
        activation = named_activation(name)
        weighted = data.energy(activation)
        nodes = random_starts(weighted, 20, seed).abs()
        expected = n**2 * weighted.value_and_gradient(nodes)[0]
        ratios = {
            centring: data.samples(activation, centring).value_and_gradient(nodes)[0] / expected
            for centring in ("samples", "none", "classes")
        }
        vanishing = max(vanishing, ratios["samples"].max().item())
        plain = max(plain, (ratios["none"] - 1).abs().max().item())
        classes = max(classes, (ratios["classes"] - (1 - 1 / M)).abs().max().item())
    return [
        Check.at_most("E with Ỹ centred over samples, over E not centred, at random nodes", 1e-20, vanishing),
        Check.at_most("relative error of E = ½n²(Σ p_g σ(s_g))² for labelled samples, not centred", 1e-11, plain),
        Check.at_most("error of the factor 1 − 1/M that centring over classes brings", 1e-11, classes),
    ]


def _trend_check() -> Check:
    """φ on (0, 8] by autograd through σ; beyond, tanh′ drowns in rounding."""
    right = 0
    x = torch.linspace(0, 8, 8001, dtype=torch.float64)[1:].requires_grad_()
    for name in ACTIVATIONS:
        (slope,) = torch.autograd.grad(named_activation(name).function(x).sum(), x)
        phi = slope / x.detach()
        steps = phi.diff() / phi[:-1]
        measured = "nondecreasing" if (steps >= -1e-12).all() else "decreasing" if (steps < 0).all() else "neither"
        right += measured == trend(SHAPES[name])
    return Check.every("activations whose φ on (0, 8] increases or decreases as predicted", right, len(ACTIVATIONS))


def _global_checks(data: OneTarget, found: dict[str, _Found], printed: dict[str, Memorisation]) -> list[Check]:
    """The best of all ascents, and the best of all divisions of Σ s² = 2 into small parts, beside the prediction."""
    error, above, below = 0.0, 0.0, 1.0
    for name in ACTIVATIONS:
        predicted = printed[name].energy
        ascent = found[name].ascent
        error = max(error, abs(ascent.energies.max().item() / predicted - 1))
        divided = best_division(data.probabilities, named_activation(name)) / predicted
        above, below = max(above, divided - 1), min(below, divided)
    return [
        Check.at_most("relative error of the predicted energies of the global maxima", 1e-9, error),
        Check.at_most("relative excess over them of the best division of Σ s² = 2 into equal parts", 1e-11, above),
        Check.at_least("that best division over the predicted energy, least of all activations", 0.98, below),
    ]


def _local_checks(data: OneTarget, found: dict[str, _Found]) -> tuple[list[Check], int]:
    """All local maxima: those that random starts find are in the list, and what is in the list is one.

    Returns:
        The checks, and how many random starts have ended at a maximum of the list.
    """
    listed, total, maxima, wanted, error = 0, 0, 0, 0, 0.0
    for name in ACTIVATIONS:
        energy = data.energy(named_activation(name))
        predicted = local_maxima(data.probabilities, name)
        nodes = [data.node(maximum) for maximum in predicted]
        listed += int((found[name].is_maximum & found[name].at(nodes)).sum())
        total += int(found[name].is_maximum.sum())
        maxima += sum(is_maximum(energy, node) for node in nodes)
        wanted += len(nodes)
        values = energy.value_and_gradient(torch.stack(nodes, dim=1))[0].numpy()
        error = max(error, float(np.abs(values / [maximum.energy for maximum in predicted] - 1).max()))
    checks = [
        Check.every("random starts at local maxima whose end is in the corrected list", listed, total),
        Check.every("nodes of the corrected list that are local maxima (x³: every ± single pair)", maxima, wanted),
        Check.at_most("relative error of the energies of that list", 1e-9, error),
    ]
    return checks, listed


def _relu_checks(data: OneTarget, seed: int) -> list[Check]:
    """Gradient ascent in small steps for relu: pairs without activation at the start stay without."""
    energy = data.energy(named_activation("relu"))
    nodes = random_starts(energy, 40, seed)
    alive = (data.inputs @ nodes > 0).numpy()
    chosen = alive.any(axis=0)
    nodes, alive = nodes[:, torch.tensor(chosen)], alive[:, chosen]
    for _ in range(FLOW_STEPS):
        _, gradient = energy.value_and_gradient(nodes)
        radial = (nodes * gradient).sum(dim=0)
        nodes = unit_nodes(nodes + FLOW_STEP / radial * (gradient - radial * nodes))
    limits = [relu_limit(data.probabilities, mask) for mask in alive.T]
    error = (nodes - torch.stack([data.node(limit) for limit in limits], dim=1)).abs().max().item()
    partly = [number for number, mask in enumerate(alive.T) if not mask.all()]
    risen = sum(not is_maximum(energy, nodes[:, number]) for number in partly)
    checks = [
        Check.at_most(
            "relu: distance of the ends of small steps from the spread over pairs active at the start", SAME_NODE, error
        )
    ]
    if partly:
        what = "relu: of these ends with inactive pairs, those that are no maxima (E rises beyond the kink)"
        checks.append(Check.every(what, risen, len(partly)))
    return checks


def _exponents(data: OneTarget, setting: Setting) -> tuple[list[Check], Plot]:
    """Both sides of q = 2 for σ(x) = sign(x)|x|^q: one spread maximum below, single pairs above."""
    coarse, fine = (1.0, 1.5, 1.8, 2.2, 2.5, 3.0), (1.2, 1.4, 1.6, 1.9, 1.95, 2.05, 2.1, 2.8)
    exponents = sorted(coarse + fine if setting.is_full else coarse)
    error, spread, single, below, above = 0.0, 0, 0, 0, 0
    likeliest, measured, predicted = int(data.counts.argmax()), [], []
    for q in exponents:
        energy = data.energy(_power(q))
        ascent = ascend(energy, _positive(energy, setting))
        maximum = global_maximum(data.probabilities, power(q))
        node = data.node(maximum)[:, None]
        sums = data.inputs @ ascent.nodes
        best = int(ascent.energies.argmax())
        error = max(error, (ascent.nodes[:, best, None] - node).abs().max().item())
        if q < 2:
            spread += int(((ascent.nodes - node).abs().amax(dim=0) <= SAME_NODE).sum())
            below += sums.shape[1]
        else:
            single += int(((sums.amax(dim=0) - 2**0.5).abs() <= SAME_NODE).sum())
            above += sums.shape[1]
        measured.append(sums[likeliest, best].item() ** 2 / 2)
        predicted.append(float(maximum.sums[likeliest]) ** 2 / 2)
    checks = [
        Check.at_most("x^q, q = 1 to 3: distance of the highest end from the predicted one", SAME_NODE, error),
        Check.every("x^q, q < 2: positive starts that end at the one spread maximum", spread, below),
        Check.every("x^q, q > 2: positive starts that end at a single pair", single, above),
    ]
    curves = (Curve("predicted", exponents, predicted, predicted=True), Curve("measured", exponents, measured))
    return checks, Plot("Global maxima for σ(x) = x^q", "q", "share of the likeliest pair, s²/2", curves)


def _threshold_check(data: OneTarget, setting: Setting) -> Check:
    """log cosh 2x: φ decreases strictly from φ(0⁺) = 4, so that unlikely pairs get nothing at all."""
    energy = data.energy(LOG_COSH)
    ascent = ascend(energy, _positive(energy, setting))
    predicted = global_maximum(data.probabilities, SHAPES["log-cosh"])
    error = (ascent.nodes - data.node(predicted)[:, None]).abs().max().item()
    dropped = int((predicted.sums == 0).sum())
    what = f"log cosh 2x: distance of the ends from the spread that leaves out {dropped} of {len(predicted.sums)} pairs"
    return Check.at_most(what, SAME_NODE, error)


def _positive(energy: DataEnergy, setting: Setting) -> Tensor:
    return positive_starts(energy, 60 if setting.is_full else 12, setting.seed)


def _power(q: float) -> Activation:
    return Activation(f"x^{q}", lambda z: z.sign() * z.abs().pow(q), lambda z: q * z.abs().pow(q - 1))


def _profile_plot(data: OneTarget, found: dict[str, _Found], printed: dict[str, Memorisation]) -> Plot:
    """s_g over p_g at the global maxima."""
    order = np.argsort(data.probabilities)
    x = data.probabilities[order].tolist()
    curves = []
    for name in ACTIVATIONS:
        sums = (data.inputs @ found[name].highest).numpy()
        sums = sums * np.sign(sums[order[-1]])
        curves.append(Curve(name, x, printed[name].sums[order].tolist(), predicted=True))
        curves.append(Curve(name, x, sums[order].tolist()))
    return Plot("Global maxima on the pairs of one target", "p_g", "s_g = u_g + v_{g⁻¹h}", tuple(curves))


CLAIMS = [
    Claim(
        STATEMENTS["theorem-5"],
        "Ascents of E on the pairs of one random target with random probabilities, for six activations; their ends are "
        "compared with the predicted profiles, and the global maxima with a search over all divisions of Σ s² = 2.",
        _theorem_5,
        ("cyclic:7", "product:2x2", "symmetric:3", "quaternion", "alternating:4"),
    )
]
