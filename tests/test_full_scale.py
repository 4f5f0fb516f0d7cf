"""The default run at full scale: minutes each, in the slow lane (python3 dev.py test -m slow)."""

from pathlib import Path

import pytest

import li2
from li2 import EndState, RunSpec

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_figure_3_with_weight_decay_generalises_through_its_stages(tmp_path: Path, seed: int) -> None:
    result = li2.run(RunSpec(seed=seed), tmp_path / "run")
    assert result.status is EndState.GENERALISED
    lazy, independent, interactive, generalised = (stage.first_epoch for stage in result.stages)
    assert lazy == 0 < independent < min(interactive, generalised)
    assert 100 < generalised < 180
    assert 100 < interactive < 250
    assert result.outcome.irreps_covered == 35
    assert 18 <= result.outcome.first_epoch["train_accuracy_1"] <= 32
    norm = result.metrics["gradient_norm"]
    peak = int(norm.idxmax())
    assert 30 < peak < 100
    assert norm[peak] > 2 * norm[0]
    assert norm.iloc[-1] < 0.2 * norm[peak]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_figure_3_without_weight_decay_memorises(tmp_path: Path, seed: int) -> None:
    result = li2.run(RunSpec(seed=seed, weight_decay=0), tmp_path / "run")
    assert result.status is EndState.MEMORISED
    assert {stage.name: stage.first_epoch for stage in result.stages}["generalised"] is None
    assert {stage.name: stage.first_epoch for stage in result.stages}["interactive"] is None
    assert 15 <= result.outcome.first_epoch["train_accuracy_1"] <= 32
