"""Deeper networks: section 6, at random weights, on all pairs of the group Z₇."""

import numpy as np
import torch
from torch import Generator, Tensor

from li2.models import named_activation
from li2.statistics import exponent
from li2.tasks import build_task
from li2.theorems.claim import Check, Claim, Curve, Evidence, Plot, Setting
from li2.theorems.instruments.deep import DeepNetwork, deep_network
from li2.theorems.instruments.layer import cosine
from li2.theory.depth import (
    backpropagated,
    best_diagonals,
    energy_outside,
    gate_kernels,
    identity_deviation,
    kernel_gradients,
    printed_gradients,
    residual_sum,
)
from li2.theory.statements import STATEMENTS

GROUP = "cyclic:7"
ACTIVATIONS = ("relu", "square")
NARROW = 16
"""Width of the first layer where the second is much wider."""

UPPER = (256, 1024, 4096, 16384)
EQUAL = (32, 128, 512, 1024)
DRAWS = (16, 100)
"""Of the layers above, at quick and at full scale."""

AGREEMENT = 0.99
"""Cosine from which on two gradients count as the same."""


def _data() -> tuple[Tensor, Tensor]:
    """X and Ỹ of all pairs, one-hot."""
    task = build_task(GROUP)
    operands, labels = map(torch.from_numpy, task.tuples(np.arange(task.size)))
    identity = torch.eye(task.order, dtype=torch.float64)
    Y = identity[labels]
    return identity[operands].flatten(1), Y - Y.mean(dim=0)


def _gates(network: DeepNetwork, activation: str) -> list[Tensor]:
    """σ′ of every layer."""
    return [named_activation(activation).derivative(z) for z in network.preactivations]


def _printed(network: DeepNetwork, activation: str, targets: Tensor) -> Tensor:
    """D̃ỸỸᵀD̃F_1, each D the mean gate of its layer's nodes (for the square, whose gates have no mean, the rms)."""
    gates = _gates(network, activation)[1:]
    return printed_gradients(targets @ targets.T, network.features, gates, activation)[0]


def _expected(network: DeepNetwork, activation: str, targets: Tensor) -> Tensor:
    """The mean of G_1 over the layers above, by the kernels."""
    return kernel_gradients(targets @ targets.T, network.features, activation)[0]


class _Widths:
    """Two hidden layers of several widths: cosines of G_1 with what is predicted, averaged over a few networks."""

    def __init__(self, activation: str, seed: int) -> None:
        self.activation = activation
        self._data = _data()
        generator = Generator().manual_seed(seed)
        names = ("printed", "best", "product", "kernel")
        self.upper = {name: list[float]() for name in names}
        self.equal = {name: list[float]() for name in names}
        for rows, widths, networks in (
            (self.upper, [(NARROW, width) for width in UPPER], 3),
            (self.equal, [(width, width) for width in EQUAL], 1),
        ):
            for pair in widths:
                found = [self._cosines(pair, generator) for _ in range(networks)]
                for name, values in zip(names, zip(*found, strict=True), strict=True):
                    rows[name].append(float(np.mean(values)))

    def _cosines(self, widths: tuple[int, int], generator: Generator) -> tuple[float, ...]:
        X, Y = self._data
        network = deep_network(X, Y, widths, self.activation, generator)
        G, F, operator = network.gradients[0], network.features[0], Y @ Y.T
        kernels = gate_kernels(F, self.activation, 1 / widths[1])
        predicted = (
            _printed(network, self.activation, Y),
            best_diagonals(operator, F, G),
            (kernels.product * operator) @ F,
            _expected(network, self.activation, Y),
        )
        return tuple(cosine(G, values) for values in predicted)

    def printed_checks(self) -> list[Check]:
        """Of the form in the paper."""
        at = f"{self.activation}, two hidden layers: cosine of G_1 with"
        return [
            Check.at_least(f"{at} D̃ỸỸᵀD̃F_1, widths {EQUAL[-1]} and {EQUAL[-1]}", AGREEMENT, self.equal["printed"][-1]),
            Check.at_least(f"{at} D̃ỸỸᵀD̃F_1, widths {NARROW} and {UPPER[-1]}", AGREEMENT, self.upper["printed"][-1]),
            Check.at_least(
                f"{at} DỸỸᵀD′F_1, best D and D′ of all, widths {NARROW} and {UPPER[-1]}",
                AGREEMENT,
                self.upper["best"][-1],
            ),
        ]

    def corrected_checks(self) -> list[Check]:
        """Of the kernel form, from both sides."""
        at = f"{self.activation}, widths {NARROW} and {UPPER[-1]}: cosine of G_1 with"
        missing = 1 - np.square(self.upper["kernel"])
        slope = exponent(UPPER, missing)
        return [
            Check.at_least(f"{at} the kernel form", AGREEMENT, self.upper["kernel"][-1]),
            Check.at_most(f"{at} (Θ ⊙ ỸỸᵀ)F_1 alone", 0.98, self.upper["product"][-1]),
            Check.close(f"{self.activation}: exponent of 1 − cos² in the upper width", -1, slope, absolute=0.2),
        ]


