"""The stages of learning, with and without weight decay (figure 3)."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from li2.reproduce.figure import Check, Finding, Panel
from li2.reproduce.measures.common import check, curve, epochs, named, number, paired, unanimous
from li2.reproduce.results import Results
from li2.statistics import median

OFF_DIAGONAL = {"node_offdiagonal": "F̃ᵀF̃", "sample_offdiagonal": "P₁FFᵀ"}


def stages(results: Results, parameters: Mapping[str, Any]) -> Finding:
    """Runs of the part ``runs`` at several weight decays, 0 among them.

    Parameters:
        offdiagonal: largest mean |off-diagonal| over mean |diagonal| that is claimed.
    """
    sweep = results.sweep("runs")
    runs, metrics, diagnosis = sweep.runs, sweep.metrics, sweep.diagnosis
    decays = sorted(runs["weight_decay"].unique(), reverse=True)
    decayed, free = runs[runs["weight_decay"] > 0], runs[runs["weight_decay"] == 0]
    panels = _panels(runs, metrics, diagnosis, decays)
    checks = (
        _generalise("runs with weight decay generalise", decayed, "all", expected=True),
        _generalise("runs without weight decay do not generalise", free, "none generalises", expected=False),
        _diagonal(diagnosis, dict(zip(runs["key"], runs["seed"], strict=True)), parameters["offdiagonal"]),
        *_gradient(runs, metrics, decayed),
        _order(metrics, decayed),
    )
    return Finding(panels, checks, _summary(decayed, free))


def _keys(runs: pd.DataFrame, decay: float) -> list[str]:
    return runs.loc[runs["weight_decay"] == decay, "key"].tolist()


def _panels(
    runs: pd.DataFrame, metrics: pd.DataFrame, diagnosis: pd.DataFrame, decays: Sequence[float]
) -> tuple[Panel, ...]:
    accuracy, loss, gradient, change = [], [], [], []
    for colour, decay in enumerate(decays):
        keys, decayed = _keys(runs, decay), f"weight decay {named(float(decay))}"
        for part, style in (("test", "line"), ("train", "dashed")):
            label = f"{part}, {decayed}"
            accuracy.append(curve(metrics, keys, f"{part}_accuracy", label, colour, style=style))
            loss.append(curve(metrics, keys, f"{part}_loss", label, colour, style=style))
        gradient.append(curve(metrics, keys, "backprop_norm", decayed, colour))
        change.append(curve(metrics, keys, "top_change", f"V, {decayed}", colour, style="dashed"))
        change.append(curve(metrics, keys, "hidden_change", f"W, {decayed}", colour))
    diagonal = []
    for colour, decay in enumerate(decays):
        for (column, matrix), style in zip(OFF_DIAGONAL.items(), ("line", "dashed"), strict=True):
            label = f"{matrix}, weight decay {named(float(decay))}"
            percent = diagnosis.assign(percent=100 * diagnosis[column]).dropna(subset="percent")
            diagonal.append(curve(percent, _keys(runs, decay), "percent", label, colour, style=style))
    return (
        Panel("Accuracy", "epoch", "accuracy", tuple(accuracy), limits=(0.0, 1.02)),
        Panel("Loss", "epoch", "loss", tuple(loss), log_y=True),
        Panel("Gradient that reaches the hidden layer", "epoch", "‖G_F‖", tuple(gradient)),
        Panel(
            "Change of the weights in a step", "epoch", "1 − cosine of successive weights", tuple(change), log_y=True
        ),
        Panel(
            "How far Gram matrices are from diagonal", "epoch", "mean |off-diagonal|/|diagonal| (%)", tuple(diagonal)
        ),
    )


def _generalise(what: str, runs: pd.DataFrame, expected_words: str, *, expected: bool) -> Check:
    """Whether test accuracy 0.99 was reached, by all runs or by none."""
    flags = [(epoch < float("inf")) is expected for epoch in epochs(runs).tolist()]
    return unanimous(what, expected_words, flags, "runs do so")


def _diagonal(diagnosis: pd.DataFrame, seeds: dict[str, int], most: float) -> Check:
    """The largest value over the epochs and weight decays, of both matrices, for each seed."""
    worst = 100 * diagnosis.groupby(diagnosis["key"].map(seeds))[list(OFF_DIAGONAL)].max().max(axis=1)
    expected = f"off-diagonal entries up to {100 * most:g} % of diagonal ones at all epochs"
    return check("F̃ᵀF̃ and P₁FFᵀ stay nearly diagonal", expected, worst.tolist(), high=100 * most, of="seeds (%)")


def _gradient(runs: pd.DataFrame, metrics: pd.DataFrame, decayed: pd.DataFrame) -> tuple[Check, Check]:
    """That ‖G_F‖ has a peak with weight decay, and that it is larger than without it between memorising and the end."""
    shapes, sizes = [], {}
    for key, memorised in zip(runs["key"], epochs(runs, "memorised_epoch"), strict=True):
        norms = metrics.loc[metrics["key"] == key, ["epoch", "backprop_norm"]].to_numpy(dtype=float)
        late = norms[norms[:, 0] >= memorised, 1]
        sizes[key] = float(late.mean()) if len(late) else float("nan")
        if key in set(decayed["key"]):
            peak = norms[:, 1].argmax()
            shapes.append(bool(norms[0, 1] < norms[peak, 1] / 2 and norms[-1, 1] < norms[peak, 1] / 2))
    ratios: list[float] = []
    for decay in sorted(decayed["weight_decay"].unique()):
        sizes_by_run = runs["key"].map(sizes)
        ratios += paired(sizes_by_run, runs, "weight_decay", decay, 0.0, ["seed"]).tolist()
    rises = unanimous(
        "‖G_F‖ rises and falls again with weight decay", "twice as high at its peak as at both ends", shapes, "runs"
    )
    what = "mean ‖G_F‖ once memorised, with weight decay over without"
    return rises, check(what, "a ratio above 1", ratios, low=1.0, of="seeds")


def _order(metrics: pd.DataFrame, decayed: pd.DataFrame) -> Check:
    """Whether V makes half of all its changes before W does."""
    leads = []
    for key in decayed["key"]:
        changes = metrics[metrics["key"] == key].dropna(subset=["top_change", "hidden_change"])
        if not len(changes):
            continue
        half = [_half(changes["epoch"], changes[column]) for column in ("hidden_change", "top_change")]
        leads.append(half[0] - half[1])
    what = "epoch of half of all change of W, minus that of V"
    return check(what, "above 0: the output layer moves first", leads, low=0.0, of="runs")


def _half(epoch: pd.Series, change: pd.Series) -> float:
    """The epoch by which half of the summed change has happened."""
    total = change.cumsum()
    return float(epoch[total >= total.iloc[-1] / 2].iloc[0])


def _summary(decayed: pd.DataFrame, free: pd.DataFrame) -> str:
    reached = (epochs(decayed) < float("inf")).sum(), (epochs(free) < float("inf")).sum()
    when = number(median(epochs(decayed).tolist()).value) if len(decayed) else "∞"
    return (
        f"{reached[0]} of {len(decayed)} runs with weight decay and {reached[1]} of {len(free)} without generalise; "
        f"with it, test accuracy 0.99 is reached at epoch {when} (median)."
    )
