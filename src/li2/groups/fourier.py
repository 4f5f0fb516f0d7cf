"""The group Fourier transform û_k = Σ_g u_g C_k(g), its inverse, and convolution."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from li2.groups.group import Group

Numbers = NDArray[np.float64] | NDArray[np.complex128]


def convolve(group: Group, u: Numbers, v: Numbers) -> Numbers:
    """(M,) the convolution (u ∗ v)(h) = Σ_g u(g)·v(g⁻¹h); its transform is û_k·v̂_k."""
    return u @ v[group.table[group.inverses]]


def fourier_transform(irreps: Sequence[Numbers], u: Numbers) -> list[NDArray[np.complex128]]:
    """The coefficients û_k = Σ_g u_g C_k(g).

    Args:
        irreps: the matrices of all K complex irreps, (M, d_k, d_k) each.
        u: (..., M) functions on the group, real or complex.

    Returns:
        (..., d_k, d_k) complex128 for each irrep. Σ_g |u_g|² = (1/M) Σ_k d_k ‖û_k‖² (Parseval).
    """
    return [np.tensordot(u, matrices, axes=1).astype(np.complex128) for matrices in irreps]


def inverse_fourier_transform(
    irreps: Sequence[Numbers], coefficients: Sequence[NDArray[np.complex128]]
) -> NDArray[np.complex128]:
    """The functions u_g = (1/M) Σ_k d_k tr(û_k C_k(g)ᴴ), (..., M) complex128, from their coefficients."""
    order = len(irreps[0])
    return sum(
        matrices.shape[-1] / order * np.einsum("...ij,gij->...g", coefficient, matrices.conj())
        for matrices, coefficient in zip(irreps, coefficients, strict=True)
    )
