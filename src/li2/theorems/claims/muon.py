"""Muon: Lemmas 2 and 9; with the claims on the collection of features, Lemmas 7, 8 and 10 and Theorem 8."""

from collections.abc import Callable

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator, default_rng
from torch import Tensor

from li2.landscape import SampleEnergy, TableEnergy, ascend, random_starts
from li2.models import named_activation, unit_nodes
from li2.statistics import exponent
from li2.tasks import build_task, examples_of
from li2.theorems.claim import Check, Claim, Curve, Evidence, Plot, Setting
from li2.theorems.claims import rebalancing, selection
from li2.theorems.instruments.collecting import polar_factor
from li2.theory.collection import (
    muon_slope,
    polar_column,
    polar_column_printed,
    printed_column_error,
    rests_on_the_sphere,
)
from li2.theory.statements import STATEMENTS

CPU = torch.device("cpu")

VANISHING = 1e-12
"""A gradient below, relative to M‖W‖³, is rounding."""

SCALES = (1.0, 1e-4, 1e4)
"""Of the weights."""

Matrix = Float[Tensor, "d K"]


def _lemma_2(setting: Setting) -> Evidence:
    group = setting.of_group.group
    task, M = build_task(group.name), group.order
    pairs = examples_of(task, np.arange(task.size), CPU)
    energy, table = SampleEnergy(pairs.rows, pairs.labels, M, named_activation("square")), TableEnergy(group, CPU)
    generator = torch.Generator().manual_seed(setting.seed)
    errors, slopes, resting = [], [], _resting_nodes(M, generator)
    for K in (3, 2 * M + 3) if M < 40 else (3, 20):
        for scale in SCALES:
            for still in (False, True):
                W = scale * torch.randn(2 * M, K, dtype=torch.float64, generator=generator)
                W[:, :2] = scale * resting[:, :2] if still else W[:, :2]
                gradient = table.value_and_gradient(W)[1]
                measured = _slope(energy, W, _muon(gradient, W))
                errors.append(abs(measured / muon_slope(gradient.numpy()) - 1))
                slopes.append(measured)
    flat = [(scale * resting, table.value_and_gradient(scale * resting)[1]) for scale in SCALES]
    sizes = [_muon(gradient, W).norm().item() for W, gradient in flat]
    faint = resting + 1e-4 * torch.randn(resting.shape, dtype=torch.float64, generator=generator)
    statement = [
        Check.at_most("relative error of the slope of ΣE along UVᵀ, by differences, against tr D", 1e-8, max(errors)),
        Check.every("weights with a gradient at which ΣE rises along UVᵀ", sum(s > 0 for s in slopes), len(slopes)),
        Check.at_most("‖UVᵀ‖ where the gradient vanishes (a half zero, or constant)", 1e-12, max(sizes)),
        Check.at_least(
            "‖UVᵀ‖ where it nearly does (nodes 1e-4 away)",
            1,
            _muon(table.value_and_gradient(faint)[1], faint).norm().item(),
        ),
    ]
    correction, words = _sphere_checks(table, energy, setting.seed)
    return Evidence(
        statement,
        f"At {len(errors)} random weights of {group.name} the slope of ΣE along UVᵀ is tr D > 0 to {max(errors):.1g}, "
        f"and UVᵀ vanishes with the gradient, so that the lemma holds for free weights. {words}",
        correction,
    )


def _resting_nodes(M: int, generator: torch.Generator) -> Matrix:
    """Nodes without a gradient: one half zero, one half constant, both."""
    u = torch.randn(M, dtype=torch.float64, generator=generator)
    zero, one = torch.zeros_like(u), torch.ones_like(u)
    halves = [(u, zero), (zero, u), (u, one), (one, u), (one, -2 * one), (zero, zero)]
    return torch.stack([torch.cat(pair) for pair in halves], dim=1)


