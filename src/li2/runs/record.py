"""What a run has found so far, in memory: metrics, diagnosis, nodes and irreps by epoch."""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float
from torch import Tensor

from li2.diagnostics import (
    GRAM_FIGURES,
    Snapshot,
    end_state,
    find_stages,
    first_epochs,
    gram_figures,
    irrep_figures,
    node_figures,
    summarise_irreps,
    summarise_nodes,
)
from li2.runs.figures import EPOCH_FIGURES
from li2.runs.setup import Setup
from li2.specs import Outcome, RunSpec, StageBoundary
from li2.theorems import PROPOSITION_1_FIGURES, compare_ridge
from li2.training import METRICS, Position


@dataclass
class Record:
    """The tables of a run, growing as it trains.

    Attributes:
        metrics: one row per measured epoch (epoch and METRICS).
        diagnosis: one row per diagnosed epoch (epoch, METRICS and EPOCH_FIGURES).
        nodes: a table of node figures for each diagnosed epoch.
        irreps: a table of irrep figures for each diagnosed epoch; empty where irreps do not apply.
        seconds: wall-clock time spent so far.
    """

    metrics: list[dict[str, Any]] = field(default_factory=list)
    diagnosis: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[pd.DataFrame] = field(default_factory=list)
    irreps: list[pd.DataFrame] = field(default_factory=list)
    seconds: float = 0.0

    def add_metrics(self, epoch: int, metrics: dict[str, float]) -> None:
        """Append an epoch's metrics."""
        self.metrics.append({"epoch": epoch, **metrics})

    def diagnose(
        self,
        setup: Setup,
        position: Position,
        with_grams: bool,
        known: tuple[Float[Tensor, "n M"], Float[Tensor, "d K"]] | None = None,
    ) -> None:
        """Measure the current weights and append the rows; known: O and ∂loss/∂W there, if the training has them."""
        spec, weights = setup.spec, position.weights
        if known is None:
            snapshot = Snapshot.of(setup.problem, weights, setup.basis)
        else:
            snapshot = Snapshot(setup.problem, weights, *known, setup.basis)
        nodes = node_figures(snapshot, position.previous)
        row = {**self.metrics[-1], "alignment": snapshot.alignment, **summarise_nodes(nodes, spec.purity_threshold)}
        if snapshot.irreps is not None and setup.basis is not None:
            irreps = irrep_figures(snapshot, nodes, spec.purity_threshold)
            row.update(summarise_irreps(irreps, setup.basis))
            self.irreps.append(_with_epoch(irreps, position.epoch))
        if with_grams:
            row.update(gram_figures(snapshot))
            row.update(compare_ridge(snapshot))
        self.diagnosis.append(row)
        self.nodes.append(_with_epoch(nodes, position.epoch))

    def metrics_table(self) -> pd.DataFrame:
        """The metrics, one row per measured epoch."""
        return pd.DataFrame(self.metrics, columns=["epoch", *METRICS])

    def diagnosis_table(self) -> pd.DataFrame:
        """The diagnosis, one row per diagnosed epoch, NaN where a figure was not due or does not apply."""
        epochs = np.array([row["epoch"] for row in self.diagnosis], dtype=np.int64)
        columns = {
            name: np.array([row.get(name, math.nan) for row in self.diagnosis], dtype=float)
            for name in (*METRICS, *EPOCH_FIGURES)
        }
        return pd.DataFrame({"epoch": epochs, **columns})

    def stages(self, setup: Setup) -> tuple[StageBoundary, ...]:
        """The stage boundaries seen so far."""
        total = setup.irreps_total
        return find_stages(self.metrics_table(), self.diagnosis_table(), setup.spec.accuracy_threshold, total)

    def outcome(self, setup: Setup, epochs: int, interrupted: bool) -> Outcome:
        """What the run has come to after so many epochs."""
        metrics, diagnosis = self.metrics_table(), self.diagnosis_table()
        last = metrics.iloc[-1]
        peak = metrics["gradient_norm"].where(metrics["gradient_norm"].map(math.isfinite)).max()
        at_peak = metrics.loc[metrics["gradient_norm"] == peak, "epoch"]
        covers = setup.basis is not None and len(diagnosis) > 0
        final = ("train_loss", "train_accuracy", "test_loss", "test_accuracy")
        return Outcome(
            status=end_state(
                metrics,
                setup.spec.accuracy_threshold,
                setup.task.order,
                setup.problem.zero_output_loss,
            ),
            epochs=epochs,
            first_epoch=first_epochs(metrics),
            final={name: float(last[name]) if math.isfinite(last[name]) else None for name in final},
            gradient_norm_peak={
                "epoch": int(at_peak.iloc[0]) if len(at_peak) else None,
                "value": float(peak) if len(at_peak) else None,
            },
            stages=self.stages(setup),
            irreps_covered=int(diagnosis["irreps_covered"].iloc[-1]) if covers else None,
            irreps_total=setup.irreps_total,
            interrupted=interrupted,
            seconds=self.seconds,
        )

    def forget_after(self, epoch: int, spec: RunSpec) -> None:
        """Drop what lies beyond an epoch, and what the specification's schedule does not ask for.

        A run's last epoch is diagnosed in full; if the run is extended, that epoch is like any other.
        """

        def kept(value: int) -> bool:
            return value <= epoch and spec.diagnosis.is_due(value, spec.epochs)

        self.metrics = [row for row in self.metrics if row["epoch"] <= epoch and spec.is_measured(row["epoch"])]
        self.diagnosis = [row for row in self.diagnosis if kept(row["epoch"])]
        self.nodes = [table for table in self.nodes if kept(int(table["epoch"].iloc[0]))]
        self.irreps = [table for table in self.irreps if kept(int(table["epoch"].iloc[0]))]
        for row in self.diagnosis:
            if not spec.diagnosis.gram_is_due(row["epoch"], spec.epochs):
                row.update(dict.fromkeys([*GRAM_FIGURES, *PROPOSITION_1_FIGURES], math.nan))


def _with_epoch(table: pd.DataFrame, epoch: int) -> pd.DataFrame:
    table.insert(0, "epoch", epoch)
    return table
