"""A small recipe with a part of each kind, and the functions that it names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from li2.reproduce import Check, Finding, Line, Panel, Recipe, Verdict
from li2.reproduce.computations import COMPUTATIONS
from li2.reproduce.measures import MEASURES
from li2.reproduce.results import Results

RECIPE = """
title = "Small networks"
claim = "Weight decay makes small networks generalise."
source = "Nothing is stated."
chosen = "Everything."
measure = "accuracies"

[parameters]
least = 0.5

[parts.decay]
group = "cyclic:5"
width = 16
lr = 0.02
weight_decay = [0, 1e-3]
seed = "range(0,2)"
epochs = 12
diagnose = "off"
device = "cpu"
keep_weights = true

[parts.search]
kind = "boundary"
groups = "cyclic:5"
seeds = 1
width = 16
lr = 0.02
epochs = 10
tolerance = 1
device = "cpu"

[parts.squares]
kind = "computation"
function = "squares"
count = 3

[smoke.decay]
seed = 0
epochs = 5
"""


def accuracies(results: Results, parameters: Mapping[str, Any]) -> Finding:
    """The last test accuracies, in the order of seeds and weight decays; what else there is takes part in the check."""
    runs = results.sweep("decay").runs.sort_values(["weight_decay", "seed"])
    if runs.empty:
        raise ValueError("no run was trained")
    found = tuple(runs["test_accuracy"])
    there = [len(results.sweep("search").runs), int(results.table("squares")["square"].sum())]
    verdict = Verdict.CONFIRMED if max(found) >= parameters["least"] else Verdict.NOT_CONFIRMED
    panel = Panel("last", "run", "test accuracy", (Line("runs", tuple(map(float, range(len(found)))), found),))
    check = Check("some generalise", f"≥ {parameters['least']}", f"{max(found)} {there}", verdict)
    return Finding((panel,), (check,), "So it is.")


class Squares:
    """A computation that counts how often it was done."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, count: int) -> pd.DataFrame:
        self.times += 1
        if count < 0:
            raise ZeroDivisionError("nothing to square")
        return pd.DataFrame({"square": [float(n * n) for n in range(count)]})


@pytest.fixture
def squares(monkeypatch: pytest.MonkeyPatch) -> Squares:
    computation = Squares()
    monkeypatch.setitem(MEASURES, "accuracies", accuracies)
    monkeypatch.setitem(COMPUTATIONS, "squares", computation)
    return computation


@pytest.fixture
def recipe_file(tmp_path: Path, squares: Squares) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


@pytest.fixture
def recipe(recipe_file: Path) -> Recipe:
    return Recipe.from_file(recipe_file)


@pytest.fixture(scope="session")
def recipe_text() -> str:
    return RECIPE
