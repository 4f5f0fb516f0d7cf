"""Runs that differ in one key, compared seed by seed at each level of another one."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from li2.reproduce.figure import Check, Finding, Line, Panel
from li2.reproduce.measures.common import check, curve, epochs, medians, named, number, paired, unanimous
from li2.reproduce.results import Results
from li2.statistics import median

FIGURES = {
    "test_accuracy_99": "epoch of test accuracy 0.99",
    "test_loss": "test loss at the end",
}
"""What may be compared, and how it is called."""


def comparison(results: Results, parameters: Mapping[str, Any]) -> Finding:
    """Runs of the part ``runs`` at two values of a key.

    Parameters:
        key, one, other: what is compared; ``one`` over ``other`` is the ratio that is checked. Without ``one`` nothing
            is compared: it is checked that all runs of ``other`` memorise first and then generalise.
        across: key whose values are levels, such as group; only runs of one level and seed are compared.
        figure: one of :data:`FIGURES`.
        slower: levels at which ``one`` is claimed to have the larger figure; at all others the smaller one.
        grok: whether it is checked, too, that all runs of ``one`` memorise first and then generalise.
        pooled: whether one check is made over all levels, and not one at each; ``at_most`` is its bound, else 1.
        trend: whether it is checked that the ratio is smallest at the lowest level.
        best_of: key of which each choice has, at each level and for each seed, the value with the smallest median
            figure over the other seeds; others are left out. A seed does not choose for itself: that would favour the
            choice whose figures scatter more.
    """
    figure, across = parameters.get("figure", "test_accuracy_99"), parameters["across"]
    sweep = results.sweep("runs")
    runs = sweep.runs
    if "best_of" in parameters:
        runs = _best(runs, figure, [across, parameters["key"]], parameters["best_of"])
    values = _values(runs, figure)
    levels = _levels(runs, across)
    panels = (
        _levels_panel(runs, values, levels, parameters, figure),
        *_curve_panels(sweep.metrics, runs, levels, parameters),
    )
    if "one" not in parameters:
        checks = _grokking(runs, parameters, "other", levels)
        return Finding(panels, checks, _summary_of_one(runs, values, levels, across))
    ratios = paired(values, runs, parameters["key"], parameters["one"], parameters["other"], [across, "seed"])
    checks = _pooled(ratios, parameters, figure) if parameters.get("pooled") else _each(ratios, levels, parameters)
    if parameters.get("trend"):
        checks = (*checks, _trend(ratios, levels, across))
    if parameters.get("grok"):
        checks = (*_grokking(runs, parameters, "one", levels), *checks)
    summary = _summary(runs, values, levels, parameters, figure)
    return Finding(panels, checks, summary + _chosen(runs, parameters))


def _values(runs: pd.DataFrame, figure: str) -> pd.Series:
    """Infinite where a run diverged."""
    return epochs(runs) if figure == "test_accuracy_99" else runs[figure].astype(float).fillna(math.inf)


def _best(runs: pd.DataFrame, figure: str, within: Sequence[str], key: str) -> pd.DataFrame:
    """Each seed's runs at the value of a key with the smallest median over other seeds, within others' combinations."""
    values, parts = _values(runs, figure), []
    for seed in sorted(runs["seed"].unique()):
        others = (runs["seed"] != seed).to_numpy()
        by = [runs.loc[others, name] for name in (*within, key)]
        found = values[others].groupby(by).median().reset_index(name="it").sort_values("it", kind="stable")
        chosen = found.drop_duplicates(list(within))[[*within, key]]
        parts.append(runs[~others].merge(chosen, on=[*within, key]))
    return pd.concat(parts, ignore_index=True)


def _levels(runs: pd.DataFrame, across: str) -> list[Any]:
    """Groups by their order, numbers by size."""
    by = "order" if across == "group" else across
    return runs.sort_values([by, across])[across].drop_duplicates().tolist()


def _position(runs: pd.DataFrame, across: str, level: Any) -> float:
    """Where a level is drawn: groups at their order."""
    return float(runs.loc[runs[across] == level, "order"].iloc[0]) if across == "group" else float(level)


def _at(ratios: pd.Series, level: Any) -> list[float]:
    here = ratios.index.get_level_values(0) == level if len(ratios) else []
    return ratios[here].tolist() if len(ratios) else []


def _choices(parameters: Mapping[str, Any]) -> list[Any]:
    return [parameters[name] for name in ("other", "one") if name in parameters]


def _levels_panel(
    runs: pd.DataFrame, values: pd.Series, levels: Sequence[Any], parameters: Mapping[str, Any], figure: str
) -> Panel:
    key, across = parameters["key"], parameters["across"]
    lines = []
    for colour, choice in enumerate(_choices(parameters)):
        at = {
            _position(runs, across, level): values[(runs[across] == level) & (runs[key] == choice)].tolist()
            for level in levels
        }
        lines.append(medians(at, f"{key} = {named(choice)}", colour))
    x = "group order M" if across == "group" else across.replace("_", " ")
    return Panel(f"{FIGURES[figure].capitalize()} (median of seeds)", x, FIGURES[figure], tuple(lines), log_y=True)


def _curve_panels(
    metrics: pd.DataFrame, runs: pd.DataFrame, levels: Sequence[Any], parameters: Mapping[str, Any]
) -> tuple[Panel, ...]:
    key, across = parameters["key"], parameters["across"]
    column = "test_loss" if parameters.get("figure") == "test_loss" else "test_accuracy"
    panels = []
    for level in levels:
        lines: list[Line] = []
        for colour, choice in enumerate(_choices(parameters)):
            keys = runs.loc[(runs[across] == level) & (runs[key] == choice), "key"].tolist()
            if not keys:
                continue
            lines.append(curve(metrics, keys, column, f"test, {key} = {named(choice)}", colour))
            if column == "test_accuracy":
                label = f"train, {key} = {named(choice)}"
                lines.append(curve(metrics, keys, "train_accuracy", label, colour, style="dashed"))
        title = named(level) if across == "group" else f"{across.replace('_', ' ')} = {named(level)}"
        accuracy = column == "test_accuracy"
        panels.append(
            Panel(
                title,
                "epoch",
                "accuracy" if accuracy else "test loss",
                tuple(lines),
                log_x=accuracy,
                log_y=not accuracy,
                limits=(0.0, 1.02) if accuracy else None,
            )
        )
    return tuple(panels)


def _subject(parameters: Mapping[str, Any], figure: str) -> str:
    key = parameters["key"]
    return f"{FIGURES[figure]}, {key}={named(parameters['one'])} over {key}={named(parameters['other'])}"


def _each(ratios: pd.Series, levels: Sequence[Any], parameters: Mapping[str, Any]) -> tuple[Check, ...]:
    figure, across = parameters.get("figure", "test_accuracy_99"), parameters["across"]
    checks = []
    for level in levels:
        more = level in parameters.get("slower", ())
        words, bounds = f"a ratio {'above' if more else 'below'} 1", {"low": 1.0} if more else {"high": 1.0}
        at = named(level) if across == "group" else f"{across}={named(level)}"
        checks.append(check(f"{_subject(parameters, figure)}: {at}", words, _at(ratios, level), of="seeds", **bounds))
    return tuple(checks)


def _pooled(ratios: pd.Series, parameters: Mapping[str, Any], figure: str) -> tuple[Check, ...]:
    """One value of each seed: the geometric mean over the levels, whose runs are not independent."""
    what = f"{_subject(parameters, figure)}, mean over levels of {parameters['across']}"
    means = []
    if len(ratios):
        with np.errstate(divide="ignore"):
            logarithms = ratios.astype(float).map(np.log)
        means = logarithms.groupby(level="seed").mean().map(np.exp).tolist()
    most = parameters.get("at_most", 1.0)
    return (check(what, f"a ratio below {number(most)}", means, high=most, of="seeds"),)


def _trend(ratios: pd.Series, levels: Sequence[Any], across: str) -> Check:
    """The ratio at the lowest level over that at the highest, of the same seed; levels without any pairs aside."""
    known = [level for level in levels if len(_at(ratios, level))]
    what, expected = f"gain at the lowest {across} against the highest", "the ratio of the ratios below 1"
    if len(known) < 2:
        return check(what, expected, [], of="levels at which both generalise")
    low, high = (ratios.xs(level, level=0) for level in (known[0], known[-1]))
    both = low.index.intersection(high.index)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = (low[both] / high[both]).tolist()
    return check(f"{what} ({named(known[0])} against {named(known[-1])})", expected, values, high=1.0, of="seeds")


def _grokking(
    runs: pd.DataFrame, parameters: Mapping[str, Any], which: str, levels: Sequence[Any]
) -> tuple[Check, ...]:
    """That runs generalise, and after they have memorised."""
    key, across, checks = parameters["key"], parameters["across"], []
    for level in levels:
        here = runs[(runs[across] == level) & (runs[key] == parameters[which])]
        late = (epochs(here) < math.inf) & (epochs(here) > epochs(here, "memorised_epoch"))
        what = f"{key}={named(parameters[which])} memorises first, then generalises: {named(level)}"
        checks.append(unanimous(what, "all runs", late.tolist(), "runs"))
    return tuple(checks)


def _chosen(runs: pd.DataFrame, parameters: Mapping[str, Any]) -> str:
    """Which values were the best ones of each choice, if there was something to choose."""
    if "best_of" not in parameters:
        return ""
    chosen = {
        named(choice): sorted(runs.loc[runs[parameters["key"]] == choice, parameters["best_of"]].unique())
        for choice in _choices(parameters)
    }
    words = "; ".join(f"{choice} {', '.join(map(number, values))}" for choice, values in chosen.items())
    return f" Best {parameters['best_of']} found: {words}."


def _summary_of_one(runs: pd.DataFrame, values: pd.Series, levels: Sequence[Any], across: str) -> str:
    parts = [f"{named(level)} at {number(median(values[runs[across] == level].tolist()).value)}" for level in levels]
    return f"Median epoch of test accuracy 0.99: {', '.join(parts)} (∞: not within the epochs trained)."


def _summary(
    runs: pd.DataFrame, values: pd.Series, levels: Sequence[Any], parameters: Mapping[str, Any], figure: str
) -> str:
    key, across = parameters["key"], parameters["across"]
    parts = []
    for level in levels:
        found = [
            values[(runs[across] == level) & (runs[key] == parameters[which])].tolist() for which in ("one", "other")
        ]
        if all(found):
            one, other = (number(median(each).value) for each in found)
            parts.append(f"{named(level)}: {one} against {other}")
    name = f"{FIGURES[figure]}, {key} = {named(parameters['one'])} against {named(parameters['other'])}"
    return f"Median {name}, by {across.replace('_', ' ')}: {'; '.join(parts)}."