def _muon(gradient: Matrix, W: Matrix) -> Matrix:
    """UVᵀ of the gradient; zero where the gradient is rounding."""
    floor = VANISHING * len(W) * W.norm(dim=0).max() ** 3
    return torch.from_numpy(polar_factor(gradient.numpy())) * bool(gradient.abs().max() > floor)


def _slope(energy: SampleEnergy, W: Matrix, direction: Matrix) -> float:
    """dΣE/dt along a direction, by the five-point difference, which is exact for polynomials of degree four."""
    step = 0.1 * (W.norm() / direction.norm()).item()
    at = [energy.value_and_gradient(W + k * step * direction)[0].sum().item() for k in (-2, -1, 1, 2)]
    return (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * step)


def _tangent(W: Matrix, directions: Matrix) -> Matrix:
    """Each column without its part along the node."""
    return directions - (W * directions).sum(dim=0) * W


def _distinct(nodes: Matrix) -> Float[Tensor, "d distinct"]:
    """Those that are not equal, up to sign, to one before: of nearly equal ones UVᵀ blows up the difference."""
    kept: list[int] = []
    for number, node in enumerate(nodes.T):
        if not kept or (nodes[:, kept].T @ node).abs().max() < 1 - 1e-6:
            kept.append(number)
    return nodes[:, kept]


