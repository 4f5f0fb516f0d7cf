"""The maxima followed from all pairs to a part of them, and what the page shows of it."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import li2
from li2.cli import main
from li2.report.landscape_course import course_words, linear_words
from li2.report.landscape_page import landscape_page
from li2.report.landscape_slices import Hemisphere, chosen_nodes
from li2.tasks import build_split, build_task
from li2.theorems.landscape_course import COURSE_COLUMNS, PATHS, Course, course

SPEC = li2.LandscapeSpec(group="cyclic:11", train_fraction=0.35, starts=20, seed=1)


@pytest.fixture(scope="module")
def followed() -> Course:
    return course(SPEC, steps=5, tracks=8)


def test_sizes_go_from_all_pairs_to_those_of_the_specification(followed: Course) -> None:
    sizes = followed.table["n"].unique()
    least = len(build_split(build_task("cyclic:11"), SPEC).train)
    assert (sizes[0], sizes[-1], len(sizes)) == (121, least, 5)
    assert (np.diff(sizes) < 0).all()
    assert list(followed.table.columns) == list(COURSE_COLUMNS)
    assert (followed.table.groupby(["n", "path"]).size() == 8).all()
    assert followed.table["fraction"].tolist() == pytest.approx((followed.table["n"] / 121).tolist())


def test_on_all_pairs_the_maxima_are_where_they_were(followed: Course) -> None:
    first = followed.table[followed.table["n"] == 121]
    assert first.loc[first["path"] != "random", "cosine"].tolist() == pytest.approx([1] * 16)
    assert first["energy"].tolist() == pytest.approx([11 / 4] * 24)
    assert (first["kind"] == "feature").all()
    assert first.loc[first["path"] == "tracked", "is_held"].all()


def test_what_is_lost_stays_lost(followed: Course) -> None:
    lost = followed.lost_at()
    for number, line in followed.table[followed.table["path"] == "tracked"].groupby("number"):
        held = line["is_held"].tolist()
        assert held == sorted(held, reverse=True)
        gone = line.loc[~line["is_held"], "fraction"]
        assert lost[number] == gone.max() if len(gone) else np.isnan(lost[number])
        same = (line["kind"] == "feature") & (line["irrep"] == line["irrep"].iloc[0])
        assert not (line["is_held"] & ~same).any()
    assert not followed.table.loc[followed.table["path"] != "tracked", "is_held"].any()
    assert np.nanmax(lost) < 1  # so few data keep no feature, and all pairs all of them
    assert not np.isnan(lost).any()


def test_the_ends_are_maxima_on_the_pairs_of_the_specification(followed: Course) -> None:
    """By a plain computation from the labelled pairs."""
    chosen = torch.tensor(build_split(build_task("cyclic:11"), SPEC).train)
    a, b = chosen // 11, chosen % 11
    Y = torch.eye(11, dtype=torch.float64)[(a + b) % 11]
    Y = Y - Y.mean(dim=0)
    last = followed.table[followed.table["n"] == len(chosen)].set_index(["path", "number"])
    for path in PATHS:
        for number, w in enumerate(followed.ends[path].T):
            leaf = w.clone().requires_grad_()
            energy = (Y.T @ (leaf[a] + leaf[11 + b]) ** 2).square().sum() / 2
            (slope,) = torch.autograd.grad(energy, leaf)
            assert last["energy"][path, number] == pytest.approx(energy.item())
            assert (slope - (slope @ w) * w).norm() <= 1e-6 * slope.norm()


def test_the_course_at_a_size_is_a_landscape_from_there(followed: Course) -> None:
    """Random starts end as li2.explore's do on the same pairs."""
    landscape = li2.explore(SPEC.model_copy(update={"starts": 8}))
    last = followed.table[(followed.table["path"] == "random") & (followed.table["n"] == followed.table["n"].min())]
    assert last["energy"].tolist() == pytest.approx(landscape.points["energy"].tolist(), rel=1e-6)


