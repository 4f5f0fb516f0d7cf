"""Landscapes found against those predicted, through the Python interface and the command line."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import li2
from li2.cli import main
from li2.groups import Representations, catalogue, named_group
from li2.report.landscape_page import landscape_page

# Over forty groups: all non-Abelian ones of order up to 22, some larger ones with complex irreps of more than one
# dimension and quaternionic ones of more than two, and a few Abelian ones.
SMALL = [line.name for line in catalogue() if not line.is_abelian and line.order <= 22]
LARGER = ["sl:2.3", "symmetric:4", "heisenberg:3", "extraspecial:27-", "extraspecial:32+", "extraspecial:32-",
          "frobenius:13.3", "dicyclic:7", "alternating:5", "small:48.28", "sl:2.5", "cyclic:1*symmetric:5"]  # fmt: skip
ABELIAN = ["cyclic:2", "cyclic:12", "cyclic:31", "product:2x2", "product:4x3x2", "small:16.2"]


@pytest.mark.parametrize("name", [*SMALL, *LARGER, *ABELIAN])
def test_every_start_ends_on_a_predicted_maximum(name: str) -> None:
    landscape = li2.explore(li2.LandscapeSpec(group=name, starts=60))
    assert landscape.converged == 1
    assert landscape.unexplained == 0
    assert landscape.maxima["starts"].sum() == 60
    assert (landscape.maxima["kind"] == "feature").all()


def test_there_are_forty_groups_of_all_types() -> None:
    names = [*SMALL, *LARGER, *ABELIAN]
    assert len(names) >= 40
    irreps = [irrep for name in names for irrep in Representations(named_group(name)).characters.irreps]
    assert any(irrep.type == "complex" and irrep.dimension > 1 for irrep in irreps)
    assert any(irrep.type == "quaternionic" and irrep.dimension > 2 for irrep in irreps)
    assert any(irrep.type == "real" and irrep.dimension > 2 for irrep in irreps)


@pytest.mark.parametrize(("starts", "drawn"), [(1, False), (12, True)])
@pytest.mark.parametrize("name", ["cyclic:2", "product:2x2", "cyclic:3"])
def test_a_slice_needs_two_different_points(name: str, starts: int, drawn: bool) -> None:
    """Isolated maxima are reached again and again, and so are their mirror images."""
    page = landscape_page(li2.explore(li2.LandscapeSpec(group=name, starts=starts)))
    assert ("Not drawn" not in page) == drawn


def test_nothing_is_left_behind_when_a_group_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(["landscape", "group=cyclic:1", "--out", str(tmp_path / "out")], monkeypatch) == 2
    assert not (tmp_path / "out").exists()


def test_polynomials_scale_the_energy() -> None:
    landscape = li2.explore(li2.LandscapeSpec(group="cyclic:7", activation="x-0.5*x**2", starts=20))
    assert landscape.unexplained == 0
    assert landscape.maxima["predicted"].tolist() == pytest.approx([7 / 4 / 4])


@pytest.mark.parametrize("split", ["li2", "sklearn"])
def test_all_pairs_by_their_number_or_by_index(tmp_path: Path, split: str) -> None:
    np.save(tmp_path / "all.npy", np.arange(25))
    whole = li2.explore(li2.LandscapeSpec(group="cyclic:5", starts=5)).maxima["energy"]
    for values in ({"train_size": 25, "split": split}, {"train_index": str(tmp_path / "all.npy")}):
        landscape = li2.explore(li2.LandscapeSpec(group="cyclic:5", starts=5, **values))
        assert landscape.maxima["energy"].tolist() == pytest.approx(whole.tolist())


def test_a_wrong_prediction_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paper's energies, 4 times too small, explain nothing."""
    from li2.theorems import terrain as module

    def printed(order: int, dimension: int, kind: str):  # type: ignore[no-untyped-def]
        from li2.theory.maxima import Maximum, square_maximum

        correct = square_maximum(order, dimension, kind)
        return Maximum(correct.energy / 4, correct.rank, correct.nullity, correct.steepest)

    monkeypatch.setattr(module, "square_maximum", printed)
    assert li2.explore(li2.LandscapeSpec(group="cyclic:7", starts=20)).unexplained == 20


def test_with_much_data_features_remain_and_with_little_they_do_not() -> None:
    much, little = (
        li2.explore(li2.LandscapeSpec(group="cyclic:23", train_fraction=fraction, starts=40)) for fraction in (0.9, 0.3)
    )
    assert much.unexplained is None
    assert much.maxima["predicted"].isna().all()
    assert (much.points["kind"] == "feature").mean() > 0.9
    assert (little.points["kind"] == "memorising").mean() > 0.9
    assert little.converged > 0.9


def call(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["li2", *arguments])
    return main()


def test_the_command_writes_json_and_a_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "landscape"
    assert call(["landscape", "group=quaternion", "starts=30", "--json", "--out", str(out)], monkeypatch) == 0
    values = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert values["converged"] == 1
    assert values["unexplained"] == 0
    for row in values["maxima"]:
        assert set(row) == {"energy", "predicted", "irrep_dim", "irrep_type", "rank", "nullity", "share", "kind"}
        assert row["energy"] == pytest.approx(row["predicted"], rel=1e-8)
    assert sum(row["share"] for row in values["maxima"]) == pytest.approx(1)
    kinds = {(row["irrep_dim"], row["irrep_type"], row["rank"], row["nullity"]) for row in values["maxima"]}
    assert kinds == {(1, "real", 1, 0), (2, "quaternionic", 2, 6)}
    assert len(pd.read_parquet(out / "points.parquet")) == 30
    assert len(pd.read_parquet(out / "maxima.parquet")) == 2
    assert np.load(out / "nodes.npy").shape == (16, 30)
    page = (out / "report.html").read_text("utf-8")
    assert "A slice" in page
    assert "li2 landscape group=quaternion starts=30" in page
    assert call(["landscape", "group=cyclic:5", "starts=5", "--out", str(out)], monkeypatch) == 2
    assert "not an empty directory" in capsys.readouterr().err


def test_the_command_prints_a_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(["landscape", "group=cyclic:5", "starts=12"], monkeypatch) == 0
    out = capsys.readouterr().out
    for words in ("1.25", "complex", "12 starts, 100.0% converged", "0 ended where the theory predicts no maximum"):
        assert words in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["gruop=cyclic:5"], "did you mean 'group'"),
        (["width=5"], "unknown key 'width'"),
        (["group=cyclic:1"], "the trivial group has no features"),
        (["group=expression:x**2+y mod 7"], "not the law of a group"),
        (["starts=0"], "starts must be a whole number from 1"),
        (["centring=rows"], "samples, classes or none"),
        (["train_fraction=1"], "> 0 and < 1"),
        (["train_fraction=0.5", "train_size=3"], "leave out all but one"),
        (["group=cyclic:5", "train_size=26"], "take between 1 and 25"),
        (["group=cyclic:5", "train_fraction=0.001"], "leaves the training set empty"),
        (["activation=cube root"], "activation"),
    ],
)
def test_mistakes(
    words: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["landscape", *words], monkeypatch) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.strip().splitlines()) == 1
