"""What a sweep or a search for a boundary has come to, as plain values."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

from li2.sweeps.boundary import Boundary
from li2.sweeps.crossings import Crossing, CrossingStatus
from li2.sweeps.fits import Estimate, Law, boundary_law, critical_ratio, dimension_law
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
            *(sentence for dimension, law in laws.items() for sentence in _sentences(dimension, law)),
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
