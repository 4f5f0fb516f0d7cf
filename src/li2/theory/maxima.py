"""The maxima of a node's energy on the unit sphere, for square activations and all pairs of a group."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Maximum:
    """Predicted local maxima in one irrep, taken together with its conjugate.

    Attributes:
        energy: E* = ½‖Ỹᵀσ(Xw)‖² at ‖w‖ = 1.
        rank: of the Fourier coefficients û_k and v̂_k of the two halves of w.
        nullity: zero eigenvalues of the Hessian on the sphere, the dimension of the set of maxima.
    """

    energy: float
    rank: int
    nullity: int


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
        return Maximum(order / (2 * dimension), 1, 3 * (dimension - 1))
    if irrep_type == "complex":
        return Maximum(order / (4 * dimension), 1, 6 * dimension - 4)
    if irrep_type == "quaternionic":
        return Maximum(order / (4 * dimension), 2, 6 * dimension - 6)
    raise ValueError(f"irrep_type is {irrep_type!r}, but must be real, complex or quaternionic")
