"""New groups from old ones, and from permutations."""

import math
from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.groups.group import Group, Table

MAX_ORDER = 4096
"""Largest order accepted; the table and the M² pairs of operands are held in memory."""

HUGE = 10**12
"""Orders above are not written out."""


def check_order(name: str, order: int) -> None:
    """Refuse a group that would not fit into memory.

    Raises:
        Li2Error: if the order is above :data:`MAX_ORDER`, saying what its Cayley table would need.
    """
    if order > MAX_ORDER:
        words = f"order {order}" if order < HUGE else "an order of more than 10¹²"
        gigabytes = 8 * min(order, HUGE) ** 2 / 1e9
        raise Li2Error(
            f"group {name!r} has {words}, whose Cayley table alone needs {gigabytes:,.1f} GB"
            f"{' or more' if order >= HUGE else ''}; the largest order is {MAX_ORDER}."
        )


def cyclic_group(order: int, name: str | None = None) -> Group:
    """Z_M: addition mod M; raises Li2Error if M is not between 1 and :data:`MAX_ORDER`."""
    if order < 1:
        raise Li2Error(f"a cyclic group has order 1 or more, not {order}.")
    check_order(name or f"cyclic:{order}", order)
    elements = np.arange(order)
    generators = (1,) if order > 1 else ()
    return Group(name or f"cyclic:{order}", np.add.outer(elements, elements) % order, generators)


def direct_product(factors: Sequence[Group], name: str | None = None) -> Group:
    """G₀ × G₁ × …: the element (x₀, x₁, …) is number x₀ + |G₀|·x₁ + |G₀||G₁|·x₂ + …; raises Li2Error if too large."""
    check_order(name or "product", math.prod(factor.order for factor in factors))
    product = reduce(_product_of_two, factors, cyclic_group(1))
    return Group(name or "*".join(factor.name for factor in factors), product.table, product.generators)


def _product_of_two(first: Group, second: Group) -> Group:
    order = first.order * second.order
    table = second.table[:, None, :, None] * first.order + first.table[None, :, None, :]
    identity = first.identity + first.order * second.identity
    generators = [identity + g - first.identity for g in first.generators]
    generators += [identity + first.order * (g - second.identity) for g in second.generators]
    return Group("", np.ascontiguousarray(table.reshape(order, order)), tuple(generators))


def semidirect_product(normal: Group, acting: Group, action: NDArray[np.integer], name: str | None = None) -> Group:
    """N ⋊ H with (n, h)·(n', h') = (n·h(n'), h·h'); the element (n, h) is number n + |N|·h.

    Args:
        normal: N.
        acting: H.
        action: (|H|, |N|): ``action[h]`` is the automorphism of N by which h acts.
        name: its name; default from the factors.

    Raises:
        Li2Error: if the action is not a homomorphism from H to the automorphisms of N.
    """
    action = np.asarray(action)
    name = name or f"{normal.name} ⋊ {acting.name}"
    if action.shape != (acting.order, normal.order):
        raise Li2Error(f"{name}: the action has shape {action.shape}, but it must be |H| × |N|.")
    if not (np.sort(action, axis=1) == np.arange(normal.order)).all():
        raise Li2Error(f"{name}: some row of the action is not a permutation of N.")
    for h, automorphism in enumerate(action):
        if not np.array_equal(automorphism[normal.table], normal.table[np.ix_(automorphism, automorphism)]):
            raise Li2Error(f"{name}: element {h} of H does not act by an automorphism of N.")
        if not np.array_equal(automorphism[action], action[acting.table[h]]):
            raise Li2Error(f"{name}: the action is not a homomorphism from H, as element {h} shows.")
    order = normal.order * acting.order
    n = normal.table[np.arange(normal.order)[None, :, None, None], action[:, None, None, :]]  # h, n, 1, n'
    table = np.broadcast_to(n, (acting.order, normal.order, acting.order, normal.order))
    table = table + normal.order * acting.table[:, None, :, None]
    generators = [g + normal.order * acting.identity for g in normal.generators]
    generators += [normal.identity + normal.order * h for h in acting.generators]
    return Group(name, np.ascontiguousarray(table.reshape(order, order)), tuple(generators))


def permutation_group(generators: Sequence[Sequence[int]], name: str) -> Group:
    """The group that permutations of 0 … n−1 generate; a·b applies b first, as functions do.

    Elements are numbered in lexicographic order of their images, so that the identity is 0.

    Raises:
        Li2Error: if the order is above :data:`MAX_ORDER`, or there is no generator.
    """
    if not generators or any(sorted(generator) != list(range(len(generators[0]))) for generator in generators):
        raise Li2Error(f"group {name!r} needs generators that are permutations of the same points 0 … n−1.")
    start = tuple(range(len(generators[0])))
    steps = [tuple(generator) for generator in generators]
    elements, queue = {start}, [start]
    for element in queue:
        for step in steps:
            product = tuple(step[image] for image in element)
            if product not in elements:
                elements.add(product)
                queue.append(product)
        if len(elements) > MAX_ORDER:
            gigabytes = 8 * MAX_ORDER**2 / 1e9
            raise Li2Error(
                f"group {name!r} has more than {MAX_ORDER} elements, the largest order; "
                f"its Cayley table alone would need more than {gigabytes:,.1f} GB."
            )
    number = {element: i for i, element in enumerate(sorted(elements))}
    distinct = [step for step in dict.fromkeys(steps) if step != start]
    rows = [[number[tuple(step[image] for image in element)] for element in number] for step in distinct]
    return Group.from_generator_rows(name, np.array(rows, dtype=np.int64).reshape(len(rows), len(number)))


def central_extension(base: Group, kernel: Group, cocycle: Table, name: str) -> Group:
    """The group on kernel × base with (z, x)·(z', x') = (z·z'·c(x, x'), x·x'); (z, x) is number z + |Z|·x.

    Args:
        base: the quotient.
        kernel: an Abelian group Z, which becomes central.
        cocycle: (|base|, |base|) elements of Z with c(x, y)·c(x·y, z) = c(y, z)·c(x, y·z); trusted.
        name: its name.
    """
    order = base.order * kernel.order
    central = kernel.table[kernel.table[None, :, None, :], cocycle[:, None, :, None]]
    table = central + kernel.order * base.table[:, None, :, None]
    return Group.from_table(name, table.reshape(order, order))
