"""Character tables, rounded to the exact values: numbers of eigenvalues are whole.

χ(g) = Σⱼ mⱼ·exp(2πi·j/m) for an element g of order m, with mⱼ the multiplicity of an eigenvalue of C(g). The
multiplicities of all powers of g come from the characters' discrete Fourier transform along ⟨g⟩; rounding them
to whole numbers turns approximate characters into exact ones (Dixon, Numer. Math. 10 (1967) 446).
"""

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from li2.groups.abelian import fourier_modes
from li2.groups.classes import ConjugacyClasses
from li2.groups.group import Group

TYPES = {1: "real", 0: "complex", -1: "quaternionic"}
"""The types of irreps by Frobenius–Schur indicator."""


@dataclass(frozen=True)
class Irrep:
    """A complex irreducible representation.

    Attributes:
        label: for an Abelian group its frequencies at the generators, ``7`` or ``(1,3,0)``; otherwise dimension
            and letter, ``3a``, and ``3a*`` for its conjugate.
        dimension: d_k.
        indicator: the Frobenius–Schur indicator (1/M) Σ_g χ(g²): 1 real, 0 complex, −1 quaternionic.
        conjugate: the row of the conjugate character, its own unless the irrep is complex.
    """

    label: str
    dimension: int
    indicator: int
    conjugate: int

    @property
    def type(self) -> str:
        """``real``, ``complex`` or ``quaternionic``."""
        return TYPES[self.indicator]


@dataclass(frozen=True)
class RealIrrep:
    """An irreducible representation over the reals: an irrep with its conjugate.

    Attributes:
        label: that of its first member.
        members: the rows of the character table that belong to it, two if complex, otherwise one.
        dimension: d_k of a member; over the reals it is d_k (real) or 2·d_k (complex and quaternionic).
        type: ``real``, ``complex`` or ``quaternionic``.
    """

    label: str
    members: tuple[int, ...]
    dimension: int
    type: str


@dataclass(frozen=True, eq=False)
class CharacterTable:
    """The characters of a group.

    Attributes:
        classes: its conjugacy classes, the columns.
        values: (r, r) complex128, row k the character χ_k, row 0 the trivial one. Rows stand in the order of
            their frequencies (Abelian), or by dimension, conjugates together.
        irreps: the rows' irreps.
    """

    classes: ConjugacyClasses
    values: NDArray[np.complex128]
    irreps: tuple[Irrep, ...]

    @property
    def dimensions(self) -> NDArray[np.int64]:
        """(r,) int64: d_k."""
        return np.array([irrep.dimension for irrep in self.irreps])

    @property
    def real_irreps(self) -> tuple[RealIrrep, ...]:
        """The irreps over the reals, conjugates joined, in the order of their first member; number 0 is trivial."""
        return tuple(
            RealIrrep(irrep.label, tuple(dict.fromkeys((k, irrep.conjugate))), irrep.dimension, irrep.type)
            for k, irrep in enumerate(self.irreps)
            if k <= irrep.conjugate
        )

    def of_elements(self, row: int) -> NDArray[np.complex128]:
        """(M,) complex128: χ_k(g) for every element g."""
        return self.values[row][self.classes.of]


def character_values(group: Group, classes: ConjugacyClasses) -> NDArray[np.complex128]:
    """The values of a character table, ordered as :class:`CharacterTable` says.

    Raises:
        ArithmeticError: if rounding could not tell the characters apart (not seen in any group tried).
    """
    if group.is_abelian:
        values = fourier_modes(group).characters()[:, classes.representatives]
    else:
        values = _sorted(_exact_characters(group, classes))
    _clean(values)
    return values


def table_from_values(group: Group, classes: ConjugacyClasses, values: NDArray[np.complex128]) -> CharacterTable:
    """The character table with the values that :func:`character_values` returns."""
    squares = classes.of[group.table[classes.representatives, classes.representatives]]
    indicators = np.rint((values[:, squares] @ classes.sizes).real / group.order).astype(int)
    dimensions = np.rint(values[:, 0].real).astype(int).tolist()
    conjugates = np.where(indicators != 0, np.arange(len(values)), _conjugates(values)).tolist()
    labels = fourier_modes(group).labels(group) if group.is_abelian else _labels(dimensions, conjugates)
    irreps = zip(labels, dimensions, indicators.tolist(), conjugates, strict=True)
    return CharacterTable(classes, values, tuple(Irrep(*irrep) for irrep in irreps))


