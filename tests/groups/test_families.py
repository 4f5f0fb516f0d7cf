"""Group names: what each family makes, against matrices, permutations and known structure."""

from dataclasses import replace
from io import BytesIO
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest

from li2.errors import Li2Error
from li2.groups import FAMILIES, Group, identify, isomorphism, named_group
from tables import quaternion_table, symmetric_group_table


@pytest.mark.parametrize(
    ("name", "structure"),
    [
        ("cyclic:1", "1"),
        ("cyclic:12", "C12"),
        ("product:2x2x3", "C6 x C2"),
        ("dihedral:1", "C2"),
        ("dihedral:2", "C2 x C2"),
        ("dihedral:7", "D14"),
        ("dihedral:4*cyclic:3", "C3 x D8"),
        ("quaternion*cyclic:2", "C2 x Q8"),
        ("symmetric:1", "1"),
        ("symmetric:4", "S4"),
        ("symmetric:5", "S5"),
        ("alternating:2", "1"),
        ("alternating:4", "A4"),
        ("alternating:5", "A5"),
        ("dicyclic:1", "C4"),
        ("dicyclic:3", "C3 : C4"),
        ("dicyclic:4", "Q16"),
        ("quaternion", "Q8"),
        ("metacyclic:7.3.2", "C7 : C3"),
        ("metacyclic:5.4.1", "C20"),
        ("metacyclic:8.2.3", "QD16"),
        ("frobenius:7.3", "C7 : C3"),
        ("frobenius:13.4", "C13 : C4"),
        ("heisenberg:2", "D8"),
        ("heisenberg:3", "(C3 x C3) : C3"),
        ("extraspecial:8+", "D8"),
        ("extraspecial:8-", "Q8"),
        ("extraspecial:27-", "C9 : C3"),
        ("extraspecial:32+", "(C2 x C2 x C2) : (C2 x C2)"),
        ("extraspecial:32-", "(C2 x Q8) : C2"),
        ("sl:2.2", "S3"),
        ("sl:2.3", "SL(2,3)"),
        ("sl:2.4", "A5"),
        ("sl:2.5", "SL(2,5)"),
        ("psl:2.3", "A4"),
        ("psl:2.4", "A5"),
        ("psl:2.5", "A5"),
        ("affine:2", "C2"),
        ("affine:5", "C5 : C4"),
        ("affine:8", "(C2 x C2 x C2) : C7"),
        ("affine:9", "(C3 x C3) : C8"),
        ("permutation:(1 2 3 4)|(1 2)", "S4"),
        ("permutation:(1 2 3)(4 5)|(1 2)", "D12"),
        ("permutation:(1 2)(3 4)|(1 3)(2 4)", "C2 x C2"),
        ("permutation:()", "1"),
        ("small:21.1", "C7 : C3"),
        ("small:21.1*cyclic:2", "C2 x (C7 : C3)"),
    ],
)
def test_families_against_gaps_description(name: str, structure: str) -> None:
    group = named_group(name)
    assert group.name == name
    assert Group.from_table("again", group.table) == group
    assert len(group.subgroup(group.generators)) == group.order
    line = identify(group)
    assert line is not None
    assert line.structure == structure


@pytest.mark.parametrize(
    ("name", "order"),
    [("symmetric:6", 720), ("alternating:7", 2520), ("psl:2.7", 168), ("psl:2.11", 660), ("sl:2.7", 336),
     ("sl:2.9", 720), ("psl:2.9", 360), ("affine:16", 240), ("extraspecial:128-", 128), ("extraspecial:243+", 243),
     ("heisenberg:7", 343), ("dihedral:100", 200), ("sl:2.3*symmetric:5", 2880)],
)  # fmt: skip
def test_orders_of_larger_groups(name: str, order: int) -> None:
    group = named_group(name)
    assert group.order == order
    assert Group.from_table("again", group.table) == group


def test_symmetric_groups_compose_permutations_in_lexicographic_order() -> None:
    assert np.array_equal(named_group("symmetric:4").table, symmetric_group_table(4))


def test_alternating_groups_are_the_even_permutations() -> None:
    even = [i for i, p in enumerate(permutations(range(4))) if round(np.linalg.det(np.eye(4)[list(p)])) == 1]
    table = symmetric_group_table(4)[np.ix_(even, even)]
    assert np.array_equal(np.array(even)[named_group("alternating:4").table], table)


def test_quaternions_multiply_as_matrices_do() -> None:
    assert isomorphism(named_group("quaternion"), Group.from_table("Q8", quaternion_table())) is not None


@pytest.mark.parametrize("p", [3, 5])
def test_heisenberg_groups_multiply_as_matrices_do(p: int) -> None:
    """Unitriangular matrices with entries a, b above the diagonal and c in the corner."""
    elements = {(a, b, c): i for i, (c, a, b) in enumerate(product(range(p), repeat=3))}
    table = np.array(
        [[elements[(a + x) % p, (b + y) % p, (c + z + a * y) % p] for x, y, z in elements] for a, b, c in elements]
    )
    assert isomorphism(named_group(f"heisenberg:{p}"), Group.from_table("H", table)) is not None


