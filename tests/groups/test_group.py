"""Groups: axioms of what the families make, and a clear refusal of what is no group."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from li2.errors import Li2Error
from li2.groups import Group, conjugacy_classes, named_group
from tables import quaternion_table, relabelled, symmetric_group_table


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


GROUPS = {
    "S3": symmetric_group_table(3),
    "S4": symmetric_group_table(4),
    "Q8": quaternion_table(),
    "relabelled Q8": relabelled(quaternion_table(), [5, 3, 7, 0, 1, 6, 2, 4]),
    "Z12": named_group("cyclic:12").table,
    "Z2": named_group("cyclic:2").table,
    "trivial": np.zeros((1, 1), dtype=np.int64),
}


@pytest.mark.parametrize("name", GROUPS)
def test_properties_against_their_definitions(name: str) -> None:
    table = GROUPS[name]
    group, elements = Group.from_table(name, table), range(len(table))
    assert group.is_abelian == all(table[a, b] == table[b, a] for a in elements for b in elements)
    assert group.centre.tolist() == [a for a in elements if all(table[a, b] == table[b, a] for b in elements)]
    for a in elements:
        powers = [group.identity]
        while (power := table[powers[-1], a]) != group.identity:
            powers.append(power)
        assert group.powers(a).tolist() == powers
        assert group.element_orders[a] == len(powers)
    assert group.exponent == np.lcm.reduce(group.element_orders)
    classes = conjugacy_classes(group)
    for a in elements:
        conjugates = {table[table[h, a], group.inverses[h]] for h in elements}
        assert set(np.flatnonzero(classes.of == classes.of[a])) == conjugates
        assert classes.sizes[classes.of[a]] == len(conjugates)
        assert classes.representatives[classes.of[a]] == min(conjugates)
        assert classes.orders[classes.of[a]] == group.element_orders[a]
        assert classes.inverses[classes.of[a]] == classes.of[group.inverses[a]]
    assert classes.of[group.identity] == 0
    assert len(classes) == len(set(classes.of))


def test_subgroups_of_s4() -> None:
    group = Group.from_table("S4", symmetric_group_table(4))
    found = set()
    for a, b in product(range(24), repeat=2):
        subgroup = group.subgroup([a, b])
        assert group.is_subgroup(subgroup)
        found.add(tuple(subgroup))
    assert len(found) == 30  # S4 has 30 subgroups, each generated by two elements


def test_elements_that_are_not_there() -> None:
    for elements in ([8], [-1]):
        with pytest.raises(Li2Error, match="has the elements 0 to 7"):
            named_group("quaternion").subgroup(elements)
        with pytest.raises(Li2Error, match="has the elements 0 to 7"):
            named_group("quaternion").is_subgroup(elements)


@pytest.mark.parametrize("generators", [[99], [-1], [4]])
def test_wrong_generators_are_replaced(generators: list[int]) -> None:
    group = Group.from_table("Z8", named_group("cyclic:8").table, generators)
    assert len(group.subgroup(group.generators)) == 8


def test_what_is_no_subgroup() -> None:
    group = named_group("cyclic:12")
    assert not group.is_subgroup([])
    assert not group.is_subgroup([0, 4])
    assert group.is_subgroup([8, 0, 4])
    assert group.subgroup([]).tolist() == [0]
    assert group.subgroup([8, 6]).tolist() == [0, 2, 4, 6, 8, 10]


@pytest.mark.parametrize("name", GROUPS)
def test_the_opposite_group_turns_products_around(name: str) -> None:
    group = Group.from_table(name, GROUPS[name])
    opposite = group.opposite()
    assert Group.from_table("again", opposite.table) == opposite
    assert all(opposite.table[a, b] == group.table[b, a] for a, b in product(range(group.order), repeat=2))
    assert (opposite == group) == group.is_abelian


def test_a_group_from_the_rows_of_its_generators() -> None:
    table = symmetric_group_table(4)
    generators = Group.from_table("S4", table).generators
    group = Group.from_generator_rows("S4", table[list(generators)])
    assert np.array_equal(group.table, table)
    assert group.generators == generators
    assert Group.from_generator_rows("1", np.zeros((0, 1), dtype=np.int64)).order == 1