def _exact_characters(group: Group, classes: ConjugacyClasses) -> NDArray[np.complex128]:
    random = np.random.default_rng(0)
    for _ in range(20):
        exact = _rounded(group, classes, _approximate_characters(group, classes, random))
        products = (exact * classes.sizes) @ exact.conj().T / group.order
        if np.abs(products - np.eye(len(exact))).max() < 1e-9:
            return exact
    raise ArithmeticError(f"the irreps of {group.name} could not be told apart numerically")


def _approximate_characters(
    group: Group, classes: ConjugacyClasses, random: np.random.Generator
) -> NDArray[np.complex128]:
    """The common eigenvectors of the centre of the group algebra: those of one random Hermitian element.

    On class functions with the basis 1_C/√|C| its convolution is a Hermitian matrix, with the eigenvectors
    √|C|·χ(C)/√M.
    """
    count = len(classes)
    weights = random.normal(size=count) + 1j * random.normal(size=count)
    element = (weights + weights[classes.inverses].conj())[classes.of]
    quotients = classes.of[group.table[group.inverses[:, None], classes.representatives]]  # [x, c] ↦ class of x⁻¹·g_c
    cells = (np.arange(count) * count + quotients).ravel()
    repeated = np.repeat(element, count)
    matrix = np.bincount(cells, repeated.real, count**2) + 1j * np.bincount(cells, repeated.imag, count**2)
    roots = np.sqrt(classes.sizes)
    _, vectors = np.linalg.eigh(matrix.reshape(count, count) * roots[:, None] / roots)
    characters = vectors.T / roots * np.sqrt(group.order)
    return characters * np.exp(-1j * np.angle(characters[:, :1]))  # χ(e) is positive


def _rounded(group: Group, classes: ConjugacyClasses, characters: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The characters with whole multiplicities of eigenvalues, cyclic subgroup by cyclic subgroup."""
    exact = np.full_like(characters, np.nan)
    for c in np.argsort(-classes.orders, kind="stable"):
        if not np.isnan(exact[0, c]):
            continue
        powers = classes.of[group.powers(int(classes.representatives[c]))]
        multiplicities = np.rint(np.fft.fft(characters[:, powers], axis=1).real / len(powers))
        values = np.fft.ifft(multiplicities, axis=1) * len(powers)
        exact[:, powers] = values
    return exact


def _clean(values: NDArray[np.complex128]) -> None:
    """Free whole real and imaginary parts from rounding errors, in place."""
    for part in (values.real, values.imag):
        whole = np.rint(part)
        near = np.abs(part - whole) < 1e-11
        part[near] = whole[near] + 0.0


def _sorted(values: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Rows by dimension, the trivial one first, then by falling values; each followed by its conjugate."""
    parts = np.round(np.concatenate([values.real, values.imag], axis=1), 6)
    values = values[np.lexsort([*(-parts.T[::-1]), np.rint(values[:, 0].real)])]
    return values[list(dict.fromkeys(np.stack([np.arange(len(values)), _conjugates(values)], axis=1).ravel()))]


def _conjugates(values: NDArray[np.complex128]) -> NDArray[np.int64]:
    """(r,) the row of each row's conjugate, told apart by one random real combination of the columns."""
    mixed = values @ np.random.default_rng(0).normal(size=values.shape[1])
    return np.abs(mixed - mixed.conj()[:, None]).argmin(axis=1)


def _labels(dimensions: list[int], conjugates: list[int]) -> list[str]:
    """Dimension and letter; a conjugate that has one already gets a star."""
    labels: list[str] = []
    counts: Counter[int] = Counter()
    for k, dimension in enumerate(dimensions):
        if conjugates[k] < k:
            labels.append(labels[conjugates[k]] + "*")
        else:
            labels.append(f"{dimension}{_letters(counts[dimension])}")
            counts[dimension] += 1
    return labels


def _letters(number: int) -> str:
    """a … z, aa, ab, …."""
    letters = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        letters = chr(ord("a") + digit) + letters
    return letters
