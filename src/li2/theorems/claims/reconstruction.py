"""What learned features can represent: Theorem 3, on all pairs of a group, σ(x) = x², centred over samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from li2.groups import RealIrrep, Representations
from li2.landscape import TableEnergy
from li2.theorems.claim import Check, Claim, Curve, Evidence, NotApplicable, Plot, Setting
from li2.theory import reconstruction as theory
from li2.theory.maxima import square_maximum
from li2.theory.statements import STATEMENTS

Halves = NDArray[np.float64] | NDArray[np.complex128]
"""The halves u of K nodes, (M, K)."""

EXACT = 1e-9
"""A relative residual up to this is rounding; one above a thousand times that is not."""

NEGLIGIBLE = 1e-11
"""Singular values of F̃ below this share of the largest are zero."""

DEPENDENT = 1e-8
"""A column counts as a combination of others if less of its length than this is outside of their span."""

TIE = 1e-6
"""Outputs this close to the largest share its place."""

PERTURBATION = 0.1
"""How far u′ is from u in the paper's remark, over ‖u‖."""

QUICK_WORK, FULL_WORK = 1e10, 1e12
"""Multiplications of one least-squares problem that are made at each scale, at most."""

LARGEST_AVERAGE = 41
"""The order up to which means over random phases are measured at quick scale."""

DRAWN_FREQUENCIES = 120
"""Over how many frequencies such a mean is taken, at least."""


@dataclass(frozen=True)
class _Fit:
    """Least squares of Ỹ on features.

    Attributes:
        residual: ‖Ỹ − F̃V‖/‖Ỹ‖.
        accuracy: the share of pairs whose largest output is their label, ties counted by shares.
    """

    residual: float
    accuracy: float


class _Pairs:
    """All M² pairs of a group with their centred one-hot labels."""

    def __init__(self, representations: Representations) -> None:
        group = representations.group
        self.order = group.order
        self.inverses = group.inverses
        first, second = np.divmod(np.arange(group.order**2), group.order)
        self._first, self._second = first, second
        self.labels = torch.from_numpy(group.table[first, second])
        one_hot = torch.nn.functional.one_hot(self.labels, group.order).double()
        self.targets = one_hot - one_hot.mean(dim=0)
        self.size = self.targets.norm().item()

    def features(self, u: Halves, v: Halves) -> Tensor:
        """F̃ of the nodes [u; v], (M², K), real or complex."""
        features = torch.from_numpy((u[self._first] + v[self._second]) ** 2)
        return features - features.mean(dim=0)

    def signed(self, u: Halves, v: Halves) -> Tensor:
        """F̃ of the nodes [u; v] and [u; −v], alternating, (M², 2K)."""
        return torch.stack([self.features(u, v), self.features(u, -v)], dim=2).flatten(1)

    def fit(self, features: Tensor) -> _Fit:
        """The projection of Ỹ on the span of features; there may be none."""
        left, singular, _ = torch.linalg.svd(features, full_matrices=False)
        left = left[:, singular > NEGLIGIBLE * singular.amax()] if len(singular) else left
        outputs = (left @ (left.mH @ self.targets.to(left.dtype))).real
        residual = (self.targets - outputs).norm().item() / self.size
        tied = outputs > outputs.amax(dim=1, keepdim=True) - TIE
        right = tied[torch.arange(len(tied)), self.labels].double() / tied.sum(dim=1)
        return _Fit(residual, right.mean().item())

    def without_one(self, features: Float[Tensor, "n K"]) -> Float[Tensor, " K"]:
        """‖Ỹ − F̃V‖/‖Ỹ‖ for linearly independent features that reconstruct Ỹ, with each one of them left out.

        The residual is then V_j times what is left of f̃_j outside the span of the others, 1/√(F̃ᵀF̃)⁻¹_jj.
        """
        q, r = torch.linalg.qr(features)
        inverse = torch.linalg.solve_triangular(r, torch.eye(len(r), dtype=r.dtype), upper=True)
        top = inverse @ (q.T @ self.targets)
        return top.norm(dim=1) / inverse.norm(dim=1) / self.size


def _in_isotype(C: Halves, count: int, random: np.random.Generator, *, real: bool) -> Halves:
    """Random functions u = Σ A_ij C_ij of length one; real ones also have the conjugate irrep's part."""
    entries = C.reshape(len(C), -1)
    shape = (entries.shape[1], count)
    u = entries @ (random.normal(size=shape) + 1j * random.normal(size=shape))
    if real:
        u = u.real
    return u / np.linalg.norm(u, axis=0)


