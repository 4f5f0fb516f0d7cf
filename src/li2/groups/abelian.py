"""The characters of an Abelian group, exactly, as integer exponents of a root of unity.

χ_k(g) = exp(2πi·exponents[k, g] / modulus). Characters multiply, so exponents add.
"""

from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.groups.group import Group


@dataclass(frozen=True)
class Irrep:
    """One real irreducible representation of an Abelian group: a character with its conjugate.

    Attributes:
        label: its frequencies at the group's generators, ``7`` or ``(1,3,0)``.
        members: the rows of the character table that belong to it, one if real, two if complex.
    """

    label: str
    members: tuple[int, ...]

    @property
    def is_real(self) -> bool:
        """Whether the character equals its conjugate (values ±1)."""
        return len(self.members) == 1


@dataclass(frozen=True, eq=False)
class FourierModes:
    """All characters of an Abelian group and its non-trivial irreps, conjugates together.

    Attributes:
        exponents: (M, M) int64, row 0 the trivial character.
        modulus: the group's exponent.
        irreps: the non-trivial irreps, in the order of their first member.
    """

    exponents: NDArray[np.int64]
    modulus: int
    irreps: tuple[Irrep, ...]

    def characters(self) -> NDArray[np.complex128]:
        """(M, M) complex128: row k holds χ_k(g)."""
        roots = np.exp(2j * np.pi * np.arange(self.modulus) / self.modulus)
        return roots[self.exponents]


def fourier_modes(group: Group) -> FourierModes:
    """The characters of an Abelian group.

    Characters of the trivial subgroup are extended generator by generator: if m is the least power
    with g^m in the subgroup so far, each character has m extensions, the m-th roots of its value at g^m.

    Raises:
        Li2Error: if the group is not Abelian.
    """
    if not group.is_abelian:
        raise Li2Error(f"{group.name} is not Abelian, so its irreps are not Fourier modes.")
    modulus = lcm(*(_element_order(group, generator) for generator in group.generators))
    subgroup = np.array([group.identity])
    exponents = np.zeros((1, 1), dtype=np.int64)  # characters of the subgroup, on its elements
    for generator in group.generators:
        powers = [group.identity]
        while (power := int(group.table[powers[-1], generator])) not in subgroup:
            powers.append(power)
        m = len(powers)
        at_power = exponents[:, np.flatnonzero(subgroup == power)[0]]
        # m·x = at_power (mod modulus) has the m solutions (at_power + modulus·j) / m.
        roots = (at_power[None, :] + modulus * np.arange(m)[:, None]) // m
        exponents = (exponents[None, :, None, :] + np.arange(m)[None, None, :, None] * roots[:, :, None, None]).reshape(
            m * len(at_power), -1
        ) % modulus
        subgroup = group.table[np.array(powers)[:, None], subgroup[None, :]].ravel()
    by_element = np.empty_like(exponents)
    by_element[:, subgroup] = exponents
    by_element.setflags(write=False)
    return FourierModes(by_element, modulus, _irreps(group, by_element, modulus))


def _element_order(group: Group, element: int) -> int:
    order, power = 1, element
    while power != group.identity:
        power = int(group.table[power, element])
        order += 1
    return order


def _irreps(group: Group, exponents: NDArray[np.int64], modulus: int) -> tuple[Irrep, ...]:
    rows = {row.tobytes(): number for number, row in enumerate(exponents)}
    irreps = []
    for number, row in enumerate(exponents):
        conjugate = rows[((-row) % modulus).tobytes()]
        if row.any() and number <= conjugate:
            members = (number,) if conjugate == number else (number, conjugate)
            irreps.append(Irrep(_label(group, row, modulus), members))
    return tuple(irreps)


def _label(group: Group, row: NDArray[np.int64], modulus: int) -> str:
    """The frequency at each generator g: χ(g) = exp(2πi·frequency / order of g)."""
    frequencies = [int(row[generator]) * _element_order(group, generator) // modulus for generator in group.generators]
    return str(frequencies[0]) if len(frequencies) == 1 else f"({','.join(map(str, frequencies))})"
