"""Where a run's stages begin, and the state in which it ends: rules on measured figures, with evidence.

Nothing is inferred where a rule's evidence is missing: a boundary is then "not seen", and says why.
"""

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from li2.specs import STAGES, EndState, StageBoundary

Condition = NDArray[np.bool_]

GRADIENT_COSINE = 0.5
"""Nodes climb their own energies from this median cosine of gradient and ∇E on."""

ALIGNMENT_FALL = 0.9
"""G_F has turned away from the independent signal below this times its largest alignment so far."""

FOCUS = 1.05
"""The residual has turned to the missing irreps if their mean share is this times that of covered ones."""

MEMORISED_ACCURACY = 0.1
MEMORISED_CHANGE = 0.02
COLLAPSED_NORM = 0.5
COLLAPSED_LOSS = 0.01


def find_stages(
    metrics: pd.DataFrame,
    diagnosis: pd.DataFrame,
    accuracy_threshold: float,
    irreps_total: int | None,
    unseen: str | None = None,
) -> tuple[StageBoundary, ...]:
    """The boundaries of the three stages and the moment of generalisation.

    - lazy: from epoch 0, if the training loss falls while the features have not moved;
    - independent: half of the nodes have a higher energy on the unit sphere than 95 % of them had at
      epoch 0, and their gradients point along ∇E (median cosine ≥ 0.5);
    - interactive: three things together. Features are there: pure nodes are more than at epoch 0, by three
      standard deviations of a chance count (f₀ + 3√(f₀ + 1)). G_F has turned away from the independent signal:
      cos(G_F, ỸỸᵀF̃) < 0.9 of its largest value so far. And it has turned to what is missing: the residual per
      missing irrep is at least 1.05 times that per covered one, or no irrep is missing;
    - generalised: test accuracy ≥ the threshold.

    Args:
        metrics: one row per epoch.
        diagnosis: one row per diagnosed epoch, possibly none.
        accuracy_threshold: of generalisation.
        irreps_total: number of non-trivial irreps; None where irreps do not apply.
        unseen: why the three stages cannot be seen in this network, or None if they can.
    """
    generalised = _generalised(metrics, accuracy_threshold)
    if unseen is not None:
        return (*(StageBoundary(name, None, f"not applicable: {unseen}") for name in STAGES[:3]), generalised)
    independent = _independent(diagnosis)
    return (
        _lazy(metrics, diagnosis, independent),
        independent,
        _interactive(diagnosis, independent, irreps_total),
        generalised,
    )


def end_state(metrics: pd.DataFrame, accuracy_threshold: float, classes: int, zero_loss: float) -> EndState:
    """The end state of a run with these metrics; see :class:`EndState`.

    Memorised asks for a test accuracy below 0.1 (or twice chance, 2/M, in groups of fewer than 20
    elements); collapsed for a training loss within 1 % of a zero output's and for the hidden layer to have
    lost half of its largest norm or more.

    Args:
        metrics: one row per epoch, at least one.
        accuracy_threshold: of generalisation.
        classes: M.
        zero_loss: the training loss of a network whose output is zero.
    """
    last = metrics.iloc[-1]
    if not math.isfinite(last["train_loss"]) or not math.isfinite(last["hidden_norm"] + last["top_norm"]):
        return EndState.DIVERGED
    if (metrics["test_accuracy"] >= accuracy_threshold).any():
        return EndState.GENERALISED
    shrunk = last["hidden_norm"] < COLLAPSED_NORM * metrics["hidden_norm"].max()
    if shrunk and abs(last["train_loss"] / zero_loss - 1) < COLLAPSED_LOSS:
        return EndState.COLLAPSED
    late = metrics.loc[metrics["epoch"] >= 0.8 * last["epoch"], "test_accuracy"]
    near_chance = last["test_accuracy"] < max(MEMORISED_ACCURACY, 2 / classes)
    if last["train_accuracy"] == 1 and near_chance and late.max() - late.min() < MEMORISED_CHANGE:
        return EndState.MEMORISED
    return EndState.LEARNING


def first_epochs(metrics: pd.DataFrame) -> dict[str, int | None]:
    """First epochs at which accuracies were reached; None where never."""
    return {
        "train_accuracy_1": _first(metrics, metrics["train_accuracy"] >= 1),
        "test_accuracy_50": _first(metrics, metrics["test_accuracy"] >= 0.5),
        "test_accuracy_99": _first(metrics, metrics["test_accuracy"] >= 0.99),
    }


def _first(table: pd.DataFrame, condition: "pd.Series[bool] | Condition") -> int | None:
    rows = np.flatnonzero(condition)
    return int(table["epoch"].to_numpy()[rows[0]]) if len(rows) else None


def _lazy(metrics: pd.DataFrame, diagnosis: pd.DataFrame, independent: StageBoundary) -> StageBoundary:
    if diagnosis.empty:
        return StageBoundary("lazy", None, "not seen: the run was not diagnosed")
    until = metrics["epoch"].iloc[-1] if independent.first_epoch is None else independent.first_epoch
    stage = np.flatnonzero((metrics["epoch"].to_numpy() <= until) & np.isfinite(metrics["train_loss"].to_numpy()))
    if not len(stage):
        return StageBoundary("lazy", None, "not seen: the training loss is not finite at epoch 0")
    start, end = metrics.iloc[stage[0]], metrics.iloc[stage[-1]]
    if not end["train_loss"] < start["train_loss"]:
        return StageBoundary("lazy", None, "not seen: the training loss does not fall while the features rest")
    return StageBoundary(
        "lazy",
        0,
        f"the training loss falls from {start['train_loss']:.3f} to {end['train_loss']:.3f} and training "
        f"accuracy rises from {start['train_accuracy']:.2f} to {end['train_accuracy']:.2f} by epoch {until}, "
        "before the nodes' energies leave their initial range",
    )


