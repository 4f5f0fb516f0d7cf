"""Groups: axioms of what the families make, and a clear refusal of what is no group."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from li2.errors import Li2Error
from li2.groups import Group, conjugacy_classes, irrep_dimensions, named_group
from tables import quaternion_table, symmetric_group_table


@pytest.mark.parametrize("name", ["cyclic:1", "cyclic:2", "cyclic:12", "product:2x2", "product:4x3x2"])
def test_families_satisfy_the_axioms_by_brute_force(name: str) -> None:
    group = named_group(name)
    t, e = group.table, group.identity
    for a, b, c in product(range(group.order), repeat=3):
        assert t[t[a, b], c] == t[a, t[b, c]]
    for a in range(group.order):
        assert t[a, e] == t[e, a] == a
        assert t[a, group.inverses[a]] == t[group.inverses[a], a] == e
    assert group == Group.from_table("again", t)
    assert group.generators == Group.from_table("again", t).generators


def test_product_numbers_its_first_factor_fastest() -> None:
    table = named_group("product:4x7x2").table
    for (a, b, c), (x, y, z) in [((3, 6, 1), (2, 5, 1)), ((1, 0, 0), (3, 2, 1))]:
        expected = (a + x) % 4 + 4 * ((b + y) % 7) + 28 * ((c + z) % 2)
        assert table[a + 4 * b + 28 * c, x + 4 * y + 28 * z] == expected


def test_a_group_is_immutable() -> None:
    with pytest.raises(ValueError, match="read-only"):
        named_group("cyclic:5").table[0, 0] = 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ([[0, 1, 2], [1, 2, 0]], r"shape is \(2, 3\)"),
        ([[0, 1], [1, 2]], r"closure fails: entry \(1, 1\) is 2"),
        ([[1, 2], [2, 1]], r"number the elements from 0"),
        ([[0, 1], [0, 1]], r"identity axiom fails"),
        ([[0, 1, 2], [1, 1, 0], [2, 0, 1]], r"inverse axiom fails: row 1 holds 1 twice"),
    ],
)
def test_a_table_that_is_no_group_says_which_axiom_fails_and_where(table: list[list[int]], message: str) -> None:
    with pytest.raises(Li2Error, match=message):
        Group.from_table("file:x", np.array(table))


def test_a_non_associative_loop_gives_a_true_counterexample() -> None:
    # The smallest loop that is not a group: a Latin square of order 5 with an identity.
    loop = np.array([[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]])
    with pytest.raises(Li2Error, match=r"associativity fails") as caught:
        Group.from_table("file:x", loop)
    digits = [int(c) for c in str(caught.value) if c.isdigit()]
    a, g, b, left = digits[:4]
    assert loop[loop[a, g], b] == left != loop[a, loop[g, b]]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_changed_entry_is_always_noticed(data: st.DataObject) -> None:
    table = symmetric_group_table(3) if data.draw(st.booleans()) else named_group("product:2x4").table.copy()
    a, b = (data.draw(st.integers(0, len(table) - 1)) for _ in range(2))
    table[a, b] = (table[a, b] + data.draw(st.integers(1, len(table) - 1))) % len(table)
    with pytest.raises(Li2Error):
        Group.from_table("file:x", table)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(8)))
def test_relabelled_tables_are_groups_with_the_same_irreps(order: list[int]) -> None:
    place = np.array(order)
    table = quaternion_table()
    relabelled = np.empty_like(table)
    relabelled[np.ix_(place, place)] = place[table]
    group = Group.from_table("Q8", relabelled)
    assert not group.is_abelian
    assert irrep_dimensions(group) == (1, 1, 1, 1, 2)


@pytest.mark.parametrize(
    ("table", "dimensions"),
    [
        (symmetric_group_table(3), (1, 1, 2)),
        (symmetric_group_table(4), (1, 1, 2, 3, 3)),
        (quaternion_table(), (1, 1, 1, 1, 2)),
        (named_group("product:3x3").table, (1,) * 9),
    ],
)
def test_irrep_dimensions_of_textbook_groups(table: np.ndarray, dimensions: tuple[int, ...]) -> None:
    group = Group.from_table("G", table)
    assert irrep_dimensions(group) == dimensions
    assert conjugacy_classes(group).max() + 1 == len(dimensions)
