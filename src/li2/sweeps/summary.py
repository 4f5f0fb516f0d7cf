"""What a sweep or a search for a boundary has come to, as plain values."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from li2.sweeps.boundary import Boundary
from li2.sweeps.crossings import Crossing, CrossingStatus
from li2.sweeps.fits import DimensionLaw, Estimate, Law, boundary_law, critical_ratio, dimension_law
from li2.sweeps.lock import PATIENCE
from li2.sweeps.session import boundary_of
from li2.sweeps.store import Store


def summary(store: Store) -> dict[str, Any]:
    """Runs by status, end states, reasons of failures, and for a boundary its critical ratios and law.

    What ``li2 sweep status --json`` prints.
    """
    table = store.table()
    done = table[table["status"] == "done"]
    values: dict[str, Any] = {
        "directory": str(store.directory),
        "kind": store.plan["kind"],
        "runs": {status.value: count for status, count in store.counts().items()},
        "end_states": dict(Counter(done["end_state"]).most_common()),
        "failures": dict(Counter(table.loc[table["status"] == "failed", "reason"]).most_common()),
        "seconds": round(float(done["seconds"].sum()), 1),
    }
    sign = store.last_sign()
    values["driver_at_work"] = sign is not None and time.time() - sign < PATIENCE
    boundary = boundary_of(store)
    if boundary is not None:
        values["boundary"] = boundary_summary(boundary, boundary.results(store.fates()))
    return values


def boundary_summary(boundary: Boundary, crossings: Sequence[Crossing]) -> dict[str, Any]:
    """Critical ratio of each group, the law by d_max, and how many runs it took beside a full grid."""
    groups, estimates = [], []
    for name in boundary.spec.groups:
        found = [crossing for crossing in crossings if crossing.group == name]
        estimate = critical_ratio(found)
        if estimate is not None:
            estimates.append(estimate)
        groups.append(_group(found, estimate))
    laws = {}
    for dimension in sorted({estimate.largest_irrep_dim or 1 for estimate in estimates}):
        law = boundary_law([estimate for estimate in estimates if (estimate.largest_irrep_dim or 1) == dimension])
        if law is not None:
            laws[str(dimension)] = law
    by_dimension = dimension_law(estimates)
    runs, grid = sum(crossing.runs for crossing in crossings), boundary.grid_runs(crossings)
    return {
        "groups": groups,
        "laws": {dimension: law.as_json() for dimension, law in laws.items()},
        "dimension_law": by_dimension and by_dimension.as_json(),
        "runs": runs,
        "grid_runs": grid,
        "sentences": [
            *_unusual(crossings),
            *(sentence for dimension, law in laws.items() for sentence in _sentences(dimension, law)),
            *_by_dimension(by_dimension),
            f"{runs} runs; a full grid of the same sharpness from half to twice each critical ratio has {grid}.",
        ],
    }


def _group(crossings: Sequence[Crossing], estimate: Estimate | None) -> dict[str, Any]:
    first = crossings[0]
    return {
        "group": first.group,
        "order": first.order,
        "largest_irrep_dim": first.largest_irrep_dim,
        "seeds": len(crossings),
        "bracketed": sum(crossing.status is CrossingStatus.BRACKETED for crossing in crossings),
        "runs": sum(crossing.runs for crossing in crossings),
        "critical_ratio": estimate and estimate.as_json(),
        "constant": estimate and estimate.value * first.order / math.log(first.order),
        "crossings": [crossing.as_json() for crossing in crossings],
    }


def _sentences(dimension: str, law: Law) -> list[str]:
    groups = "Abelian groups" if dimension == "1" else f"groups with d_max = {dimension}"
    published = law.published * (1 if dimension == "1" else int(dimension) / 2)
    sentences = [f"{groups} ({law.groups}): p = c·ln M/M with c = {law.theory.c}; published: {published:.4g}."]
    if law.joint is not None and law.p_value is not None:
        sentences.append(
            f"with free exponents, p = c·(ln M)^α/M^β: α = {law.joint.alpha}, β = {law.joint.beta}, c = {law.joint.c}; "
            f"the theory's α = β = 1 has p-value {law.p_value:.2g}."
        )
    if law.power is not None:
        sentences.append(f"with α = 1: β = {law.power.beta}, c = {law.power.c}.")
    return sentences


_UNUSUAL = {
    CrossingStatus.BELOW: "generalise on a single training pair",
    CrossingStatus.ABOVE: "do not generalise on any number of pairs",
    CrossingStatus.FAILED: "could not be searched, as a run failed",
    CrossingStatus.OPEN: "are still being searched",
}


def _unusual(crossings: Sequence[Crossing]) -> list[str]:
    """What became of searches that found no two ends."""
    sentences = []
    for status, what in _UNUSUAL.items():
        found = Counter(crossing.group for crossing in crossings if crossing.status is status)
        if found:
            sentences.append(f"seeds that {what}: {', '.join(f'{count} of {name}' for name, count in found.items())}.")
    return sentences


def _by_dimension(law: DimensionLaw | None) -> list[str]:
    if law is None or law.exponent is None:
        return []
    constants = ", ".join(f"{constant} for d_max = {dimension}" for dimension, constant in law.constants.items())
    return [f"p = c·ln M/M with c = {constants}: c goes as d_max to the power {law.exponent}."]
