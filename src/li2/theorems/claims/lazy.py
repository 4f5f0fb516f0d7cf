"""The lazy stage: Proposition 1 and Theorem 1; Lemma 1 and the scaling of the output have modules of their own."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from li2.models import TwoLayer, Weights, named_activation
from li2.models.losses import named_loss
from li2.statistics import exponent
from li2.theorems.claim import Check, Claim, Curve, Evidence, Plot, Setting
from li2.theorems.claims import scaling, whitening
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

ACTIVATIONS = ("square", "relu", "silu", "tanh", "sigmoid", "relu2")

FOLDS = 16
"""Lifetimes of the slowest mode over which gradient flow is followed."""

SHARE = 1 / 40
"""η over the largest eigenvalue of F̃ᵀF̃, where gradient flow is followed to its end."""


def _samples(setting: Setting) -> Samples:
    return group_samples(setting.of_group.group, 240 if setting.is_full else 60, setting.seed)


def _proposition_1(setting: Setting) -> Evidence:
    samples = _samples(setting)
    n = len(samples)
    narrow, wide = max(1, n // 2), 4 * n
    few, many = _followed(samples, narrow, setting.seed), _followed(samples, wide, setting.seed)
    orders = {width: _limit_order(samples, width, setting.seed) for width in (narrow, n - 1, wide)}
    statement = [
        *_early_checks(samples, wide, setting.seed),
        *_limit_checks(samples, (narrow, wide), setting.seed),
        few.rate_check(
            "V", f"late rate of V → V_ridge over λ_min(A), K = {narrow} (full column rank)", few.rates.slowest
        ),
        Check.close(
            f"power of η in ‖G_F(∞)‖ as η → 0, K = {narrow} (full column rank)", 1.0, orders[narrow][0], absolute=0.02
        ),
    ]
    slow, fast = many.rates.slowest, many.rates.coupled
    correction = [
        *(
            Check.close(
                f"power of η in ‖G_F(∞)‖ as η → 0, K = {width}, by the span", predicted, measured, absolute=0.02
            )
            for width, (measured, predicted) in orders.items()
        ),
        Check.at_most("relative error of ‖G_F(t)‖ in closed form, whole course", 1e-4, max(few.error, many.error)),
        many.rate_check("V", f"late rate of V over η, K = {wide}", slow),
        many.rate_check("G", f"late rate of G_F over η, K = {wide}", slow),
        many.rate_check("V from 0", f"late rate of V from V(0) = 0 over σ²_min + η, K = {wide}", fast),
        many.rate_check("G from 0", f"late rate of G_F from V(0) = 0 over σ²_min + η, K = {wide}", fast),
    ]
    words = ", ".join(f"{abs(measured):.2f} at K = {width}" for width, (measured, _) in orders.items())
    return Evidence(
        statement,
        f"On {n} pairs of {setting.of_group.group.name} both formulas agree with autograd and integration, and "
        f"‖G_F(∞)‖ goes as η to the power {words}. G_F falls to O(η) only where Ỹ lies in the span of F̃, and where "
        f"F̃ has a kernel the late rate is η, {slow / fast:.2g} of the rate from V(0) = 0 at K = {wide}.",
        correction,
        [few.plot(), many.plot()],
    )


def _early_checks(samples: Samples, width: int, seed: int) -> list[Check]:
    """Equation 3: what is left of (G_F(t) − G_F(0))/t beside ỸỸᵀF̃, by powers of α and of t."""
    readout = Readout(square_layer(samples.inputs, width, seed), samples.targets)
    features, targets = centred(readout.features), centred(samples.targets)
    leading = targets @ (targets.T @ features)
    direction = normal(torch.Generator().manual_seed(seed + 1), width, targets.shape[1])
    sizes = [1e-6, 1e-5, 1e-4]
    times = [share / readout.stiffness for share in (1e-9, 1e-4, 1e-3, 1e-2)]
    starts = torch.stack([size * direction for size in (0.0, *sizes)])
    initial = [readout.backpropagated(top) for top in starts]
    deviations = np.array(
        [
            [
                distance((readout.backpropagated(top) - first) / time, leading)
                for top, first in zip(tops, initial, strict=True)
            ]
            for time, tops in zip(times, readout.flow(starts, times), strict=True)
        ]
    )
    return [
        Check.close(
            "power of α in ‖G_F(0)‖",
            1.0,
            exponent(sizes, [first.norm().item() for first in initial[1:]]),
            absolute=0.02,
        ),
        Check.close(
            "power of α in (G_F(t) − G_F(0))/t − ỸỸᵀF̃ as t → 0",
            1.0,
            exponent(sizes, deviations[0, 1:].tolist()),
            absolute=0.02,
        ),
        Check.close("power of t in it at α = 0", 1.0, exponent(times[1:], deviations[1:, 0].tolist()), absolute=0.02),
        Check.at_most("its size over ‖ỸỸᵀF̃‖ at α = 0 as t → 0", 1e-5, float(deviations[0, 0])),
    ]


def _start_check(samples: Samples, width: int, seed: int) -> Check:
    """G_F(0), of which equation 55 has ỸV₀ᵀ only."""
    readout = Readout(square_layer(samples.inputs, width, seed), samples.targets)
    top = normal(torch.Generator().manual_seed(seed + 1), width, samples.targets.shape[1])
    predicted = lazy.initial_gradient(centred(readout.features), centred(samples.targets), top)
    return Check.at_most(
        "relative error of G_F(0) = ỸV₀ᵀ − F̃V₀V₀ᵀ at α = 1", 1e-10, distance(readout.backpropagated(top), predicted)
    )


def _limit_checks(samples: Samples, widths: tuple[int, ...], seed: int) -> list[Check]:
    """Equation 4: the ridge solution, and G_F there, against gradient descent."""
    tops, gradients = [0.0], [0.0]
    for width in widths:
        features = square_layer(samples.inputs, width, seed)
        start = 0.1 * normal(torch.Generator().manual_seed(seed + 1), width, samples.targets.shape[1])
        scale = Readout(features, samples.targets).stiffness
        for share in (2e-3, 0.05):
            readout = Readout(features, samples.targets, share * scale)
            top = readout.descend(start)
            predicted = lazy.ridge(centred(features), centred(samples.targets), readout.eta)
            tops.append(distance(top, predicted.top))
            gradients.append(distance(readout.backpropagated(top), predicted.gradient))
    listed = " and ".join(map(str, widths))
    return [
        Check.at_most(f"relative error of V_ridge after gradient descent, K = {listed}", 1e-8, max(tops)),
        Check.at_most(f"relative error of equation 4 for G_F there, K = {listed}", 1e-8, max(gradients)),
    ]


def _limit_order(samples: Samples, width: int, seed: int) -> tuple[float, float]:
    """The power of η in ‖G_F(∞)‖ as η → 0, measured and predicted."""
    features = square_layer(samples.inputs, width, seed)
    smallest = lazy.convergence_rates(centred(features), 0.0).coupled
    etas, norms = [share * smallest for share in (1e-5, 1e-4, 1e-3)], []
    for eta in etas:
        readout = Readout(features, samples.targets, eta)
        norms.append(readout.backpropagated(readout.minimiser()).norm().item())
    return exponent(etas, norms), float(lazy.limit_order(centred(features), centred(samples.targets)))


@dataclass(frozen=True, eq=False)
class _Followed:
    """Gradient flow from V(0) = 0 and from a random V(0), followed to its end.

    Attributes:
        title: of its figure.
        rates: predicted.
        times: of all records.
        distances: by what they are of, ‖V − V(∞)‖ and ‖G_F − G_F(∞)‖.
        norms: ‖G_F(t)‖, integrated and predicted, from the random V(0).
        error: the largest relative error of the prediction, from both starts.
    """

    title: str
    rates: lazy.Rates
    times: list[float]
    distances: dict[str, Tensor]
    norms: tuple[Tensor, Tensor]
    error: float

    def rate_check(self, name: str, what: str, predicted: float) -> Check:
        """The decay of a distance at the end, or where it comes to 1e-10 of its largest value, above rounding."""
        logarithms = (self.distances[name] / self.distances[name].max()).log().numpy()
        end = int(np.argmax(logarithms < np.log(1e-10))) or len(logarithms)
        begin = min(int(np.searchsorted(self.times, 0.75 * self.times[end - 1])), end - 3)
        slope = np.polyfit(self.times[begin:end], logarithms[begin:end], 1)[0]
        return Check.close(what, 1.0, float(-slope) / predicted, relative=0.05)

    def plot(self) -> Plot:
        """‖G_F(t)‖."""
        measured, predicted = (norms.tolist() for norms in self.norms)
        curves = (
            Curve("integrated", self.times, measured),
            Curve("closed form", self.times, predicted, predicted=True),
        )
        return Plot(self.title, "flow time", "‖G_F‖", curves, log_x=True, log_y=True)


def _followed(samples: Samples, width: int, seed: int) -> _Followed:
    features = square_layer(samples.inputs, width, seed)
    eta = SHARE * Readout(features, samples.targets).stiffness
    readout = Readout(features, samples.targets, eta)
    start = 0.1 * normal(torch.Generator().manual_seed(seed + 1), width, samples.targets.shape[1])
    starts = torch.stack([torch.zeros_like(start), start])
    rates = lazy.convergence_rates(centred(features), eta)
    times = np.geomspace(0.01 / readout.stiffness, FOLDS / rates.slowest, 80).tolist()
    course = readout.flow(starts, times)
    limit = readout.minimiser()
    resting = readout.backpropagated(limit)
    distances, norms, error = {}, (limit, limit), 0.0
    for number, ending in enumerate((" from 0", "")):
        gradients = [readout.backpropagated(tops[number]) for tops in course]
        distances["V" + ending] = torch.stack([(tops[number] - limit).norm() for tops in course])
        distances["G" + ending] = torch.stack([(gradient - resting).norm() for gradient in gradients])
        flow = lazy.gradient_flow(
            centred(features), centred(samples.targets), starts[number], eta, torch.tensor(times, dtype=torch.float64)
        )
        norms = torch.stack([gradient.norm() for gradient in gradients]), flow.gradient_norms
        error = max(error, (norms[0] / norms[1] - 1).abs().max().item())
    title = f"The backpropagated gradient while only V moves, K = {width}, n = {len(samples)}"
    return _Followed(title, rates, times, distances, norms, error)


def _theorem_1(setting: Setting) -> Evidence:
    samples = _samples(setting)
    generator = torch.Generator().manual_seed(setting.seed)
    rows, columns, classes = 40, 12, 5
    foreign = normal(generator, rows, columns), centred(normal(generator, rows, classes))
    ours = samples.inputs, centred(samples.targets)
    autograd, differences, orders, smallest = 0.0, 0.0, [], 0.0
    for name in ACTIVATIONS:
        activation = named_activation(name)
        for inputs, targets in (foreign, ours):
            nodes = normal(generator, inputs.shape[1], 6)
            velocity = lazy.node_velocity(inputs, targets, nodes, activation.function, activation.derivative)
            autograd = max(autograd, distance(_ascent(inputs, targets, nodes, name), velocity))
            differences = max(differences, _difference_error(inputs, targets, nodes, name, velocity, generator))
        order, size = _training_order(samples, name, generator)
        orders.append(order)
        smallest = max(smallest, size)
    farthest = max(orders, key=lambda order: abs(order - 1))
    statement = [
        Check.at_most(
            "relative error of ẇ against autograd of E, one-hot and random X, Y, six activations", 1e-12, autograd
        ),
        Check.at_most("relative error of ẇ against central differences of E", 1e-6, differences),
        Check.at_most("relative error of ε·∇E as −∂J/∂W of the network with V = ε·F̃ᵀỸ, smallest ε", 1e-4, smallest),
        Check.close("power of ε in it, farthest from 1", 1.0, farthest, absolute=0.05),
    ]
    return Evidence(
        statement,
        f"ẇ = XᵀDỸỸᵀσ(Xw) differs from autograd's gradient of E by at most {autograd:.1e} on pairs of "
        f"{setting.of_group.group.name} and random data, for {', '.join(ACTIVATIONS)}. The network's own gradient "
        f"is that of E up to terms that vanish with the size of V, as its power {farthest:.3f}.",
    )


def _energies(inputs: Tensor, targets: Tensor, nodes: Tensor, name: str) -> Tensor:
    """E of every column, sample by sample and class by class."""
    activations = named_activation(name).function(torch.einsum("id,dk->ik", inputs, nodes))
    return torch.einsum("im,ik->mk", targets, activations).square().sum(dim=0) / 2


def _ascent(inputs: Tensor, targets: Tensor, nodes: Tensor, name: str) -> Tensor:
    leaf = nodes.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(_energies(inputs, targets, leaf, name).sum(), leaf)
    return gradient


def _difference_error(
    inputs: Tensor, targets: Tensor, nodes: Tensor, name: str, velocity: Tensor, generator: torch.Generator
) -> float:
    """The largest error of ẇ·a against differences of E along unit vectors a, over ‖ẇ‖."""
    worst, step = 0.0, 1e-6
    for _ in range(4):
        along = normal(generator, *nodes.shape)
        along = along / along.norm(dim=0)
        above, below = (_energies(inputs, targets, nodes + sign * step * along, name) for sign in (1, -1))
        error = ((above - below) / (2 * step) - (velocity * along).sum(dim=0)).norm() / velocity.norm()
        worst = max(worst, error.item())
    return worst


def _training_order(samples: Samples, name: str, generator: torch.Generator) -> tuple[float, float]:
    """How −∂J/∂W of a network with V = ε·F̃ᵀỸ leaves ε·∇E: the power of ε, and the relative size at the smallest."""
    activation, loss = named_activation(name), named_loss("mse-centred")
    W = normal(generator, samples.inputs.shape[1], 8)
    features, targets = centred(activation.function(samples.inputs @ W)), centred(samples.targets)
    velocity = lazy.node_velocity(samples.inputs, targets, W, activation.function, activation.derivative)
    scale = Readout(features, targets).stiffness
    sizes, deviations = [share / scale for share in (1e-5, 1e-4, 1e-3)], []
    for size in sizes:
        leaf = W.clone().requires_grad_()
        outputs = TwoLayer(activation).forward(Weights(leaf, size * features.T @ targets), samples.rows)
        objective = len(samples) / 2 * loss.value(outputs, samples.labels, None)
        (gradient,) = torch.autograd.grad(objective, leaf)
        deviations.append(distance(-gradient / size, velocity))
    return exponent(sizes, deviations), deviations[0]


CLAIMS = [
    Claim(
        STATEMENTS["proposition-1"],
        "A random layer (XW)² on random pairs; gradients of J by autograd, gradient flow by Runge–Kutta steps, "
        "stationary points by gradient descent and by least squares.",
        _proposition_1,
        GROUPS,
    ),
    *whitening.CLAIMS,
    Claim(
        STATEMENTS["theorem-1"],
        "ẇ against autograd and central differences of E, on pairs of the group and on random X and Y; and against the "
        "gradient that a network backpropagates to W.",
        _theorem_1,
        GROUPS,
        small=True,
    ),
    *scaling.CLAIMS,
]
