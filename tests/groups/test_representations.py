"""Irreps: GAP's character tables, the defining equations over all pairs, and the Fourier transform's theorems."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from li2.groups import Group, Representations, catalogue, convolve, named_group, small_group
from tables import quaternion_table, relabelled

GAP = Path(__file__).parent / "data" / "gap_characters.npz"
NAMES = [
    "cyclic:1", "cyclic:2", "cyclic:6", "product:2x4", "symmetric:3", "dihedral:4", "quaternion", "dicyclic:3",
    "alternating:4", "frobenius:7.3", "symmetric:4", "sl:2.3", "heisenberg:3", "extraspecial:32+", "extraspecial:32-",
    "alternating:5", "quaternion*cyclic:3", "small:48.33", "sl:2.5", "symmetric:5",
]  # fmt: skip


@cache
def representations(name: str) -> Representations:
    return Representations(named_group(name))


def largest_error(group: Group, matrices: np.ndarray) -> float:
    """Of C(gh) = C(g)C(h) over all pairs, and of C(g)C(g)ᴴ = 1."""
    worst = np.abs(matrices @ matrices.conj().transpose(0, 2, 1) - np.eye(matrices.shape[1])).max()
    for part in np.array_split(np.arange(group.order), -(-group.order // 64)):
        products = np.einsum("gij,hjk->ghik", matrices[part], matrices, optimize=True)
        worst = max(worst, np.abs(matrices[group.table[part]] - products).max())
    return worst


def check_irreps(group: Group) -> float:
    """The largest error over all irreps of a group, whose characters and dimensions must fit them."""
    reps = Representations(group)
    characters = reps.characters
    assert (characters.dimensions**2).sum() == group.order
    error = 0.0
    for row, irrep in enumerate(characters.irreps):
        matrices = reps.matrices(row)
        assert matrices.shape == (group.order, irrep.dimension, irrep.dimension)
        assert np.isrealobj(matrices) == (irrep.type == "real")
        if irrep.dimension > 1:
            error = max(error, largest_error(group, matrices))
        trace = np.trace(matrices, axis1=1, axis2=2)
        error = max(error, np.abs(trace - characters.of_elements(row)).max())
    return error


def test_characters_and_indicators_equal_gaps_for_all_non_abelian_groups() -> None:
    """Columns are compared at GAP's own class representatives, rows as a set: nothing is left open."""
    data = np.load(GAP, allow_pickle=False)
    values, start, cell = data["values"], 0, 0
    tables = zip(data["order"].tolist(), data["id"].tolist(), data["irreps"].tolist(), strict=True)
    for order, number, irreps in tables:
        table = Representations(small_group(order, number)).characters
        representatives = data["representatives"][start : start + irreps]
        indicators = data["indicators"][start : start + irreps]
        theirs = values[data["characters"][cell : cell + irreps**2].reshape(irreps, irreps)]
        ours = table.values[:, table.classes.of[representatives]]
        assert sorted(table.classes.of[representatives]) == list(range(irreps))
        distances = np.abs(ours[:, None] - theirs[None]).max(axis=2)
        match = distances.argmin(axis=1)
        assert sorted(match) == list(range(irreps)), (order, number)
        assert distances[np.arange(irreps), match].max() < 1e-12, (order, number)
        assert [irrep.indicator for irrep in table.irreps] == indicators[match].tolist()
        start, cell = start + irreps, cell + irreps**2
    assert len(data["order"]) == 1036
    assert cell == len(data["characters"])


def test_irreps_of_all_non_abelian_groups() -> None:
    groups = [small_group(line.order, line.number) for line in catalogue() if not line.is_abelian]
    assert len(groups) == 1036
    assert max(check_irreps(group) for group in groups) < 1e-10


@pytest.mark.parametrize("name", [*NAMES, "symmetric:6", "psl:2.11", "extraspecial:243-", "affine:16", "sl:2.7"])
def test_irreps_over_all_pairs(name: str) -> None:
    assert check_irreps(named_group(name)) < 1e-10


def test_irreps_of_a_large_group() -> None:
    group = named_group("alternating:7")
    reps = Representations(group)
    assert reps.characters.dimensions.tolist() == [1, 6, 10, 10, 14, 14, 15, 21, 35]
    for row in range(1, 9):
        matrices = reps.matrices(row)
        for g in group.generators:
            assert np.abs(matrices[group.table[g]] - matrices[g] @ matrices).max() < 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_characters_are_orthogonal(name: str) -> None:
    reps = representations(name)
    table, order = reps.characters, reps.group.order
    products = (table.values * table.classes.sizes) @ table.values.conj().T
    assert np.abs(products - order * np.eye(len(products))).max() < 1e-11
    columns = table.values.conj().T @ table.values
    assert np.abs(columns - np.diag(order / table.classes.sizes)).max() < 1e-11