def _maxima(C: Halves, count: int, random: np.random.Generator) -> tuple[Halves, Halves]:
    """Halves u = Re aᴴC(g)b and v = Re bᴴC(g)c of random real maxima in an irrep: one copy, its spaces aligned."""
    vectors = random.normal(size=(3, C.shape[1], count))
    imaginary = random.normal(size=vectors.shape) * np.iscomplexobj(C)
    a, b, c = vectors + 1j * imaginary
    u = np.einsum("is,gij,js->gs", a.conj(), C, b).real
    v = np.einsum("is,gij,js->gs", b.conj(), C, c).real
    return u / np.linalg.norm(u, axis=0), v / np.linalg.norm(v, axis=0)


def _theorem_3(setting: Setting) -> Evidence:
    representations = setting.of_group
    characters = representations.characters
    count = theory.printed_node_count(characters)
    work = 16 * representations.group.order**2 * count**2  # complex: four times the real products
    if work > (FULL_WORK if setting.is_full else QUICK_WORK):
        remedy = "an hour or more" if setting.is_full else "a minute or more; ask for --scale paper"
        raise NotApplicable(f"Fitting the statement's {count} nodes on {representations.group.name} takes {remedy}.")
    pairs = _Pairs(representations)
    random = np.random.default_rng([setting.seed, 3])
    complex_nodes = _complex_nodes(pairs, representations, random)
    real_nodes = _real_nodes(pairs, representations, random)
    generic = _generic_nodes(pairs, representations, random)
    constructed = _constructed_nodes(pairs, representations)
    name, chosen = representations.group.name, theory.constructed_node_count(characters)
    generic_count = int(generic.values[0])
    return Evidence(
        [*complex_nodes.statement, *real_nodes.statement],
        f"On {name} {count} complex nodes [u; ±Pu] as printed leave a relative residual of "
        f"{complex_nodes.values[0]:.2g}, {count} nodes [u; ±Pū] {complex_nodes.values[1]:.1g}, and real [u; ±Pu] "
        f"{real_nodes.values[0]:.2g} with accuracy {real_nodes.values[1]:.3f}. Real maxima of the energy reconstruct "
        f"Ỹ: {chosen} chosen ones, or {generic_count} random ones, of which none can be left out (the residual is "
        f"then at least {constructed.values[1]:.2g}, or {generic.values[1]:.2g}).",
        [
            *complex_nodes.correction,
            *real_nodes.correction,
            *generic.correction,
            *constructed.correction,
            *_few_pairs(pairs, representations, setting),
        ],
        [
            Plot(
                "How the residual falls with the number of real nodes",
                "nodes K",
                "‖Ỹ − F̃V‖/‖Ỹ‖",
                (*generic.curves, *constructed.curves, *real_nodes.curves),
            )
        ],
    )


@dataclass(frozen=True)
class _Part:
    """The checks of one family of nodes, its numbers for the summary, and its curves."""

    values: tuple[float, ...]
    statement: Sequence[Check] = ()
    correction: Sequence[Check] = ()
    curves: Sequence[Curve] = ()


def _complex_nodes(pairs: _Pairs, representations: Representations, random: np.random.Generator) -> _Part:
    """Pairs [u; ±Pu] as printed and [u; ±Pū], d⁴ of them in every complex irrep."""
    characters, M = representations.characters, pairs.order
    halves, spans = [], 0
    for row, irrep in enumerate(characters.irreps[1:], start=1):
        u = _in_isotype(representations.matrices(row), irrep.dimension**4, random, real=False)
        spans += int(np.linalg.matrix_rank(np.abs(u.conj().T @ u) ** 2, hermitian=True) == irrep.dimension**4)
        halves.append(u)
    every = np.concatenate(halves, axis=1).astype(np.complex128)
    K, bound = 2 * every.shape[1], theory.printed_node_bound(characters)
    literal = pairs.fit(pairs.signed(every, every[pairs.inverses])).residual
    features = pairs.signed(every, every.conj()[pairs.inverses])
    exact = pairs.fit(features).residual
    ends = np.cumsum([half.shape[1] for half in halves])
    kinds = {(irrep.dimension, irrep.type): 2 * end for irrep, end in zip(characters.irreps[1:], ends, strict=True)}
    kept = torch.arange(K)
    fewer = min(pairs.fit(features[:, (kept < end - 2) | (kept >= end)]).residual for end in kinds.values())
    return _Part(
        (literal, exact),
        [
            Check.every("irreps whose uu* span all operators on H_k", spans, len(halves)),
            Check.at_most("residual of complex nodes [u; ±Pu], 2d⁴ in every complex irrep", EXACT, literal),
            Check("nodes that suffice, against M² for memorisation", f"< {M**2}", K, "a bound", K < M**2),
            Check.at_most("nodes that suffice, against 2[(M − κ)² + κ − 1]", bound, K),
        ],
        [
            Check.close(
                "residual of complex nodes [u; ±Pu], 2d⁴ in every complex irrep",
                theory.literal_residual(characters),
                literal,
                relative=1e-6,
                absolute=EXACT,
            ),
            Check.every("complex nodes [u; ±Pū], 2d⁴ in every complex irrep", K, theory.printed_node_count(characters)),
            Check.at_most("residual of complex nodes [u; ±Pū]", EXACT, exact),
            Check.at_least(
                "residual of complex nodes [u; ±Pū] with one pair fewer in any kind of irrep", 1000 * EXACT, fewer
            ),
        ],
    )


