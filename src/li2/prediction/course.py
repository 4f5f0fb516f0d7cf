"""The predicted course of a run: what a population does until it generalises or the time is over."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from li2.diagnostics import end_state
from li2.prediction.population import Population
from li2.runs.setup import Setup
from li2.specs import EndState, RunSpec

LONGEST_STRIDE = 8
"""Epochs: with twice as many, steps across the valley of the training loss slow down the way along it."""

MOVE = 0.05
"""Largest share of an initial weight's standard deviation that a weight moves in a step."""

TESTED = 0.03
"""The test accuracy is looked at again after this share of the epochs done."""

Progress = Callable[[int, int], None]
"""Called with epochs done and the last one."""


@dataclass(frozen=True, eq=False)
class Course:
    """What is foreseen of one run.

    Attributes:
        spec: the run.
        figures: a row for each epoch looked at: train_loss, train_accuracy, backprop_norm, hidden_norm, top_norm, and
            test_loss and test_accuracy as of the last look.
        memorised, generalised: epochs at which train accuracy 1 − 1/(2n) and the run's test accuracy were reached,
            interpolated; None if they were not.
        peak: epoch of the largest ‖G_F‖.
        state: where it stands at the run's last epoch.
        irreps: labels of the non-trivial irreps (of conjugate ones the first) that a pure node carries at the end; None
            where irreps do not apply.
        irreps_total: how many there are.
        features: share of pure nodes; NaN where irreps do not apply.
        purity: median share of a node's non-constant mass in its best irrep; NaN where irreps do not apply.
    """

    spec: RunSpec
    figures: pd.DataFrame
    memorised: float | None
    generalised: float | None
    peak: int
    state: EndState
    irreps: tuple[str, ...] | None
    irreps_total: int | None
    features: float
    purity: float


def stride_of(spec: RunSpec, operands: int, order: int) -> int:
    """Epochs that a step may take: Adam moves each weight by up to lr an epoch, Muon by about lr/√max(d, K)."""
    inputs = operands * order
    deviation = spec.hidden_scale / math.sqrt(3 * (order if spec.init == "published-separate" else inputs))
    if spec.optimizer == "sgd":
        return LONGEST_STRIDE
    move = spec.lr / math.sqrt(max(inputs, spec.width)) if spec.optimizer == "muon" else spec.lr
    return max(1, int(min(LONGEST_STRIDE, MOVE * deviation / move)))


def follow(
    specs: Sequence[RunSpec],
    nodes: int,
    stride: int | None = None,
    horizon: float = 1.0,
    progress: Progress | None = None,
) -> list[Course]:
    """The courses of runs that differ in their seeds only, until all have generalised or the time is over.

    Args:
        specs: the runs.
        nodes: S.
        stride: epochs in a step; default :func:`stride_of`.
        horizon: how long, in units of the runs' epochs.
        progress: called after each look at the test tuples.

    Raises:
        Li2Error: if a specification cannot be met.
    """
    setups = [Setup.of(spec) for spec in specs]
    first = setups[0]
    stride = stride or stride_of(first.spec, first.task.operands, first.task.order)
    population = Population(setups, min(nodes, first.spec.width), stride)
    last = max(1, math.ceil(horizon * first.spec.epochs))
    rows: list[tuple[int, Tensor]] = []
    looked, at_end = 0, None
    accuracy = loss = torch.full((len(specs),), math.nan)
    with torch.inference_mode():
        while population.epoch < last:
            if population.epoch >= first.spec.epochs and at_end is None:
                at_end = len(rows)
            figures = population.advance()
            if population.epoch >= min(last, looked + max(stride, int(TESTED * population.epoch))) or not rows:
                looked = population.epoch
                loss, accuracy = population.test()
                if progress:
                    progress(looked, last)
            row = torch.stack([*figures, loss.to(figures.train_loss), accuracy.to(figures.train_loss)])
            rows.append((population.epoch, row.double().cpu()))
            if _is_over(row, first.spec.accuracy_threshold):
                break
    return [_course(setup, number, population, rows, at_end) for number, setup in enumerate(setups)]


def _is_over(row: Float[Tensor, "7 R"], threshold: float) -> bool:
    """Whether all have generalised, or are no longer finite."""
    return bool(((row[6] >= threshold) | ~row[:5].isfinite().all(dim=0)).all())


def _course(
    setup: Setup, number: int, population: Population, rows: list[tuple[int, Tensor]], at_end: int | None
) -> Course:
    names = ["train_loss", "train_accuracy", "backprop_norm", "hidden_norm", "top_norm", "test_loss", "test_accuracy"]
    values = torch.stack([row[:, number] for _, row in rows])
    figures = pd.DataFrame(values.numpy(), columns=names)
    figures.insert(0, "epoch", [epoch for epoch, _ in rows])
    problem, spec = setup.problem, setup.spec
    until = figures if at_end is None else figures.iloc[: max(1, at_end)]
    state = end_state(until, spec.accuracy_threshold, problem.classes, problem.zero_output_loss)
    generalised = _reached(figures.drop_duplicates("test_loss"), "test_accuracy", spec.accuracy_threshold)
    in_time = generalised is not None and generalised <= spec.epochs
    irreps, features, purity = None, math.nan, math.nan
    if setup.basis is not None:
        found = setup.basis.node_features(population.W[number])
        pure = found.purity >= spec.purity_threshold
        irreps = tuple(setup.basis.labels[irrep] for irrep in sorted(set(found.irrep[pure].tolist())))
        features, purity = pure.double().mean().item(), found.purity.nanmedian().item()
    return Course(
        spec=spec,
        figures=figures,
        memorised=_reached(figures, "train_accuracy", 1 - 1 / (2 * len(problem.train))),
        generalised=generalised,
        peak=int(figures["epoch"].to_numpy()[figures["backprop_norm"].fillna(-1).to_numpy().argmax()]),
        state=EndState.GENERALISED if in_time else state,
        irreps=irreps,
        irreps_total=setup.irreps_total,
        features=features,
        purity=purity,
    )


def _reached(figures: pd.DataFrame, name: str, level: float) -> float | None:
    """The epoch at which a figure first reached a level, interpolated between looks."""
    epochs, values = figures["epoch"].to_numpy(), figures[name].to_numpy()
    above = (values >= level).nonzero()[0]
    if not len(above):
        return None
    first = above[0]
    if first == 0 or not values[first - 1] < level:
        return float(epochs[first])
    share = (level - values[first - 1]) / (values[first] - values[first - 1])
    return float(epochs[first - 1] + share * (epochs[first] - epochs[first - 1]))