@pytest.mark.parametrize(("family", "q"), [("sl", 5), ("psl", 7)])
def test_linear_groups_multiply_as_matrices_do(family: str, q: int) -> None:
    matrices = [m for m in product(range(q), repeat=4) if (m[0] * m[3] - m[1] * m[2]) % q == 1]
    if family == "psl":
        matrices = [m for m in matrices if m <= tuple(-x % q for x in m)]

    def number(m: tuple[int, ...]) -> int:
        return matrices.index(m if m in matrices else tuple(-x % q for x in m))

    rows = [
        [
            number(tuple((a * x + b * z) % q for a, b in (m[:2], m[2:]) for x, z in ((n[0], n[2]), (n[1], n[3]))))
            for n in matrices
        ]
        for m in matrices
    ]
    assert isomorphism(named_group(f"{family}:2.{q}"), Group.from_table(family, np.array(rows))) is not None


@pytest.mark.parametrize(("name", "involutions"), [("extraspecial:32+", 19), ("extraspecial:32-", 11),
                                                   ("extraspecial:128+", 71), ("extraspecial:128-", 55)])  # fmt: skip
def test_extraspecial_types_by_their_involutions(name: str, involutions: int) -> None:
    """2^(2k) ± 2^k − 1 elements of order 2 (zeros of the quadratic form, times the centre)."""
    group = named_group(name)
    assert (group.element_orders == 2).sum() == involutions
    assert len(group.centre) == 2


