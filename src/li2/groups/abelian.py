"""The characters of an Abelian group, exactly, as integer exponents of a root of unity.

χ_k(g) = exp(2πi·exponents[k, g] / modulus). Characters multiply, so exponents add.
"""

from dataclasses import dataclass
from math import lcm

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.groups.group import Group


@dataclass(frozen=True, eq=False)
class FourierModes:
    """All characters of an Abelian group.

    Attributes:
        exponents: (M, M) int64, row 0 the trivial character.
        modulus: the group's exponent.
    """

    exponents: NDArray[np.int64]
    modulus: int

    def characters(self) -> NDArray[np.complex128]:
        """(M, M) complex128: row k holds χ_k(g)."""
        roots = np.exp(2j * np.pi * np.arange(self.modulus) / self.modulus)
        return roots[self.exponents]

    def labels(self, group: Group) -> list[str]:
        """The frequency of each character at each generator g, χ(g) = exp(2πi·frequency / order of g)."""
        generators = list(group.generators)
        frequencies = self.exponents[:, generators] * group.element_orders[generators] // self.modulus
        words = [",".join(map(str, row)) or "0" for row in frequencies.tolist()]
        return [f"({word})" for word in words] if len(generators) > 1 else words


def fourier_modes(group: Group) -> FourierModes:
    """The characters of an Abelian group.

    Characters of the trivial subgroup are extended generator by generator: if m is the least power
    with g^m in the subgroup so far, each character has m extensions, the m-th roots of its value at g^m.

    Raises:
        Li2Error: if the group is not Abelian.
    """
    if not group.is_abelian:
        raise Li2Error(f"{group.name} is not Abelian, so its irreps are not Fourier modes.")
    modulus = lcm(*(int(group.element_orders[generator]) for generator in group.generators))
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
    return FourierModes(by_element, modulus)
