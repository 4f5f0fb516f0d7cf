"""The maxima of a node's energy on the unit sphere, for square activations and all pairs of a group."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from li2.groups import Representations


@dataclass(frozen=True)
class Maximum:
    """Predicted local maxima in one irrep, taken together with its conjugate.

    Attributes:
        energy: E* = ½‖Ỹᵀσ(Xw)‖² at ‖w‖ = 1.
        rank: of the Fourier coefficients û_k and v̂_k of the two halves of w.
        nullity: zero eigenvalues of the Hessian on the sphere, the dimension of the set of maxima.
        steepest: multiplicity of its eigenvalue −8E*; all others are −4E*.
    """

    energy: float
    rank: int
    nullity: int
    steepest: int


def square_maximum(order: int, dimension: int, irrep_type: str) -> Maximum:
    """The maxima in a non-trivial irrep for σ(x) = x² on all M² pairs.

    By Plancherel E(w) = (2/M) Σ_{k≠0} d_k ‖û_k v̂_k‖². Its maxima have all mass in one irrep, ‖u‖² = ‖v‖² = ½, and
    coefficients as close to rank one as reality allows. (Theorem 2 of the paper has 1/4 of these energies, since it
    drops the factor 2 of the cross term 2uv, and knows no quaternionic irreps.)

    Args:
        order: M.
        dimension: d_k.
        irrep_type: ``real``, ``complex`` or ``quaternionic``, by Frobenius–Schur indicator.
    """
    if irrep_type == "real":
        return Maximum(order / (2 * dimension), 1, 3 * (dimension - 1), dimension)
    if irrep_type == "complex":
        return Maximum(order / (4 * dimension), 1, 6 * dimension - 4, 2 * dimension - 1)
    if irrep_type == "quaternionic":
        return Maximum(order / (4 * dimension), 2, 6 * dimension - 6, 2 * dimension - 3)
    raise ValueError(f"irrep_type is {irrep_type!r}, but must be real, complex or quaternionic")


def printed_energy(order: int, dimension: int, irrep_type: str) -> float:
    """E* as Theorem 2 prints it: M/(8d) for a real irrep, else M/(16d); quaternionic ones it does not name."""
    return order / (8 * dimension) if irrep_type == "real" else order / (16 * dimension)


def energy_of_coefficients(
    order: int, left: list[NDArray[np.complex128]], right: list[NDArray[np.complex128]]
) -> NDArray[np.float64]:
    """E = (2/M) Σ_{k≠0} d_k ‖û_k v̂_k‖²_F for σ(x) = x² on all pairs, by Plancherel's theorem.

    Args:
        order: M.
        left, right: (S, d_k, d_k) coefficients of u and v, for every complex irrep, the trivial one first.

    Returns:
        (S,) energies.
    """
    terms = [u.shape[-1] * np.square(np.abs(u @ v)).sum(axis=(1, 2)) for u, v in zip(left[1:], right[1:], strict=True)]
    return 2 / order * np.sum(terms, axis=0)


@dataclass(frozen=True, eq=False)
class CriticalPoint:
    """A critical point of the energy on the unit sphere.

    Attributes:
        node: (2M,) float64, of length one.
        energy: E there.
        is_maximum: whether it is a local maximum; otherwise a saddle point.
    """

    node: NDArray[np.float64]
    energy: float
    is_maximum: bool


def critical_point(representations: Representations, ranks: Mapping[int, int]) -> CriticalPoint:
    """The critical point with a projector of a given rank in each of some irreps, for σ(x) = x² on all pairs.

    In one irrep the stationarity conditions ABBᴴ = λA and AᴴAB = λB for A = û and B = v̂ make both multiples of partial
    isometries; at rank r the energy is E*/r, r counted in units of the least rank. Over several irreps the masses are
    such that λ agrees, and E = 1/Σ_k (r_k/E*_k). It is a maximum only for a single irrep with r = 1.

    Args:
        representations: of the group.
        ranks: r by the number of the irrep in ``real_irreps``, 1 to d; for the quaternionic type d/2 only.
    """
    group, characters = representations.group, representations.characters
    half, total = np.zeros(group.order), 0.0
    for number, rank in ranks.items():
        irrep = characters.real_irreps[number]
        maximum = square_maximum(group.order, irrep.dimension, irrep.type)
        matrices = representations.matrices(irrep.members[0])[:, : rank * maximum.rank, : rank * maximum.rank]
        part = np.trace(matrices, axis1=1, axis2=2).real
        resistance = rank / maximum.energy
        half += part * np.sqrt(resistance / np.square(part).sum())
        total += resistance
    node = np.concatenate([half, half])
    return CriticalPoint(node / np.linalg.norm(node), 1 / total, list(ranks.values()) == [1])


def complex_maximum(order: int, dimension: int) -> Maximum:
    """The maxima in a non-trivial irrep for complex weights, σ(x) = x² on all M² pairs and E = ½‖Ỹᵀσ(Xw)‖².

    Complex functions have independent parts in an irrep and in its conjugate, and every matrix is a coefficient, so
    that every irrep stands on its own, whatever its type. The maxima have all mass in it, ‖u‖² = ‖v‖² = ½, and are of
    rank one: û ∝ xyᴴ and v̂ ∝ yzᴴ, with ‖ûv̂‖ = ‖û‖‖v̂‖ = M/2d, hence E* = (2d/M)·(M/2d)². The unit vectors x, y and
    z of ℂᵈ, 2d − 1 real dimensions each, give the same node if they turn by a common phase: the set of maxima has
    3(2d − 1) − 1 dimensions. As û and v̂ are free matrices in a pair of conjugate complex irreps with real weights,
    too, what lies around the maxima there is the same, at half the energy. (Ours; the paper optimises over the complex
    numbers in Theorem 3 only.)

    Args:
        order: M.
        dimension: d_k.
    """
    return Maximum(order / (2 * dimension), 1, 3 * (2 * dimension - 1) - 1, 2 * dimension - 1)