def _independent(diagnosis: pd.DataFrame) -> StageBoundary:
    if diagnosis.empty or diagnosis["epoch"].iloc[0] != 0:
        return StageBoundary("independent", None, "not seen: epoch 0 was not diagnosed, to compare with")
    initial = diagnosis["unit_energy_q95"].iloc[0]
    risen = diagnosis["unit_energy_median"].to_numpy() >= initial
    climbing = diagnosis["gradient_cosine_median"].to_numpy() >= GRADIENT_COSINE
    epoch = _first(diagnosis, risen & climbing)
    if epoch is None:
        return StageBoundary(
            "independent",
            None,
            f"not seen: half of the nodes never exceeded the energy {initial:.3g} that 5 % of them had at epoch "
            f"0 (largest median: {diagnosis['unit_energy_median'].max():.3g}) while their gradients pointed along "
            f"∇E (largest median cosine: {diagnosis['gradient_cosine_median'].max():.2f}, asked: "
            f"{GRADIENT_COSINE})",
        )
    row = _at(diagnosis, epoch)
    return StageBoundary(
        "independent",
        epoch,
        f"half of the nodes have a higher energy on the unit sphere ({row['unit_energy_median']:.3g}) than 95 % "
        f"of them had at epoch 0 ({initial:.3g}), and their gradients point along ∇E (median cosine "
        f"{row['gradient_cosine_median']:.2f} ≥ {GRADIENT_COSINE})",
    )


def _interactive(diagnosis: pd.DataFrame, independent: StageBoundary, irreps_total: int | None) -> StageBoundary:
    if irreps_total is None:
        return StageBoundary(
            "interactive",
            None,
            "not applicable: without irreps, features cannot be told from memorising nodes",
        )
    if independent.first_epoch is None:
        return StageBoundary("interactive", None, "not seen: the independent stage was not seen before it")
    names = ("epoch", "features", "alignment", "missing_focus", "irreps_covered")
    epochs, features, alignment, focus, covered = (diagnosis[name].to_numpy() for name in names)
    chance = features[0]
    featured = features >= chance + 3 * math.sqrt(chance + 1)
    largest = np.fmax.accumulate(alignment)
    turned = alignment < ALIGNMENT_FALL * largest
    focused = (focus >= FOCUS) | (covered == irreps_total)
    later = epochs > independent.first_epoch
    epoch = _first(diagnosis, later & featured & turned & focused)
    if epoch is None:
        return StageBoundary("interactive", None, _not_interactive(diagnosis, later & featured, turned, irreps_total))
    row = _at(diagnosis, epoch)
    return StageBoundary(
        "interactive",
        epoch,
        f"{int(row['irreps_covered'])} of {irreps_total} irreps covered by {int(row['features'])} nodes; G_F has "
        f"turned away from the independent signal: cos(G_F, ỸỸᵀF̃) = {row['alignment']:.2f} < {ALIGNMENT_FALL} × "
        f"{largest[epochs == epoch][0]:.2f}; {_focus(row)}{_repulsion_near(diagnosis, epoch)}",
    )


def _not_interactive(diagnosis: pd.DataFrame, featured: Condition, turned: Condition, irreps_total: int) -> str:
    """Which of the interactive stage's conditions was never met, in their order."""
    if not featured.any():
        return (
            "not seen: no more nodes than by chance became pure features "
            f"(at most {int(diagnosis['features'].max())}; {int(diagnosis['features'].iloc[0])} at epoch 0)"
        )
    covered = f"{int(diagnosis.loc[featured, 'irreps_covered'].max())} of {irreps_total} irreps covered"
    if not (featured & turned).any():
        return (
            f"not seen: {covered}, but cos(G_F, ỸỸᵀF̃) is not below {ALIGNMENT_FALL} of its largest value "
            f"({diagnosis['alignment'].max():.2f}) then"
        )
    best = diagnosis.loc[featured & turned, "missing_focus"].max()
    return (
        f"not seen: {covered}, but the residual on missing irreps is at most {best:.2f} × that on covered ones, "
        f"per dimension (asked: {FOCUS})"
    )


def _focus(row: "pd.Series[float]") -> str:
    if math.isfinite(row["missing_focus"]):
        return f"the residual on missing irreps is {row['missing_focus']:.2f} × that on covered ones, per dimension"
    return "no irrep is missing"


def _repulsion_near(diagnosis: pd.DataFrame, epoch: int) -> str:
    """What repulsion looks like from a boundary on, if it was measured."""
    known = np.flatnonzero((diagnosis["epoch"].to_numpy() >= epoch) & diagnosis["repelling_share"].notna().to_numpy())
    if not len(known):
        return ""
    near = diagnosis.iloc[known[0]]
    return (
        f"; at epoch {int(near['epoch'])}, {near['repelling_share']:.0%} of the most similar pairs repel "
        f"(strongest {near['repulsion_strongest']:.2f})"
    )


def _generalised(metrics: pd.DataFrame, threshold: float) -> StageBoundary:
    accuracy = metrics["test_accuracy"]
    epoch = _first(metrics, accuracy >= threshold)
    if epoch is None:
        best = accuracy.max()
        return StageBoundary(
            "generalised", None, f"not seen: test accuracy reached {best:.3f}, the rule asks for {threshold}"
        )
    return StageBoundary(
        "generalised", epoch, f"test accuracy {_at(metrics, epoch)['test_accuracy']:.3f} ≥ {threshold}"
    )


def _at(table: pd.DataFrame, epoch: int) -> pd.Series:
    return table.iloc[np.flatnonzero(table["epoch"].to_numpy() == epoch)[0]]
