"""Isomorphisms are found under any renaming, and only where there are any."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from li2.groups import Group, catalogue, identify, isomorphism, named_group, small_group
from tables import relabelled

LINES = list(catalogue())


def is_isomorphism(mapping: np.ndarray | None, first: Group, second: Group) -> bool:
    return (
        mapping is not None
        and sorted(mapping) == list(range(first.order))
        and np.array_equal(mapping[first.table], second.table[np.ix_(mapping, mapping)])
    )


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(LINES), st.randoms(use_true_random=False))
def test_a_renamed_group_is_recognised(line, random) -> None:  # type: ignore[no-untyped-def]
    group = small_group(line.order, line.number)
    places = list(range(group.order))
    random.shuffle(places)
    renamed = Group.from_table("renamed", relabelled(group.table, places))
    assert is_isomorphism(isomorphism(group, renamed), group, renamed)
    assert identify(renamed) == line


def test_larger_groups() -> None:
    group = named_group("symmetric:6")
    renamed = Group.from_table("renamed", relabelled(group.table, np.random.default_rng(0).permutation(720)))
    assert is_isomorphism(isomorphism(group, renamed), group, renamed)
    assert isomorphism(group, named_group("sl:2.9")) is None
    assert identify(group) is None


@pytest.mark.parametrize("order", [16, 32])
def test_all_pairs_of_an_order_differ(order: int) -> None:
    groups = [small_group(line.order, line.number) for line in LINES if line.order == order]
    for first, second in combinations(groups, 2):
        assert isomorphism(first, second) is None


def test_a_group_and_its_opposite_are_isomorphic() -> None:
    group = named_group("frobenius:7.3")
    assert is_isomorphism(isomorphism(group, group.opposite()), group, group.opposite())


def test_groups_of_different_orders() -> None:
    assert isomorphism(named_group("cyclic:4"), named_group("cyclic:5")) is None
    assert isomorphism(named_group("cyclic:6"), named_group("symmetric:3")) is None
