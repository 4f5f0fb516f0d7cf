"""``li2 reproduce`` as a user types it: listed, asked for its cost, done, stopped and gone on with."""

import json
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import li2.reproduce.session
from inline import Inline
from li2.reproduce import Check, Finding, Verdict, figure_names
from li2.reproduce.computations import COMPUTATIONS
from li2.reproduce.measures import MEASURES
from li2.reproduce.results import Results

RECIPE = """
title = "Networks of no use"
claim = "There are runs."
source = "-"
chosen = "-"
measure = "counted"
[parts.runs]
group = "cyclic:5"
width = 8
epochs = 3
seed = "range(0,2)"
diagnose = "off"
device = "cpu"
[parts.slow]
kind = "computation"
function = "slow"
"""


def counted(results: Results, parameters: Mapping[str, Any]) -> Finding:
    count = len(results.sweep("runs").runs) + len(results.table("slow"))
    return Finding((), (Check("runs [all]", "3", str(count), Verdict.CONFIRMED),), "They are there.")


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(MEASURES, "counted", counted)
    monkeypatch.setitem(COMPUTATIONS, "slow", lambda: pd.DataFrame({"x": [1.0]}))
    monkeypatch.setattr(li2.reproduce.session, "executor_for", lambda *_: Inline())
    (tmp_path / "useless.toml").write_text(RECIPE)
    return str(tmp_path / "useless.toml")


Call = Callable[..., tuple[int, str, str]]


def test_a_recipe_of_ones_own_is_stopped_and_gone_on_with(
    tmp_path: Path, call: Call, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped() -> pd.DataFrame:
        os.kill(os.getpid(), signal.SIGINT)
        return pd.DataFrame({"x": [1.0]})

    monkeypatch.setitem(COMPUTATIONS, "slow", stopped)
    out = str(tmp_path / "out")
    code, _, complaints = call("reproduce", recipe, "workers=1", "--scale", "smoke", "--out", out)
    assert code == 130
    assert f"to go on: li2 reproduce {recipe} workers=1 --scale smoke --out {out}" in complaints
    code, said, complaints = call("reproduce", recipe, "workers=1", "--scale", "smoke", "--out", out)
    assert code == 0, complaints
    assert "useless" in said
    assert "confirmed" in said
    assert "runs [all]" in said
    assert f"page  {out}/index.html" in said
    page = Path(out, "index.html")
    page.unlink()
    assert call("report", out)[:2] == (0, f"{page}\n")
    assert "Networks of no use" in page.read_text()
    code, said, _ = call("reproduce", recipe, "--scale", "smoke", "--out", out, "--json")
    (figure,) = json.loads(said)["figures"]
    assert (code, figure["verdict"], figure["summary"]) == (0, "confirmed", "They are there.")
    assert figure["checks"] == [
        {"what": "runs [all]", "expected": "3", "measured": "3", "verdict": "confirmed"},
    ]


def test_a_figure_that_cannot_be_measured_is_told(
    tmp_path: Path, call: Call, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(results: Results, parameters: Mapping[str, Any]) -> Finding:
        raise ValueError("no [such] column")

    monkeypatch.setitem(MEASURES, "counted", raising)
    code, said, _ = call("reproduce", recipe, "--out", str(tmp_path / "out"))
    assert code == 1
    assert "not measured" in said
    assert "no [such] column" in " ".join(said.split())


def test_what_it_is_to_cost_is_said_and_nothing_is_done(tmp_path: Path, call: Call, recipe: str) -> None:
    out = tmp_path / "out"
    code, said, _ = call("reproduce", recipe, "workers=2", "--dry-run", "--out", str(out), "--json")
    values = json.loads(said)
    (figure,) = values["figures"]
    assert (code, values["scale"], values["workers"]) == (0, "quick", 2)
    assert (figure["figure"], figure["runs"], figure["computations"]) == ("useless", 2, 1)
    assert figure["seconds"] > 0
    assert "Networks of no use" in call("reproduce", recipe, "--dry-run")[1]
    assert not out.exists()


def test_without_a_figure_all_are_listed(call: Call) -> None:
    code, said, _ = call("reproduce", "--json")
    assert code == 0
    assert [figure["figure"] for figure in json.loads(said)["figures"]] == list(figure_names())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["fgi3"], "unknown figure 'fgi3'"),
        (["RECIPE", "--scale", "quik"], "unknown scale 'quik'; did you mean 'quick'"),
        (["RECIPE", "workers=0"], "workers must be a whole number ≥ 1"),
        (["RECIPE", "--out", "USED"], "neither empty nor a directory of reproduced figures"),
        (["absent.toml"], "cannot read"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    tmp_path: Path, call: Call, recipe: str, words: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, complaints = call("reproduce", *({"RECIPE": recipe, "USED": str(tmp_path)}.get(w, w) for w in words))
    assert code == 2
    assert sentence in complaints
    assert len(complaints.strip().splitlines()) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["useless.toml"]
