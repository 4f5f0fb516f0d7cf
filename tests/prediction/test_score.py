"""Scores: by hand on small tables, and of small stores of runs that are really trained."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from inline import Inline
from li2.errors import Li2Error
from li2.prediction import Score, score
from li2.prediction.forecast import SPREAD
from li2.specs import BoundarySpec, Plan
from li2.sweeps import Store, begin_boundary, begin_sweep, carry_on

WORDS = ["group=cyclic:5", "width=8", "epochs=8", "lr=0.02", "device=cpu", "diagnose=off"]


class NoStop:
    asked = False


def trained(store: Store) -> Store:
    carry_on(store, Inline(), lambda progress: None, NoStop())
    return store


def table(probabilities: list[float], outcomes: list[bool]) -> pd.DataFrame:
    columns = {"probability": probabilities, "generalised": outcomes}
    return pd.DataFrame(columns).assign(
        epoch=[100.0, math.nan, 200.0, 400.0], predicted_epoch=[110.0, 50.0, math.nan, 300.0]
    )


def test_brier_calibration_and_errors_by_hand() -> None:
    found = Score(table([0.1, 0.15, 0.5, 1.0], [False, True, True, True]), [], 1.0, 2.0)
    assert found.brier == pytest.approx((0.01 + 0.7225 + 0.25 + 0) / 4)
    expected = [(0.0, 0.2, 0.125, 0.5, 2), (0.4, 0.6, 0.5, 1.0, 1), (0.8, 1.0, 1.0, 1.0, 1)]
    assert [tuple(row) for row in found.calibration.itertuples(index=False)] == [pytest.approx(row) for row in expected]
    assert found.epoch_errors == pytest.approx([0.1, -0.25])
    summary = found.as_json()["epoch_error"]
    assert summary["count"] == 2
    assert summary["median"] == pytest.approx(-0.075)
    assert summary["median_size"]["value"] == pytest.approx(0.175)
    assert summary["largest_size"] == pytest.approx(0.25)


def test_a_sweep_is_foreseen_run_by_run(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []
    with trained(begin_sweep(tmp_path / "sweep", Plan.from_words([*WORDS, "seed=0,1", "train_size=12,22"]))) as store:
        runs = store.table()
        found = score(store, 8, 2, 1, lambda *look: told.append(look))
        every = score(store, 8, 2, 5)
    assert told == [("cyclic:5", 12), ("cyclic:5", 22)]
    assert found.runs[["group", "seed", "n", "train_size"]].to_numpy().tolist() == [
        ["cyclic:5", 0, 12, 12],
        ["cyclic:5", 0, 22, 22],
    ]
    assert len(every.runs) == 4
    assert every.runs["probability"].between(0, 1).all()
    for number, row in every.runs.iterrows():
        run = runs.loc[number]
        assert row["generalised"] == (run["end_state"] == "generalised")
        assert math.isnan(row["epoch"]) == pd.isna(run["generalised_epoch"])
        assert (run["seed"], run["n"]) == (row["seed"], row["n"])
    assert every.groups == []
    assert every.trained_seconds == pytest.approx(runs["seconds"].sum())
    assert every.seconds > 0
    values = json.loads(json.dumps(every.as_json(), allow_nan=False))
    assert values["runs"] == 4
    assert values["generalised"] == int((runs["end_state"] == "generalised").sum())


def test_the_threshold_is_the_runs_own(tmp_path: Path) -> None:
    """What counts as generalised, in training and beforehand, is what the run says."""
    words = [*WORDS, "accuracy_threshold=0.05", "train_size=12"]
    with trained(begin_sweep(tmp_path / "sweep", Plan.from_words(words))) as store:
        run, found = store.table().iloc[0], score(store, 16, None, 1)
    assert run["end_state"] == "generalised"
    assert found.runs["epoch"].tolist() == [run["generalised_epoch"]]


def test_a_boundary_is_judged_by_its_groups(tmp_path: Path) -> None:
    spec = BoundarySpec(
        groups="cyclic:7", seeds=1, tolerance=0.5, width=32, epochs=60, lr=0.03, weight_decay=3e-3, device="cpu"
    )
    with trained(begin_boundary(tmp_path / "boundary", spec)) as store:
        runs = store.table()
        found = score(store, 8, 4, 1)
    values = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert [group["group"] for group in values["groups"]] == [one.group for one, _ in found.groups]
    assert found.ratio_errors  # there is something to judge
    for one, critical in found.groups:
        assert one.group == critical.group
        assert critical.ratio is not None
        chosen = found.runs[found.runs["group"] == one.group]
        own = runs[runs["group"] == one.group]
        assert chosen["n"].tolist() == own["n"].tolist()
        early = critical.exponent * np.log(own["ratio"].to_numpy() / critical.ratio.value)
        assert chosen["probability"].to_numpy() == pytest.approx(norm.cdf(early / SPREAD))
    predicted = [group for group in values["groups"] if group["error"] is not None]
    assert found.ratio_errors == [group["error"] for group in predicted]
    for group in predicted:
        assert group["error"] == pytest.approx(group["predicted"]["ratio"]["value"] / group["trained"]["value"] - 1)


def test_a_boundary_without_a_critical_ratio(tmp_path: Path) -> None:
    """Nothing to judge is no error, and no figure."""
    spec = BoundarySpec(groups="cyclic:5", seeds=1, tolerance=1, width=8, epochs=2, device="cpu")
    with trained(begin_boundary(tmp_path / "boundary", spec)) as store:
        found = score(store, 8, None, 1)
    assert found.runs.empty
    values = json.loads(json.dumps(found.as_json(), allow_nan=False))
    assert values["brier"] is None
    assert values["calibration"] == values["groups"] == []


def test_stores_that_cannot_be_judged(tmp_path: Path) -> None:
    with (
        begin_sweep(tmp_path / "new", Plan.from_words(WORDS)) as store,
        pytest.raises(Li2Error, match="no run that has ended"),
    ):
        score(store, 8, None, 1)
    other = trained(begin_sweep(tmp_path / "other", Plan.from_words([*WORDS, "loss=cross-entropy", "epochs=2"])))
    with other, pytest.raises(Li2Error, match="loss=cross-entropy has no top layer in closed form"):
        score(other, 8, None, 1)
