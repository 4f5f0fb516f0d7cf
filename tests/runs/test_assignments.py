"""Training in memory: what a directory would hold, as plain values; one assignment's trouble is its own."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from pyarrow import feather
from safetensors.torch import load, save

from li2.runs import start, train_assignments
from li2.runs.record import Record
from li2.specs import Assignment, RunSpec, Trained, Untrained

SMALL: dict[str, Any] = {"group": "dihedral:4", "width": 32, "train_fraction": 0.6, "lr": 0.01, "device": "cpu"}


def specs(count: int = 3) -> list[RunSpec]:
    return [RunSpec(**SMALL, seed=seed, epochs=20 + seed, diagnose="log:3") for seed in range(count)]


def assigned(spec: RunSpec, **more: Any) -> Assignment:
    return Assignment(spec.digest(), spec, **more)


def table(content: bytes | None) -> pd.DataFrame:
    assert content is not None
    return feather.read_table(io.BytesIO(content)).to_pandas()


def test_results_are_those_of_runs_with_a_directory(tmp_path: Path) -> None:
    results = train_assignments([assigned(spec, keep_weights=True) for spec in specs()])
    for spec, result in zip(specs(), results, strict=True):
        alone = start(spec, tmp_path / spec.digest())
        assert isinstance(result, Trained)
        assert result.key == spec.digest()
        pd.testing.assert_frame_equal(table(result.metrics), alone.metrics, check_exact=True)
        pd.testing.assert_frame_equal(table(result.diagnosis), alone.diagnosis, check_exact=True)
        assert result.weights is not None
        weights = load(result.weights)
        assert all(torch.equal(weights[name], tensor) for name, tensor in zip("WV", alone.weights(), strict=True))
        values = result.outcome.as_json() | {"seconds": 0}
        assert values == alone.outcome.as_json() | {"seconds": 0}
        assert (result.facts.order, result.facts.largest_irrep_dim) == (8, 2)
        assert result.facts.train_size + result.facts.test_size == 64


def test_a_run_goes_on_from_given_weights() -> None:
    first = RunSpec(**SMALL, epochs=5, diagnose="off")
    (trained,) = train_assignments([assigned(first, keep_weights=True)])
    assert isinstance(trained, Trained)
    second = first.with_changes(train_fraction=0.3)
    (continued,) = train_assignments([assigned(second, initial=trained.weights)])
    assert isinstance(continued, Trained)
    start_row, end_row = table(continued.metrics).iloc[0], table(trained.metrics).iloc[-1]
    assert start_row["hidden_norm"] == pytest.approx(end_row["hidden_norm"], rel=1e-6)
    other = RunSpec(**{**SMALL, "width": 16}, epochs=5)
    damaged = [assigned(other, initial=trained.weights), assigned(first, initial=b"nothing")]
    wrong, torn = (train_assignments([assignment])[0] for assignment in damaged)
    assert isinstance(wrong, Untrained)
    assert "keep group, operands and sizes" in wrong.reason
    assert isinstance(torn, Untrained)
    assert "damaged" in torn.reason
    lacking = save({"W": torch.zeros(16, 32)})
    assert "keep layers, embedding" in train_assignments([assigned(first, initial=lacking)])[0].reason  # type: ignore[union-attr]


def test_one_assignments_trouble_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    diagnose = Record.diagnose

    def poisoned(self: Record, setup: Any, position: Any, *rest: Any) -> None:
        if setup.spec.seed == 1 and position.epoch > 2:
            raise ZeroDivisionError("poison")
        diagnose(self, setup, position, *rest)

    nowhere = RunSpec(**{**SMALL, "train_fraction": None}, train_index="nowhere.npy")
    alone = train_assignments([assigned(spec) for spec in specs()])
    monkeypatch.setattr(Record, "diagnose", poisoned)
    results = train_assignments([assigned(spec) for spec in [*specs(), nowhere]])
    assert [type(result) for result in results] == [Trained, Untrained, Trained, Untrained]
    assert results[1] == Untrained(specs()[1].digest(), "ZeroDivisionError: poison")
    assert "nowhere.npy" in results[3].reason  # type: ignore[union-attr]
    for number in (0, 2):
        same, before = results[number], alone[number]
        assert isinstance(same, Trained)
        assert isinstance(before, Trained)
        assert same.metrics == before.metrics


def test_a_stop_leaves_runs_untrained() -> None:
    class Stop:
        asked = True

    (result,) = train_assignments([assigned(specs()[0])], Stop())
    assert result == Untrained(specs()[0].digest(), "it was stopped")


def test_a_diverged_run_is_trained() -> None:
    (result,) = train_assignments([assigned(RunSpec(**{**SMALL, "lr": 1e9, "optimizer": "sgd"}, epochs=30))])
    assert isinstance(result, Trained)
    assert result.outcome.status == "diverged"
    assert not np.isfinite(table(result.metrics)["train_loss"].iloc[-1])
