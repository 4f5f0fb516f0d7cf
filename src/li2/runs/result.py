"""A run as a value: what was specified, what was measured, and the trained network."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from li2.models import NetworkModule, Weights
from li2.runs.setup import Setup
from li2.runs.store import TABLES, RunDirectory
from li2.specs import EndState, Outcome, RunSpec, StageBoundary


@dataclass(frozen=True, eq=False)
class RunResult:
    """A finished or interrupted run, as :func:`li2.run` returns it and :func:`li2.load` reads it.

    Attributes:
        run_dir: its directory.
        spec: its specification.
        outcome: end state, stages and summary figures.
        metrics: one row per epoch; columns in :data:`li2.training.METRICS`.
        diagnosis: one row per diagnosed epoch; columns in :data:`li2.runs.EPOCH_FIGURES`.
        nodes: one row per diagnosed epoch and hidden node; columns in
            :data:`li2.diagnostics.NODE_COLUMNS`.
        irreps: one row per diagnosed epoch and irrep; empty where irreps do not apply.
        layers: one row per diagnosed epoch and hidden layer of a deeper network, else empty; columns in
            :data:`li2.diagnostics.LAYER_COLUMNS` and :data:`li2.theorems.LAYER_PREDICTIONS`.
        course: ‖G_F‖ had the hidden layer rested, with the run's own optimiser (``epoch``,
            ``backprop_norm``).
        flow: the same under gradient flow, in closed form (``time``, ``backprop_norm``, ``train_loss``).
        not_applicable: what of the diagnosis does not apply to this run, and why.
    """

    run_dir: Path
    spec: RunSpec
    outcome: Outcome
    metrics: pd.DataFrame
    diagnosis: pd.DataFrame
    nodes: pd.DataFrame
    irreps: pd.DataFrame
    layers: pd.DataFrame
    course: pd.DataFrame
    flow: pd.DataFrame
    not_applicable: dict[str, str]

    @property
    def status(self) -> EndState:
        """The end state."""
        return self.outcome.status

    @property
    def stages(self) -> tuple[StageBoundary, ...]:
        """The stage boundaries with their evidence."""
        return self.outcome.stages

    @property
    def report(self) -> Path:
        """Where the report is."""
        return self.run_dir / "report.html"

    def as_json(self) -> dict[str, Any]:
        """What ``li2 run --json`` prints."""
        paths = {"run_dir": str(self.run_dir), "report": str(self.report)}
        return {**self.outcome.as_json(), **paths}

    def weights(self, epoch: int | None = None) -> Weights:
        """All weights on the CPU at a diagnosed epoch, or where the run stands now (default)."""
        directory = RunDirectory(self.run_dir)
        if epoch is not None:
            return directory.weights(epoch)
        return directory.checkpoint(torch.device("cpu"))[0].weights

    def to_torch(self, epoch: int | None = None) -> NetworkModule:
        """The network at a diagnosed epoch, or where the run stands now, as a module on the CPU."""
        directory = RunDirectory(self.run_dir)
        spec = self.spec.with_changes(device="cpu")
        problem = Setup.build(spec, directory.task(), directory.split()).problem
        weights = self.weights(epoch)
        with torch.no_grad():
            outputs = problem.network.forward(weights, problem.train.rows)
        return NetworkModule(problem.network, weights, problem.loss.offset(outputs, problem.train.labels))


def load(path: Path | str) -> RunResult:
    """Read a run from its directory.

    Raises:
        Li2Error: if it does not hold a run, or one that has not come to an end or a stop.
    """
    directory = RunDirectory.open(Path(path))
    tables = {name: directory.read_table(name) for name in TABLES}
    return RunResult(
        run_dir=directory.path,
        spec=directory.spec(),
        outcome=directory.outcome(),
        not_applicable=directory.read_json("result.json")["not_applicable"],
        **tables,
    )
