"""Which features are maxima of the energy: Theorem 2 with its corollaries, on all pairs of a group, σ(x) = x²."""

import numpy as np
import torch

from li2.groups import Representations
from li2.landscape import SampleEnergy, TableEnergy, random_starts, sphere_spectrum
from li2.models import named_activation
from li2.specs import LandscapeSpec
from li2.tasks import build_task, examples_of
from li2.theorems.claim import Check, Claim, Curve, Evidence, NotApplicable, Plot, Setting
from li2.theorems.landscape import Landscape, explore
from li2.theory.maxima import critical_point, energy_of_coefficients, printed_energy, square_maximum
from li2.theory.statements import STATEMENTS

GROUPS = ("quaternion", "frobenius:7.3", "cyclic:7", "cyclic:6", "product:2x2", "symmetric:3", "alternating:4")

CPU = torch.device("cpu")

FEW = 10
"""A kind of irrep must be found if so many starts would begin nearest to it by its share of all dimensions."""


def _explored(setting: Setting) -> Landscape:
    starts = 400 if setting.is_full else 60
    return explore(LandscapeSpec(group=setting.of_group.group.name, starts=starts, seed=setting.seed))


def _theorem_2(setting: Setting) -> Evidence:
    representations = setting.of_group
    landscape = _explored(setting)
    points, M = landscape.points, landscape.order
    kinds = list(zip(points["dimension"], points["type"], strict=True))
    ratios = points["energy"] / [printed_energy(M, *kind) for kind in kinds]
    worst = float(max(ratios, key=lambda ratio: abs(ratio - 1)))
    statement = [
        Check.close("energy of the maxima over the printed one, farthest from 1", 1.0, worst, relative=1e-6),
        Check.every("maxima of the form [u; ±Pu]", int((points["inversion"] > 1 - 1e-6).sum()), len(points)),
        _slice_check(representations, setting.seed),
        Check.every("maxima with all mass in one irrep", int((points["isotypic_share"] > 1 - 1e-9).sum()), len(points)),
    ]
    error = float((points["energy"] / [square_maximum(M, *kind).energy for kind in kinds] - 1).abs().max())
    unexplained = landscape.unexplained or 0
    correction = [
        Check.every("ascents that converged", int(points["converged"].sum()), len(points)),
        Check.at_most("relative error of the corrected energies", 1e-8, error),
        Check.every("starts at a predicted energy, rank and nullity", len(points) - unexplained, len(points)),
        _reached_check(representations, landscape),
        *_spectrum_checks(landscape),
        _plancherel_check(representations, setting.seed),
        _polynomial_check(representations, setting.seed),
        *_critical_point_checks(representations),
    ]
    found = ", ".join(f"{energy:.6g}" for energy in sorted({round(e, 6) for e in landscape.maxima["energy"]}))
    slices = (points["inversion"] > 1 - 1e-6).mean()
    return Evidence(
        statement,
        f"{len(points)} ascents on {landscape.spec.group} end at E = {found}, {worst:.3g} times the printed "
        f"energies (the proof drops the factor 2 of the cross term 2uv). v = ±Pu at {slices:.0%} of the end points, "
        "since outer phases are free; energies, ranks, nullities and spectra are compared with the corrected table.",
        correction,
        [_energies_plot(landscape)],
    )


def _slice_check(representations: Representations, seed: int) -> Check:
    """Whether [u; ±Pu] with any u in one irrep is a local maximum: critical, and nothing rises."""
    energy = TableEnergy(representations.group, CPU)
    random, right, total = np.random.default_rng([seed, 2]), 0, 0
    first: dict[tuple[int, str], int] = {}
    for number, irrep in enumerate(representations.characters.real_irreps):
        if number:
            first.setdefault((irrep.dimension, irrep.type), number)
    for number in first.values():
        projector = representations.isotypic_projector(number)
        for sign in (1, -1):
            u = projector @ random.normal(size=len(projector))
            node = torch.from_numpy(np.concatenate([u, sign * u[representations.group.inverses]]))
            node = node / node.norm()
            gradient = energy.value_and_gradient(node[:, None])[1][:, 0]
            radial = node @ gradient
            critical = (gradient - radial * node).norm() <= 1e-9 * radial
            right += bool(critical and (sphere_spectrum(energy, node) <= 1e-9 * radial).all())
            total += 1
    return Check.every("random [u; ±Pu], u in one irrep, that are local maxima", right, total)


