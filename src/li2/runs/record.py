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
    LayersSnapshot,
    Snapshot,
    end_state,
    feature_figures,
    find_stages,
    first_epochs,
    gram_figures,
    irrep_figures,
    layer_figures,
    node_figures,
    summarise_irreps,
    summarise_nodes,
)
from li2.models import DeepNetwork, Transformer, Weights
from li2.runs.figures import EPOCH_FIGURES
from li2.runs.setup import Setup
from li2.specs import Outcome, RunSpec, StageBoundary
from li2.theorems import LAYER_PREDICTIONS, PROPOSITION_1_FIGURES, compare_layers, compare_ridge
from li2.training import METRICS, Position


@dataclass
class Record:
    """The tables of a run, growing as it trains.

    Attributes:
        metrics: one row per measured epoch (epoch and METRICS).
        diagnosis: one row per diagnosed epoch (epoch, METRICS and EPOCH_FIGURES).
        nodes: a table of node figures for each diagnosed epoch.
        irreps: a table of irrep figures for each diagnosed epoch; empty where irreps do not apply.
        layers: a table of layer figures for each diagnosed epoch; empty for networks with one hidden layer.
        seconds: wall-clock time spent so far.
        initial: the weights at epoch 0, for deeper networks.
    """

    metrics: list[dict[str, Any]] = field(default_factory=list)
    diagnosis: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[pd.DataFrame] = field(default_factory=list)
    irreps: list[pd.DataFrame] = field(default_factory=list)
    layers: list[pd.DataFrame] = field(default_factory=list)
    seconds: float = 0.0
    initial: Weights | None = None

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
        network, weights = setup.problem.network, position.weights
        if isinstance(network, Transformer):
            self.diagnosis.append(dict(self.metrics[-1]))
            return
        if isinstance(network, DeepNetwork):
            layered = LayersSnapshot(setup.problem, weights, setup.basis)
            self._add(setup, position.epoch, layered, feature_figures(layered), {})
            self._add_layers(layered, position.epoch, with_grams)
            return
        if known is None:
            snapshot = Snapshot.of(setup.problem, weights, setup.basis)
        else:
            snapshot = Snapshot(setup.problem, weights, *known, setup.basis)
        nodes = node_figures(snapshot, position.previous)
        figures = {"alignment": snapshot.alignment}
        if with_grams:
            figures |= {**gram_figures(snapshot), **compare_ridge(snapshot)}
        self._add(setup, position.epoch, snapshot, nodes, figures)

    def _add(
        self,
        setup: Setup,
        epoch: int,
        snapshot: Snapshot | LayersSnapshot,
        nodes: pd.DataFrame,
        figures: dict[str, float],
    ) -> None:
        """Append the tables of nodes and irreps, and a row of the diagnosis with their summaries."""
        threshold = setup.spec.purity_threshold
        row = {**self.metrics[-1], **figures, **summarise_nodes(nodes, threshold)}
        if snapshot.irreps is not None and setup.basis is not None:
            irreps = irrep_figures(snapshot, nodes, threshold)
            row.update(summarise_irreps(irreps, setup.basis))
            self.irreps.append(_with_epoch(irreps, epoch))
        self.diagnosis.append(row)
        self.nodes.append(_with_epoch(nodes, epoch))

    def _add_layers(self, snapshot: LayersSnapshot, epoch: int, with_predictions: bool) -> None:
        assert self.initial is not None
        layers = layer_figures(snapshot, self.initial)
        predictions: dict[str, Any] = dict.fromkeys(LAYER_PREDICTIONS, math.nan)
        layers = layers.assign(**(compare_layers(snapshot) if with_predictions else predictions))
        self.layers.append(_with_epoch(layers, epoch))

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
        unseen = setup.not_applicable().get("energies")
        threshold = setup.spec.accuracy_threshold
        return find_stages(self.metrics_table(), self.diagnosis_table(), threshold, setup.irreps_total, unseen)

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
        self.layers = [table for table in self.layers if kept(int(table["epoch"].iloc[0]))]
        for row in self.diagnosis:
            if not spec.diagnosis.gram_is_due(row["epoch"], spec.epochs):
                row.update(dict.fromkeys([*GRAM_FIGURES, *PROPOSITION_1_FIGURES], math.nan))
        for table in self.layers:
            if not spec.diagnosis.gram_is_due(int(table["epoch"].iloc[0]), spec.epochs):
                table[list(LAYER_PREDICTIONS)] = math.nan


def _with_epoch(table: pd.DataFrame, epoch: int) -> pd.DataFrame:
    table.insert(0, "epoch", epoch)
    return table
