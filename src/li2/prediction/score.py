"""Predictions judged by networks that were trained: critical ratios, probabilities, epochs, and the cost of both."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from li2.errors import Li2Error
from li2.prediction.course import follow
from li2.prediction.critical import Critical, Report, predict_critical
from li2.prediction.forecast import HORIZON, SPREAD, chance
from li2.specs import KEYS, CriticalSpec, PredictionSpec, RunSpec
from li2.statistics import Interval, median
from li2.sweeps import Store
from li2.sweeps.fits import Estimate, critical_ratio
from li2.sweeps.session import boundary_of

BINS = 5
"""Of predicted probabilities, of equal width, in the calibration."""


@dataclass(frozen=True, eq=False)
class Score:
    """Predictions beside what was trained.

    Attributes:
        runs: a row for each trained run: its keys group, seed, n and what else varies; ``generalised`` (whether it
            did), ``epoch`` (of generalisation, NaN if it did not), ``probability`` and ``predicted_epoch``.
        groups: (trained, predicted) critical ratios of each group; empty where the store is no boundary.
        seconds: of process time that the predictions took.
        trained_seconds: that the runs took, by the store.
    """

    runs: pd.DataFrame
    groups: Sequence[tuple[Estimate, Critical]]
    seconds: float
    trained_seconds: float

    @property
    def brier(self) -> float:
        """Mean square of probability minus outcome; 0.25 for a coin."""
        return float(np.mean((self.runs["probability"] - self.runs["generalised"]) ** 2))

    @cached_property
    def calibration(self) -> pd.DataFrame:
        """For bins of the predicted probability: low, high, its mean, the share that generalised, and how many runs."""
        bins = np.clip((self.runs["probability"].to_numpy() * BINS).astype(int), 0, BINS - 1)
        rows = []
        for number in range(BINS):
            chosen = self.runs[bins == number]
            if len(chosen):
                ends = number / BINS, (number + 1) / BINS
                rows.append((*ends, chosen["probability"].mean(), chosen["generalised"].mean(), len(chosen)))
        return pd.DataFrame(rows, columns=["low", "high", "predicted", "observed", "runs"])

    @property
    def ratio_errors(self) -> list[float]:
        """Predicted over trained critical ratio, minus 1, of each group that has both."""
        return [found.ratio.value / estimate.value - 1 for estimate, found in self.groups if found.ratio is not None]

    @property
    def epoch_errors(self) -> list[float]:
        """Predicted over measured epoch of generalisation, minus 1, of the runs that have both."""
        both = self.runs[self.runs["epoch"].notna() & self.runs["predicted_epoch"].notna()]
        return (both["predicted_epoch"] / both["epoch"] - 1).tolist()

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        errors, late = self.ratio_errors, self.epoch_errors
        return {
            "runs": len(self.runs),
            "generalised": int(self.runs["generalised"].sum()),
            "brier": None if self.runs.empty else self.brier,
            "calibration": self.calibration.to_dict("records"),
            "groups": [
                {
                    "group": estimate.group,
                    "order": estimate.order,
                    "largest_irrep_dim": estimate.largest_irrep_dim,
                    "trained": estimate.as_json(),
                    "predicted": found.as_json(),
                    "error": None if found.ratio is None else found.ratio.value / estimate.value - 1,
                }
                for estimate, found in self.groups
            ],
            "ratio_error": _spread(errors),
            "epoch_error": _spread(late),
            "seconds": round(self.seconds, 1),
            "trained_seconds": round(self.trained_seconds, 1),
        }


def score(store: Store, nodes: int, stride: int | None, subsets: int, report: Report | None = None) -> Score:
    """Predictions of the runs of a store, judged by what they came to.

    The runs of a boundary are judged by the predicted critical ratio of their group: a run on n tuples generalises
    with the probability that the time to generalise, times (n/n*)^−exponent, is within its epochs. Those of a plan
    are foreseen one by one, with their own seeds, as many of each setting as there are ``subsets``.

    Args:
        store: of a sweep or a boundary.
        nodes, stride: how finely; see :class:`li2.specs.PredictionSpec`.
        subsets: training sets for each group or setting.
        report: called before each look with a group's name and a size.

    Raises:
        Li2Error: if no run has ended, or if runs are of a kind that is not predicted.
    """
    table = store.table()
    done = table[table["status"] == "done"]
    if done.empty:
        raise Li2Error(f"{store.directory} has no run that has ended; train some first: li2 sweep resume.")
    begun = time.process_time()
    boundary = boundary_of(store)
    groups: list[tuple[Estimate, Critical]] = []
    if boundary is None:
        runs = _by_setting(done, nodes, stride, subsets, report)
    else:
        own = {name: value for name, value in boundary.spec.explicit().items() if name not in ("seeds", "tolerance")}
        spec = CriticalSpec(**own, subsets=subsets, nodes=nodes, stride=stride)
        crossings = boundary.results(store.fates())
        for name in boundary.spec.groups:
            estimate = critical_ratio([crossing for crossing in crossings if crossing.group == name])
            if estimate is not None:
                groups.append((estimate, predict_critical(spec, name, report=report)))
        runs = _by_ratio(done, groups)
    trained = done[done.index.isin(runs.index)] if boundary is None else done
    return Score(runs, groups, time.process_time() - begun, float(trained["seconds"].sum()))


def _by_ratio(done: pd.DataFrame, groups: Sequence[tuple[Estimate, Critical]]) -> pd.DataFrame:
    """Probabilities of runs by how far their amounts of data are from the predicted critical ones."""
    found = {estimate.group: critical for estimate, critical in groups if critical.ratio is not None}
    chosen = done[done["group"].isin(found)]
    probabilities = []
    for name, ratio in zip(chosen["group"], chosen["ratio"], strict=True):
        critical = found[name]
        assert critical.ratio is not None
        early = critical.exponent * math.log(ratio / critical.ratio.value)
        probabilities.append(float(ndtr(early / SPREAD)))
    return _judged(chosen, ["group", "seed", "n", "ratio"], probabilities, [math.nan] * len(chosen))


def _by_setting(
    done: pd.DataFrame, nodes: int, stride: int | None, subsets: int, report: Report | None
) -> pd.DataFrame:
    """Each setting's runs foreseen with their own seeds."""
    names = [name for name in KEYS if name in done.columns and name != "seed"]
    varying = [name for name in names if done[name].nunique(dropna=False) > 1]
    parts = []
    for _, setting in done.groupby(varying or ["group"], dropna=False, sort=False):
        chosen = setting.sort_values("seed").head(subsets)
        if report:
            report(str(chosen["group"].iloc[0]), int(chosen["n"].iloc[0]))
        courses = follow([_run(row, names) for _, row in chosen.iterrows()], nodes, stride, HORIZON)
        epochs = [math.nan if course.generalised is None else course.generalised for course in courses]
        parts.append(_judged(chosen, ["group", *varying, "seed", "n"], [chance(course) for course in courses], epochs))
    return pd.concat(parts)


def _run(row: "pd.Series[Any]", names: Sequence[str]) -> RunSpec:
    """The run of a row of a store; one that is not predicted is refused as :class:`PredictionSpec` does."""
    values = {name: row[name] for name in (*names, "seed") if not pd.isna(row[name])}
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    if plain.get("train_size") is not None:
        plain.pop("train_fraction", None)
    return PredictionSpec(**plain, subsets=1).runs()[0]


def _judged(
    chosen: pd.DataFrame, names: Sequence[str], probabilities: Sequence[float], epochs: Sequence[float]
) -> pd.DataFrame:
    table = chosen[list(dict.fromkeys(names))].copy()
    table["generalised"] = (chosen["end_state"] == "generalised").to_numpy()
    table["epoch"] = chosen["generalised_epoch"].astype(float).to_numpy()
    table["probability"], table["predicted_epoch"] = probabilities, epochs
    return table


def _spread(errors: Sequence[float]) -> dict[str, Any] | None:
    """The median error, and the median and largest of its size."""
    if not errors:
        return None
    sizes: Interval = median([abs(error) for error in errors])
    return {
        "count": len(errors),
        "median": float(np.median(errors)),
        "median_size": sizes.as_json(),
        "largest_size": max(abs(error) for error in errors),
    }
