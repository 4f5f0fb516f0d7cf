"""Runs that are measured now and then, and runs that end before their last epoch."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import li2
from li2 import Li2Error, RunSpec
from li2.diagnostics import is_decided

QUICK: dict[str, Any] = {
    "group": "cyclic:11",
    "width": 64,
    "train_fraction": 0.8,
    "lr": 0.02,
    "weight_decay": 2e-3,
    "epochs": 150,
    "diagnose": "off",
    "device": "cpu",
}


def test_measuring_less_often_leaves_out_rows_and_nothing_else(tmp_path: Path) -> None:
    every = li2.run(RunSpec(**QUICK), tmp_path / "every")
    some = li2.run(RunSpec(**QUICK, measure="every:20"), tmp_path / "some")
    assert some.metrics["epoch"].tolist() == [0, 20, 40, 60, 80, 100, 120, 140, 150]
    rows = every.metrics.set_index("epoch").loc[some.metrics["epoch"]].reset_index()
    pd.testing.assert_frame_equal(some.metrics, rows, check_exact=True)
    assert all((a == b).all() for a, b in zip(every.weights(), some.weights(), strict=True))


def test_diagnosed_epochs_are_measured(tmp_path: Path) -> None:
    run = li2.run(RunSpec(**{**QUICK, "epochs": 30, "diagnose": "at:7"}, measure="every:20"), tmp_path / "run")
    assert run.metrics["epoch"].tolist() == [0, 7, 20, 30]
    assert run.diagnosis["epoch"].tolist() == [7, 30]


def test_an_extended_run_equals_a_long_one(tmp_path: Path) -> None:
    short = RunSpec(**{**QUICK, "epochs": 33, "diagnose": "log:2"}, measure="every:20")
    li2.run(short, tmp_path / "extended")
    extended = li2.resume(tmp_path / "extended", {"epochs": 60})
    whole = li2.run(short.with_changes(epochs=60), tmp_path / "whole")
    pd.testing.assert_frame_equal(extended.metrics, whole.metrics, check_exact=True)
    pd.testing.assert_frame_equal(extended.diagnosis, whole.diagnosis, check_exact=True)


@pytest.mark.parametrize("stop", ["generalised", "decided"])
def test_a_run_ends_when_it_has_generalised(tmp_path: Path, stop: str) -> None:
    whole = li2.run(RunSpec(**QUICK), tmp_path / "whole")
    epoch = whole.outcome.first_epoch["test_accuracy_99"]
    assert epoch is not None
    assert epoch < 140
    short = li2.run(RunSpec(**{**QUICK, "diagnose": "log:2"}, stop=stop), tmp_path / "short")
    assert short.outcome.epochs == epoch == short.outcome.first_epoch["test_accuracy_99"]
    assert short.status == whole.status == "generalised"
    assert not short.outcome.interrupted
    assert short.diagnosis["epoch"].iloc[-1] == epoch  # the last epoch is diagnosed, wherever it is
    again = li2.resume(tmp_path / "short")
    pd.testing.assert_frame_equal(again.diagnosis, short.diagnosis, check_exact=True)


def falling(per_epoch: float, until: int, start: float = 1.2) -> list[dict[str, float]]:
    epochs = range(0, until + 1, 10)
    return [{"epoch": epoch, "test_loss": start - per_epoch * epoch, "test_accuracy": 0.0} for epoch in epochs]


def test_the_rule_of_foresight() -> None:
    spec = RunSpec(group="cyclic:11", epochs=3000, stop="decided")
    zero = 10 / 11
    target = 0.6 * zero
    for epoch in (1000, 2000):
        # falling four times as fast from here on just reaches the loss, or just does not
        rate = (1.2 - target) / (epoch + 4 * (3000 - epoch))
        assert not is_decided(spec, falling(1.001 * rate, epoch), zero)
        assert is_decided(spec, falling(0.999 * rate, epoch), zero)
    assert not is_decided(spec, falling(0.0, 990), zero)  # in the first third nothing is foreseen
    assert is_decided(spec, falling(0.0, 1000), zero)
    for other in ({"stop": "generalised"}, {"stop": "never"}, {"loss": "cross-entropy"}, {"loss": "stablemax"}):
        assert not is_decided(spec.with_changes(**other), falling(0.0, 2000), zero)
    high = [*falling(0.0, 10), {"epoch": 20, "test_loss": 1.2, "test_accuracy": 0.99}]
    assert is_decided(spec, high, zero)
    assert not is_decided(spec.with_changes(stop="never"), high, zero)


def test_a_hopeless_run_ends_early(tmp_path: Path) -> None:
    hopeless = {**QUICK, "train_fraction": 0.3, "lr": 5e-4, "weight_decay": 1e-4, "epochs": 300}
    run = li2.run(RunSpec(**hopeless, measure="every:10", stop="decided"), tmp_path / "short")
    assert run.outcome.epochs == 100
    whole = li2.run(RunSpec(**hopeless, measure="every:10"), tmp_path / "whole")
    assert whole.outcome.first_epoch["test_accuracy_99"] is None
    assert math.isfinite(whole.outcome.final["test_loss"] or math.nan)


@pytest.mark.parametrize("value", ["auto", "off", "every:0", "10", "at:3"])
def test_schedules_of_measuring(value: str) -> None:
    with pytest.raises(Li2Error, match="measure must be every:N or log:N"):
        RunSpec(measure=value)
