"""Products and extensions against their definitions; finite fields against their axioms."""

from itertools import product

import numpy as np
import pytest

from li2.errors import Li2Error
from li2.groups import Group, cyclic_group, direct_product, named_group, permutation_group, semidirect_product
from li2.groups.fields import finite_field
from tables import quaternion_table, relabelled


def test_a_direct_product_of_groups_whose_identity_is_not_zero() -> None:
    q8 = Group.from_table("Q8", relabelled(quaternion_table(), [5, 3, 7, 0, 1, 6, 2, 4]))
    z3 = Group.from_table("Z3", relabelled(cyclic_group(3).table, [2, 0, 1]))
    group = direct_product([q8, z3, q8])
    assert Group.from_table("again", group.table) == group
    assert len(group.subgroup(group.generators)) == group.order == 192
    rng = np.random.default_rng(0)
    for _ in range(200):
        (a, b, c), (x, y, z) = (rng.integers([8, 3, 8]) for _ in range(2))
        expected = q8.table[a, x] + 8 * z3.table[b, y] + 24 * q8.table[c, z]
        assert group.table[a + 8 * b + 24 * c, x + 8 * y + 24 * z] == expected


def test_a_semidirect_product_multiplies_as_it_should() -> None:
    action = np.array([[pow(2, h, 7) * n % 7 for n in range(7)] for h in range(3)])
    group = semidirect_product(cyclic_group(7), cyclic_group(3), action)
    assert Group.from_table("again", group.table) == group
    for n, h, x, y in product(range(7), range(3), range(7), range(3)):
        assert group.table[n + 7 * h, x + 7 * y] == (n + 2**h * x) % 7 + 7 * ((h + y) % 3)


def test_the_empty_product_and_what_is_no_group() -> None:
    assert direct_product([]).order == 1
    for make in (lambda: cyclic_group(0), lambda: permutation_group([], "x"), lambda: permutation_group([[1, 1]], "x")):
        with pytest.raises(Li2Error):
            make()


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([[0, 1, 2, 3, 4]], "shape"),
        ([[0, 1, 2, 3, 4], [0, 1, 2, 3, 3]], "not a permutation"),
        ([[0, 1, 2, 3, 4], [0, 2, 1, 3, 4]], "element 1 of H does not act by an automorphism"),
        ([[0, 1, 2, 3, 4], [0, 2, 4, 1, 3]], "not a homomorphism"),
    ],
)
def test_what_is_no_action(action: list[list[int]], message: str) -> None:
    with pytest.raises(Li2Error, match=message):
        semidirect_product(cyclic_group(5), cyclic_group(2), np.array(action))


@pytest.mark.parametrize("q", [2, 3, 4, 5, 7, 8, 9, 16, 25, 27])
def test_finite_fields_satisfy_the_axioms(q: int) -> None:
    field = finite_field("GF", q)
    a, b, c = np.meshgrid(*[np.arange(q)] * 3, indexing="ij")
    add, multiply = field.add, field.multiply
    for table in (add, multiply):
        assert np.array_equal(table, table.T)
        assert np.array_equal(table[table[a, b], c], table[a, table[b, c]])
    assert np.array_equal(multiply[a, add[b, c]], add[multiply[a, b], multiply[a, c]])
    assert np.array_equal(add[0], np.arange(q))
    assert np.array_equal(multiply[1], np.arange(q))
    assert (np.sort(multiply[1:, 1:], axis=1) == np.arange(1, q)).all()
    assert all(add[x, field.negative(x)] == 0 for x in range(q))
    powers = {1}
    element = power = field.primitive_element()
    while power != 1:
        powers.add(power)
        power = int(multiply[power, element])
    assert len(powers) == q - 1
    assert Group.from_table("additive", add).exponent == field.characteristic
    assert len(Group("", add, ()).subgroup(field.basis)) == q


def test_the_alternating_group_of_five_points_is_simple() -> None:
    group = named_group("alternating:5")
    normal_closures = {
        tuple(group.subgroup(np.unique(group.table[group.table[:, g], group.inverses]))) for g in range(1, 60)
    }
    assert normal_closures == {tuple(range(60))}