def _real_nodes(pairs: _Pairs, representations: Representations, random: np.random.Generator) -> _Part:
    """Pairs [u; ±Pu], as many as are independent, and [u; ±Pu′] with u′ near u."""
    M, t = pairs.order, int((representations.group.table.diagonal() == representations.group.identity).sum())
    same, near = [], []
    for irrep in representations.characters.real_irreps[1:]:
        size = irrep.dimension**2 * len(irrep.members)  # of H_k over the reals
        C = representations.matrices(irrep.members[0])
        u, noise = (_in_isotype(C, size**2, random, real=True) for _ in range(2))
        few = u[:, : size * (size + 1) // 2]
        same.append(pairs.signed(few, few[pairs.inverses]))
        near.append(pairs.signed(u, (u + PERTURBATION * noise)[pairs.inverses]))
    floor, limit = theory.inversion_floor(M, t), theory.inversion_accuracy(M, t)
    fitted, changed = pairs.fit(torch.cat(same, dim=1)), pairs.fit(torch.cat(near, dim=1)).residual
    K = sum(part.shape[1] for part in same)
    statement = [Check.at_most("residual of real [u; ±Pu′], u′ 10 % away from u", EXACT, changed)]
    if t < M:
        what = "residual of real [u; ±Pu], which cannot reconstruct"
        statement.append(Check.at_least(what, 1000 * EXACT, fitted.residual))
    line = Curve("floor of real [u; ±Pu]", [0, K], [floor, floor], predicted=True)
    return _Part(
        (fitted.residual, fitted.accuracy),
        statement,
        [
            Check.close(f"residual of {K} real nodes [u; ±Pu]", floor, fitted.residual, relative=1e-6, absolute=EXACT),
            Check.close(
                "accuracy of real nodes [u; ±Pu], half of the ties counted", limit, fitted.accuracy, relative=1e-9
            ),
        ],
        [line, Curve("real [u; ±Pu]", [K], [fitted.residual])],
    )


def _generic_nodes(pairs: _Pairs, representations: Representations, random: np.random.Generator) -> _Part:
    """Real maxima with random spaces and phases, added one by one unless the others already span them."""
    energy = TableEnergy(representations.group, torch.device("cpu"))
    kept, basis = [], torch.zeros(pairs.order**2, 0, dtype=torch.float64)
    error = 0.0
    for irrep in representations.characters.real_irreps[1:]:
        for u, v in _batches(representations, irrep, random):
            error = max(error, _energy_errors(energy, irrep, np.concatenate([u, v]), pairs.order)[0])
            features = pairs.features(u, v)
            basis, chosen = _extended(basis, features)
            kept.append(features[:, chosen])
            if len(chosen) < u.shape[1]:  # what is left is dependent, as far as random nodes can tell
                break
    features = torch.cat(kept, dim=1)
    gains = (basis.T @ pairs.targets).square().sum(dim=1) / pairs.size**2
    before = gains.flip(0).cumsum(dim=0).flip(0).sqrt()  # what is left before each node, as all together leave nothing
    K = int((before > 1000 * EXACT).sum())
    exact, fewer = pairs.fit(features[:, :K]).residual, pairs.without_one(features[:, :K]).min().item()
    predicted = theory.generic_node_count(representations)
    return _Part(
        (K, fewer),
        correction=[
            Check.at_most("relative error of E* at random real maxima", 1e-9, error),
            Check.close("random real maxima, added one by one until the residual vanishes", predicted, K),
            Check.at_most("residual of these random real maxima", EXACT, exact),
            Check.at_least("residual with any one of the random real maxima left out", 1000 * EXACT, fewer),
        ],
        curves=[Curve("random real maxima", list(range(K)), before[:K].tolist())],
    )


def _batches(
    representations: Representations, irrep: RealIrrep, random: np.random.Generator
) -> Iterator[tuple[Halves, Halves]]:
    """Ever more random maxima of an irrep."""
    C = representations.matrices(irrep.members[0])
    while True:
        yield _maxima(C, 4 + 4 * irrep.dimension**3, random)


def _extended(basis: Float[Tensor, "n r"], columns: Float[Tensor, "n K"]) -> tuple[Float[Tensor, "n R"], list[int]]:
    """An orthonormal basis with those columns added that are independent, and their numbers."""
    lengths = columns.norm(dim=0)
    rest = columns
    for _ in range(2):  # twice is enough for orthogonality to rounding
        rest = rest - basis @ (basis.T @ rest)
    added, chosen = torch.zeros_like(rest), list[int]()
    for number, column in enumerate(rest.T):
        others = added[:, : len(chosen)]
        for _ in range(2):
            column = column - others @ (others.T @ column)
        if column.norm() > DEPENDENT * lengths[number]:
            added[:, len(chosen)] = column / column.norm()
            chosen.append(number)
    return torch.cat([basis, added[:, : len(chosen)]], dim=1), chosen


def _energy_errors(
    energy: TableEnergy, irrep: RealIrrep, nodes: NDArray[np.float64], order: int
) -> tuple[float, float]:
    """The largest relative deviation of E from E* at nodes, scaled to length one, and their largest slope."""
    unit = torch.from_numpy(nodes / np.linalg.norm(nodes, axis=0))
    values, gradients = energy.value_and_gradient(unit)
    predicted = square_maximum(order, irrep.dimension, irrep.type).energy
    tangent = gradients - (unit * gradients).sum(dim=0) * unit
    slope = (tangent.norm(dim=0) / gradients.norm(dim=0)).max().item()
    return (values / predicted - 1).abs().max().item(), slope


def _constructed_nodes(pairs: _Pairs, representations: Representations) -> _Part:
    """The maxima whose squares add up to the irreps' matrix entries."""
    energy = TableEnergy(representations.group, torch.device("cpu"))
    error, slope, parts = 0.0, 0.0, []
    for number, irrep in enumerate(representations.characters.real_irreps):
        if number:
            nodes = theory.constructed_nodes(representations, [number])
            deviation = _energy_errors(energy, irrep, nodes, pairs.order)
            error, slope = max(error, deviation[0]), max(slope, deviation[1])
            parts.append(pairs.features(*np.split(nodes, 2)))
    features = torch.cat(parts, dim=1)
    K = features.shape[1]
    exact, fewer = pairs.fit(features).residual, pairs.without_one(features).min().item()
    return _Part(
        (exact, fewer),
        correction=[
            Check.close(
                "constructed real maxima, Σ c d³", theory.constructed_node_count(representations.characters), K
            ),
            Check.at_most("residual of the constructed maxima", 1e-12, exact),
            Check.at_most("relative error of E* at the constructed maxima", 1e-10, error),
            Check.at_most("projected gradient over the gradient at the constructed maxima", 1e-10, slope),
            Check.at_least("residual with any one of the constructed maxima left out", 0.01, fewer),
        ],
        curves=[Curve("constructed real maxima", [K], [exact])],
    )


def _few_pairs(pairs: _Pairs, representations: Representations, setting: Setting) -> list[Check]:
    """One to four pairs [u; ±v] of random phases per frequency, where all irreps are one-dimensional and complex."""
    irreps = representations.characters.real_irreps[1:]
    if any(irrep.dimension > 1 or irrep.type != "complex" for irrep in irreps):
        return []
    if pairs.order > LARGEST_AVERAGE and not setting.is_full:
        return []
    random = np.random.default_rng([setting.seed, 4])
    draws, checks = max(10, DRAWN_FREQUENCIES // len(irreps)), []
    for count in (2, 3):
        fits = []
        for _ in range(draws):
            nodes = [_maxima(representations.matrices(irrep.members[0]), count, random) for irrep in irreps]
            u, v = (np.concatenate(halves, axis=1) for halves in zip(*nodes, strict=True))
            fits.append(pairs.fit(pairs.signed(u, v)))
        squares = np.array([fit.residual**2 for fit in fits])
        mean, error = squares.mean(), squares.std(ddof=1) / np.sqrt(draws)
        predicted = theory.paired_residual(count) ** 2
        checks.append(
            Check(
                f"mean squared residual of {count} pairs [u; ±v] of random phases per frequency",
                predicted,
                f"{mean:.4f} ± {error:.4f}",
                "3 standard errors",
                bool(abs(mean - predicted) <= 3 * error),
            )
        )
    if len(irreps) > 1:
        accuracy = float(np.mean([fit.accuracy for fit in fits]))
        checks.append(Check.at_least("mean accuracy of 3 such pairs per frequency", 0.95, accuracy))
    return checks


CLAIMS = [
    Claim(
        STATEMENTS["theorem-3"],
        "Least squares of the centred labels of all pairs on the features of nodes of each kind, with as many nodes as "
        "are predicted to suffice, and with one fewer.",
        _theorem_3,
        ("cyclic:7", "cyclic:6", "symmetric:3", "quaternion", "alternating:4", "frobenius:7.3"),
    ),
]
