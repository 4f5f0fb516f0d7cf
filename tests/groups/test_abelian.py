"""Fourier modes: against the definition of a character, the formula for cyclic groups, and numpy's FFT."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from li2.errors import Li2Error
from li2.groups import Group, fourier_modes, named_group

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
        ("cyclic:7", ["1", "2", "3"]),
        ("cyclic:6", ["1", "2", "3"]),
        ("product:2x2", ["(1,0)", "(0,1)", "(1,1)"]),
        ("cyclic:1", []),
    ],
)
def test_irreps_join_conjugates_and_leave_out_the_trivial_one(name: str, labels: list[str]) -> None:
    modes = fourier_modes(named_group(name))
    assert [irrep.label for irrep in modes.irreps] == labels
    members = sorted(k for irrep in modes.irreps for k in irrep.members)
    assert members == list(range(1, len(modes.exponents)))
    characters = modes.characters()
    for irrep in modes.irreps:
        assert np.allclose(characters[irrep.members[0]], characters[irrep.members[-1]].conj())
        assert irrep.is_real == np.allclose(characters[irrep.members[0]].imag, 0)


@settings(max_examples=25, deadline=None)
@given(st.permutations(range(12)), st.sampled_from(["cyclic:12", "product:2x6", "product:3x4"]))
def test_relabelled_tables_have_the_same_number_of_real_and_complex_irreps(order: list[int], name: str) -> None:
    place, table = np.array(order), named_group(name).table
    relabelled = np.empty_like(table)
    relabelled[np.ix_(place, place)] = place[table]
    group = Group.from_table("G", relabelled)
    modes = fourier_modes(group)
    characters = modes.characters()
    assert np.abs(characters[:, group.table] - characters[:, :, None] * characters[:, None, :]).max() < 1e-12
    reference = fourier_modes(named_group(name))
    assert sum(i.is_real for i in modes.irreps) == sum(i.is_real for i in reference.irreps)
    assert len(modes.irreps) == len(reference.irreps)


def test_a_non_abelian_group_is_refused() -> None:
    s3 = np.array(
        [[0, 1, 2, 3, 4, 5], [1, 0, 4, 5, 2, 3], [2, 5, 0, 4, 3, 1], [3, 4, 5, 0, 1, 2], [4, 3, 1, 2, 5, 0],
         [5, 2, 3, 1, 0, 4]]
    )  # fmt: skip
    with pytest.raises(Li2Error, match="not Abelian"):
        fourier_modes(Group.from_table("S3", s3))
