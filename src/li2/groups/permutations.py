"""Permutations in cycle notation."""

import re

from li2.groups.constructions import MAX_ORDER

_PERMUTATION = re.compile(r"\s*(?:\([\s0-9]*\)\s*)+")
_CYCLE = re.compile(r"\(([\s0-9]*)\)")


def parse_permutations(text: str) -> list[list[int]]:
    """The permutations that ``(1 2 3)(4 5)|(1 2)`` writes: points from 1, spaces between, ``|`` between them.

    Returns:
        The images of 0 … n−1 under each, n being the largest point.

    Raises:
        ValueError: saying what is wrong.
    """
    cycles = [_cycles(part) for part in text.split("|")]
    degree = max((point for permutation in cycles for cycle in permutation for point in cycle), default=1)
    return [_images(permutation, degree) for permutation in cycles]


def _cycles(text: str) -> list[list[int]]:
    if not _PERMUTATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a product of cycles, with spaces between the points")
    cycles = [[int(point[:9]) for point in cycle.split()] for cycle in _CYCLE.findall(text)]
    points = [point for cycle in cycles for point in cycle]
    for point in points:
        if not 1 <= point <= MAX_ORDER:
            raise ValueError(f"points run from 1 to {MAX_ORDER}, and {point} does not")
        if points.count(point) > 1:
            raise ValueError(f"point {point} occurs twice in {text!r}, whose cycles must be disjoint")
    return cycles


def _images(cycles: list[list[int]], degree: int) -> list[int]:
    images = list(range(degree))
    for cycle in cycles:
        for point, image in zip(cycle, cycle[1:] + cycle[:1], strict=True):
            images[point - 1] = image - 1
    return images
