"""Unitary matrices of the irreps of a group, from their characters.

For an irrep V with character χ and a unit vector v, the function φ(x) = ⟨v, C(x)v⟩ holds everything: the vectors
C(x)v have the Gram matrix φ(x⁻¹y), and the group permutes them. So it is enough to find φ for some v:

1. Start with the projector P = 1, for which tr(P·C(x)) = χ(x). While its rank is above 1, project on an eigenspace
   of an element h that commutes with P. The rank that is left, (1/m) Σ_l λ^(−l) tr(P·C(hˡ)), is known beforehand.
   (J. D. Dixon, Constructing representations of finite groups, 1993, takes such projectors from subgroups.)
2. Where no element helps, take the first eigenvector of a random element of P·C[G]·P, by squaring.

For irreps of real type both steps stay real, and so do the matrices, which are then orthogonal.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property

import numpy as np

from li2.groups.characters import CharacterTable
from li2.groups.fourier import Numbers, convolve
from li2.groups.group import Group, Table

SQUARINGS = 100
"""At most; each doubles the number of digits by which the first eigenvalue stands out."""


class IrrepBuilder:
    """Makes the matrices of a group's irreps; the same group gives the same matrices."""

    def __init__(self, group: Group, characters: CharacterTable) -> None:
        self._group = group
        self._characters = characters

    def matrices(self, row: int) -> Numbers:
        """C(g) of the irrep in a row of the character table.

        Returns:
            (M, d, d): float64 and orthogonal if the irrep is of real type, otherwise complex128 and unitary.
        """
        irrep = self._characters.irreps[row]
        if irrep.conjugate < row:
            return self.matrices(irrep.conjugate).conj()
        character = self._characters.of_elements(row)
        trace: Numbers = character.real.copy() if irrep.indicator == 1 else character
        if irrep.dimension == 1:
            return trace[:, None, None]
        trace = self._refined(trace)
        if self._rank(trace) > 1:
            trace = self._first_eigenvector(trace, irrep.dimension)
        return self._orbit_matrices(trace, irrep.dimension)

    def _rank(self, trace: Numbers) -> int:
        return round(float(trace[self._group.identity].real))

    def _refined(self, trace: Numbers) -> Numbers:
        """tr(P·C(x)) after step 1."""
        group = self._group
        commuting = np.ones(group.order, dtype=bool)
        candidates = self._characters.classes.representatives  # P = 1: conjugate elements do the same
        while (rank := self._rank(trace)) > 1:
            left, _, h, eigenvalue = min(self._projections(trace, candidates))
            if left == rank:
                break
            powers = group.powers(h)
            weights = np.exp(-2j * np.pi * float(eigenvalue) * np.arange(len(powers))) / len(powers)
            trace = (weights.real if np.isrealobj(trace) else weights) @ trace[group.table[powers]]
            commuting &= group.table[h] == group.table[:, h]
            candidates = np.flatnonzero(commuting)
        return trace

    def _projections(self, trace: Numbers, candidates: Table) -> Iterator[tuple[int, int, int, Fraction]]:
        """The best candidate of each order: rank left, −number of eigenvalues, element h, λ as a fraction of 2π."""
        for elements, powers in self._powers_by_order:
            chosen = np.flatnonzero(np.isin(elements, candidates))
            if not len(chosen):
                continue
            courses, order = trace[powers[:, chosen]], len(powers)
            if np.isrealobj(trace):  # only λ = ±1 keep real what is real
                signs = np.array([np.ones(order), (-1.0) ** np.arange(order)])[: 1 if order % 2 else 2]
                ranks, eigenvalues = signs @ courses / order, [Fraction(0), Fraction(1, 2)]
            else:
                ranks, eigenvalues = (
                    np.fft.fft(courses, axis=0).real / order,
                    [Fraction(j, order) for j in range(order)],
                )
            ranks = np.rint(ranks).astype(int)
            distinct = (ranks > 0).sum(axis=0)
            ranks[ranks == 0] = self._group.order
            best = np.lexsort((elements[chosen], -distinct, ranks.min(axis=0)))[0]
            j = int(ranks[:, best].argmin())
            yield int(ranks[j, best]), -int(distinct[best]), int(elements[chosen[best]]), eigenvalues[j]

    @cached_property
    def _powers_by_order(self) -> list[tuple[Table, Table]]:
        """For each element order m: the elements, and their powers 0 … m−1 as rows."""
        group, found = self._group, []
        for order in np.unique(group.element_orders):
            elements = np.flatnonzero(group.element_orders == order)
            powers = [np.full_like(elements, group.identity)]
            for _ in range(order - 1):
                powers.append(group.table[powers[-1], elements])
            found.append((elements, np.array(powers)))
        return found

    def _first_eigenvector(self, trace: Numbers, dimension: int) -> Numbers:
        """⟨v, C(x)v⟩ for the first eigenvector v of P·c·cᴴ·P, c a random element of the group algebra."""
        group, scale = self._group, self._group.order / dimension
        random = np.random.default_rng(0)
        c = random.normal(size=group.order)
        if not np.isrealobj(trace):
            c = c + 1j * random.normal(size=group.order)
        root = convolve(group, trace.conj(), c)
        element = convolve(group, root, root[group.inverses].conj())
        for _ in range(SQUARINGS):
            element = element / (scale * element[group.identity].real)  # its matrix has trace 1
            if 1 - scale * np.square(np.abs(element)).sum() < 1e-14:
                break
            element = convolve(group, element, element)
        return scale * element.conj()

    def _orbit_matrices(self, state: Numbers, dimension: int) -> Numbers:
        """C(g) in the basis that Gram–Schmidt makes of orbit vectors C(x)v, each as far as can be from those before."""
        group = self._group
        coordinates = np.zeros((dimension, group.order), dtype=state.dtype)  # column y: C(y)v
        pivots: list[int] = []
        for j in range(dimension):
            rest = 1 - np.square(np.abs(coordinates)).sum(axis=0)
            pivot = int(np.round(rest, 9).argmax()) if pivots else group.identity
            products = state[group.table[group.inverses[pivot]]]  # ⟨C(pivot)v, C(y)v⟩
            coordinates[j] = products - coordinates[:, pivot].conj() @ coordinates
            coordinates[j] /= np.sqrt(coordinates[j, pivot].real)
            pivots.append(pivot)
        images = coordinates[:, group.table[:, pivots]].transpose(1, 0, 2)
        return images @ np.linalg.inv(coordinates[:, pivots])
