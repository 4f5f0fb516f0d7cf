"""Runs of k operands: repeatable, resumable to the bit, and small however many tuples there are."""

import itertools
import resource
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import li2
from li2 import Li2Error, RunSpec, runs
from li2.runs import RunDirectory
from li2.tasks import Complement

SMALL = {"group": "cyclic:5", "operands": 3, "width": 64, "epochs": 20, "lr": 0.01, "diagnose": "at:0.12"}
TABLES = ("metrics", "diagnosis", "nodes", "irreps", "course", "flow")


def assert_same_run(left: li2.RunResult, right: li2.RunResult) -> None:
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name), check_exact=True)
    for a, b in zip(left.weights(), right.weights(), strict=True):
        assert torch.equal(a, b)


VARIANTS = [
    {},
    {"test_size": 17},
    {"group": "expression:x**2+y*z mod 5", "loss": "mse-centred"},
    {"group": "dihedral:3", "operands": 4, "activation": "cube"},
    {"batch_size": 16},
    {"operands": 2, "test_size": 5},
]


@pytest.mark.parametrize("variant", VARIANTS)
def test_stopped_and_extended_equals_uninterrupted(tmp_path: Path, variant: dict[str, object]) -> None:
    spec = RunSpec(**{**SMALL, **variant})
    whole = runs.start(spec, tmp_path / "whole")
    runs.start(spec.with_changes(epochs=7), tmp_path / "parts")
    assert_same_run(runs.resume(tmp_path / "parts", {"epochs": 20}), whole)
    assert whole.outcome.epochs == 20
    assert (whole.outcome.irreps_total is None) == ("expression" in spec.group)


def test_the_test_figures_are_those_of_all_tuples_not_trained_on(tmp_path: Path) -> None:
    result = runs.start(RunSpec(**SMALL), tmp_path / "run")
    directory = RunDirectory(result.run_dir)
    assert not (directory.path / "test_index.npy").exists()
    assert isinstance(directory.split().test, Complement)
    trained = set(np.load(directory.path / "train_index.npy").tolist())
    assert len(trained) == 50
    W, V = (tensor.double().numpy() for tensor in result.weights())
    hits, loss = [], []
    for number, (a, b, c) in enumerate(itertools.product(range(5), repeat=3)):
        if number in trained:
            continue
        output = ((W[a] + W[5 + b] + W[10 + c]) ** 2) @ V
        hits.append(output.argmax() == (a + b + c) % 5)
        loss.append(((np.eye(5)[(a + b + c) % 5] - 1 / 5 - output + output.mean()) ** 2).sum())
    assert result.outcome.final["test_accuracy"] == pytest.approx(np.mean(hits))
    assert result.outcome.final["test_loss"] == pytest.approx(np.mean(loss), rel=1e-4)
    scores = result.to_torch()(torch.tensor([[1, 2, 4]])).detach().numpy()[0]
    assert scores == pytest.approx(((W[1] + W[7] + W[14]) ** 2) @ V, rel=1e-4, abs=1e-4)


def test_a_test_size_is_what_is_tested(tmp_path: Path) -> None:
    result = runs.start(RunSpec(**SMALL, test_size=8), tmp_path / "run")
    assert len(np.load(tmp_path / "run" / "test_index.npy")) == 8
    assert result.outcome.final["test_accuracy"] in {i / 8 for i in range(9)}


def test_a_task_of_billions_of_tuples_takes_seconds_and_little_memory(tmp_path: Path) -> None:
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    values = {"group": "cyclic:71", "operands": 5, "train_size": 500, "test_size": 1000, "width": 32, "epochs": 2}
    result = runs.start(RunSpec(**values), tmp_path / "run")
    assert len(result.metrics) == 3
    assert time.process_time() - begun < 20
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB
    assert sum(file.stat().st_size for file in (tmp_path / "run").glob("*.npy")) < 100_000


def test_a_group_of_three_operands_is_diagnosed(tmp_path: Path) -> None:
    result = li2.run(RunSpec(**{**SMALL, "group": "cyclic:7", "activation": "cube"}), tmp_path / "run")
    assert result.outcome.irreps_total == 3
    last = result.nodes[result.nodes["epoch"] == 20]
    assert last["purity"].between(0, 1).all()
    assert last["phase_1"].notna().any()
    assert "irreps" not in result.not_applicable
    assert result.report.stat().st_size > 1e6
    other = li2.run(RunSpec(**{**SMALL, "group": "expression:x+y+z mod 7", "epochs": 1}), tmp_path / "other")
    assert "group=NAME" in other.not_applicable["irreps"]
    assert "group=NAME" in other.report.read_text("utf-8")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 1, "loss": "mse-centred"}, "loss=mse-centred centres over a step's samples"),
        ({"batch_size": 51}, "batch_size=51, but the training set has 50 samples; take at most 50"),
        ({"test_size": 76}, "test_size=76, but only 75 tuples of 3 operands are not trained on; take at most 75"),
        ({"train_size": 125}, "training on 125 of the 125 tuples of 3 operands leaves the test set empty"),
        ({"operands": 28}, r"5\^28"),
        ({"operands": 27, "train_fraction": 0.5}, "give a smaller train_size"),
        ({"group": "cyclic:71", "operands": 5, "train_size": 10**6, "width": 10**7}, "GB of memory"),
    ],
)
def test_runs_that_cannot_be(tmp_path: Path, values: dict[str, object], message: str) -> None:
    with pytest.raises(Li2Error, match=message) as caught:
        runs.start(RunSpec(**{**SMALL, **values}), tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()
