"""Critical ratios by optimiser."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from li2.reproduce.figure import Check, Finding, Line, Panel
from li2.reproduce.measures.common import check, told
from li2.reproduce.results import Results
from li2.statistics import median
from li2.sweeps import Crossing, boundary_of
from li2.sweeps.fits import Estimate, critical_ratio
from li2.theory.scaling import CRITICAL_CONSTANT
from li2.theory.scaling import critical_ratio as published_ratio

Crossings = Mapping[str, list[Crossing]]


def optimisers(results: Results, parameters: Mapping[str, Any]) -> Finding:
    """The boundaries of the parts named.

    Parameters:
        parts: of the optimisers, the one that others are compared with first.
        tolerance: by what share constants may differ and still count as equal.
    """
    found: dict[str, list[Crossing]] = {}
    for part in parameters["parts"]:
        store = results.sweep(part).store
        boundary = boundary_of(store)
        found[part] = [] if boundary is None else boundary.results(store.fates())
    first = parameters["parts"][0]
    checks = tuple(_compared(found, name, first, parameters["tolerance"]) for name in parameters["parts"][1:])
    return Finding(_panels(found), checks, _summary(found))


def constant(crossing: Crossing) -> float:
    """c of p = c·ln M/M (times d_max/2 for non-Abelian groups) at the geometric middle of a bracket.

    0 and ∞ where even the least or not even the most data generalise; NaN for searches that have not ended.
    """
    if crossing.status in ("open", "failed"):
        return math.nan
    if crossing.low is None or crossing.high is None:
        return 0.0 if crossing.low is None else math.inf
    unit = published_ratio(crossing.order, crossing.largest_irrep_dim or 1) / CRITICAL_CONSTANT
    return math.sqrt(crossing.low * crossing.high) / crossing.tuples / unit


def _constants(crossings: list[Crossing]) -> dict[tuple[str, int], float]:
    found = {(crossing.group, crossing.seed): constant(crossing) for crossing in crossings}
    return {search: value for search, value in found.items() if not math.isnan(value)}


def _compared(found: Crossings, name: str, first: str, tolerance: float) -> Check:
    """Of the same group and seed."""
    own, base = _constants(found[name]), _constants(found[first])
    pairs = [(own[search], base[search]) for search in own.keys() & base.keys() if 0 < base[search] < math.inf]
    expected = f"a ratio from {1 - tolerance:g} to {1 + tolerance:g}"
    bounds = {"low": 1 - tolerance, "high": 1 + tolerance}
    return check(f"critical ratio, {name} over {first}", expected, [a / b for a, b in pairs], of="searches", **bounds)


def _estimates(crossings: list[Crossing]) -> list[Estimate]:
    by_group: dict[str, list[Crossing]] = {}
    for crossing in crossings:
        by_group.setdefault(crossing.group, []).append(crossing)
    found = (critical_ratio(of_group) for of_group in by_group.values())
    return sorted((estimate for estimate in found if estimate), key=lambda estimate: estimate.order)


def _panels(found: Crossings) -> tuple[Panel, Panel]:
    ratios, constants = [], []
    for colour, (name, crossings) in enumerate(found.items()):
        estimates = _estimates(crossings)
        orders = tuple(float(estimate.order) for estimate in estimates)
        low, high = ([e.low for e in estimates], [min(e.high, 1.0) for e in estimates])
        ratios.append(Line(name, orders, tuple(e.value for e in estimates), tuple(low), tuple(high), "points", colour))
        values = _constants(crossings)
        orders_of = {crossing.group: float(crossing.order) for crossing in crossings}
        finite = {search: value for search, value in values.items() if 0 < value < math.inf}
        x = tuple(orders_of[group] for group, _ in finite)
        constants.append(Line(name, x, tuple(finite.values()), style="points", colour=colour))
    every = [float(crossing.order) for crossings in found.values() for crossing in crossings]
    if every:
        fine = np.linspace(min(every), max(every), 50)
        law = tuple((CRITICAL_CONSTANT * np.log(fine) / fine).tolist())
        ratios.append(Line(f"{CRITICAL_CONSTANT}·ln M/M", tuple(fine.tolist()), law, style="dashed", colour=len(found)))
    order = "group order M"
    return (
        Panel(
            "Critical training ratio (95 % interval over seeds)", order, "p = n/M²", tuple(ratios), limits=(0.0, 1.02)
        ),
        Panel("In units of ln M/M, each search", order, "c = p·M/ln M", tuple(constants)),
    )


def _summary(found: Crossings) -> str:
    parts = []
    for name, crossings in found.items():
        values = list(_constants(crossings).values())
        parts.append(f"{name} {told(median(values))}" if values else f"{name} not known")
    return f"Constant c of the critical ratio p = c·ln M/M by optimiser: {'; '.join(parts)}."