def test_product_numbers_its_first_factor_fastest() -> None:
    group, s3, z4 = named_group("symmetric:3*cyclic:4"), named_group("symmetric:3"), named_group("cyclic:4")
    for a, b, x, y in product(range(6), range(4), range(6), range(4)):
        assert group.table[a + 6 * b, x + 6 * y] == s3.table[a, x] + 6 * z4.table[b, y]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cyclic:0", "not a positive whole number"),
        ("cyclic:abc", "not a positive whole number"),
        ("cyclic:", "not a positive whole number"),
        ("cyclic:3.4", "takes one number, not '3.4'"),
        ("product:4x-1", "not a positive whole number"),
        ("product:4xx2", "not a positive whole number"),
        ("monster:1", "unknown group.*dihedral:n"),
        ("71", "unknown group"),
        ("", "unknown group"),
        ("cyclic:1000000", "8,000.0 GB"),
        ("cyclic:" + "9" * 5000, "a number of 5000 digits is too large"),
        ("metacyclic:7.3.2000000000000000000000000002", "a number of 28 digits is too large"),
        ("product:" + "x".join(["999999999999999999"] * 20), "more than 10¹², whose .* GB or more"),
        ("*".join(["cyclic:4096"] * 40), "order 16777216"),
        ("file:", "names no file"),
        ("file:\udcff.csv", "not valid UTF-8"),
        ("permutation:(١ ٢)", "not a product of cycles"),
        ("symmetric:7", "order 5040"),
        ("symmetric:1000", "largest order is 4096"),
        ("dihedral:0", "not a positive whole number; write dihedral:n"),
        ("dihedral:4,3", "not a positive whole number"),
        ("dihedral:4.3", "takes one number"),
        ("dihedral:3000", "order 6000"),
        ("symmetric:5*symmetric:5", "order 14400"),
        ("metacyclic:7.3", "3 numbers separated by dots"),
        ("metacyclic:7.3.3", r"3\^3 = 6 mod 7; r can be 1, 2, 4"),
        ("frobenius:9.2", "p must be an odd prime, and 9 is not"),
        ("frobenius:7.4", "q must divide p − 1 = 6 and be above 1; it can be 2, 3, 6"),
        ("heisenberg:4", "p must be a prime, and 4 is not"),
        ("extraspecial:32", "does not end with its type"),
        ("extraspecial:16+", "its order must be"),
        ("extraspecial:+", "not a positive whole number"),
        ("sl:3.2", "only 2 × 2 matrices"),
        ("sl:2.6", "6 is not a prime power"),
        ("psl:2.23", "order 6072"),
        ("affine:6", "6 is not a prime power"),
        ("affine:1", "1 is not a prime power"),
        ("quaternion:16", "takes no parameter"),
        ("small:21.3", "there are 2 groups of order 21, small:21.1 to small:21.2"),
        ("small:13.2", "there is 1 group of order 13"),
        ("small:21.0", "not a positive whole number"),
        ("small:128.1", "the catalogue holds the groups of order 1 to 127"),
        ("small:21", "2 numbers separated by dots"),
        ("permutation:(1 2", "not a product of cycles"),
        ("permutation:(1,2)", "with spaces between"),
        ("permutation:", "not a product of cycles"),
        ("permutation:(1 2)|", "not a product of cycles"),
        ("permutation:(0 1)", "points run from 1"),
        ("permutation:(1 2 1)", "point 1 occurs twice"),
        ("permutation:(1 2)(2 3)", "point 2 occurs twice"),
        ("permutation:(1 2 3 4 5 6 7)|(1 2)", "more than 4096 elements"),
        ("dihedral:4*monster:2", "unknown group"),
        ("file:/nowhere/table.csv", "cannot read"),
    ],
)  # fmt: skip
def test_wrong_names(name: str, message: str) -> None:
    with pytest.raises(Li2Error, match=message) as caught:
        named_group(name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 6000


def test_leading_zeros_do_not_count() -> None:
    assert named_group("cyclic:" + "0" * 30 + "5").order == 5
    assert named_group("metacyclic:7.3." + "0" * 30 + "2") == named_group("frobenius:7.3")


def test_a_product_is_refused_before_all_its_factors_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    family = FAMILIES["cyclic"]
    counting = replace(family, build=lambda name, parameter: made.append(name) or family.build(name, parameter))
    monkeypatch.setitem(FAMILIES, "cyclic", counting)
    with pytest.raises(Li2Error):
        named_group("*".join(["cyclic:4096"] * 40))
    assert len(made) == 2


def test_every_form_names_its_own_family() -> None:
    for name, family in FAMILIES.items():
        assert family.form.partition(":")[0] == name


def test_paths_with_stars_are_paths(tmp_path: Path) -> None:
    for name in ("a*b", "x*y*z.csv"):
        np.savetxt(tmp_path / name, quaternion_table(), fmt="%d", delimiter=",")
        assert named_group(f"file:{tmp_path / name}").order == 8


def test_tables_as_spreadsheets_write_them(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("\ufeff# the group Z2\n0, 1\n\n1.0,0\n".encode())
    assert named_group(f"file:{tmp_path / 't.csv'}") == named_group("cyclic:2")


@pytest.mark.parametrize("dtype", ["int8", "uint16", "float16", "float32", ">i4"])
def test_tables_of_any_whole_numbers(tmp_path: Path, dtype: str) -> None:
    np.save(tmp_path / "t.npy", named_group("cyclic:7").table.astype(dtype))
    assert named_group(f"file:{tmp_path / 't.npy'}") == named_group("cyclic:7")


def test_tables_from_csv_and_npy(tmp_path: Path) -> None:
    table = named_group("product:2x3").table
    np.savetxt(tmp_path / "t.csv", table, fmt="%d", delimiter=",")
    np.save(tmp_path / "t.npy", table)
    for name in ("t.csv", "t.npy"):
        assert np.array_equal(named_group(f"file:{tmp_path / name}").table, table)
    assert named_group(f"cyclic:2*file:{tmp_path / 't.csv'}").order == 12
    assert named_group(f"file:{tmp_path / 't.csv'}*quaternion").order == 48


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"shape is \(0,\)"),
        (b"# a\n", r"shape is \(0,\)"),
        (b"0,1\n1\n", "row 1 has 1 entries, but row 0 has 2"),
        (b"0,a\n1,0\n", "the entry in row 0, column 1, counted from 0, is 'a'"),
        (b"0,1.5\n1,0\n", "not whole numbers"),
        (b"0,\n1,0\n", "the entry in row 0, column 1, counted from 0, is empty"),
        (b"1e300,0\n0,1\n", "not whole numbers"),
        (b"nan,0\n0,1\n", "not whole numbers"),
        (b"\x00\xff\xfe", "not a text file"),
        (b"0\n" * 1_000_000, "^group 'file:[^']*' has order 1000000, whose Cayley table alone needs 8,000.0 GB"),
    ],
)
def test_damaged_csv(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(Li2Error, match=message):
        named_group(f"file:{tmp_path / 't.csv'}")


def header_of(shape: tuple[int, ...]) -> bytes:
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, {"shape": shape, "fortran_order": False, "descr": "<i8"})
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no array", "not an NPY file of whole numbers"),
        (b"", "not an NPY file of whole numbers"),
        (b"PK\x03\x04garbage", "not an NPY file of whole numbers"),
        (header_of((10**6, 10**6)), "order 1000000, whose Cayley table alone needs 8,000.0 GB"),
        (header_of((10**6, 2)), "order 1000000, whose Cayley table alone needs 8,000.0 GB"),
        (header_of((3, 3)), "damaged"),
        (header_of((4096, 4096, 4096)), "damaged"),
        (np.array([{"a": 1}], dtype=object), "it holds object entries, not whole numbers"),
        (np.eye(2, dtype=complex), "it holds complex128 entries"),
        (np.eye(2, dtype=bool), "it holds bool entries"),
        (np.array(3), r"shape is \(\)"),
        (np.zeros((2, 2, 2), dtype=int), r"shape is \(2, 2, 2\)"),
        (np.array([[0.5, 1], [1, 0.2]]), "not whole numbers"),
    ],
)
def test_damaged_npy(tmp_path: Path, content: bytes | np.ndarray, message: str) -> None:
    if isinstance(content, bytes):
        (tmp_path / "t.npy").write_bytes(content)
    else:
        np.save(tmp_path / "t.npy", content)
    with pytest.raises(Li2Error, match=message):
        named_group(f"file:{tmp_path / 't.npy'}")
