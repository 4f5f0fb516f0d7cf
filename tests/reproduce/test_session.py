"""Sessions that reproduce figures: gone on with, refused, and with runs and functions that fail."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import li2.reproduce.session
from inline import Inline
from li2.errors import Li2Error
from li2.reproduce import Recipe, Reproduced, Verdict, expected, reproduce
from li2.reproduce.figure import Finding
from li2.specs import ExecutorSpec
from li2.sweeps import Progress, open_store


class Stop:
    """A stop request that sets itself when it is told of a part."""

    def __init__(self, part: str | None = None) -> None:
        self.asked, self._part = False, part
        self.seen: list[str] = []

    def watch(self, what: str, runs: Progress | None) -> None:
        self.seen.append(what)
        self.asked = self.asked or what == self._part


def done(
    recipes: list[Recipe], out: Path, stop: Stop | None = None, scale: str = "paper", workers: Inline | None = None
) -> list[Reproduced]:
    stop = stop or Stop()
    return reproduce(recipes, scale, out, workers or Inline(), stop.watch, stop)


def found(out: Path, name: str = "small") -> dict[str, Any]:
    return json.loads((out / name / "finding.json").read_text(encoding="utf-8"))


def timeless(values: Any) -> Any:
    """Without what differs between equal sessions."""
    if isinstance(values, dict):
        return {name: timeless(value) for name, value in values.items() if "seconds" not in name and name != "command"}
    return [timeless(value) for value in values] if isinstance(values, list) else values


def contents(directory: Path) -> dict[str, bytes]:
    return {str(file.relative_to(directory)): file.read_bytes() for file in directory.rglob("*") if file.is_file()}


def changed(recipe: Recipe, part: str, **values: Any) -> Recipe:
    parts = recipe.tables["paper"]
    return replace(recipe, tables={**recipe.tables, "paper": {**parts, part: {**parts[part], **values}}})


@pytest.mark.parametrize("part", ["small: decay", "small: search", "small: squares"])
def test_a_session_that_was_stopped_goes_on_to_the_same_finding(
    tmp_path: Path, recipe: Recipe, squares: Any, part: str
) -> None:
    (whole,) = done([recipe], tmp_path / "whole")
    assert whole.verdict in (Verdict.CONFIRMED, Verdict.NOT_CONFIRMED)
    halves, out = (Inline(), Inline()), tmp_path / "halves"
    assert done([recipe], out, Stop(part), workers=halves[0]) == []
    assert not (out / "small" / "finding.json").exists()
    (again,) = done([recipe], out, workers=halves[1])
    assert again.finding == whole.finding
    assert timeless(found(out)) == timeless(found(tmp_path / "whole"))
    trained = [one.key for half in halves for pack in half.packs for one in pack.assignments]
    with open_store(out / "small" / "decay") as sweep, open_store(out / "small" / "search") as search:
        keys = [*sweep.table()["key"], *search.table()["key"]]
    assert set(trained) == set(keys)
    assert len(trained) - len(keys) <= 6  # what was in training when it was stopped
    assert squares.times == 2


def test_what_is_there_is_only_measured_and_starts_no_worker(
    tmp_path: Path, recipe: Recipe, squares: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    done([recipe], tmp_path / "out")
    before = found(tmp_path / "out")
    assert (before["runs"], before["failed"], before["error"]) == (before["parts"][1]["runs"] + 4, 0, None)
    assert before["finding"] == Finding.from_json(before["finding"]).as_json()
    assert before["training_seconds"] <= before["wall_seconds"] + 0.2  # one process has trained
    monkeypatch.setattr(li2.reproduce.session, "executor_for", lambda *_: pytest.fail("workers were asked for"))
    stop = Stop()
    stricter = replace(recipe, parameters={"least": 1.5})
    (again,) = reproduce([stricter], "paper", tmp_path / "out", ExecutorSpec(), stop.watch, stop)
    assert stop.seen == ["small: measured"]
    assert again.verdict is Verdict.NOT_CONFIRMED
    assert {**found(tmp_path / "out"), "finding": None} == {**before, "finding": None}
    assert squares.times == 1


def test_the_finding_says_how_each_part_is_done_alone(tmp_path: Path, recipe: Recipe) -> None:
    done([recipe], tmp_path / "out", scale="smoke")
    values = found(tmp_path / "out")
    decay, search, squares = values["parts"]
    assert values["command"] == f"li2 reproduce {recipe.word} --scale smoke --out {tmp_path / 'out'}"
    assert decay["command"] == (
        "li2 sweep group=cyclic:5 width=16 lr=0.02 weight_decay=0,0.001 seed=0 epochs=5 diagnose=off device=cpu "
        "keep_weights=true"
    )
    assert search["command"].startswith("li2 boundary groups=cyclic:5 seeds=1 tolerance=1.0 width=16 lr=0.02")
    assert squares["command"] is None
    assert [part["kind"] for part in values["parts"]] == ["sweep", "boundary", "computation"]
    with open_store(tmp_path / "out" / "small" / "decay") as store:
        assert all(store.weights(key) for key in store.table()["key"])


def test_other_settings_are_refused_and_nothing_is_changed(tmp_path: Path, recipe: Recipe) -> None:
    out = tmp_path / "out"
    done([recipe], out, scale="smoke")
    before = contents(out)
    variants: list[tuple[Recipe, str]] = [
        (changed(recipe, "decay", width=24), "decay was made from other settings"),
        (changed(recipe, "decay", keep_weights=False), "decay was made from other settings"),
        (changed(recipe, "search", seeds=2), "search was made from other settings"),
        (changed(recipe, "search", kind="sweep", groups=None), "small, part search: the plan: unknown key 'groups'"),
        (changed(recipe, "squares", count=4), "squares.parquet was made from other settings"),
        (changed(recipe, "squares", count=3, base=2), "does not take these parameters: got an unexpected keyword"),
        (changed(recipe, "squares", function="cubes"), "unknown function 'cubes'"),
        (replace(recipe, measure="acuracies"), "unknown measure 'acuracies'; did you mean 'accuracies'"),
        (changed(recipe, "decay", group="nonsense:5"), "small, part decay: .*nonsense"),
    ]
    for variant, sentence in variants:
        with pytest.raises(Li2Error, match=sentence):
            done([variant], out, scale="smoke")
    with pytest.raises(Li2Error, match="holds figures at the smoke scale, not paper"):
        done([recipe], out)
    with pytest.raises(Li2Error, match="unknown scale 'quik'; did you mean 'quick'"):
        done([recipe], out, scale="quik")
    assert contents(out) == before


def test_foreign_directories_are_refused(tmp_path: Path, recipe: Recipe) -> None:
    thesis = tmp_path / "thesis"
    thesis.mkdir()
    (thesis / "chapter.txt").write_text("do not lose me")
    for place in (thesis, thesis / "chapter.txt"):
        with pytest.raises(Li2Error, match="neither empty nor a directory of reproduced figures"):
            done([recipe], place)
    mine = tmp_path / "mine"
    (mine / "small" / "decay").mkdir(parents=True)
    (mine / "reproduction.json").write_text('{"scale": "paper"}')
    (mine / "small" / "decay" / "notes.txt").write_text("mine")
    (mine / "small" / "squares.parquet").write_text("no table")
    before = contents(tmp_path)
    with pytest.raises(Li2Error, match="decay exists and is not an empty directory"):
        done([recipe], mine)
    (mine / "small" / "decay" / "notes.txt").unlink()
    with pytest.raises(Li2Error, match=r"squares.parquet was made from other settings, or is none of ours"):
        done([recipe], mine)
    (mine / "small" / "decay" / "notes.txt").write_text("mine")
    assert contents(tmp_path) == before


def test_runs_that_fail_are_reported_and_the_figure_is_measured(tmp_path: Path, recipe: Recipe) -> None:
    failing = changed(recipe, "decay", batch_size="2,1000", weight_decay=1e-3)
    (figure,) = done([failing], tmp_path / "out")
    assert figure.finding is not None
    (note,) = figure.notes
    assert note.startswith("2 of the runs of decay failed: ")
    assert "1000" in note
    values = found(tmp_path / "out")
    assert (values["failed"], values["parts"][0]["runs"], values["notes"]) == (2, 2, [note])
    assert sum(values["parts"][0]["reasons"].values()) == 2


def test_a_figure_that_cannot_be_measured_or_computed_does_not_stop_the_others(tmp_path: Path, recipe: Recipe) -> None:
    none = replace(changed(recipe, "decay", batch_size=1000), name="none")
    broken, out = replace(changed(recipe, "squares", count=-1), name="broken"), tmp_path / "out"
    figures = done([none, broken, recipe], out, scale="smoke")
    assert [figure.error for figure in figures] == [
        "ValueError: no run was trained",
        "squares could not be computed: ZeroDivisionError: nothing to square",
        None,
    ]
    assert [figure.verdict is None for figure in figures] == [True, True, False]
    assert found(out, "broken")["error"] == figures[1].error
    assert found(out, "broken")["finding"] is None
    assert [part["name"] for part in found(out, "broken")["parts"]] == ["decay", "search"]
    mended = replace(recipe, name="broken")
    assert done([mended], out, scale="smoke")[0].error is None


def test_workers_stay_for_all_parts(tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    entered: list[str] = []

    class Counted(Inline):
        def __enter__(self) -> "Counted":
            entered.append("in")
            return self

        def __exit__(self, *details: object) -> None:
            entered.append("out")

    monkeypatch.setattr(li2.reproduce.session, "executor_for", lambda *_: Counted())
    stop = Stop()
    both = [recipe, replace(recipe, name="other")]
    assert len(reproduce(both, "smoke", tmp_path / "out", ExecutorSpec(workers=1), stop.watch, stop)) == 2
    assert entered == ["in", "out"]


def test_what_a_figure_is_to_cost(recipe: Recipe) -> None:
    paper, smoke = expected(recipe, "paper"), expected(recipe, "smoke")
    assert paper.trained[0].runs == 4
    assert smoke.trained[0].runs == 2
    assert paper.runs == sum(cost.runs for cost in paper.trained)
    assert paper.core_seconds > smoke.core_seconds > 0
    assert paper.computations == 1