def _mean_checks(activation: str, setting: Setting) -> list[Check]:
    """The mean of G_1 over draws of the layers above, with W_1 held, against the kernel form."""
    X, Y = _data()
    draws, checks = DRAWS[setting.is_full], []
    for widths, least in (((NARROW, 1024), AGREEMENT), ((NARROW, 512, 2048), 0.95)):
        generator = Generator().manual_seed(setting.seed)
        first = torch.randn(X.shape[1], NARROW, dtype=X.dtype, generator=generator) / NARROW**0.5
        measured, expected = torch.zeros(len(X), NARROW, dtype=X.dtype), torch.zeros(len(X), NARROW, dtype=X.dtype)
        for _ in range(draws):
            network = deep_network(X, Y, widths, activation, generator, first=first)
            measured += network.gradients[0] / draws
            expected += _expected(network, activation, Y) / draws
        at = f"{activation}, {len(widths)} hidden layers: mean of G_1 over {draws} draws above, and the kernel form,"
        ratio = (measured.norm() / expected.norm()).item()
        checks += [
            Check.at_least(f"{at} cosine", least, cosine(measured, expected)),
            Check.close(f"{at} ratio of norms", 1, ratio, relative=0.1 if len(widths) == 2 else 0.2),
        ]
    return checks


def _label_shares(network: DeepNetwork, targets: Tensor, generator: Generator) -> tuple[list[float], list[float]]:
    """Share of each ‖G_l‖² in the span of Ỹ, and the largest in that of twenty shuffled ones."""
    basis = torch.linalg.svd(targets, full_matrices=False).U[:, : targets.shape[1] - 1]
    shuffled = [basis[torch.randperm(len(basis), generator=generator)] for _ in range(20)]
    own, others = [], []
    for G in network.gradients:
        total = G.square().sum()
        own.append(((basis.T @ G).square().sum() / total).item())
        others.append(max(((other.T @ G).square().sum() / total).item() for other in shuffled))
    return own, others


