"""Runs that are stopped, and runs that are compared."""

import pandas as pd
import pytest
import torch

import li2
from li2.runs import RunDirectory
from li2.runs import execute as execute_module

TABLES = ("metrics", "diagnosis", "nodes", "irreps", "layers", "course", "flow")


def assert_same_run(left: li2.RunResult, right: li2.RunResult) -> None:
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name), check_exact=True)
    for a, b in zip(left.weights(), right.weights(), strict=True):
        assert torch.equal(a, b)
    epochs = RunDirectory(left.run_dir).weight_epochs()
    assert epochs == RunDirectory(right.run_dir).weight_epochs()
    for epoch in epochs:
        assert all(torch.equal(a, b) for a, b in zip(left.weights(epoch), right.weights(epoch), strict=True))
    without_time = [{k: v for k, v in r.outcome.as_json().items() if k != "seconds"} for r in (left, right)]
    assert without_time[0] == without_time[1]


class StopAfter:
    """Asks for a stop at an epoch, as Ctrl-C would, through the progress callback."""

    def __init__(self, epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
        from contextlib import contextmanager
        from types import SimpleNamespace

        self.epoch, self.request = epoch, SimpleNamespace(asked=False)

        @contextmanager
        def ours():
            yield self.request

        monkeypatch.setattr(execute_module, "stop_on_signal", ours)

    def __call__(self, epoch: int, *rest: object) -> None:
        self.request.asked = epoch == self.epoch
