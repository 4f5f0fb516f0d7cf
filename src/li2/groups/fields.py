"""Finite fields GF(q) as addition and multiplication tables."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error


@dataclass(frozen=True, eq=False)
class FiniteField:
    """GF(q), q = pⁿ: the element Σ cᵢ·xⁱ is number Σ cᵢ·pⁱ, so 0 and 1 are themselves.

    Attributes:
        characteristic: p.
        degree: n.
        add: (q, q) int64 addition table.
        multiply: (q, q) int64 multiplication table.
    """

    characteristic: int
    degree: int
    add: NDArray[np.int64]
    multiply: NDArray[np.int64]

    @property
    def order(self) -> int:
        """q."""
        return len(self.add)

    @property
    def basis(self) -> list[int]:
        """1, x, …, xⁿ⁻¹: generators of the additive group."""
        return [self.characteristic**i for i in range(self.degree)]

    def negative(self, element: int) -> int:
        """−element."""
        return int(np.flatnonzero(self.add[element] == 0)[0])

    def primitive_element(self) -> int:
        """The smallest generator of the multiplicative group."""
        for element in range(1, self.order):
            power, order = element, 1
            while power != 1:
                power, order = int(self.multiply[power, element]), order + 1
            if order == self.order - 1:
                return element
        raise AssertionError("a finite field has a primitive element")


def finite_field(name: str, order: int) -> FiniteField:
    """GF(q), modulo the first irreducible polynomial.

    Args:
        name: of the group it is for, to name in an error.
        order: q.

    Raises:
        Li2Error: if q is not a prime power.
    """
    p = smallest_prime_factor(order)
    n = 1
    while p**n < order:
        n += 1
    if order < 2 or p**n != order:
        raise Li2Error(f"group {name!r}: {order} is not a prime power, so there is no field of {order} elements.")
    elements = np.array([digits[::-1] for digits in product(range(p), repeat=n)])  # element number → c₀ … cₙ₋₁
    weights = p ** np.arange(n)
    add = (elements[:, None] + elements) % p @ weights
    for tail in elements:
        multiply = _products(elements, tail, p) @ weights
        if (multiply[1:, 1:] != 0).all():  # no zero divisors: xⁿ + tail is irreducible
            return FiniteField(p, n, add, multiply)
    raise AssertionError("there is an irreducible polynomial of every degree")


def _products(elements: NDArray[np.int64], tail: NDArray[np.int64], p: int) -> NDArray[np.int64]:
    """(q, q, n) coefficients of all products modulo xⁿ + tail."""
    n = elements.shape[1]
    result = np.zeros((len(elements), len(elements), n), dtype=np.int64)
    for digit in reversed(range(n)):  # Horner's rule: result·x + cᵢ·b
        carry = result[..., -1:]
        result = np.concatenate([np.zeros_like(carry), result[..., :-1]], axis=-1) - carry * tail
        result = (result + elements[:, None, digit, None] * elements[None]) % p
    return result


def smallest_prime_factor(number: int) -> int:
    """The smallest prime that divides a number above 1 (1 for 1)."""
    return next((d for d in range(2, int(number**0.5) + 1) if number % d == 0), number)


def is_prime(number: int) -> bool:
    """Whether a number is prime."""
    return number > 1 and smallest_prime_factor(number) == number
