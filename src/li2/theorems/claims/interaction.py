"""How nodes act on each other: Theorem 6, on some pairs of a group and in training; Theorem 7 in ``modulation``."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from li2.diagnostics import Snapshot, gram_figures
from li2.groups import Representations
from li2.models import Examples, Problem, TwoLayer, Weights, initial_weights, named_activation, named_loss
from li2.optim import make_optimizer
from li2.specs import RunSpec
from li2.tasks import build_split, build_task, examples_of, samples_of
from li2.theorems.claim import Check, Claim, Curve, Evidence, Plot, Setting
from li2.theorems.claims.modulation import theorem_7
from li2.theorems.instruments.pairs import all_pairs, centred_features
from li2.theory import reconstruction as theory
from li2.theory.statements import STATEMENTS
from li2.training import Trainee, Training

CPU = torch.device("cpu")

Features = Float[Tensor, "n K"]

SAMPLES, FEW, MANY = 24, 12, 40
"""Pairs of a group, and nodes fewer and more than these, for Theorem 6."""

STRENGTHS = (1e-6, 1e-4, 1e-2, 1.0, 1e2)
"""η over the mean squared length of the features."""

ROUNDING = 1e-8
"""Pairs with |β| below this times √(αγ) count apart: there the sign is rounding."""

NOISE = 0.2
"""Of nodes that resemble trained ones, over their length."""

PAIRS = {False: 200, True: 780}
"""Pairs of nodes that are gone through, at most, at quick and at full scale."""

TRAINED_ORDERS = range(11, 42)
"""The orders at which a network is trained at quick scale."""

EPOCHS = (1, 2, 3, 6, 10, 18, 32, 56, 100)
"""Of this training, about evenly spaced in the logarithm."""


def _residuals(columns: Features, others: Float[Tensor, "*p n k"], eta: float) -> Float[Tensor, "*p rows K"]:
    """What ridge regression on F̃ = others leaves of columns: [P_ηf̃; −√η·x], x the coefficients; n + k rows.

    These are the residuals of least squares on [F̃; √η·I], found by QR, which loses no digits to the squares of F̃ᵀF̃.
    Their products are f̃ᵀP_ηf̃′, P_η = I − F̃(F̃ᵀF̃ + ηI)⁻¹F̃ᵀ.
    """
    k = others.shape[-1]
    identity = eta**0.5 * torch.eye(k, dtype=others.dtype).expand(*others.shape[:-2], k, k)
    q, _ = torch.linalg.qr(torch.cat([others, identity], dim=-2))
    left = torch.cat([columns, columns.new_zeros(k, columns.shape[1])])
    for _ in range(2):  # once more, so that what is left is orthogonal to rounding of its own size
        left = left - q @ (q.mT @ left)
    return left


@dataclass(frozen=True)
class _PairFigures:
    """What pairs of nodes show at one η.

    Attributes:
        pairs: how many, those within rounding left out.
        rounding: how many were left out.
        opposed: how many have sign(b_jl) = −sign(β).
        raw: the share with sign(b_jl) = −sign(f̃_jᵀf̃_l).
        value: the largest |b_jl − prediction|/√(b_jj b_ll).
        whole: the largest |f̃_jᵀP_ηf̃_l + η²b_jl|/(η²√(b_jj b_ll)), P_η of all columns.
        printed, corrected: relative error of F̃B by eq. 9, its sum over all l, and over l ≠ j.
        idempotence: ‖P² − P‖/‖P‖ of P_{η,−jl}, in the spectral norm, for one pair.
    """

    pairs: int
    rounding: int
    opposed: int
    raw: float
    value: float
    whole: float
    printed: float
    corrected: float
    idempotence: float


def _pair_figures(F: Features, eta: float, chosen: Int[Tensor, "p 2"]) -> _PairFigures:
    n, K = F.shape
    B = torch.linalg.inv(F.T @ F + eta * torch.eye(K, dtype=F.dtype))
    j, l = chosen.T
    inside = torch.ones(len(chosen), K, dtype=torch.bool)
    inside[torch.arange(len(chosen))[:, None], chosen] = False
    columns = inside.nonzero()[:, 1].reshape(len(chosen), K - 2)
    left = _residuals(F, F.T[columns].mT, eta)
    number = torch.arange(len(chosen))
    first, second = left[number, :, j], left[number, :, l]
    beta = (first * second).sum(dim=1)
    alpha, gamma = eta + first.square().sum(dim=1), eta + second.square().sum(dim=1)
    sure = beta.abs() > ROUNDING * (alpha * gamma).sqrt()
    scale = (B[j, j] * B[l, l]).sqrt()
    raw = (F[:, j] * F[:, l]).sum(dim=0)
    whole = _residuals(F, F, eta)
    whole = (whole.T @ whole)[j, l]
    product = F @ B
    printed = F * B.diagonal() + F @ B
    corrected = F * B.diagonal() + F @ (B - torch.diag(B.diagonal()))
    projector = _residuals(torch.eye(n, dtype=F.dtype), F[:, columns[0]], eta)[:n]
    return _PairFigures(
        int(sure.sum()),
        int((~sure).sum()),
        int((B[j, l].sign() == -beta.sign())[sure].sum()),
        (B[j, l].sign() == -raw.sign())[sure].double().mean().item() if sure.any() else 1.0,
        ((B[j, l] - theory.pair_coupling(alpha, beta, gamma)).abs() / scale).max().item(),
        ((whole + eta**2 * B[j, l]).abs() / (eta**2 * scale)).max().item(),
        ((printed - product).norm() / product.norm()).item(),
        ((corrected - product).norm() / product.norm()).item(),
        (
            torch.linalg.matrix_norm(projector @ projector - projector, 2) / torch.linalg.matrix_norm(projector, 2)
        ).item(),
    )


def _theorem_6(setting: Setting) -> Evidence:
    figures: dict[float, list[_PairFigures]] = {strength: [] for strength in STRENGTHS}
    random = np.random.default_rng([setting.seed, 6])
    for F in _features(setting.of_group, random):
        size = F.square().sum(dim=0).mean().item()
        pairs = torch.combinations(torch.arange(F.shape[1]))
        chosen = pairs[random.permutation(len(pairs))[: PAIRS[setting.is_full]]]
        for strength in STRENGTHS:
            figures[strength].append(_pair_figures(F, strength * size, chosen))
    every = [figure for row in figures.values() for figure in row]
    opposed, total = sum(figure.opposed for figure in every), sum(figure.pairs for figure in every)
    rounding = sum(figure.rounding for figure in every)
    printed, projection = (max(getattr(f, name) for f in every) for name in ("printed", "idempotence"))
    raw = {s: sum(f.raw * f.pairs for f in row) / max(1, sum(f.pairs for f in row)) for s, row in figures.items()}
    trained = _trained(setting)
    sign = f"pairs with sign(b_jl) = −sign(f̃_jᵀP_(η,−jl)f̃_l); {rounding} more within rounding"
    plots = [_raw_plot(raw), *([_training_plot(trained)] if trained else [])]
    return Evidence(
        [
            Check.every(sign, opposed, total),
            Check.at_most("relative error of F̃B by eq. 9 as printed, its sum over all l", ROUNDING, printed),
            Check.at_most("distance of P_(η,−jl) from a projection, ‖P² − P‖/‖P‖", ROUNDING, projection),
        ],
        f"b_jl has the sign opposite to f̃_jᵀP_(η,−jl)f̃_l in {opposed} of {total} pairs, as an identity demands; it is "
        f"opposite to the plain similarity f̃_jᵀf̃_l in {min(raw.values()):.0%} to {max(raw.values()):.0%} of them, "
        f"depending on η. {_training_words(trained)}",
        [
            Check.at_most("relative error of F̃B with the sum over l ≠ j", ROUNDING, max(f.corrected for f in every)),
            Check.at_most("error of b_jl = −β/(αγ − β²), over √(b_jj b_ll)", 1e-7, max(f.value for f in every)),
            Check.at_most(
                "error of f̃_jᵀP_ηf̃_l = −η²b_jl with all columns, over η²√(b_jj b_ll)", 1e-7, max(f.whole for f in every)
            ),
        ],
        plots,
    )


def _features(representations: Representations, random: np.random.Generator) -> Iterator[Features]:
    """F̃ of random and of trained-like nodes, fewer and more than the pairs of the group that are taken."""
    every, order = all_pairs(representations), representations.group.order
    chosen = torch.from_numpy(random.permutation(len(every))[:SAMPLES])
    examples = Examples(every.rows[chosen], every.labels[chosen])
    maxima = theory.constructed_nodes(representations)
    for K in (max(2, min(FEW, len(examples) // 2)), MANY):
        yield centred_features(torch.from_numpy(random.normal(size=(2 * order, K))), examples)
        learned = maxima[:, random.integers(maxima.shape[1], size=K)]
        noise = random.normal(size=learned.shape) * NOISE / np.sqrt(2 * order)
        yield centred_features(torch.from_numpy(learned + noise), examples)


@dataclass(frozen=True)
class _Moment:
    """A network at one epoch of its training.

    Attributes:
        epoch: which.
        accuracy: on the test pairs.
        repelling: the share of nearest pairs of nodes that repel.
        strength: the median of −b_jl/√(b_jj b_ll) over these.
        opposed: the share of all pairs in which b_jl is opposite to f_jᵀf_l.
    """

    epoch: int
    accuracy: float
    repelling: float
    strength: float
    opposed: float


def _trained(setting: Setting) -> list[_Moment]:
    """A small network in training; empty for groups that are left out."""
    group = setting.of_group.group
    if group.order < TRAINED_ORDERS.start or not (setting.is_full or group.order in TRAINED_ORDERS):
        return []
    spec = RunSpec(group=group.name, width=256, train_fraction=0.8, lr=0.005, weight_decay=5e-5, seed=setting.seed)
    task = build_task(group.name)
    split = build_split(task, spec)
    train, test = examples_of(task, split.train, CPU), samples_of(task, split.test, CPU)
    network = TwoLayer(named_activation(spec.activation), spec.output_scale)
    problem = Problem(network, named_loss(spec.loss), train, task.order, spec.weight_decay)
    weights = initial_weights(spec, 2, task.order, CPU)
    trainee = Trainee(problem, test, make_optimizer(spec), spec.weight_decay, lambda epoch: spec.lr)
    training = Training([trainee], [trainee.start(weights)])
    course: list[_Moment] = []
    for epoch in range(EPOCHS[-1] + 1):
        (metrics,) = training.measure()
        if epoch in EPOCHS:
            now = training.position().weights
            grams = gram_figures(Snapshot.of(problem, now))
            repelling, strength = (grams.get(name, float("nan")) for name in ("repelling_share", "repulsion_median"))
            course.append(_Moment(epoch, metrics["test_accuracy"], repelling, strength, _opposed_share(problem, now)))
        training.step()
    return course


def _opposed_share(problem: Problem, weights: Weights) -> float:
    """The share of all pairs of nodes with sign(b_jl) = −sign(f_jᵀf_l)."""
    features = problem.ridge_features(weights)
    gram = features.T @ features
    B = torch.linalg.inv(gram + (problem.eta or 0.0) * torch.eye(len(gram), dtype=gram.dtype))
    above = torch.triu(torch.ones_like(gram, dtype=torch.bool), diagonal=1)
    return (B.sign() == -gram.sign())[above].double().mean().item()


def _training_words(course: list[_Moment]) -> str:
    if not course:
        return "Whether similar nodes repel is therefore no consequence of the sign rule, but a matter of measurement."
    first, last = course[0], course[-1]
    return (
        f"In training {first.repelling:.1%} of the nearest pairs repel at epoch {first.epoch} and {last.repelling:.1%} "
        f"at epoch {last.epoch} (test accuracy {last.accuracy:.2f}), with a median strength −b_jl/√(b_jj b_ll) of "
        f"{first.strength:.2f} and {last.strength:.2f}; of all pairs {last.opposed:.0%} have b_jl opposite to f_jᵀf_l."
    )


def _raw_plot(raw: dict[float, float]) -> Plot:
    strengths, ones = list(raw), [1.0] * len(raw)
    return Plot(
        "Pairs of nodes in which b_jl is opposite to a similarity",
        "η over the mean ‖f̃‖²",
        "share of pairs",
        (
            Curve("opposite to f̃_jᵀP_(η,−jl)f̃_l", strengths, ones, predicted=True),
            Curve("opposite to plain f̃_jᵀf̃_l", strengths, list(raw.values())),
        ),
        log_x=True,
    )


def _training_plot(course: list[_Moment]) -> Plot:
    names = {
        "repelling": "nearest pairs that repel",
        "strength": "their median −b_jl/√(b_jj b_ll)",
        "opposed": "all pairs with b_jl opposite to f_jᵀf_l",
        "accuracy": "test accuracy",
    }
    epochs = [float(moment.epoch) for moment in course]
    curves = (Curve(text, epochs, [getattr(moment, name) for moment in course]) for name, text in names.items())
    return Plot("Repulsion while a small network trains", "epoch", "share", tuple(curves), log_x=True)


CLAIMS = [
    Claim(
        STATEMENTS["theorem-6"],
        "B by inversion, P_(η,−jl) by a regression on the other columns for every pair of nodes, random and "
        "trained-like, fewer and more than samples, η over eight decades; then a small network in training.",
        _theorem_6,
        ("cyclic:23", "cyclic:7", "symmetric:3"),
    ),
    Claim(
        STATEMENTS["theorem-7"],
        "Networks that hold exactly the irreps of a set S, V by least squares: their residual, the gradient of further "
        "nodes by autograd, ascents of the residual's energy, and the fall of min_V J when a node joins.",
        theorem_7,
        ("symmetric:3", "quaternion", "alternating:4", "cyclic:7"),
    ),
]
