"""The catalogue of small groups: complete, valid, without repetition."""

from collections import defaultdict
from itertools import combinations

import numpy as np
import pytest

from li2.groups import Group, catalogue, conjugacy_classes, isomorphism, small_group
from li2.groups.isomorphism import _colours

# The number of groups of order 1, 2, …, 127 (OEIS A000001).
NUMBERS = """1 1 1 2 1 2 1 5 2 2 1 5 1 2 1 14 1 5 1 5 2 2 1 15 2 2 5 4 1 4 1 51 1 2 1 14 1 2 2 14 1 6 1 4 2 2 1 52 2 5 1
5 1 15 2 13 2 2 1 13 1 2 4 267 1 4 1 5 1 4 1 50 1 2 3 4 1 6 1 52 15 2 1 15 1 2 1 12 1 10 1 4 2 2 1 231 1 5 2 16 1 4 1 14
2 2 1 45 1 6 2 43 1 6 1 5 4 2 1 47 2 2 1 4 5 16 1"""


def test_there_are_as_many_groups_as_there_should_be() -> None:
    counts = np.bincount([line.order for line in catalogue()], minlength=128)[1:]
    assert counts.tolist() == [int(number) for number in NUMBERS.split()]
    assert sum(1 for _ in catalogue()) == 1268
    assert sum(not line.is_abelian for line in catalogue()) == 1036


def test_every_line_is_true_of_its_group() -> None:
    for line in catalogue():
        group = small_group(line.order, line.number)
        assert group.name == line.name
        assert Group.from_table("again", group.table) == group
        assert group.order == line.order
        assert group.is_abelian == line.is_abelian == (line.largest_dimension == 1)
        assert len(conjugacy_classes(group)) == line.classes
        assert len(group.subgroup(group.generators)) == group.order


@pytest.mark.parametrize(
    ("name", "structure"),
    [((8, 4), "Q8"), ((12, 3), "A4"), ((24, 12), "S4"), ((60, 5), "A5"), ((120, 34), "S5"), ((120, 5), "SL(2,5)")],
)
def test_gaps_numbers_of_well_known_groups(name: tuple[int, int], structure: str) -> None:
    assert {(line.order, line.number): line.structure for line in catalogue()}[name] == structure


def test_no_two_groups_of_the_catalogue_are_isomorphic() -> None:
    by_invariants = defaultdict(list)
    for line in catalogue():
        group = small_group(line.order, line.number)
        by_invariants[np.sort(_colours(group, [])).tobytes()].append(group)
    assert len(by_invariants) > 1200  # the invariants alone tell most apart
    for groups in by_invariants.values():
        for first, second in combinations(groups, 2):
            assert isomorphism(first, second) is None
