"""Laws of the critical ratio, published and fitted to a sweep's own runs, as its figures draw them."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from li2.report.style import RED
from li2.report.sweep_cells import MOST_LINKED
from li2.report.sweep_table import dimension
from li2.sweeps import fits
from li2.sweeps.crossings import Crossing, CrossingStatus
from li2.theory.scaling import CRITICAL_CONSTANT, critical_ratio


@dataclass(frozen=True)
class Law:
    """A law of the critical ratio, as figures draw it.

    Attributes:
        name: for the legend.
        ratio: M, d_max ↦ p; NaN where it says nothing.
        band: M, d_max ↦ the ends of the 95 % interval of p; None if it has none.
        colour, dash: of its line.
    """

    name: str
    ratio: Callable[[int, int], float]
    band: Callable[[int, int], tuple[float, float]] | None
    colour: str
    dash: str


PUBLISHED = Law(
    name=f"published: p = {CRITICAL_CONSTANT}·ln M/M (times d_max/2 for non-Abelian groups)",
    ratio=critical_ratio,
    band=None,
    colour="#222222",
    dash="dash",
)


@dataclass(frozen=True)
class Critical:
    """Critical ratios of some runs of pairs.

    Attributes:
        crossings: of each group and seed, and the rows of the runs that it rests on.
        estimates: of each group, where its seeds allow one.
        laws: by d_max, where two groups of different order allow one.
    """

    crossings: list[tuple[Crossing, list[int]]]
    estimates: list[fits.Estimate]
    laws: dict[int, fits.Law]

    @classmethod
    def of(cls, runs: pd.DataFrame) -> "Critical":
        """From fresh runs that are done, of one setting of all keys but group, seed and size of the data."""
        found = crossings(runs) if set(runs["operands"]) == {2} else []
        by_group: dict[str, list[Crossing]] = {}
        for crossing, _ in found:
            by_group.setdefault(crossing.group, []).append(crossing)
        estimates = [estimate for group in by_group.values() if (estimate := fits.critical_ratio(group)) is not None]
        by_dimension: dict[int, list[fits.Estimate]] = {}
        for estimate in estimates:
            by_dimension.setdefault(dimension(estimate.largest_irrep_dim), []).append(estimate)
        fitted = {largest: fits.boundary_law(of_kind) for largest, of_kind in sorted(by_dimension.items())}
        return cls(found, estimates, {largest: law for largest, law in fitted.items() if law is not None})

    @property
    def drawn(self) -> list[Law]:
        """The published law, and the one fitted with c alone (α = β = 1); none if the runs are not of pairs."""
        if not self.crossings:
            return []
        return [self._fitted(), PUBLISHED] if self.laws else [PUBLISHED]

    @property
    def words(self) -> list[str]:
        """The fits in sentences, for each d_max."""
        return [
            f"{f'd_max = {largest}' if largest > 1 else 'Abelian groups'}: c = {law.theory.c} with p = c·ln M/M"
            + (
                ""
                if law.joint is None
                else f"; p = c·(ln M)^α/M^β with c = {law.joint.c}, α = {law.joint.alpha}, β = {law.joint.beta}"
            )
            + f" ({law.groups} groups, 95 % intervals)."
            for largest, law in self.laws.items()
        ]

    def _fitted(self) -> Law:
        by_dimension = {largest: law.theory for largest, law in self.laws.items()}

        def ratio(order: int, largest: int) -> float:
            return by_dimension[largest].ratio(order) if largest in by_dimension else math.nan

        def band(order: int, largest: int) -> tuple[float, float]:
            return by_dimension[largest].band(order) if largest in by_dimension else (math.nan, math.nan)

        return Law("fitted: p = c·ln M/M with its 95 % interval", ratio, band, RED, "solid")


def crossings(runs: pd.DataFrame) -> list[tuple[Crossing, list[int]]]:
    """Where each group and seed begin to generalise, from whatever sizes were run, and the rows of those runs.

    Args:
        runs: fresh runs that are done, of one setting of all other keys.
    """
    found: dict[tuple[str, int], list[tuple[int, bool, int]]] = {}
    columns = (runs["group"], runs["seed"], runs["n"], runs["end_state"] == "generalised", runs.index)
    for group, seed, n, general, row in zip(*(column.tolist() for column in columns), strict=True):
        found.setdefault((group, seed), []).append((n, general, row))
    facts = runs.drop_duplicates("group").set_index("group")[["order", "largest_irrep_dim", "operands"]]
    known = {str(group): values for group, *values in facts.itertuples()}
    return [
        (_crossing(group, seed, known[group], sorted(of_seed)), [row for _, _, row in of_seed[:MOST_LINKED]])
        for (group, seed), of_seed in found.items()
    ]


def _crossing(group: str, seed: int, facts: Sequence[Any], runs: Sequence[tuple[int, bool, int]]) -> Crossing:
    """Of one group (M, d_max, k) and seed, from (n, whether it generalised, row) of its runs by rising n."""
    high = next((n for n, general, _ in runs if general), None)
    failing = [n for n, general, _ in runs if not general]
    below = [n for n in failing if high is None or n < high]
    order, largest, operands = facts
    status = CrossingStatus.BRACKETED if below else CrossingStatus.BELOW
    return Crossing(
        group=group,
        seed=seed,
        order=int(order),
        largest_irrep_dim=None if pd.isna(largest) else int(largest),
        tuples=int(order) ** int(operands),
        low=max(below, default=None),
        high=high,
        runs=len(runs),
        status=CrossingStatus.ABOVE if high is None else status,
        contradictions=len(failing) - len(below),
    )
