"""Forecasts: probabilities and intervals against their definitions, and one against a trained network."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import li2
from li2.prediction import Course, Forecast, forecast, predict
from li2.prediction.forecast import SPREAD, chance
from li2.specs import EndState, PredictionSpec, RunSpec

TINY: dict[str, Any] = {"group": "cyclic:5", "width": 16, "train_size": 20, "lr": 0.02, "epochs": 12, "device": "cpu"}


def ended(
    generalised: float | None, state: EndState = EndState.GENERALISED, epochs: int = 1000, seed: int = 0
) -> Course:
    figures = pd.DataFrame({"test_accuracy": [0.5, 0.995]})
    return Course(
        RunSpec(epochs=epochs, seed=seed), figures, 100.0, generalised, 50, state, ("1", "2", "4"), 5, 0.4, 0.8
    )


@pytest.mark.parametrize("generalised", [600.0, 900.0, 1000.0, 1200.0])
def test_the_chance_of_a_run_is_that_of_a_lognormal_time(generalised: float) -> None:
    expected = stats.lognorm(s=SPREAD, scale=generalised).cdf(1000)
    assert chance(ended(generalised)) == pytest.approx(expected, rel=1e-12)


def test_runs_that_cannot_generalise_have_no_chance() -> None:
    assert chance(ended(None, EndState.MEMORISED)) == 0
    assert chance(ended(500.0, EndState.DIVERGED)) == 0


@pytest.mark.parametrize("times", [[500, 600, 700], [1000, 1000, 900, 1100], [None, None], [None, 300.0, 1050.0]])
def test_the_interval_is_jeffreys(times: list[float | None]) -> None:
    courses = [ended(time, seed=seed) for seed, time in enumerate(times)]
    found = Forecast(PredictionSpec(epochs=1000), courses, 1.0).probability
    chances = [chance(course) for course in courses]
    hits, misses = sum(chances), len(times) - sum(chances)
    low, high = stats.beta(hits + 0.5, misses + 0.5).ppf([0.025, 0.975])
    assert found.value == pytest.approx(np.mean(chances))
    assert found.low == pytest.approx(min(low, found.value))
    assert found.high == pytest.approx(max(high, found.value))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_epochs_and_states_are_those_of_most_training_sets() -> None:
    courses = [ended(500.0), ended(None, EndState.MEMORISED), ended(800.0)]
    most = Forecast(PredictionSpec(), courses, 1.0)
    assert most.state is EndState.GENERALISED
    epoch = most.epoch("generalised")
    assert epoch is not None
    assert (epoch.value, epoch.low, epoch.high) == (800, 500, math.inf)
    few = Forecast(PredictionSpec(), [ended(500.0), *[ended(None, EndState.MEMORISED)] * 2], 1.0)
    assert few.state is EndState.MEMORISED
    assert few.epoch("generalised") is None
    assert few.as_json()["epochs"]["generalised"] is None
    assert few.as_json()["end_states"] == {"generalised": 1, "memorised": 2}


def test_a_forecast_is_of_consecutive_seeds_and_repeats_itself() -> None:
    told: list[tuple[int, int]] = []
    spec = PredictionSpec(**TINY, seed=7, subsets=2, nodes=8)
    found, again = predict(spec, lambda *step: told.append(step)), predict(spec)
    assert [course.spec.seed for course in found.courses] == [7, 8]
    assert told[0][1] == 18
    ours, same = found.as_json(), again.as_json()
    assert ours.pop("seconds") >= 0
    same.pop("seconds")
    assert json.loads(json.dumps(ours, allow_nan=False)) == ours == same
    assert ours["spec"] == spec.explicit()
    assert [subset["seed"] for subset in ours["subsets"]] == [7, 8]


def test_json_without_irreps() -> None:
    spec = PredictionSpec(**{**TINY, "group": "expression:x**2+y mod 5"}, subsets=1)
    values = json.loads(json.dumps(predict(spec).as_json(), allow_nan=False))
    assert values["irreps_covered"] is values["irreps_total"] is values["purity"] is None


def test_no_other_constant_is_fitted() -> None:
    """To more than three groups, which are named."""
    assert len(set(forecast.CALIBRATED)) <= 3


@pytest.mark.slow
def test_the_epoch_of_generalisation_is_foreseen(tmp_path: Path) -> None:
    keys: dict[str, Any] = {"group": "cyclic:11", "train_size": 100, "width": 128, "epochs": 6000, "lr": 1e-3}
    predicted = predict(PredictionSpec(**keys, device="cpu")).epoch("generalised")
    assert predicted is not None
    trained = []
    for seed in range(3):
        spec = RunSpec(**keys, device="cpu", seed=seed, diagnose="off", stop="generalised")
        trained.append(li2.run(spec, tmp_path / str(seed)).outcome.first_epoch["test_accuracy_99"] or math.inf)
    assert predicted.value == pytest.approx(np.median(trained), rel=0.35)