def _reached_check(representations: Representations, landscape: Landscape) -> Check:
    """Whether every kind of irrep was found; of those that have few of all dimensions chance may find none."""
    M, starts = landscape.order, len(landscape.points)
    expected: dict[tuple[int, str], float] = {}
    for irrep in representations.characters.real_irreps[1:]:
        kind = (irrep.dimension, irrep.type)
        expected[kind] = expected.get(kind, 0.0) + starts * irrep.dimension**2 * len(irrep.members) / (M - 1)
    wanted = {kind for kind, count in expected.items() if count >= FEW}
    reached = wanted & set(zip(landscape.points["dimension"], landscape.points["type"], strict=True))
    return Check.every("kinds of irreps (dimension, type) that were reached", len(reached), len(wanted))


def _energies_plot(landscape: Landscape) -> Plot:
    """Energies of the end points beside the corrected and the printed ones, irrep by irrep."""
    points = landscape.points.sort_values(["dimension", "type", "energy"], ignore_index=True)
    x = list(range(1, len(points) + 1))
    kinds = list(zip(points["dimension"], points["type"], strict=True))
    return Plot(
        "Energies at the ends of the ascents",
        "ascent, by dimension and type of the irrep",
        "E",
        (
            Curve("measured", x, points["energy"].tolist()),
            Curve("corrected", x, [square_maximum(landscape.order, *kind).energy for kind in kinds], predicted=True),
            Curve("as printed", x, [printed_energy(landscape.order, *kind) for kind in kinds], predicted=True),
        ),
    )


def _spectrum_checks(landscape: Landscape) -> list[Check]:
    """The eigenvalues of the Hessian at one maximum of each kind, in units of its energy."""
    farthest, right = 0.0, 0
    first = landscape.points.drop_duplicates(["dimension", "type"])
    for number, row in first.iterrows():
        node = torch.from_numpy(landscape.nodes[:, int(str(number))])
        levels = sphere_spectrum(landscape.energy, node) / row["energy"]
        predicted = square_maximum(landscape.order, row["dimension"], row["type"])
        nearest = torch.tensor([0.0, -4.0, -8.0], dtype=levels.dtype)
        distance, level = (levels[:, None] - nearest).abs().min(dim=1)
        farthest = max(farthest, distance.max().item())
        right += torch.bincount(level, minlength=3).tolist() == [
            predicted.nullity,
            len(levels) - predicted.nullity - predicted.steepest,
            predicted.steepest,
        ]
    return [
        Check.at_most("distance of the Hessian's eigenvalues from 0, −4E*, −8E*, over E*", 1e-6, farthest),
        Check.every("kinds of maxima with the predicted multiplicities", right, len(first)),
    ]


def _plancherel_check(representations: Representations, seed: int) -> Check:
    """The energy from labelled pairs against the sum over irreps, at random nodes."""
    group = representations.group
    energy = _sampled(group.name, "square")
    nodes = random_starts(energy, 20, seed)
    measured = energy.value_and_gradient(nodes)[0].numpy()
    left, right = (representations.transform(half.T) for half in np.split(nodes.numpy(), 2))
    predicted = energy_of_coefficients(group.order, left, right)
    worst = float(np.abs(measured / predicted - 1).max())
    return Check.at_most("relative error of E = (2/M) Σ d‖ûv̂‖² at random nodes", 1e-11, worst)


def _polynomial_check(representations: Representations, seed: int) -> Check:
    plain, tilted = (_sampled(representations.group.name, name) for name in ("square", "0.7*x-1.5*x**2"))
    nodes = random_starts(plain, 20, seed)
    ratio = tilted.value_and_gradient(nodes)[0] / plain.value_and_gradient(nodes)[0]
    what = "E for σ(x) = 0.7x − 1.5x² over E for x², b² = 2.25, relative error"
    return Check.at_most(what, 1e-11, (ratio / 2.25 - 1).abs().max().item())


def _sampled(name: str, activation: str) -> SampleEnergy:
    """The energy from all labelled pairs, one by one."""
    task = build_task(name)
    pairs = examples_of(task, np.arange(task.size), CPU)
    return SampleEnergy(pairs.rows, pairs.labels, task.order, named_activation(activation))


def _critical_point_checks(representations: Representations) -> list[Check]:
    """Higher ranks and several irreps at once: critical, of the predicted energy, and saddle points."""
    energy = TableEnergy(representations.group, CPU)
    irreps = representations.characters.real_irreps
    full = {
        number: irrep.dimension // (2 if irrep.type == "quaternionic" else 1)
        for number, irrep in enumerate(irreps)
        if number
    }
    families = [
        {number: rank}
        for number, most in full.items()
        for rank in ([most] if irreps[number].type == "quaternionic" else range(1, most + 1))
    ]
    families += [
        {number: full[number], other: full[other]} for number, other in zip(full, list(full)[1:], strict=False)
    ]
    if len(full) > 2:
        families.append(full)
    slope, error, right = 0.0, 0.0, 0
    for ranks in families:
        point = critical_point(representations, ranks)
        node = torch.from_numpy(point.node)
        values, gradients = energy.value_and_gradient(node[:, None])
        radial = node @ gradients[:, 0]
        slope = max(slope, ((gradients[:, 0] - radial * node).norm() / radial).item())
        error = max(error, abs(values.item() / point.energy - 1))
        rises = bool((sphere_spectrum(energy, node) > 1e-6 * radial).any())
        right += rises != point.is_maximum
    return [
        Check.at_most("slope at the points of higher rank or several irreps", 1e-9, slope),
        Check.at_most("relative error of their energies 1/Σ(r/E*)", 1e-9, error),
        Check.every("of them maxima at r = 1 in one irrep, else saddle points", right, len(families)),
    ]


