"""How many nodes reconstruct the target, which do, and what is left of it when some irreps are missing.

All for σ(x) = x² on all M² pairs of a group, sample-centred: F̃ and Ỹ. Irreps over the reals are numbered as in
``characters.real_irreps``; number 0 is trivial.
"""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from li2.groups import CharacterTable, RealIrrep, Representations

RANK_TOLERANCE = 1e-9
"""Singular values of a group's matrix entries below this share of the largest are zero."""


def printed_node_count(characters: CharacterTable) -> int:
    """K = 2Σ_{k≠0} m_k²d_k² = 2Σ d_k⁴, the nodes that suffice by Theorem 3: a pair [u; ±Pu] for each dimension of
    End(H_k), in every complex irrep."""
    return 2 * sum(irrep.dimension**4 for irrep in characters.irreps[1:])


def printed_node_bound(characters: CharacterTable) -> int:
    """2[(M − κ)² + κ − 1], κ the number of non-trivial complex irreps: the bound on K printed below Theorem 3."""
    order, count = int((characters.dimensions**2).sum()), len(characters.irreps) - 1
    return 2 * ((order - count) ** 2 + count - 1)


def literal_residual(characters: CharacterTable) -> float:
    """‖Ỹ − F̃V‖/‖Ỹ‖ for complex nodes [u; ±Pu] as printed, without the conjugate, u in one complex irrep (ours).

    x² is holomorphic, so that these nodes make uuᵀ in place of uu*. In an irrep of complex type that is orthogonal to
    the target, and all d² dimensions are missed; in a self-conjugate one the products are even under the inversion of
    h, and its odd functions are missed: d(d − 1)/2 for real type, d(d + 1)/2 for quaternionic.
    """
    missed = {1: lambda d: d * (d - 1) // 2, 0: lambda d: d * d, -1: lambda d: d * (d + 1) // 2}
    lost = sum(missed[irrep.indicator](irrep.dimension) for irrep in characters.irreps[1:])
    return float(np.sqrt(lost / ((characters.dimensions**2).sum() - 1)))


def inversion_floor(order: int, involutions: int) -> float:
    """√((M − t)/(2(M − 1))), the least ‖Ỹ − F̃V‖/‖Ỹ‖ of any number of real nodes [u; ±Pu] (ours).

    Their product u(h₁)u(h₂⁻¹) does not change when (h₁, h₂) becomes (h₂⁻¹, h₁⁻¹), which inverts h = h₁h₂: nothing odd
    under h ↦ h⁻¹ can be fitted, and (M − t)/2 of the target's M − 1 dimensions are odd.

    Args:
        order: M.
        involutions: t, the number of g with g² = e, the identity among them.
    """
    return float(np.sqrt((order - involutions) / (2 * (order - 1))))


def inversion_accuracy(order: int, involutions: int) -> float:
    """(M + t)/(2M), the accuracy of such nodes at best: h and h⁻¹ tie, and half of a tie is right (ours)."""
    return (order + involutions) / (2 * order)


def generic_node_count(representations: Representations) -> int:
    """The dimension of what real maxima of the energy span: that many generic ones reconstruct Ỹ, fewer do not (ours).

    A maximum of irrep k has f = u² + v² + 2uv. The products uv of all maxima in k span d³(d + 1)/2 dimensions for real
    type, 3d⁴ + d³ for a complex pair, d⁴ for quaternionic type. The squares u² (and, apart from them, v²) span the
    non-constant matrix entries of the irreps that occur in Sym²(k), in Sym²(k), its conjugate and k ⊗ k̄, or in k ⊗ k.
    Odd Z_M: 4(M − 1); even Z_M: 3M − 5.
    """
    characters = representations.characters
    all_characters = characters.values[:, characters.classes.of]
    products, occurs = 0, np.zeros(len(characters.irreps), dtype=bool)
    for irrep in characters.real_irreps[1:]:
        d = irrep.dimension
        products += {"real": d**3 * (d + 1) // 2, "complex": 3 * d**4 + d**3, "quaternionic": d**4}[irrep.type]
        for character in _squared(representations, irrep.members[0], irrep.type):
            occurs |= np.abs(all_characters.conj() @ character) > representations.group.order / 2
    occurs[0] = False
    return products + 2 * int((characters.dimensions[occurs] ** 2).sum())


def _squared(representations: Representations, row: int, irrep_type: str) -> Iterator[NDArray[np.complex128]]:
    """The characters, on elements, of what the squares u² of maxima in an irrep span."""
    group, chi = representations.group, representations.characters.of_elements(row)
    if irrep_type == "quaternionic":
        yield chi * chi
        return
    symmetric = (chi * chi + chi[group.table.diagonal()]) / 2  # Sym²χ(g) = (χ(g)² + χ(g²))/2
    yield symmetric
    if irrep_type == "complex":
        yield symmetric.conj()
        yield chi * chi.conj()


def paired_residual(pairs: int) -> float:
    """The root mean square of ‖Ỹ − F̃V‖/‖Ỹ‖ for a few pairs [u; ±v] of random phases at every frequency (ours).

    For Abelian groups of odd order. The products of cos(θ(h₁) − φ) and cos(θ(h₂) − ψ) span four dimensions, two that
    depend on h₁h₂ and two on h₁h₂⁻¹. With independent phases both are met alike, so that of the target a share of
    r/4 is reached on average by r ≤ 4 pairs.
    """
    return float(np.sqrt(max(0, 4 - pairs) / 4))


def constructed_node_count(characters: CharacterTable, numbers: Iterable[int] | None = None) -> int:
    """Σ c_k d_k³ over complex irreps k, c = 1 for real type, otherwise 2 (ours): how many nodes
    :func:`constructed_nodes` has."""
    return sum(
        len(irrep.members) * irrep.dimension**3 * (1 if irrep.type == "real" else 2)
        for irrep in _chosen(characters, numbers)
    )


def constructed_nodes(representations: Representations, numbers: Iterable[int] | None = None) -> NDArray[np.float64]:
    """Real maxima of the energy from which V reconstructs Ỹ exactly, 2(M − 1) for odd Z_M, 2M − 3 for even (ours).

    For real type [C_il; C_lj] for all i, l, j: Σ_l (C_il(h₁) + C_lj(h₂))² = 2 + 2C_ij(h₁h₂). For the other types, with
    a = C_il(h₁) and b = C_lj(h₂), the nodes [Re a; Re b] and [Im a; −Im b] sum to |a|² + |b|² + 2Re ab, and
    [Re a; Im b] and [Im a; Re b] to |a|² + |b|² + 2Im ab, which over l gives the two parts of C_ij(h₁h₂). For
    quaternionic type half of the rows i have all real functions of the irrep.

    Args:
        representations: of the group.
        numbers: those of the irreps over the reals to take; all non-trivial ones if None.

    Returns:
        (2M, K) columns of length one.
    """
    nodes = [np.zeros((2 * representations.group.order, 0))]
    for irrep in _chosen(representations.characters, numbers):
        C = representations.matrices(irrep.members[0])
        d = irrep.dimension
        rows = _independent_rows(C) if irrep.type == "quaternionic" else range(d)
        for i in rows:
            left = np.repeat(C[:, i, :], d, axis=1)  # column l·d + j is C_il
            right = C.reshape(len(C), d * d)  # column l·d + j is C_lj
            if irrep.type == "real":
                parts = [(left.real, right.real)]
            else:
                parts = [(left.real, right.real), (left.imag, -right.imag)]
                parts += [(left.real, right.imag), (left.imag, right.real)]
            nodes += [np.concatenate(part) for part in parts]
    columns = np.concatenate(nodes, axis=1)
    return columns / np.linalg.norm(columns, axis=0)


def _independent_rows(C: NDArray[np.float64] | NDArray[np.complex128]) -> list[int]:
    """Rows i whose entries' real and imaginary parts together span all functions of a quaternionic irrep."""
    rows: list[int] = []
    spanned = 0
    for i in range(C.shape[1]):
        entries = C[:, [*rows, i], :].reshape(len(C), -1)
        singular = np.linalg.svd(np.concatenate([entries.real, entries.imag], axis=1), compute_uv=False)
        rank = int((singular > RANK_TOLERANCE * singular[0]).sum())
        if rank > spanned:
            rows.append(i)
            spanned = rank
    return rows


def isotypic_kernel(representations: Representations, numbers: Iterable[int]) -> NDArray[np.float64]:
    """Σ (d_k/M)χ_k(h′⁻¹h) over irreps over the reals, conjugates included: the residual when these are missing (ours).

    Returns:
        (M, M): what Ỹ − F̃V is at class h′ for every pair with h₁h₂ = h, in row h and column h′.
    """
    group, characters = representations.group, representations.characters
    differences = group.table[group.inverses].T  # h′⁻¹h
    kernel = np.zeros((group.order, group.order))
    for irrep in _chosen(characters, numbers):
        for row in irrep.members:
            kernel += irrep.dimension / group.order * characters.of_elements(row)[differences].real
    return kernel


def printed_kernel(representations: Representations, numbers: Iterable[int]) -> NDArray[np.float64]:
    """Φ_SΦ_S* = Σ (d_k/M)χ_k(h)χ_k(h′)*, as Theorem 7 prints it, over the same irreps; (M, M), real as conjugates
    come together."""
    group, characters = representations.group, representations.characters
    kernel = np.zeros((group.order, group.order))
    for irrep in _chosen(characters, numbers):
        for row in irrep.members:
            chi = characters.of_elements(row)
            kernel += irrep.dimension / group.order * np.outer(chi, chi.conj()).real
    return kernel


def gain_of_node(energy: Tensor, whitened: Tensor, eta: float) -> Tensor:
    """By how much J* = min_V J falls when a node f̃ joins: E_S/(η + f̃ᵀP_ηf̃), for η small beside F̃ᵀF̃ (ours).

    Args:
        energy: E_S(w) = ½‖Rᵀf̃‖², R the residual of the other nodes; any shape.
        whitened: f̃ᵀP_ηf̃ with P_η of the other nodes, likewise.
        eta: η.
    """
    return energy / (eta + whitened)


def pair_coupling(alpha: Tensor, beta: Tensor, gamma: Tensor) -> Tensor:
    """b_jl = −β/(αγ − β²) of B = (F̃ᵀF̃ + ηI)⁻¹ (proof of Theorem 6), of any shape.

    Args:
        alpha: η + f̃_jᵀP_{η,−jl}f̃_j, without the columns j and l in P.
        beta: f̃_jᵀP_{η,−jl}f̃_l.
        gamma: η + f̃_lᵀP_{η,−jl}f̃_l.
    """
    return -beta / (alpha * gamma - beta.square())


def _chosen(characters: CharacterTable, numbers: Iterable[int] | None) -> Sequence[RealIrrep]:
    irreps = characters.real_irreps
    return irreps[1:] if numbers is None else [irreps[number] for number in numbers]