def _sphere_checks(table: TableEnergy, energy: SampleEnergy, seed: int) -> tuple[list[Check], str]:
    """Muon where each node stays on the unit sphere: at maxima, near them, and with the projected gradient instead."""
    maxima = _distinct(ascend(table, random_starts(table, 8, seed)).nodes)
    sets = {"different": maxima, "equal": maxima[:, :1].expand(-1, 3).clone()}
    orthogonal = maxima[:, (maxima.T @ maxima[:, 0]).abs() < 1e-6]
    if orthogonal.shape[1]:
        sets["orthogonal"] = torch.stack([maxima[:, 0], orthogonal[:, 0]], dim=1)
    sets["equal and opposite"] = torch.stack([maxima[:, 0], -maxima[:, 0], maxima[:, 0]], dim=1)
    drifts, right = {}, 0
    for name, W in sets.items():
        drift = _tangent(W, _muon(table.value_and_gradient(W)[1], W)).norm().item()
        drifts[name] = drift
        right += (drift < 1e-6) == rests_on_the_sphere(W.numpy(), 1e-6)
    noise = torch.randn(40, *maxima.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    lowered, errors = 0, []
    for shift in noise:
        W = unit_nodes(maxima + 1e-3 * shift)
        gradient = table.value_and_gradient(W)[1]
        projected = _tangent(W, gradient)
        lowered += int(_slope(energy, W, _tangent(W, _muon(gradient, W))) < 0)
        direction = torch.from_numpy(polar_factor(projected.numpy()))
        errors.append(abs(_slope(energy, W, _tangent(W, direction)) / muon_slope(projected.numpy()) - 1))
    checks = [
        Check.every("sets of maxima at which Muon rests on the sphere just if orthogonal or equal", right, len(sets)),
        Check.at_most(
            "relative error of the slope along the polar factor of the projected gradient", 1e-4, max(errors)
        ),
    ]
    if drifts["different"] > 1e-6:
        return checks, (
            f"With every node held on the sphere the projected UVᵀ is {drifts['different']:.2g} long at "
            f"{maxima.shape[1]} maxima and lowers ΣE at {lowered / len(noise):.0%} of points near them; the polar "
            "factor of the projected gradient keeps the lemma."
        )
    return checks, (
        "The maxima that were found are orthogonal or equal up to sign, so that with every node held on the sphere the "
        "projected UVᵀ vanishes at them, too."
    )


def _lemma_9(setting: Setting) -> Evidence:
    generator = default_rng([setting.seed, 9])
    repeats = 400 if setting.is_full else 60
    exact = max(_column_error(polar_column, generator, *_random_case(generator)) for _ in range(repeats))
    sizes = np.geomspace(1e-4, 1e-2, 7)
    families = {
        "‖v⊥‖, with ‖v∥‖ = √‖v⊥‖": [(float(size**0.5), float(size)) for size in sizes],
        "‖v∥‖, with ‖v⊥‖ = 0.3": [(float(size), 0.3) for size in sizes],
        "‖v‖, with ‖v∥‖ = ‖v⊥‖": [(float(size), float(size)) for size in sizes],
    }
    errors = {
        name: [_column_error(polar_column_printed, generator, 30, 6, *pair) for pair in pairs]
        for name, pairs in families.items()
    }
    exponents = {name: exponent(sizes, found) for name, found in errors.items()}
    first, second, both = exponents.values()
    curves = [Curve(f"against {name}", sizes.tolist(), found) for name, found in errors.items()]
    curves += [
        Curve(
            f"predicted, against {name}",
            sizes.tolist(),
            [printed_column_error(*pair) for pair in pairs],
            predicted=True,
        )
        for name, pairs in families.items()
    ]
    return Evidence(
        [
            Check.close("exponent of the error in ‖v⊥‖ as v → 0 with ‖v∥‖ = √‖v⊥‖", 2, first, absolute=0.1),
            Check.close("exponent of the error in ‖v⊥‖ as v → 0 with ‖v∥‖ = ‖v⊥‖", 2, both, absolute=0.1),
        ],
        f"The error of the printed formula goes like ‖v∥‖^{second:.2f} at fixed ‖v⊥‖, and like ‖v⊥‖^{first:.2f} for "
        f"small v with ‖v∥‖ = √‖v⊥‖, so that it is no O(‖v⊥‖²). Divided by √(1 + ‖v∥‖²/(1 + ‖v⊥‖)²) the formula is "
        f"exact (error {exact:.1g} in {repeats} cases), and its direction is right as printed.",
        [
            Check.close("exponent of the error in ‖v∥‖, ‖v⊥‖ fixed", 2, second, absolute=0.05),
            Check.at_most("error of the corrected formula, any size of v", 1e-12, exact),
        ],
        [Plot("Error of the printed polar column", "size", "error", tuple(curves), log_x=True, log_y=True)],
    )


def _random_case(generator: Generator) -> tuple[int, int, float, float]:
    """d, k, ‖v∥‖ and ‖v⊥‖, sizes of 0.01 to 3."""
    d = int(generator.integers(2, 40))
    first, second = 10 ** generator.uniform(-2, 0.5, 2)
    return d, int(generator.integers(1, d)), float(first), float(second)


def _column_error(
    formula: Callable[[Float[ndarray, "d k"], Float[ndarray, " d"]], Float[ndarray, " d"]],
    generator: Generator,
    d: int,
    k: int,
    parallel: float,
    rest: float,
) -> float:
    """How far a formula is from the last column of the polar factor of a random [Q, v]."""
    frame = np.linalg.qr(generator.normal(size=(d, k + 1)))[0]
    Q, inside = frame[:, :k], generator.normal(size=k)
    v = parallel * Q @ (inside / np.linalg.norm(inside)) + rest * frame[:, k]
    measured = polar_factor(np.concatenate([Q, v[:, None]], axis=1))[:, -1]
    return float(np.linalg.norm(formula(Q, v) - measured))


CLAIMS = [
    Claim(
        STATEMENTS["lemma-2"],
        "UVᵀ by singular value decomposition of the gradient on all pairs, and the slope of ΣE along it by differences "
        "of the energy; then at maxima that ascents find, with every node held on the sphere.",
        _lemma_2,
        ("cyclic:7", "symmetric:3", "quaternion"),
        small=True,
    ),
    *selection.CLAIMS,
    Claim(
        STATEMENTS["lemma-9"],
        "The last column of the polar factor of random [Q, v], by singular value decomposition, against the formula; "
        "exponents fitted over two decades of ‖v∥‖ or ‖v⊥‖.",
        _lemma_9,
    ),
    *rebalancing.CLAIMS,
]
