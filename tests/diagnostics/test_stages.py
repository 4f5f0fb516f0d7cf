"""Stage rules from both sides: seen where the evidence is there, not seen where it is not."""

import numpy as np
import pandas as pd
import pytest

from li2.diagnostics import end_state, find_stages, first_epochs
from li2.specs import EndState


def metrics(**columns: object) -> pd.DataFrame:
    table = pd.DataFrame({"epoch": np.arange(11)})
    defaults = {
        "train_loss": np.linspace(1, 0.1, 11),
        "train_accuracy": np.minimum(1, np.arange(11) / 3),
        "test_accuracy": np.zeros(11),
        "hidden_norm": np.ones(11),
        "top_norm": np.ones(11),
    }
    return table.assign(**{**defaults, **columns})


def diagnosis(**columns: object) -> pd.DataFrame:
    defaults = {
        "epoch": [0, 2, 4, 6, 8, 10],
        "unit_energy_q95": [1.0, 1.0, 1.5, 2.0, 3.0, 3.0],
        "unit_energy_median": [0.5, 0.8, 1.2, 1.5, 2.0, 2.5],
        "gradient_cosine_median": [0.0, 0.6, 0.9, 0.9, 0.8, 0.8],
        "alignment": [0.0, 0.6, 0.8, 0.8, 0.5, 0.5],
        "features": [0.0, 0.0, 0.0, 0.0, 4.0, 9.0],
        "repelling_share": [1.0, np.nan, np.nan, np.nan, np.nan, 0.9],
        "repulsion_strongest": [0.1, np.nan, np.nan, np.nan, np.nan, 0.5],
        "irreps_covered": [0.0, 0.0, 0.0, 0.0, 3.0, 5.0],
        "purity_q95": [0.1, 0.2, 0.4, 0.7, 0.95, 1.0],
        "missing_focus": [np.nan, np.nan, np.nan, np.nan, 1.5, np.nan],
    }
    return pd.DataFrame({**defaults, **columns})


def epochs_of(stages: tuple) -> dict[str, int | None]:
    assert all(stage.evidence for stage in stages)
    return {stage.name: stage.first_epoch for stage in stages}


def test_all_stages_in_order() -> None:
    stages = find_stages(metrics(test_accuracy=np.linspace(0, 1, 11)), diagnosis(), 0.99, 5)
    assert epochs_of(stages) == {"lazy": 0, "independent": 4, "interactive": 8, "generalised": 10}
    assert "1.50 × that on covered ones" in stages[2].evidence
    assert "at epoch 10, 90% of the most similar pairs repel (strongest 0.50)" in stages[2].evidence


def test_full_coverage_needs_no_focus() -> None:
    nothing_missing = {"missing_focus": [np.nan] * 6, "irreps_covered": [0, 0, 0, 0, 5, 5]}
    stages = find_stages(metrics(), diagnosis(**nothing_missing), 0.99, 5)
    assert epochs_of(stages)["interactive"] == 8
    assert "no irrep is missing" in stages[2].evidence


def test_the_newest_row_may_be_the_first_of_the_independent_stage() -> None:
    stages = find_stages(metrics(), diagnosis().iloc[:3], 0.99, 5)
    assert epochs_of(stages) == {"lazy": 0, "independent": 4, "interactive": None, "generalised": None}


@pytest.mark.parametrize(
    ("columns", "missing"),
    [
        ({"unit_energy_median": [0.5, 0.6, 0.7, 0.8, 0.9, 0.99]}, "independent"),
        ({"gradient_cosine_median": [0.0, 0.1, 0.2, 0.3, 0.4, 0.49]}, "independent"),
        ({"alignment": [0.0, 0.6, 0.8, 0.8, 0.8, 0.73]}, "interactive"),
        ({"features": [0.0] * 6}, "interactive"),
        ({"features": [50.0] * 6}, "interactive"),
        ({"features": [0.0, 0.0, 0.0, 0.0, 2.0, 2.0]}, "interactive"),
        ({"features": [0.0, 50.0, 50.0, 0.0, 0.0, 0.0]}, "interactive"),
        ({"missing_focus": [np.nan] * 4 + [1.04, 1.04], "irreps_covered": [0, 0, 0, 0, 3, 4]}, "interactive"),
    ],
)
def test_a_boundary_without_its_evidence_is_not_seen(columns: dict[str, list[float]], missing: str) -> None:
    stages = find_stages(metrics(), diagnosis(**columns), 0.99, 5)
    boundary = next(stage for stage in stages if stage.name == missing)
    assert boundary.first_epoch is None
    assert boundary.evidence.startswith("not seen")


def test_the_lazy_stage_needs_a_falling_loss() -> None:
    stages = find_stages(metrics(train_loss=np.ones(11)), diagnosis(), 0.99, 5)
    assert epochs_of(stages)["lazy"] is None


def test_without_irreps_or_diagnosis_nothing_is_invented() -> None:
    stages = find_stages(metrics(), diagnosis(), 0.99, None)
    assert epochs_of(stages)["interactive"] is None
    assert "not applicable" in stages[2].evidence
    stages = find_stages(metrics(), diagnosis().iloc[:0], 0.99, 5)
    assert set(epochs_of(stages).values()) == {None}


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({"test_accuracy": np.linspace(0, 0.99, 11)}, EndState.GENERALISED),
        ({"test_accuracy": np.linspace(0, 0.98, 11)}, EndState.LEARNING),
        ({}, EndState.MEMORISED),
        ({"train_accuracy": np.full(11, 0.99)}, EndState.LEARNING),
        ({"test_accuracy": np.r_[np.zeros(9), 0.01, 0.03]}, EndState.LEARNING),
        ({"test_accuracy": np.full(11, 0.1)}, EndState.LEARNING),
        ({"train_loss": np.r_[np.ones(10), np.nan]}, EndState.DIVERGED),
        ({"train_loss": np.r_[np.ones(10), np.inf], "test_accuracy": np.ones(11)}, EndState.DIVERGED),
        ({"hidden_norm": np.r_[np.ones(10), np.nan]}, EndState.DIVERGED),
        (
            {"train_loss": np.full(11, 0.955), "hidden_norm": np.geomspace(1, 1e-3, 11),
             "top_norm": np.geomspace(1, 1e-3, 11), "train_accuracy": np.zeros(11)},
            EndState.COLLAPSED,
        ),
        ({"train_loss": np.full(11, 0.955), "train_accuracy": np.zeros(11)}, EndState.LEARNING),
        (
            {"train_loss": np.full(11, 0.9565), "hidden_norm": np.geomspace(1, 0.1, 11), "top_norm": np.zeros(11),
             "train_accuracy": np.zeros(11)},
            EndState.COLLAPSED,
        ),
    ],
)  # fmt: skip
def test_end_states(columns: dict[str, np.ndarray], state: EndState) -> None:
    assert end_state(metrics(**columns), 0.99, 23, 22 / 23) is state


def test_first_epochs() -> None:
    found = first_epochs(metrics(test_accuracy=np.linspace(0, 0.9, 11)))
    assert found == {"train_accuracy_1": 3, "test_accuracy_50": 6, "test_accuracy_99": None}
