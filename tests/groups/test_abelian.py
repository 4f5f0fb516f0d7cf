"""Fourier modes: against the definition of a character, the formula for cyclic groups, and numpy's FFT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from li2.errors import Li2Error
from li2.groups import Group, Representations, named_group
from li2.groups.abelian import fourier_modes
from tables import relabelled

NAMES = ["cyclic:2", "cyclic:5", "cyclic:12", "product:2x2", "product:4x3x2", "product:6x4", "product:3x3x2"]


@pytest.mark.parametrize("name", NAMES)
def test_characters_are_orthogonal_homomorphisms(name: str) -> None:
    group = named_group(name)
    characters = fourier_modes(group).characters()
    products = characters[:, :, None] * characters[:, None, :]
    assert np.abs(characters[:, group.table] - products).max() < 1e-12
    assert np.abs(characters @ characters.conj().T - group.order * np.eye(group.order)).max() < 1e-11


def test_cyclic_characters_are_the_discrete_fourier_basis() -> None:
    u = np.random.default_rng(0).normal(size=12)
    coefficients = fourier_modes(named_group("cyclic:12")).characters() @ u
    assert np.abs(coefficients - np.conj(np.fft.fft(u))).max() < 1e-12


def test_product_characters_are_the_multidimensional_fourier_basis() -> None:
    u = np.random.default_rng(0).normal(size=(2, 3, 4))  # last axis varies fastest, so it is factor one
    coefficients = fourier_modes(named_group("product:4x3x2")).characters() @ u.ravel()
    assert np.abs(coefficients - np.conj(np.fft.fftn(u)).ravel()).max() < 1e-12


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("cyclic:7", ["0", "1", "2", "3"]),
        ("cyclic:6", ["0", "1", "2", "3"]),
        ("product:2x2", ["(0,0)", "(1,0)", "(0,1)", "(1,1)"]),
        ("cyclic:4*cyclic:3", ["(0,0)", "(0,1)", "(1,0)", "(1,1)", "(2,0)", "(2,1)", "(3,1)"]),
        ("cyclic:1", ["0"]),
    ],
)
def test_real_irreps_join_conjugates_and_carry_frequencies(name: str, labels: list[str]) -> None:
    table = Representations(named_group(name)).characters
    assert sorted(irrep.label for irrep in table.real_irreps) == sorted(labels)
    assert table.real_irreps[0].label == table.irreps[0].label == labels[0]
    members = [k for irrep in table.real_irreps for k in irrep.members]
    assert sorted(members) == list(range(len(table.irreps)))
    for irrep in table.real_irreps:
        first, last = (table.of_elements(irrep.members[i]) for i in (0, -1))
        assert np.allclose(first, last.conj())
        assert (irrep.type == "real") == np.allclose(first.imag, 0) == (len(irrep.members) == 1)


def test_the_character_table_holds_the_fourier_modes() -> None:
    group = named_group("product:4x3x2")
    table, modes = Representations(group).characters, fourier_modes(group)
    for row, expected in enumerate(modes.characters()):
        assert np.abs(table.of_elements(row) - expected).max() < 1e-14


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)), st.sampled_from(["cyclic:12", "product:2x6", "product:3x4"]))
def test_relabelled_tables_have_the_same_number_of_real_and_complex_irreps(order: list[int], name: str) -> None:
    group = Group.from_table("G", relabelled(named_group(name).table, order))
    characters = fourier_modes(group).characters()
    assert np.abs(characters[:, group.table] - characters[:, :, None] * characters[:, None, :]).max() < 1e-12
    types = [
        sorted(irrep.type for irrep in Representations(g).characters.real_irreps) for g in (group, named_group(name))
    ]
    assert types[0] == types[1]


def test_a_non_abelian_group_is_refused() -> None:
    with pytest.raises(Li2Error, match="not Abelian"):
        fourier_modes(named_group("symmetric:3"))