@pytest.mark.parametrize("name", NAMES)
def test_matrix_entries_are_orthogonal(name: str) -> None:
    """Schur: Σ_g C_k(g)_ij·C̄_l(g)_mn = (M/d_k)·δ_kl·δ_im·δ_jn."""
    reps = representations(name)
    order = reps.group.order
    entries = np.concatenate([matrices.reshape(order, -1).T for matrices in reps.all_matrices()])
    norms = np.repeat(order / reps.characters.dimensions, reps.characters.dimensions**2)
    assert np.abs(entries @ entries.conj().T - np.diag(norms)).max() < 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_conjugates_and_types(name: str) -> None:
    table = representations(name).characters
    squares = np.diagonal(representations(name).group.table)
    for row, irrep in enumerate(table.irreps):
        character = table.of_elements(row)
        assert np.allclose(table.of_elements(irrep.conjugate), character.conj())
        assert np.isclose(character[squares].mean(), irrep.indicator)
        assert (irrep.conjugate == row) == (irrep.type != "complex")


@pytest.mark.parametrize("name", NAMES)
def test_real_irreps_are_orthogonal_and_irreducible_over_the_reals(name: str) -> None:
    reps = representations(name)
    commutants = {"real": 1, "complex": 2, "quaternionic": 4}
    for number, irrep in enumerate(reps.characters.real_irreps):
        matrices = reps.real_matrices(number)
        assert matrices.dtype == np.float64
        assert matrices.shape[1] == irrep.dimension * (1 if irrep.type == "real" else 2)
        assert largest_error(reps.group, matrices) < 1e-10
        # Over the reals the matrices that commute with an irrep are R, C or H: Σ χ²/M = 1, 2 or 4.
        character = np.trace(matrices, axis1=1, axis2=2)
        assert np.isclose((character**2).mean(), commutants[irrep.type])


@pytest.mark.parametrize("name", NAMES)
def test_isotypic_projectors(name: str) -> None:
    reps = representations(name)
    group = reps.group
    total = np.zeros((group.order, group.order))
    for number, irrep in enumerate(reps.characters.real_irreps):
        projector = reps.isotypic_projector(number)
        total += projector
        assert np.abs(projector @ projector - projector).max() < 1e-11
        assert np.abs(projector - projector.T).max() < 1e-12
        assert round(np.trace(projector)) == len(irrep.members) * irrep.dimension**2
        u = np.random.default_rng(0).normal(size=group.order)
        coefficients = reps.transform(projector @ u)
        for row, (ours, theirs) in enumerate(zip(coefficients, reps.transform(u), strict=True)):
            assert np.abs(ours - (theirs if row in irrep.members else 0)).max() < 1e-10
        for g in group.generators:  # it commutes with left and with right multiplication
            left, right = group.table[g], group.table[:, g]
            assert np.abs(projector[np.ix_(left, left)] - projector).max() < 1e-12
            assert np.abs(projector[np.ix_(right, right)] - projector).max() < 1e-12
    assert np.abs(total - np.eye(group.order)).max() < 1e-11


@pytest.mark.parametrize("name", NAMES)
def test_fourier_transform(name: str) -> None:
    reps = representations(name)
    group, rng = reps.group, np.random.default_rng(1)
    u, v = (rng.normal(size=group.order) + 1j * rng.normal(size=group.order) for _ in range(2))
    coefficients = reps.transform(u)
    for row, coefficient in enumerate(coefficients):
        expected = sum(u[g] * reps.matrices(row)[g] for g in range(group.order))
        assert np.abs(coefficient - expected).max() < 1e-11
    assert np.abs(reps.inverse_transform(coefficients) - u).max() < 1e-12
    dimensions = reps.characters.dimensions
    energy = sum(d * np.abs(c) ** 2 for d, c in zip(dimensions, map(np.linalg.norm, coefficients), strict=True))
    assert energy / group.order == pytest.approx((np.abs(u) ** 2).sum())
    product = np.zeros(group.order, dtype=complex)
    for a in range(group.order):
        for b in range(group.order):
            product[group.table[a, b]] += u[a] * v[b]
    assert np.abs(convolve(group, u, v) - product).max() < 1e-11
    for left, right, both in zip(coefficients, reps.transform(v), reps.transform(product), strict=True):
        assert np.abs(left @ right - both).max() < 1e-10