def _identities(activation: str, seed: int) -> tuple[list[Check], list[Check], list[float]]:
    """Checks of three hidden layers of one width: statement, correction, and the label's share by layer."""
    X, Y = _data()
    generator, width = Generator().manual_seed(seed), 256
    network = deep_network(X, Y, (width,) * 3, activation, generator)
    gates, errors = _gates(network, activation), []
    for lower in range(2):
        predicted = backpropagated(network.gradients[lower + 1], gates[lower + 1], network.weights[lower + 1])
        errors.append(((predicted - network.gradients[lower]).norm() / predicted.norm()).item())
    own, others = _label_shares(network, Y, generator)
    more = sum(a > b for a, b in zip(own, others, strict=True))
    skip = deep_network(X, Y, (width,) * 3, activation, generator, residual=True)
    sums = [
        residual_sum(skip.gradients[-1], _gates(skip, activation)[1:], skip.weights[1:], skips=skips)
        for skips in (False, True)
    ]
    lost, kept = (((total - skip.gradients[0]).norm() / skip.gradients[0].norm()).item() for total in sums)
    F, rank = network.features[1], int(torch.linalg.matrix_rank(network.features[1]))
    inside = torch.linalg.svd(F, full_matrices=False).Vh[:rank]
    outside = network.gradients[1] - network.gradients[1] @ inside.T @ inside
    noise = energy_outside(network.gradients[2] * gates[2], width, rank)
    printed = [
        Check.every(f"{activation}: layers whose G_l has more of Ỹ than of 20 shuffled ones", more, len(own)),
        Check.at_most(f"{activation}, three layers with residuals: relative error of G_1 = ΣG_l", 1e-10, lost),
    ]
    corrected = [
        Check.at_most(f"{activation}: relative error of G_l−1 = (G_l ⊙ σ′)W_lᵀ", 1e-12, max(errors)),
        Check.at_most(f"{activation}, residuals: relative error of the sum over all skips", 1e-12, kept),
        Check.close(
            f"{activation}: ‖G_2‖² outside the span of F_2, over its mean",
            1,
            outside.square().sum().item() / noise,
            relative=0.25,
        ),
    ]
    return printed, corrected, own


def _identity_checks(seed: int) -> tuple[Check, list[Check]]:
    """‖WWᵀ − I‖ for layers of one width, and with a wider one above."""
    generator, found = Generator().manual_seed(seed), []
    for lower, upper in ((512, 512), (64, 4096)):
        W = torch.randn(lower, upper, dtype=torch.float64, generator=generator) / upper**0.5
        values = torch.linalg.eigvalsh(W @ W.T)
        found.append((lower, upper, (values - 1).abs().max().item()))
    return Check.at_most("‖WWᵀ − I‖ for a random W, widths 512 and 512", 0.1, found[0][2]), [
        Check.close(f"‖WWᵀ − I‖, widths {a} and {b}", identity_deviation(a, b), value, relative=0.1)
        for a, b, value in found
    ]


def _section_6(setting: Setting) -> Evidence:
    deviation, correction = _identity_checks(setting.seed)
    statement, words, curves = [deviation], [], list[Curve]()
    widths = {activation: _Widths(activation, setting.seed) for activation in ACTIVATIONS}
    for activation, found in widths.items():
        printed, corrected, shares = _identities(activation, setting.seed)
        statement += found.printed_checks() + printed
        correction += found.corrected_checks() + corrected + _mean_checks(activation, setting)
        words.append(f"{shares[0]:.2f} ({activation})")
        curves += [
            Curve(f"{activation}: D̃ỸỸᵀD̃F_1", UPPER, found.upper["printed"]),
            Curve(f"{activation}: best diagonal matrices", UPPER, found.upper["best"]),
            Curve(f"{activation}: kernel form", UPPER, found.upper["kernel"]),
            Curve(f"{activation}: kernel form, layers of one width", EQUAL, found.equal["kernel"]),
        ]
    relu, square = widths["relu"], widths["square"]
    return Evidence(
        statement,
        f"Under a layer {UPPER[-1] // NARROW} times wider the cosine of G_1 with the printed form is "
        f"{relu.upper['printed'][-1]:.3f} for relu and {square.upper['printed'][-1]:.3f} for the square, with the "
        f"kernel form {relu.upper['kernel'][-1]:.3f} and {square.upper['kernel'][-1]:.3f}; between layers of width "
        f"{EQUAL[-1]} it is {relu.equal['kernel'][-1]:.2f} even with that, since WWᵀ is far from I. Labels still reach "
        f"the lowest of three layers: their share of its gradient is {' and '.join(words)}, one for the top layer.",
        correction,
        [
            Plot(
                "Cosine of G_1 with its predictions, two hidden layers",
                "width of the second",
                "cosine",
                tuple(curves),
                True,
            )
        ],
    )


CLAIMS = [
    Claim(
        STATEMENTS["section-6"],
        "Gradients of two and three hidden layers of random weights on all pairs of Z₇ by automatic differentiation, "
        "to first order in V, against the printed form, the exact recursion and the kernel form.",
        _section_6,
    )
]
