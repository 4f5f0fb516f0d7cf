"""Courses: events between looks, end states, how long steps are, and what they are of a real group."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import li2.prediction.course as module
from li2.prediction import Course, follow
from li2.prediction.course import LONGEST_STRIDE, stride_of
from li2.specs import EndState, RunSpec

SMALL: dict[str, Any] = {
    "group": "cyclic:5",
    "width": 32,
    "train_size": 21,
    "lr": 0.02,
    "weight_decay": 2e-3,
    "epochs": 200,
    "device": "cpu",
}


def course(horizon: float = 1.0, stride: int | None = None, **changes: Any) -> Course:
    return follow([RunSpec(**{**SMALL, **changes})], 32, stride, horizon)[0]


def expected_epoch(figures: pd.DataFrame, name: str, level: float) -> float | None:
    """By NumPy's interpolation, on the rows about the first that has reached it."""
    above = np.flatnonzero(figures[name] >= level)
    if not len(above):
        return None
    rows = figures.iloc[above[0] - 1 : above[0] + 1]
    return float(np.interp(level, rows[name], rows["epoch"]))


def test_events_of_a_run_that_generalises() -> None:
    told: list[tuple[int, int]] = []
    spec = RunSpec(group="cyclic:11", width=64, train_size=97, lr=0.02, weight_decay=2e-3, epochs=200, device="cpu")
    found = follow([spec], 64, None, 1.5, lambda *step: told.append(step))[0]
    figures = found.figures
    assert found.state is EndState.GENERALISED
    assert found.spec is spec
    assert figures["epoch"].is_monotonic_increasing
    assert figures["test_accuracy"].iloc[-1] >= 0.99  # it ends there
    assert (figures["test_accuracy"].iloc[:-1] < 0.99).all()
    looks = figures[figures["epoch"].isin([epoch for epoch, _ in told])]
    assert {last for _, last in told} == {300}
    assert found.generalised == pytest.approx(expected_epoch(looks, "test_accuracy", 0.99))
    assert found.memorised == pytest.approx(expected_epoch(figures, "train_accuracy", 1 - 1 / 194))
    assert found.peak == figures["epoch"][figures["backprop_norm"].idxmax()]
    assert found.memorised is not None
    assert found.generalised is not None
    assert 0 < found.memorised < found.generalised <= 200
    assert found.irreps_total == 5
    assert found.irreps is not None
    assert set(found.irreps) <= {"1", "2", "3", "4", "5"}
    assert 0.5 < found.purity <= 1


class Scripted:
    """A population with test accuracies as of certain epochs; other figures do nothing."""

    def __init__(self, accuracies: dict[int, float], real: Any) -> None:
        self._accuracies, self._real = accuracies, real

    def __call__(self, *arguments: Any) -> Any:
        population, accuracies = self._real(*arguments), self._accuracies

        def test() -> Any:
            loss, accuracy = type(population).test(population)
            now = max(epoch for epoch in accuracies if epoch <= population.epoch)
            return loss, accuracy.new_full(accuracy.shape, accuracies[now])

        population.test = test
        return population


def test_a_plateau_of_accuracy_is_not_interpolated_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "Population", Scripted({0: 0.5, 50: 1.0}, module.Population))
    found = course(stride=2, epochs=60)
    assert found.generalised is not None
    assert 47 < found.generalised <= 52
    assert found.state is EndState.GENERALISED


@pytest.mark.parametrize(("epochs", "state"), [(50, EndState.GENERALISED), (40, EndState.LEARNING)])
def test_what_comes_after_the_last_epoch_is_not_its_end_state(
    monkeypatch: pytest.MonkeyPatch, epochs: int, state: EndState
) -> None:
    monkeypatch.setattr(module, "Population", Scripted({0: 0.2, 30: 0.5, 45: 1.0}, module.Population))
    found = course(stride=1, epochs=epochs, horizon=1.4)
    assert found.generalised == pytest.approx(45, abs=2)
    assert found.state is state


def test_end_states() -> None:
    diverged = course(lr=1e6, optimizer="sgd", activation="cube")
    assert diverged.state is EndState.DIVERGED
    assert len(diverged.figures) < 25  # there is nothing more to follow
    assert diverged.generalised is None
    collapsed = course(weight_decay=5.0, epochs=150)
    assert collapsed.state is EndState.COLLAPSED
    assert collapsed.figures["train_loss"].iloc[-1] == pytest.approx(0.8, abs=0.01)
    memorised = course(weight_decay=0.0, train_size=8, lr=0.01, epochs=100, stride=4, group="cyclic:11")
    assert memorised.state is EndState.MEMORISED
    assert memorised.memorised is not None
    assert memorised.generalised is None


def test_together_as_alone_and_again() -> None:
    specs = [RunSpec(**{**SMALL, "dtype": "float64", "epochs": 12, "train_size": 12, "seed": seed}) for seed in (0, 1)]
    both, alone, again = follow(specs, 16), follow(specs[1:], 16), follow(specs[1:], 16)
    pd.testing.assert_frame_equal(alone[0].figures, again[0].figures, check_exact=True)
    pd.testing.assert_frame_equal(both[1].figures, alone[0].figures, rtol=1e-7)
    assert both[0].figures["train_loss"].iloc[-1] != both[1].figures["train_loss"].iloc[-1]


def test_where_irreps_do_not_apply() -> None:
    found = course(group="expression:x**2+y mod 5", epochs=10)
    assert found.irreps is None
    assert found.irreps_total is None
    assert math.isnan(found.purity)


@pytest.mark.parametrize("epochs", [0, 1])
def test_runs_without_time(epochs: int) -> None:
    assert course(epochs=epochs).generalised is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"lr": 1e-3}, int(0.05 / math.sqrt(3 * 46) / 1e-3)),
        ({"lr": 1e-3, "init": "published-separate"}, int(0.05 / math.sqrt(3 * 23) / 1e-3)),
        ({"lr": 5e-4, "hidden_scale": 0.5}, int(0.025 / math.sqrt(3 * 46) / 5e-4)),
        ({"lr": 0.1}, 1),
        ({"lr": 1e-5}, LONGEST_STRIDE),
        ({"lr": 5e-324}, LONGEST_STRIDE),
        ({"hidden_scale": 0}, 1),
        ({"lr": 10, "optimizer": "sgd"}, LONGEST_STRIDE),
        ({"lr": 0.05, "optimizer": "muon", "width": 2500}, int(0.05 / math.sqrt(3 * 46) * 50 / 0.05)),
        ({"lr": 0.01, "optimizer": "muon", "width": 2}, int(0.05 / math.sqrt(3 * 46) * math.sqrt(46) / 0.01)),
    ],
)
def test_length_of_steps(changes: dict[str, Any], expected: int) -> None:
    assert stride_of(RunSpec(**changes), 2, 23) == expected
