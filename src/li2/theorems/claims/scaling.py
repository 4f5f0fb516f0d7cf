"""The scaling of the output: appendix C.3."""

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
    distance,
    group_samples,
    normal,
    square_layer,
)
from li2.theory import lazy
from li2.theory.statements import STATEMENTS

GROUPS = ("cyclic:7", "symmetric:3", "quaternion")

SCALES = np.geomspace(0.1, 10, 9).tolist()
"""Output scales β."""


def _output_scale(setting: Setting) -> Evidence:
    samples = group_samples(setting.of_group.group, 240 if setting.is_full else 60, setting.seed)
    n = len(samples)
    widths = (max(1, n // 2), 2 * n)
    statement, correction = _slope_checks(samples, widths, setting.seed)
    printed, corrected, plots = 0.0, 0.0, []
    for width in widths:
        limits = _Limits.of(samples, width, setting.seed)
        printed, corrected = max(printed, limits.printed_error), max(corrected, limits.corrected_error)
        statement.append(Check.at_most(f"relative error of G_F(∞)/β² for EVᵀ, K = {width}", 0.01, limits.printed_error))
        correction.append(Check.at_most(f"relative error of G_F(∞; η/β²), K = {width}", 1e-8, limits.corrected_error))
        correction.append(limits.power_check())
        if limits.power[1]:
            statement.append(limits.printed_power_check())
        plots.append(limits.plot(n))
    return Evidence(
        statement,
        f"On {n} pairs of {setting.of_group.group.name} the slope of EVᵀ is as printed, but G_F(∞)/β² is off its "
        f"limit by up to {printed:.2g} times its own size for β from 0.1 to 10. The gradient −∂J/∂F, one β more, ends "
        f"at G_F(∞; η/β²) to {corrected:.0e}, so that at the end of the lazy stage β acts as η/β² alone.",
        correction,
        plots,
    )


def _slope_checks(samples: Samples, widths: tuple[int, ...], seed: int) -> tuple[list[Check], list[Check]]:
    """Equation 68 for EVᵀ as printed, and its counterpart for −∂J/∂F.

    G is quadratic in V, so that a central difference along V̇ is its derivative but for rounding.
    """
    printed, corrected, powers = 0.0, 0.0, []
    for width in widths:
        F, Y = square_layer(samples.inputs, width, seed), samples.targets
        features, targets = centred(F), centred(Y)
        start = 0.3 * normal(torch.Generator().manual_seed(seed + 1), width, Y.shape[1])
        stiffness = Readout(F, Y).stiffness
        norms: list[list[float]] = [[], []]
        for beta in SCALES:
            rest = torch.zeros_like(start)
            for norm, measured in zip(norms, _slopes(Readout(F, Y, 0.0, beta), rest), strict=True):
                norm.append(measured.norm().item())
            outer, _ = _slopes(Readout(F, Y, 0.0, beta), start)
            printed = max(printed, distance(outer, lazy.printed_slope(features, targets, start, beta)))
            for eta in (0.0, 0.1 * stiffness):
                _, inner = _slopes(Readout(F, Y, eta, beta), start)
                predicted = lazy.initial_slope(features, targets, start, eta, beta)
                corrected = max(corrected, distance(inner, predicted))
        powers.append([exponent(SCALES, norm) for norm in norms])
    first, second = (float(np.mean(power)) for power in zip(*powers, strict=True))
    statement = [
        Check.close("power of β in the initial slope of EVᵀ at V(0) = 0", 1.0, first, absolute=1e-6),
        Check.at_most("relative error of β·ỸỸᵀF̃ + β²R₂ + β³R₃ as slope of EVᵀ, V(0) ≠ 0", 1e-9, printed),
    ]
    correction = [
        Check.close("power of β in the initial slope of −∂J/∂F at V(0) = 0", 2.0, second, absolute=1e-6),
        Check.at_most("relative error of its slope with R₂, R₃ and the terms in η, V(0) ≠ 0", 1e-9, corrected),
    ]
    return statement, correction


def _slopes(readout: Readout, top: Tensor) -> tuple[Tensor, Tensor]:
    """The derivatives of EVᵀ and of −∂J/∂F along gradient flow."""
    step = readout.velocity(top) / readout.stiffness
    outer, inner = (
        (of.backpropagated(top + step) - of.backpropagated(top - step)) * readout.stiffness / 2
        for of in (_unscaled(readout), readout)
    )
    return outer, inner


def _unscaled(readout: Readout) -> Readout:
    """The same outputs from features βF, by which −∂J/∂(βF) = EVᵀ."""
    return Readout(readout.output_scale * readout.features, readout.targets, readout.eta)


@dataclass(frozen=True, eq=False)
class _Limits:
    """Where G_F ends for every β.

    Attributes:
        width: K.
        printed_error, corrected_error: largest relative errors, of EVᵀ against equation 69 and of −∂J/∂F against ours.
        norms: of −∂J/∂F measured, corrected and as printed.
        power: of β in ‖−∂J/∂F‖ as η → 0, measured and predicted.
        outer_power: of β in ‖EVᵀ‖ there.
    """

    width: int
    printed_error: float
    corrected_error: float
    norms: tuple[list[float], list[float], list[float]]
    power: tuple[float, float]
    outer_power: float

    @classmethod
    def of(cls, samples: Samples, width: int, seed: int) -> "_Limits":
        """Measured by least squares and autograd."""
        F, Y = square_layer(samples.inputs, width, seed), samples.targets
        features, targets = centred(F), centred(Y)
        eta = 0.01 * Readout(F, Y).stiffness
        norms: tuple[list[float], list[float], list[float]] = ([], [], [])
        errors = [0.0, 0.0]
        for beta in SCALES:
            readout = Readout(F, Y, eta, beta)
            top = readout.minimiser()
            measured = readout.backpropagated(top)
            corrected = lazy.scaled_limit(features, targets, eta, beta)
            printed = lazy.printed_limit(features, targets, eta, beta)
            errors[0] = max(errors[0], distance(_unscaled(readout).backpropagated(top), printed))
            errors[1] = max(errors[1], distance(measured, corrected))
            for norm, gradient in zip(norms, (measured, corrected, printed), strict=True):
                norm.append(gradient.norm().item())
        tiny = 1e-6 * lazy.convergence_rates(features, 0.0).coupled
        inner, outer = [], []
        for beta in SCALES:
            readout = Readout(F, Y, tiny, beta)
            top = readout.minimiser()
            inner.append(readout.backpropagated(top).norm().item())
            outer.append(_unscaled(readout).backpropagated(top).norm().item())
        power = exponent(SCALES, inner), -2.0 * lazy.limit_order(features, targets) + 0.0
        return cls(width, errors[0], errors[1], norms, power, exponent(SCALES, outer))

    def power_check(self) -> Check:
        """1/β² is right for −∂J/∂F where η is small and Ỹ lies in the span."""
        measured, predicted = self.power
        what = f"power of β in ‖−∂J/∂F‖ at the end as η → 0, K = {self.width}"
        return Check.close(what, predicted, measured, absolute=0.02)

    def printed_power_check(self) -> Check:
        """The same for EVᵀ, which is 1/β of it."""
        what = f"power of β in ‖EVᵀ‖ at the end as η → 0, K = {self.width}"
        return Check.close(what, -2.0, self.outer_power, absolute=0.02)

    def plot(self, count: int) -> Plot:
        """‖G_F(∞)‖ over β."""
        measured, corrected, printed = self.norms
        curves = (
            Curve("measured", SCALES, measured),
            Curve("corrected", SCALES, corrected, predicted=True),
            Curve("as printed", SCALES, printed, predicted=True),
        )
        title = f"‖−∂J/∂F‖ at the end of the lazy stage, K = {self.width}, n = {count}"
        return Plot(title, "output scale β", "‖G_F(∞)‖", curves, log_x=True, log_y=True)


CLAIMS = [
    Claim(
        STATEMENTS["output-scale"],
        "Slopes at t = 0 by differences of autograd's gradients, limits at least-squares solutions, β from 0.1 to 10, "
        "with fewer and with more nodes than samples.",
        _output_scale,
        GROUPS,
        small=True,
    ),
]
