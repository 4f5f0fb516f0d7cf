"""Runs on disk: repeatable, resumable to the bit, extendable, and never half-written."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import li2
from li2 import EndState, Li2Error, RunSpec
from li2.runs import EPOCH_FIGURES, RunDirectory
from li2.runs import execute as execute_module
from li2.training import METRICS
from running import StopAfter, assert_same_run
from tables import symmetric_group_table

SMALL = {"group": "cyclic:11", "width": 64, "train_fraction": 0.7, "lr": 0.01, "weight_decay": 1e-4, "epochs": 40}

VARIANTS = [
    {},
    {"optimizer": "sgd", "lr": 1.0, "loss": "mse-centred", "schedule": "step:10:0.5"},
    {"optimizer": "adamw", "loss": "cross-entropy", "activation": "relu", "schedule": "cosine:60"},
    {"group": "expression:x**2+x*y mod 7", "dtype": "float64", "diagnose": "every:7"},
    {"split": "sklearn", "activation": "x+0.5*x**2", "output_scale": 2, "diagnose": "off"},
    {"optimizer": "muon", "schedule": "cosine:40", "loss": "stablemax"},
    {"top_layer": "ridge", "optimizer": "muon", "muon": "exact", "operands": 3, "group": "cyclic:5"},
]
OTHER_GROUPS = [
    {"group": "small:8.2"},  # its generators, which label its irreps, do not follow from its table
    {"group": "dihedral:5"},
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_seed_twice_gives_identical_results(tmp_path: Path, variant: dict[str, object]) -> None:
    spec = RunSpec(**{**SMALL, **variant})
    assert_same_run(li2.run(spec, tmp_path / "a"), li2.run(spec, tmp_path / "b"))


@pytest.mark.parametrize(
    ("variant", "stop_at"), [*product(VARIANTS, [0, 17]), *((variant, 17) for variant in OTHER_GROUPS)]
)
def test_interrupted_and_resumed_equals_uninterrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: dict[str, object], stop_at: int
) -> None:
    spec = RunSpec(**{**SMALL, **variant})
    whole = li2.run(spec, tmp_path / "whole")
    with monkeypatch.context() as patch:
        stopped = li2.run(spec, tmp_path / "parts", StopAfter(stop_at, patch))
    assert stopped.outcome.interrupted
    assert stopped.outcome.epochs == stop_at
    assert len(stopped.metrics) == stop_at + 1
    assert stopped.report.exists()
    assert_same_run(li2.resume(tmp_path / "parts"), whole)


def test_a_killed_run_goes_on_from_its_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = RunSpec(**SMALL)
    whole = li2.run(spec, tmp_path / "whole")

    class Killed(BaseException):
        pass

    def kill(epoch: int, *rest: object) -> None:
        if epoch == 23:
            raise Killed

    monkeypatch.setattr(execute_module, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        li2.run(spec, tmp_path / "killed", kill)
    assert not (tmp_path / "killed" / "result.json").exists()
    with pytest.raises(Li2Error, match=r"cannot read .*result\.json"):
        li2.load(tmp_path / "killed")
    assert_same_run(li2.resume(tmp_path / "killed"), whole)


@pytest.mark.parametrize("short", [5, 25])
@pytest.mark.parametrize("variant", [VARIANTS[0], VARIANTS[3], VARIANTS[2]])
def test_an_extended_run_equals_one_that_was_long_from_the_start(
    tmp_path: Path, variant: dict[str, object], short: int
) -> None:
    spec = RunSpec(**{**SMALL, **variant})
    li2.run(spec.with_changes(epochs=short), tmp_path / "short")
    extended = li2.resume(tmp_path / "short", {"epochs": 40})
    assert extended.spec == spec
    assert_same_run(extended, li2.run(spec, tmp_path / "long"))


def test_a_killed_extension_claims_no_outcome(tmp_path: Path) -> None:
    li2.run(RunSpec(**SMALL), tmp_path / "run")

    def kill(epoch: int, *rest: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        li2.resume(tmp_path / "run", {"epochs": 50}, kill)
    with pytest.raises(Li2Error, match=r"cannot read .*result\.json"):
        li2.load(tmp_path / "run")
    assert li2.resume(tmp_path / "run").outcome.epochs == 50


def test_a_run_killed_in_its_first_epoch_can_be_resumed(tmp_path: Path) -> None:
    def kill(epoch: int, *rest: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        li2.run(RunSpec(**SMALL), tmp_path / "killed", kill)
    assert_same_run(li2.resume(tmp_path / "killed"), li2.run(RunSpec(**SMALL), tmp_path / "whole"))


def test_a_damaged_specification_is_named(tmp_path: Path) -> None:
    li2.run(RunSpec(**{**SMALL, "epochs": 1}), tmp_path / "run")
    for text in ("{}", "[]", "no json", '{"spec": {"lr": -1}}'):
        (tmp_path / "run" / "spec.json").write_text(text)
        with pytest.raises(Li2Error, match=r"cannot read .*spec\.json"):
            li2.load(tmp_path / "run")


def test_init_weights_and_index_survive_the_loss_of_their_files(tmp_path: Path) -> None:
    first = li2.run(RunSpec(**SMALL), tmp_path / "first")
    weights = tmp_path / "first" / "weights" / "epoch-000000.safetensors"
    index = tmp_path / "index.npy"
    np.save(index, np.load(tmp_path / "first" / "train_index.npy"))
    values = {**SMALL, "init_weights": str(weights), "train_index": str(index)}
    del values["train_fraction"]
    whole = li2.run(RunSpec(**values), tmp_path / "whole")
    pd.testing.assert_frame_equal(
        whole.metrics.drop(columns=["test_loss"]), first.metrics.drop(columns=["test_loss"]), check_exact=True
    )
    li2.run(RunSpec(**{**values, "epochs": 25}), tmp_path / "short")
    weights.unlink()
    index.unlink()
    assert_same_run(li2.resume(tmp_path / "short", {"epochs": 40}), whole)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 20}, "has taken 40 epochs already"),
        ({"lr": 1}, "cannot change lr, only epochs"),
        ({"epochs": "x"}, "epochs must be a whole number"),
    ],
)
def test_resuming_refuses_other_changes_and_loses_nothing(
    tmp_path: Path, changes: dict[str, object], message: str
) -> None:
    before = li2.run(RunSpec(**SMALL), tmp_path / "run")
    with pytest.raises(Li2Error, match=message):
        li2.resume(tmp_path / "run", changes)
    assert_same_run(li2.load(tmp_path / "run"), before)


def test_a_cosine_run_is_not_extended(tmp_path: Path) -> None:
    li2.run(RunSpec(**SMALL, schedule="cosine"), tmp_path / "run")
    with pytest.raises(Li2Error, match="cosine:T"):
        li2.resume(tmp_path / "run", {"epochs": 50})


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    li2.run(RunSpec(**SMALL), tmp_path / "run")
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(b"damaged")
    with pytest.raises(Li2Error, match=r"cannot read .*checkpoint\.safetensors"):
        li2.resume(tmp_path / "run", {"epochs": 50})


def test_an_occupied_directory_is_refused(tmp_path: Path) -> None:
    li2.run(RunSpec(**{**SMALL, "epochs": 1}), tmp_path / "run")
    with pytest.raises(Li2Error, match="already holds a run"):
        li2.run(RunSpec(**SMALL), tmp_path / "run")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    with pytest.raises(Li2Error, match="not an empty directory"):
        li2.run(RunSpec(**SMALL), tmp_path / "other")
    with pytest.raises(Li2Error, match="cannot write"):
        li2.run(RunSpec(**SMALL), tmp_path / "other" / "file" / "run")


def test_what_a_run_holds(tmp_path: Path) -> None:
    result = li2.run(RunSpec(**SMALL), tmp_path / "run")
    assert list(result.metrics.columns) == ["epoch", *METRICS]
    assert result.metrics["epoch"].tolist() == list(range(41))
    assert list(result.diagnosis.columns) == ["epoch", *METRICS, *EPOCH_FIGURES]
    due = [epoch for epoch in range(41) if result.spec.diagnosis.is_due(epoch, 40)]
    assert result.diagnosis["epoch"].tolist() == due == RunDirectory(result.run_dir).weight_epochs()
    assert len(result.nodes) == len(due) * 64
    assert len(result.irreps) == len(due) * 5
    last = result.metrics.iloc[-1]
    assert result.outcome.final["test_loss"] == last["test_loss"]
    peak = result.metrics.loc[result.metrics["gradient_norm"].idxmax()]
    assert result.outcome.gradient_norm_peak == {"epoch": peak["epoch"], "value": peak["gradient_norm"]}
    assert not list((tmp_path / "run").rglob("*.part"))


@pytest.mark.parametrize("loss", ["mse", "mse-centred", "cross-entropy"])
def test_the_module_predicts_what_the_run_measured(tmp_path: Path, loss: str) -> None:
    result = li2.run(RunSpec(**{**SMALL, "loss": loss, "output_scale": 1.5}), tmp_path / "run")
    rest = np.setdiff1d(np.arange(121), np.load(tmp_path / "run" / "train_index.npy"))
    operands = torch.from_numpy(np.stack(np.divmod(rest, 11), axis=1))
    labels = operands.sum(dim=1) % 11
    for epoch, row in ((None, result.metrics.iloc[-1]), (10, result.metrics.iloc[10])):
        scores = result.to_torch(epoch)(operands).detach()
        assert (scores.argmax(dim=1) == labels).double().mean().item() == pytest.approx(row["test_accuracy"])
        if loss == "mse-centred":
            one_hot = torch.nn.functional.one_hot(labels, 11)
            assert (scores - one_hot).square().sum().item() / len(rest) == pytest.approx(row["test_loss"], rel=1e-5)
    with pytest.raises(Li2Error, match="keeps no weights of epoch 11"):
        result.to_torch(11)


def test_a_diverging_run_keeps_its_results(tmp_path: Path) -> None:
    result = li2.run(RunSpec(**{**SMALL, "optimizer": "sgd", "lr": 1e6}), tmp_path / "run")
    assert result.status is EndState.DIVERGED
    assert not result.outcome.interrupted
    assert 0 < result.outcome.epochs < 40
    assert len(result.metrics) == result.outcome.epochs + 1
    assert result.outcome.final["train_loss"] is None
    assert np.isfinite(result.metrics["train_loss"].iloc[0])
    json.dumps(result.as_json(), allow_nan=False)
    assert "diverged" in result.report.read_text("utf-8")


@pytest.mark.parametrize(
    "variant", [{"weight_decay": 3.0}, {"loss": "mse-centred"}, {"top_scale": 0}, {"loss": "cross-entropy"}]
)
def test_a_collapsing_run_is_told_from_a_diverging_one(tmp_path: Path, variant: dict[str, object]) -> None:
    result = li2.run(RunSpec(**{**SMALL, "weight_decay": 0.3, "epochs": 300, **variant}), tmp_path / "run")
    assert result.status is EndState.COLLAPSED
    if "loss" not in variant:
        assert result.outcome.final["train_loss"] == pytest.approx(10 / 11, rel=1e-2)


def test_memorising_without_weight_decay_and_generalising_with_it(tmp_path: Path) -> None:
    """Figure 3 in small: only with weight decay do the stages pass and the network generalise."""
    common = {"group": "cyclic:23", "width": 512, "train_fraction": 0.5, "lr": 2e-3}
    groks = li2.run(RunSpec(**common, epochs=800), tmp_path / "decay")
    memorises = li2.run(RunSpec(**common, epochs=800, weight_decay=0), tmp_path / "none")
    assert groks.status is EndState.GENERALISED
    epochs = [stage.first_epoch for stage in groks.stages]
    assert None not in epochs
    assert epochs == sorted(epochs)
    assert groks.outcome.irreps_covered == groks.outcome.irreps_total == 11
    assert memorises.status is EndState.MEMORISED
    assert memorises.stages[-1].first_epoch is None
    assert memorises.outcome.first_epoch["train_accuracy_1"] is not None
    for run in (groks, memorises):  # ‖G_F‖ rises, peaks and falls
        norm = run.metrics["gradient_norm"]
        assert norm.max() > 1.3 * norm.iloc[0]
        assert run.metrics["backprop_norm"].iloc[-1] < 0.2 * run.metrics["backprop_norm"].max()


@pytest.mark.parametrize(
    "values",
    [
        {"group": "cyclic:2", "train_size": 3},
        {"group": "cyclic:3", "train_size": 1, "width": 1},
        {"group": "product:2x2", "train_fraction": 0.5},
        {"top_scale": 0.0},
        {"hidden_scale": 0.0},
        {"hidden_scale": 0.0, "top_scale": 0.0, "activation": "relu"},
        {"epochs": 0},
        {"diagnose": "at:3"},
        {"diagnose": "log:2", "weight_decay": 0.0},
        {"critical_delta": 0.5},
        {"hidden_scale": 0.0, "weight_decay": 0.0},
        {"hidden_scale": 1e4},
        {"lr": 1e3},
        {"lr": 1e9, "optimizer": "adamw", "loss": "cross-entropy"},
        {"weight_decay": 1e-18},
        {"output_scale": 1e9},
        {"optimizer": "sgd", "activation": "tanh", "lr": 1e4},
        {"group": "cyclic:7", "loss": "cross-entropy", "weight_decay": 0.0, "lr": 0.005, "seed": 1, "width": 256},
    ],
)
def test_odd_but_legal_runs(tmp_path: Path, values: dict[str, object]) -> None:
    spec = {**SMALL, "epochs": 5, **values}
    if {"train_size", "critical_delta"} & set(values):
        del spec["train_fraction"]
    result = li2.run(RunSpec(**spec), tmp_path / "run")
    assert result.outcome.epochs == spec["epochs"] or result.status is EndState.DIVERGED
    assert result.report.stat().st_size > 1e6


def test_a_table_is_kept_with_its_run(tmp_path: Path) -> None:
    np.save(tmp_path / "s3.npy", symmetric_group_table(3))
    result = li2.run(RunSpec(**{**SMALL, "group": f"file:{tmp_path / 's3.npy'}"}), tmp_path / "run")
    (tmp_path / "s3.npy").unlink()
    assert result.outcome.irreps_total == 2
    assert set(result.irreps["irrep"]) == {"1b", "2a"}
    assert li2.resume(tmp_path / "run", {"epochs": 45}).outcome.epochs == 45


def test_the_python_interface_has_no_global_state(tmp_path: Path) -> None:
    generator = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    li2.run(RunSpec(**{**SMALL, "epochs": 3}), tmp_path / "run")
    assert torch.equal(torch.random.get_rng_state(), generator[0])
    assert np.array_equal(np.random.get_state()[1], generator[1])  # noqa: NPY002
    assert torch.get_default_dtype() is torch.float32
