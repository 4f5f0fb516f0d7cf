"""Groups by name: ``cyclic:71``, ``dihedral:4*cyclic:3``, ``small:21.1``, ``file:table.csv``."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from li2.errors import Li2Error
from li2.groups.catalogue import small_group
from li2.groups.constructions import (
    MAX_ORDER,
    central_extension,
    check_order,
    cyclic_group,
    direct_product,
    permutation_group,
    semidirect_product,
)
from li2.groups.fields import FiniteField, finite_field, is_prime, smallest_prime_factor
from li2.groups.group import Group
from li2.groups.permutations import parse_permutations
from li2.groups.tables import group_from_file


@dataclass(frozen=True)
class Family:
    """A way to name groups.

    Attributes:
        form: how a name is written.
        meaning: what it stands for.
        build: makes the group from its whole name and its parameter, the text after the colon.
    """

    form: str
    meaning: str
    build: Callable[[str, str], Group]


def named_group(name: str) -> Group:
    """The group that a name stands for; names joined by ``*`` make a direct product, first factor fastest.

    Raises:
        Li2Error: if the family is unknown, its parameter is wrong, or a table is not a group.
    """
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise Li2Error(f"group {name!r} is not valid UTF-8; rename the file.") from error
    parts = _FACTOR_ENDS.split(name)
    if len(parts) == 1:
        return _single(name)
    factors: list[Group] = []
    for part in parts:  # a product that is too large is refused before its other factors are made
        factors.append(_single(part))
        check_order(name, math.prod(factor.order for factor in factors))
    return direct_product(factors, name)


def known_forms() -> str:
    """How names of groups are written, in one line."""
    return f"{', '.join(family.form for family in FAMILIES.values())}, and products of these joined by *"


def _single(name: str) -> Group:
    family, _, parameter = name.partition(":")
    if family not in FAMILIES:
        raise Li2Error(f"unknown group {name!r}; known are {known_forms()}.")
    if family != "file" and "*" in parameter:
        raise Li2Error(f"unknown group {parameter.split('*')[1]!r}; known are {known_forms()}.")
    return FAMILIES[family].build(name, parameter)


def _wrong(name: str, reason: str) -> Li2Error:
    return Li2Error(f"group {name!r}: {reason}; write {FAMILIES[name.partition(':')[0]].form}.")


def _numbers(name: str, parameter: str, count: int, separator: str = ".") -> list[int]:
    """The positive whole numbers of a parameter; any number of them if ``count`` is 0."""
    texts = parameter.split(separator)
    if count and len(texts) != count:
        wanted = "one number" if count == 1 else f"{count} numbers separated by dots"
        raise _wrong(name, f"it takes {wanted}, not {parameter!r}")
    for text in texts:
        if not (text.isascii() and text.isdigit()) or not text.strip("0"):
            raise _wrong(name, f"{text!r} is not a positive whole number")
        if len(text.lstrip("0")) > 18:
            raise _wrong(name[:40], f"a number of {len(text)} digits is too large, as the largest order is {MAX_ORDER}")
    return [int(text) for text in texts]


def _cyclic(name: str, parameter: str) -> Group:
    [order] = _numbers(name, parameter, 1)
    check_order(name, order)
    return cyclic_group(order, name)


def _product(name: str, parameter: str) -> Group:
    orders = _numbers(name, parameter, 0, separator="x")
    check_order(name, math.prod(orders))
    return direct_product([cyclic_group(order) for order in orders], name)


def _metacyclic_group(name: str, n: int, m: int, r: int) -> Group:
    """Z_n ⋊ Z_m with b·a·b⁻¹ = aʳ; the element aⁱbʲ is number i + n·j."""
    check_order(name, n * m)
    action = [[pow(r, j, n) * i % n for i in range(n)] for j in range(m)]
    return semidirect_product(cyclic_group(n), cyclic_group(m), np.array(action), name)


def _dihedral(name: str, parameter: str) -> Group:
    [n] = _numbers(name, parameter, 1)
    return _metacyclic_group(name, n, 2, n - 1)


def _metacyclic(name: str, parameter: str) -> Group:
    n, m, r = _numbers(name, parameter, 3)
    check_order(name, n * m)
    if pow(r, m, n) != 1 % n:
        rs = [s for s in range(1, n + 1) if pow(s, m, n) == 1 % n]
        shown = ", ".join(map(str, rs[:12])) + (", …" if len(rs) > 12 else "")
        raise _wrong(name, f"r^m must be 1 mod n, but {r}^{m} = {pow(r, m, n)} mod {n}; r can be {shown}")
    return _metacyclic_group(name, n, m, r)


def _frobenius(name: str, parameter: str) -> Group:
    p, q = _numbers(name, parameter, 2)
    check_order(name, p * q)
    if p < 3 or not is_prime(p):
        raise _wrong(name, f"p must be an odd prime, and {p} is not")
    if q < 2 or (p - 1) % q:
        divisors = ", ".join(str(d) for d in range(2, p) if (p - 1) % d == 0)
        raise _wrong(name, f"q must divide p − 1 = {p - 1} and be above 1; it can be {divisors}")
    r = next(r for r in range(1, p) if pow(r, q, p) == 1 and all(pow(r, j, p) != 1 for j in range(1, q)))
    return _metacyclic_group(name, p, q, r)


def _dicyclic(name: str, parameter: str) -> Group:
    [n] = _numbers(name, parameter, 1)
    check_order(name, 4 * n)
    return _dicyclic_group(name, n)


def _dicyclic_group(name: str, n: int) -> Group:
    """⟨a, b: a²ⁿ = e, b² = aⁿ, bab⁻¹ = a⁻¹⟩; the element aⁱbʲ is number i + 2n·j."""
    j, i = np.divmod(np.arange(4 * n), 2 * n)
    power = i[:, None] + np.where(j[:, None] == 1, -i, i) + n * (j[:, None] & j)
    table = power % (2 * n) + 2 * n * (j[:, None] ^ j)
    return Group(name, table, (1, 2 * n))


def _quaternion(name: str, parameter: str) -> Group:
    if name != "quaternion":
        raise _wrong(name, "it takes no parameter; larger ones are dicyclic:n")
    return _dicyclic_group(name, 2)


def _symmetric(name: str, parameter: str) -> Group:
    [n] = _numbers(name, parameter, 1)
    check_order(name, math.factorial(min(n, 20)))
    transposition = [1, 0, *range(2, n)] if n > 1 else [0]
    return permutation_group([transposition, [*range(1, n), 0]], name)


def _alternating(name: str, parameter: str) -> Group:
    [n] = _numbers(name, parameter, 1)
    check_order(name, math.factorial(min(n, 20)) // 2)
    three_cycles = [[*range(i), i + 1, i + 2, i, *range(i + 3, n)] for i in range(n - 2)]
    return permutation_group(three_cycles or [list(range(n))], name)


def _heisenberg(name: str, parameter: str) -> Group:
    [p] = _numbers(name, parameter, 1)
    check_order(name, p**3)
    if not is_prime(p):
        raise _wrong(name, f"p must be a prime, and {p} is not")
    return _extraspecial_group(name, p, 1, minus=False)


def _extraspecial(name: str, parameter: str) -> Group:
    digits, sign = parameter[:-1], parameter[-1:]
    if sign not in {"+", "-"}:
        raise _wrong(name, f"{parameter!r} does not end with its type, + or -")
    [order] = _numbers(name, digits, 1)
    check_order(name, order)
    p = smallest_prime_factor(order)
    rank = next((k for k in range(1, 6) if p ** (2 * k + 1) == order), 0)
    if order < 8 or not rank:
        raise _wrong(name, f"its order must be p³, p⁵, … of a prime p, as 8, 27, 32, 125, 128, 243, and {order} is not")
    return _extraspecial_group(name, p, rank, minus=sign == "-")


def _extraspecial_group(name: str, p: int, rank: int, *, minus: bool) -> Group:
    """Z_p · Z_p²ᵏ with the cocycle a·b′, plus the carries of a₁ + a₁′ and b₁ + b₁′ for the type −."""
    vectors = direct_product([cyclic_group(p)] * (2 * rank))
    digits = np.arange(p ** (2 * rank))[:, None] // p ** np.arange(2 * rank) % p
    a, b = digits[:, :rank], digits[:, rank:]
    cocycle = a @ b.T
    if minus:
        for part in (a[:, 0], b[:, 0]):
            cocycle = cocycle + (np.add.outer(part, part) >= p)
    return central_extension(vectors, cyclic_group(p), cocycle % p, name)


def _sl(name: str, parameter: str) -> Group:
    q = _linear_parameter(name, parameter)
    check_order(name, q * (q * q - 1))
    field = finite_field(name, q)
    vectors = [(x, y) for x in range(q) for y in range(q) if x or y]
    number = {vector: i for i, vector in enumerate(vectors)}
    return permutation_group([[number[image(*v)] for v in vectors] for image in _sl2_generators(field)], name)


def _psl(name: str, parameter: str) -> Group:
    q = _linear_parameter(name, parameter)
    check_order(name, q * (q * q - 1) // math.gcd(2, q - 1))
    field = finite_field(name, q)
    points = [(x, 1) for x in range(q)] + [(1, 0)]  # the projective line
    number = {(int(field.multiply[x, c]), int(field.multiply[y, c])): i for i, (x, y) in enumerate(points)
              for c in range(1, q)}  # fmt: skip
    return permutation_group([[number[image(*v)] for v in points] for image in _sl2_generators(field)], name)


def _linear_parameter(name: str, parameter: str) -> int:
    n, q = _numbers(name, parameter, 2)
    if n != 2:
        raise _wrong(name, f"only 2 × 2 matrices are there, not {n} × {n}")
    return q


def _sl2_generators(field: FiniteField) -> list[Callable[[int, int], tuple[int, int]]]:
    """The maps (x, y) ↦ (x + t·y, y) for t in a basis of GF(q), and (x, y) ↦ (y, −x)."""

    def transvection(t: int) -> Callable[[int, int], tuple[int, int]]:
        return lambda x, y: (int(field.add[x, field.multiply[t, y]]), y)

    return [*(transvection(t) for t in field.basis), lambda x, y: (y, field.negative(x))]


def _affine(name: str, parameter: str) -> Group:
    [q] = _numbers(name, parameter, 1)
    check_order(name, q * (q - 1))
    field = finite_field(name, q)
    additive = Group("", field.add, tuple(field.basis))
    factors = [1]
    for _ in range(q - 2):
        factors.append(int(field.multiply[factors[-1], field.primitive_element()]))
    return semidirect_product(additive, cyclic_group(q - 1), field.multiply[factors], name)


def _permutation(name: str, parameter: str) -> Group:
    try:
        generators = parse_permutations(parameter)
    except ValueError as error:
        raise _wrong(name, str(error)) from error
    return permutation_group(generators, name)


def _small(name: str, parameter: str) -> Group:
    order, number = _numbers(name, parameter, 2)
    return small_group(order, number)


FAMILIES = {
    "cyclic": Family("cyclic:M", "the integers under addition mod M", _cyclic),
    "product": Family("product:AxBxC", "direct product of cyclic groups of orders A, B, C", _product),
    "dihedral": Family("dihedral:n", "symmetries of the regular n-gon, order 2n", _dihedral),
    "symmetric": Family("symmetric:n", "all permutations of n points", _symmetric),
    "alternating": Family("alternating:n", "the even permutations of n points", _alternating),
    "dicyclic": Family("dicyclic:n", "⟨a, b: a²ⁿ = e, b² = aⁿ, bab⁻¹ = a⁻¹⟩, order 4n", _dicyclic),
    "quaternion": Family("quaternion", "±1, ±i, ±j, ±k, order 8", _quaternion),
    "metacyclic": Family("metacyclic:n.m.r", "Z_n ⋊ Z_m with bab⁻¹ = aʳ, where r^m = 1 mod n", _metacyclic),
    "frobenius": Family("frobenius:p.q", "Z_p ⋊ Z_q, faithful, p an odd prime and q a divisor of p − 1", _frobenius),
    "heisenberg": Family("heisenberg:p", "unitriangular 3 × 3 matrices mod a prime p, order p³", _heisenberg),
    "extraspecial": Family("extraspecial:32+", "the extraspecial group of that order and type, + or -", _extraspecial),
    "sl": Family("sl:2.q", "2 × 2 matrices of determinant 1 over GF(q)", _sl),
    "psl": Family("psl:2.q", "sl:2.q modulo ±1", _psl),
    "affine": Family("affine:q", "the maps x ↦ ax + b of GF(q), a ≠ 0, order q(q − 1)", _affine),
    "permutation": Family(
        "permutation:(1 2 3)(4 5)|(1 2)", "generated by permutations in cycle notation", _permutation
    ),
    "small": Family("small:ORDER.ID", "a group of order 127 or less by its number in GAP's library", _small),
    "file": Family("file:PATH", "a Cayley table of 0 … M−1 as CSV or NPY", lambda name, path: group_from_file(path)),
}

_FACTOR_ENDS = re.compile(rf"\*(?=(?:{'|'.join(FAMILIES)})(?::|\*|$))")
"""The stars before a family's name: any other in a path is part of it."""

__all__ = ["FAMILIES", "MAX_ORDER", "Family", "named_group"]
