"""The representations of a group: everything about its irreps, each thing computed when first asked for."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from li2.groups.cache import cached
from li2.groups.characters import CharacterTable, character_values, table_from_values
from li2.groups.classes import conjugacy_classes
from li2.groups.fourier import Numbers, fourier_transform, inverse_fourier_transform
from li2.groups.group import Group
from li2.groups.irreps import IrrepBuilder


class Representations:
    """The irreps of a group.

    What is costly is kept in the user's cache folder (:func:`li2.groups.cache_folder`). The same group, element
    numbers included, has the same matrices.
    """

    def __init__(self, group: Group) -> None:
        self.group = group

    @cached_property
    def characters(self) -> CharacterTable:
        """The character table."""
        group, classes = self.group, conjugacy_classes(self.group)
        if group.is_abelian:  # exact and quick
            return table_from_values(group, classes, character_values(group, classes))
        shapes = {"values": (len(classes), len(classes))}
        arrays = cached(group, "characters", shapes, lambda: {"values": character_values(group, classes)})
        return table_from_values(group, classes, arrays["values"])

    def matrices(self, row: int) -> Numbers:
        """The unitary matrices C_k(g) of the irrep in a row of the character table.

        Returns:
            (M, d, d): float64 and orthogonal if the irrep is of real type, otherwise complex128. Those of a conjugate
            pair are conjugates.
        """
        irrep = self.characters.irreps[row]
        if irrep.dimension == 1:
            return self._builder.matrices(row)
        if irrep.conjugate < row:
            return self._larger[str(irrep.conjugate)].conj()
        return self._larger[str(row)]

    @cached_property
    def _builder(self) -> IrrepBuilder:
        return IrrepBuilder(self.group, self.characters)

    @cached_property
    def _larger(self) -> dict[str, Numbers]:
        """The matrices of more than one dimension, of conjugates those of the first."""
        shapes = {
            str(row): (self.group.order, irrep.dimension, irrep.dimension)
            for row, irrep in enumerate(self.characters.irreps)
            if irrep.dimension > 1 and irrep.conjugate >= row
        }
        return cached(self.group, "irreps", shapes, lambda: {row: self._builder.matrices(int(row)) for row in shapes})

    def all_matrices(self) -> list[Numbers]:
        """The unitary matrices of every irrep, in the order of the character table."""
        return [self.matrices(row) for row in range(len(self.characters.irreps))]

    def real_matrices(self, number: int) -> NDArray[np.float64]:
        """The orthogonal matrices of an irrep over the reals, by its number in ``characters.real_irreps``.

        Returns:
            (M, D, D) float64: D = d for the real type, whose matrices are real already; D = 2d for the others,
            in blocks [[Re C, −Im C], [Im C, Re C]].
        """
        matrices = self.matrices(self.characters.real_irreps[number].members[0])
        if matrices.dtype == np.float64:
            return matrices.real
        return np.block([[matrices.real, -matrices.imag], [matrices.imag, matrices.real]])

    def isotypic_projector(self, number: int) -> NDArray[np.float64]:
        """The orthogonal projector on the functions that lie in an irrep over the reals.

        Returns:
            (M, M) float64: Σ_k (d_k/M)·χ_k(g·h⁻¹) over the irrep's members k. Those of all irreps add up to 1.
        """
        group, irrep = self.group, self.characters.real_irreps[number]
        character = self.characters.of_elements(irrep.members[0]).real * len(irrep.members)
        return irrep.dimension / group.order * character[group.table[:, group.inverses]]

    def transform(self, u: Numbers) -> list[NDArray[np.complex128]]:
        """The coefficients û_k = Σ_g u_g C_k(g) of functions (..., M), as (..., d_k, d_k) for each irrep."""
        return fourier_transform(self.all_matrices(), u)

    def inverse_transform(self, coefficients: list[NDArray[np.complex128]]) -> NDArray[np.complex128]:
        """The functions (..., M) that have these coefficients."""
        return inverse_fourier_transform(self.all_matrices(), coefficients)