def test_the_linear_energy_is_a_quadratic_form_that_vanishes_on_all_pairs(followed: Course) -> None:
    chosen = build_split(build_task("cyclic:11"), SPEC).train
    a, b = np.divmod(chosen, 11)
    X = np.concatenate([np.eye(11)[a], np.eye(11)[b]], axis=1)
    Y = np.eye(11)[(a + b) % 11]
    singular = np.linalg.svd((Y - Y.mean(axis=0)).T @ X, compute_uv=False)
    assert followed.linear_maxima[:11].tolist() == pytest.approx((singular**2 / 2).tolist(), abs=1e-12)
    assert followed.linear_on_all < 1e-20
    assert "one maximum up to its sign" in linear_words(followed)


def test_shares_add_up(followed: Course) -> None:
    summary = followed.summary()
    for path in PATHS:
        kinds = summary[[f"{path}_{kind}" for kind in ("feature", "mixed", "memorising")]]
        assert kinds.sum(axis=1).tolist() == pytest.approx([1] * 5)
    rows = followed.as_json()
    assert [set(row) for row in rows] == [
        {"n", "share_feature", "share_mixed", "share_memorising", "tracked_feature", "mean_cosine"}
    ] * 5
    assert rows[0]["share_feature"] == rows[0]["tracked_feature"] == 1
    assert rows[-1]["tracked_feature"] < 0.5
    assert json.dumps(rows, allow_nan=False)


def test_the_same_seed_gives_the_same_course() -> None:
    spec = li2.LandscapeSpec(group="cyclic:3", train_fraction=0.7)
    first, second = (course(spec, steps=2, tracks=3).table for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_slices_go_through_their_nodes(followed: Course) -> None:
    chosen = chosen_nodes(followed)
    assert chosen is not None
    assert len(chosen.features) == 2
    assert not chosen.are_held
    assert chosen.memorising is not None
    points = [followed.originals[:, number].numpy() for number in chosen.features]
    points.append(followed.ends["random"][:, chosen.memorising].numpy())
    hemisphere = Hemisphere.through(points, 0)
    assert hemisphere.axes.T @ hemisphere.axes == pytest.approx(np.eye(3), abs=1e-12)
    for point in points:
        x, y = hemisphere.place(point)
        height = np.sqrt(1 - x**2 - y**2)
        assert hemisphere.axes @ [x, y, height] == pytest.approx(point, abs=1e-9)


@pytest.mark.parametrize(
    "values",
    [
        {"group": "cyclic:2", "train_size": 1},
        {"group": "cyclic:3", "train_size": 9, "activation": "tanh"},
        {"group": "cyclic:3", "train_fraction": 0.7, "weights": "complex"},
    ],
)
def test_other_courses_have_a_page(values: dict[str, object]) -> None:
    spec = li2.LandscapeSpec(starts=5, **values)
    found = course(spec, steps=2, tracks=3)
    page = landscape_page(li2.explore(spec), found)
    assert "From all pairs to these" in page
    assert course_words(found).split(" The ends")[0] in page


@pytest.mark.parametrize("values", [{}, {"activation": "2*x", "train_fraction": 0.5}])
def test_a_course_needs_a_part_of_the_pairs_and_a_bent_activation(values: dict[str, object]) -> None:
    with pytest.raises(li2.Li2Error, match="from all pairs to a part of them"):
        course(li2.LandscapeSpec(group="cyclic:5", **values))


def call(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["li2", *arguments])
    return main()


def test_the_command_follows_maxima_with_out_and_part_of_the_pairs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["landscape", "group=cyclic:3", "starts=5", "--json", "train_size=6"]
    assert call([*words, "--out", str(tmp_path / "part")], monkeypatch) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["course"][0]["n"] == 9
    assert values["course"][-1]["n"] == 6
    table = pd.read_parquet(tmp_path / "part" / "course.parquet")
    assert list(table.columns) == list(COURSE_COLUMNS)
    assert "Three landscapes in one slice" in (tmp_path / "part" / "report.html").read_text("utf-8")
    assert call(words, monkeypatch) == 0
    assert "course" not in json.loads(capsys.readouterr().out)
    assert call(["landscape", "group=cyclic:3", "starts=5", "--out", str(tmp_path / "all")], monkeypatch) == 0
    assert not (tmp_path / "all" / "course.parquet").exists()
    assert "From all pairs to these" not in (tmp_path / "all" / "report.html").read_text("utf-8")