def test_many_functions_are_transformed_at_once() -> None:
    reps = representations("symmetric:4")
    u = np.random.default_rng(0).normal(size=(3, 2, 24))
    coefficients = reps.transform(u)
    assert [c.shape for c in coefficients] == [(3, 2, d, d) for d in reps.characters.dimensions]
    assert np.abs(coefficients[3][2, 1] - reps.transform(u[2, 1])[3]).max() < 1e-12
    assert np.abs(reps.inverse_transform(coefficients) - u).max() < 1e-12


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(list(catalogue())), st.randoms(use_true_random=False))
def test_relabelled_tables(line, random) -> None:  # type: ignore[no-untyped-def]
    places = list(range(line.order))
    random.shuffle(places)
    group = Group.from_table("renamed", relabelled(small_group(line.order, line.number).table, places))
    assert check_irreps(group) < 1e-10
    reps, original = Representations(group), Representations(small_group(line.order, line.number))
    kinds = [sorted((i.dimension, i.indicator) for i in r.characters.irreps) for r in (reps, original)]
    assert kinds[0] == kinds[1]
    assert max(i.dimension for i in reps.characters.irreps) == line.largest_dimension
    u, v = np.random.default_rng(0).normal(size=(2, line.order))
    assert np.abs(reps.inverse_transform(reps.transform(u)) - u).max() < 1e-11
    for left, right, both in zip(*map(reps.transform, (u, v, convolve(group, u, v))), strict=True):
        assert np.abs(left @ right - both).max() < 1e-9


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("quaternion", ["1a", "1b", "1c", "1d", "2a"]),
        ("frobenius:7.3", ["1a", "1b", "1b*", "3a", "3a*"]),
        ("symmetric:4", ["1a", "1b", "2a", "3a", "3b"]),
    ],
)
def test_labels(name: str, labels: list[str]) -> None:
    assert [irrep.label for irrep in representations(name).characters.irreps] == labels


def test_labels_go_on_after_z() -> None:
    labels = [irrep.label for irrep in representations("dihedral:127").characters.irreps]
    assert labels[2:5] == ["2a", "2b", "2c"]
    assert labels[27:30] == ["2z", "2aa", "2ab"]
    assert len(set(labels)) == len(labels) == 65


def test_textbook_matrices_of_a_dihedral_group() -> None:
    """Rotations by 2π/5, and a reflection."""
    reps = representations("dihedral:5")
    rotation, reflection = reps.matrices(2)[[1, 5]]
    angle = 2 * np.pi / 5
    assert np.allclose(np.abs(rotation), np.abs([[np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]]))
    assert np.allclose(np.trace(rotation), 2 * np.cos(angle))
    assert np.allclose(reflection, np.diag([1, -1]))


def _arrays(reps: Representations) -> list[np.ndarray]:
    return [reps.characters.values, *reps.all_matrices()]


@pytest.mark.parametrize("name", ["small:21.1", "sl:2.5", "symmetric:5"])
def test_the_same_group_has_the_same_matrices_computed_or_from_disk(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LI2_CACHE", str(tmp_path / "one"))
    computed = _arrays(Representations(named_group(name)))
    files = list((tmp_path / "one").rglob("*.npz"))
    assert len(files) == 2
    times = [file.stat().st_mtime_ns for file in files]
    read = _arrays(Representations(named_group(name)))
    assert [file.stat().st_mtime_ns for file in files] == times
    monkeypatch.setenv("LI2_CACHE", str(tmp_path / "two"))
    script = (
        "import sys, numpy as np; from li2.groups import Representations, named_group\n"
        "reps = Representations(named_group(sys.argv[1])); np.savez(sys.argv[2], reps.characters.values, "
        "*reps.all_matrices())"
    )
    subprocess.run([sys.executable, "-c", script, name, tmp_path / "other.npz"], check=True)
    other = list(np.load(tmp_path / "other.npz").values())
    for ours, theirs, elsewhere in zip(computed, read, other, strict=True):
        assert ours.tobytes() == theirs.tobytes() == elsewhere.tobytes()


@pytest.mark.parametrize("damage", [b"", b"nothing", None])
def test_a_damaged_cache_costs_nothing_but_time(
    damage: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LI2_CACHE", str(tmp_path))
    expected = _arrays(Representations(named_group("frobenius:7.3")))
    for file in tmp_path.rglob("*.npz"):
        file.write_bytes(file.read_bytes()[:-40] if damage is None else damage)
    found = _arrays(Representations(named_group("frobenius:7.3")))
    for ours, theirs in zip(expected, found, strict=True):
        assert np.array_equal(ours, theirs)
    assert not list(tmp_path.rglob("tmp*"))


def test_flipped_bits_in_the_cache_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where they turn the file into another kind of zip file."""
    monkeypatch.setenv("LI2_CACHE", str(tmp_path))
    expected = _arrays(Representations(named_group("frobenius:7.3")))
    rng = np.random.default_rng(0)
    for file in tmp_path.rglob("*.npz"):
        content = bytearray(file.read_bytes())
        headers = [i for i in range(len(content) - 30) if content[i : i + 2] == b"PK"]
        near = [place + offset for place in headers for offset in range(4, 30)]
        for place in [*near, *rng.integers(len(content), size=60).tolist()]:
            damaged = content.copy()
            damaged[place] ^= 1 << int(rng.integers(8))
            file.write_bytes(damaged)
            found = _arrays(Representations(named_group("frobenius:7.3")))
            assert all(np.array_equal(ours, theirs) for ours, theirs in zip(expected, found, strict=True))


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LI2_CACHE", str(tmp_path / "file"))
    assert check_irreps(Group.from_table("Q8", quaternion_table())) < 1e-12