def _corollary_1(setting: Setting) -> Evidence:
    landscape = _explored(setting)
    if landscape.order <= 2:
        raise NotApplicable("The corollary is about groups of order above 2.")
    maxima = landscape.maxima
    flat = int((maxima["nullity"] > 0).sum())
    predicted = [
        square_maximum(landscape.order, *kind).nullity for kind in zip(maxima["dimension"], maxima["type"], strict=True)
    ]
    listed = "; ".join(
        f"{row['nullity']} for {row['type']} type, d = {row['dimension']}" for row in maxima.to_dict("records")
    )
    right = int((maxima["nullity"] == predicted).sum())
    return Evidence(
        [Check.every("kinds of maxima with a zero eigenvalue on the sphere", flat, len(maxima))],
        f"Zero eigenvalues on the sphere at the maxima of {landscape.spec.group}: {listed}. "
        f"{flat} of {len(maxima)} kinds are flat, {len(maxima) - flat} isolated.",
        [
            Check.every("kinds of maxima with the predicted nullity", right, len(maxima)),
            _reached_check(setting.of_group, landscape),
        ],
    )


def _corollary_2(setting: Setting) -> Evidence:
    group = setting.of_group.group
    if not (group.is_abelian and group.exponent == group.order):
        raise NotApplicable(f"The corollary is about cyclic groups; {group.name} is not cyclic.")
    landscape = _explored(setting)
    points, M = landscape.points, landscape.order
    ratios = points["energy"] / [printed_energy(M, 1, kind) for kind in points["type"]]
    worst = float(max(ratios, key=lambda ratio: abs(ratio - 1)))
    pure = int((points["isotypic_share"] > 1 - 1e-9).sum())
    expected = [square_maximum(M, 1, kind) for kind in points["type"]]
    right = int((points["energy"] / [maximum.energy for maximum in expected] - 1).abs().lt(1e-8).sum())
    complex_type, cosines = points[points["type"] == "complex"], points["inversion"]
    rows = zip(landscape.maxima["type"], landscape.maxima["nullity"], strict=True)
    flat = sum(int(nullity) == square_maximum(M, 1, kind).nullity for kind, nullity in rows)
    statement = [
        Check.close("energy of the maxima over the printed one, farthest from 1", 1.0, worst, relative=1e-6),
        Check.every("maxima with a single frequency, so that none leads to another's", pure, len(points)),
        Check.every(
            "kinds of maxima that are flat along the phases of their frequency only", flat, len(landscape.maxima)
        ),
    ]
    correction = [Check.every("maxima with E = M/4, or M/2 at the alternating frequency", right, len(points))]
    if len(complex_type) >= 10:
        phases = complex_type["inversion"].quantile([0.1, 0.9])
        correction.append(
            Check.at_least("spread of |cos(v, Pu)|, 10 % to 90 % quantile", 0.3, float(phases.iloc[1] - phases.iloc[0]))
        )
    return Evidence(
        statement,
        f"{pure} of {len(points)} ascents on {group.name} end at a single frequency, with {worst:.3g} times "
        f"the printed energy. |cos(v, Pu)| lies between {cosines.min():.2f} and {cosines.max():.2f} there, so that "
        f"v = ±Pu is {'the rule' if cosines.min() > 1 - 1e-6 else 'no rule'}.",
        correction,
    )


CLAIMS = [
    Claim(
        STATEMENTS["theorem-2"],
        "Ascents from random points of the unit sphere until the projected gradient vanishes to 1e-9; each end point "
        "is classified by its Fourier coefficients and its Hessian on the sphere.",
        _theorem_2,
        GROUPS,
        small=True,
    ),
    Claim(
        STATEMENTS["corollary-1"],
        "Zero eigenvalues of the Hessian on the sphere, at one maximum of each kind that random ascents find.",
        _corollary_1,
        GROUPS,
        small=True,
    ),
    Claim(
        STATEMENTS["corollary-2"],
        "Ascents from random points, as for Theorem 2; a path of maxima between two frequencies would mix them.",
        _corollary_2,
        ("cyclic:7", "cyclic:6", "cyclic:23"),
        small=True,
    ),
]
