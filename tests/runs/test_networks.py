"""Runs of deeper networks, trained embeddings and transformers: from the specification to the report, and resumed."""

from pathlib import Path

import numpy as np
import pytest
import torch

import li2
from li2 import RunSpec, runs
from li2.runs.assignments import train_assignments
from li2.specs import Assignment
from running import StopAfter, assert_same_run

SMALL = {
    "group": "cyclic:7", "width": 64, "train_fraction": 0.7, "lr": 0.01, "weight_decay": 1e-4, "epochs": 20,
    "activation": "relu", "diagnose": "every:6",
}  # fmt: skip
NETWORKS = [
    {"layers": 2},
    {"layers": 11, "residual": "inside", "width": 8},  # more than ten matrices have names that sort otherwise
    {"layers": 3, "residual": "around", "batch_size": 16, "loss": "cross-entropy"},
    {"embedding": "trainable"},
    {"architecture": "transformer", "layers": 2, "width": 8, "heads": 2, "feedforward": 16},
]


@pytest.mark.parametrize("changes", NETWORKS)
def test_interrupted_and_resumed_equals_uninterrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, object]
) -> None:
    spec = RunSpec(**{**SMALL, **changes})
    whole = runs.start(spec, tmp_path / "whole")
    with monkeypatch.context() as patch:
        runs.start(spec, tmp_path / "parts", StopAfter(12, patch))
    assert_same_run(runs.resume(tmp_path / "parts", {}), whole)


@pytest.mark.parametrize("changes", [NETWORKS[0], NETWORKS[3], NETWORKS[4]])
def test_what_a_run_tells_of_its_network(tmp_path: Path, changes: dict[str, object]) -> None:
    spec = RunSpec(**{**SMALL, **changes, "epochs": 12})
    result = li2.run(spec, tmp_path / "run")
    is_mlp, page = spec.architecture == "mlp", result.report.read_text(encoding="utf-8")
    assert result.metrics["train_loss"].iloc[-1] < result.metrics["train_loss"].iloc[0]
    assert [stage.first_epoch for stage in result.stages[:3]] == [None] * 3
    assert all(stage.evidence.startswith("not applicable: ") for stage in result.stages[:3])
    assert {"energies", "course", "ridge", "repulsion"} <= result.not_applicable.keys()
    assert result.diagnosis["alignment"].isna().all()
    assert ("irreps" in result.not_applicable) != is_mlp
    assert ("<h2>Layers</h2>" in page) == is_mlp
    assert set(result.layers.get("layer", ())) == (set(range(1, spec.layers + 1)) if is_mlp else set())
    operands = torch.cartesian_prod(torch.arange(7), torch.arange(7))
    labels = operands.sum(dim=1) % 7
    train = np.load(tmp_path / "run" / "train_index.npy")
    right = (result.to_torch()(operands).argmax(dim=1) == labels)[train].double().mean().item()
    assert right == pytest.approx(result.metrics["train_accuracy"].iloc[-1], abs=1e-12)
    if is_mlp:
        assert (result.layers.loc[result.layers["epoch"] == 0, "change"] == 0).all()
        assert result.layers.loc[result.layers["epoch"] == 12, "change"].gt(0).all()
        top = result.layers[result.layers["layer"] == spec.layers].set_index("epoch")["gradient_norm"]
        measured = result.metrics.set_index("epoch")["backprop_norm"][top.index]
        np.testing.assert_allclose(top, measured, rtol=1e-4)
        assert result.diagnosis["purity_median"].notna().all()


def test_side_by_side_is_alone() -> None:
    """Packed runs of a deeper network end with the weights and figures that each has alone."""
    specs = [RunSpec(**{**SMALL, "layers": 2, "seed": seed, "lr": 0.01 * (seed + 1)}) for seed in range(3)]
    jobs = [Assignment(f"run {number}", spec, keep_weights=True) for number, spec in enumerate(specs)]
    for packed, job in zip(train_assignments(jobs), jobs, strict=True):
        (alone,) = train_assignments([job])
        assert packed.weights == alone.weights
        assert packed.metrics == alone.metrics
        assert packed.diagnosis == alone.diagnosis
