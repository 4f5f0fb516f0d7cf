"""Whether two groups are the same up to renaming their elements, and which group of the catalogue a group is."""

import numpy as np
from numpy.typing import NDArray

from li2.groups.catalogue import LARGEST, SmallGroup, catalogue, small_group
from li2.groups.classes import conjugacy_classes
from li2.groups.fields import is_prime
from li2.groups.group import Group, Table

ROUNDS = 3
"""Of refinement of the elements' colours."""

Colours = NDArray[np.uint64]


def isomorphism(first: Group, second: Group) -> Table | None:
    """An isomorphism, or None if there is none.

    Invariants of the elements decide first. Then images of generators are searched one by one: with each generator
    and its image marked, the elements of both groups must still have the same invariants.

    Returns:
        (M,) int64: the image in ``second`` of each element of ``first``.
    """
    if first.order != second.order or first.is_abelian != second.is_abelian:
        return None
    return _extended(first, second, [], [])


def _extended(first: Group, second: Group, generators: list[int], images: list[int]) -> Table | None:
    colours = _colours(first, generators), _colours(second, images)
    if not np.array_equal(np.sort(colours[0]), np.sort(colours[1])):
        return None
    free = np.setdiff1d(np.arange(first.order), first.subgroup(generators))
    if not len(free):
        return _homomorphism(first, second, generators, images)
    _, of, counts = np.unique(colours[0][free], return_inverse=True, return_counts=True)
    generator = int(free[counts[of].argmin()])
    for image in np.flatnonzero(colours[1] == colours[0][generator]).tolist():
        found = _extended(first, second, [*generators, generator], [*images, image])
        if found is not None:
            return found
    return None


def _homomorphism(first: Group, second: Group, generators: list[int], images: list[int]) -> Table | None:
    """The isomorphism that takes generators to their images, or None if there is none."""
    mapping = np.full(first.order, -1, dtype=np.int64)
    mapping[first.identity] = second.identity
    queue = [first.identity]
    for element in queue:
        for generator, image in zip(generators, images, strict=True):
            product = int(first.table[element, generator])
            if mapping[product] < 0:
                mapping[product] = second.table[mapping[element], image]
                queue.append(product)
    for generator, image in zip(generators, images, strict=True):
        if not np.array_equal(mapping[first.table[:, generator]], second.table[mapping, image]):
            return None
    return mapping if len(np.unique(mapping)) == first.order else None


def identify(group: Group) -> SmallGroup | None:
    """The line of the catalogue whose group a group is isomorphic to; None above order 127."""
    if group.order > LARGEST:
        return None
    classes = len(conjugacy_classes(group))
    candidates = (line for line in catalogue() if line.order == group.order and line.classes == classes)
    return next(line for line in candidates if isomorphism(group, small_group(line.order, line.number)) is not None)


def _colours(group: Group, marked: list[int]) -> Colours:
    """(M,) uint64: a number for each element that isomorphisms keep, those that keep the marked elements.

    At first it depends on the element's order, the size of its class and its mark; then on how its powers and
    roots, by the primes that divide M, and its products with all other elements are coloured.
    """
    classes = conjugacy_classes(group)
    marks = np.zeros(group.order, dtype=np.uint64)
    marks[marked] = np.arange(1, len(marked) + 1)
    colours = _mixed(group.element_orders.astype(np.uint64), classes.sizes[classes.of].astype(np.uint64), marks)
    power_maps = [_power_map(group, p) for p in range(2, group.order + 1) if group.order % p == 0 and is_prime(p)]
    for _ in range(ROUNDS):
        words = [colours]
        for power in power_maps:
            roots = np.zeros_like(colours)
            np.add.at(roots, power, colours)
            words += [colours[power], roots]
        products = _mixed(np.broadcast_to(colours, group.table.shape), colours[group.table], colours[group.table.T])
        colours = _mixed(*words, products.sum(axis=1, dtype=np.uint64))
    return colours


def _power_map(group: Group, exponent: int) -> Table:
    """(M,) int64: a to that power, for every element a."""
    elements = np.arange(group.order)
    power = elements
    for _ in range(exponent - 1):
        power = group.table[power, elements]
    return power


def _mixed(*words: Colours) -> Colours:
    """A hash of words, elementwise (multiply, xor and shift, as in splitmix64); uint64 arithmetic wraps around."""
    mixed = np.full_like(words[0], 0x9E3779B97F4A7C15)
    for word in words:
        mixed = (mixed ^ word) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(32))
    return mixed
