"""Muon's rebalancing of what nodes learn: Theorem 8."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator, default_rng

from li2.theorems.claim import Check, Claim, Curve, Evidence, Plot, Setting
from li2.theorems.claims.selection import SIGMAS, agrees, largest_deviation
from li2.theorems.instruments.collecting import (
    Choice,
    Collections,
    Sets,
    arrived,
    collect,
    follow,
    follow_muon,
    frechet,
    into_the_ball,
    muon_direction,
    runs_of,
)
from li2.theory.collection import (
    collection_bounds,
    collection_time,
    guided_time,
    halved_time,
    least_advantage,
    selection_probabilities,
)
from li2.theory.statements import STATEMENTS

MU = np.array([1.0, 0.9, 0.8, 0.7, 0.6, 0.5])
EXPONENTS = (1.2, 2.0, 4.0)
QUICK, FULL = (8_000, 40), (100_000, 400)
"""Independent nodes, and sequences of nodes with Muon."""

LARGE = 20.0
"""An exponent that counts as large."""


def _theorem_8(setting: Setting) -> Evidence:
    generator = default_rng([setting.seed, 8])
    nodes, sequences = FULL if setting.is_full else QUICK
    L = len(MU)
    outcomes = [_outcome(a, nodes, sequences, generator) for a in EXPONENTS]
    guided = [outcome.guided for outcome in outcomes]
    late = collect(_guided(LARGE, np.ones(L), generator), sequences, L, 1000)
    statement = [check for outcome in outcomes for check in outcome.printed_checks()]
    statement.append(Check.close(f"T_a/L with Muon at a = {LARGE:g}", 1, late.mean / L, relative=0.05))
    correction = [check for outcome in outcomes for check in outcome.corrected_checks()]
    correction += _guided_checks([*guided, late], generator, sequences) + _large_exponent_checks(
        generator, max(2_000, 20 * sequences)
    )
    listed = ", ".join(f"{run.mean:.3g} ± {1.96 * run.error:.1g}" for run in guided)
    formulas = ", ".join(f"{outcome.formula:.3g}" for outcome in outcomes)
    independent = ", ".join(f"{outcome.plain.mean:.3g}" for outcome in outcomes)
    return Evidence(
        statement,
        f"Independent nodes find all {L} features after {independent} at a = 1.2, 2, 4 on average, with Muon after "
        f"{listed}, where the printed equality says {formulas}. Muon's exact polar factor leads every node to a "
        "missing feature, whatever a, so that T_a = L; the printed formula is what halved weights of found features "
        "would give, and an upper bound.",
        correction,
        [_time_plot(outcomes)],
    )


@dataclass(frozen=True)
class _Outcome:
    """What was simulated at one exponent.

    Attributes:
        exponent: a.
        counts: (L,) nodes that ended at each feature, one by one.
        plain, halved, guided: collections by independent nodes, with halved weights, with Muon.
    """

    exponent: float
    counts: Float[ndarray, " L"]
    plain: Collections
    halved: Collections
    guided: Collections

    @property
    def probabilities(self) -> Float[ndarray, " L"]:
        """p_l, predicted."""
        return selection_probabilities(MU, self.exponent)

    @property
    def formula(self) -> float:
        """2^−a·T₀ + (1 − 2^−a)·L."""
        return halved_time(collection_time(self.probabilities), len(MU), self.exponent)

    def printed_checks(self) -> list[Check]:
        """Of Theorem 8 as it is printed."""
        at, bounds = f"a = {self.exponent:g}: ", collection_bounds(self.probabilities)
        deviation = largest_deviation(self.counts, self.probabilities)
        return [
            Check.at_most(f"{at}largest deviation of p_l, in standard deviations", SIGMAS, deviation),
            self._above(f"{at}T₀ and max(1/min p, Σ1/l)", max(bounds["rarest"], bounds["harmonic"])),
            agrees(f"{at}T_a with Muon and 2^−a·T₀ + (1 − 2^−a)·L", self.formula, self.guided.mean, self.guided.error),
        ]

    def corrected_checks(self) -> list[Check]:
        """Of what holds instead."""
        at, bounds = f"a = {self.exponent:g}: ", collection_bounds(self.probabilities)
        time = collection_time(self.probabilities)
        halved = f"{at}nodes if found features count by half, and the formula"
        return [
            agrees(f"{at}T₀ and the integral", time, self.plain.mean, self.plain.error),
            self._above(f"{at}T₀ and max(1/min p, L·Σ1/l)", max(bounds["rarest"], bounds["even"])),
            Check.at_most(f"{at}T_a with Muon, and the formula as a bound", self.formula, self.guided.mean),
            agrees(halved, self.formula, self.halved.mean, self.halved.error),
        ]

    def _above(self, what: str, bound: float) -> Check:
        mean, error = self.plain.mean, self.plain.error
        within = bool(mean + SIGMAS * error >= bound)
        return Check(what, f"≥ {bound:.4g}", f"{mean:.4g} ± {error:.2g}", f"{SIGMAS:g} standard errors", within)


def _outcome(a: float, nodes: int, sequences: int, generator: Generator) -> _Outcome:
    L = len(MU)
    winners = arrived(follow(into_the_ball(frechet(a, (nodes, L), generator), np.ones(nodes)), MU))
    return _Outcome(
        a,
        np.bincount(winners[winners >= 0], minlength=L).astype(float),
        runs_of(winners, L),
        _halved(MU, a, 20 * sequences, generator),
        collect(_guided(a, np.ones(L), generator), sequences, L, 1000),
    )


def _halved(mu: Float[ndarray, " L"], a: float, sequences: int, generator: Generator) -> Collections:
    """Collections in which the leader wins and found features count by half."""

    def draw(found: Sets) -> Choice:
        return (np.where(found, mu / 2, mu) * frechet(a, (len(found), len(mu)), generator)).argmax(axis=1)

    return collect(draw, sequences, len(mu))


def _guided(a: float, lengths: Float[ndarray, " L"], generator: Generator) -> Callable[[Sets], Choice]:
    """Draws of Muon's dynamics from Fréchet starts, on the sphere and at 0.3 of its radius."""

    def draw(found: Sets) -> Choice:
        starts = into_the_ball(frechet(a, (len(found), len(MU)), generator), generator.choice([0.3, 1.0], len(found)))
        return arrived(follow_muon(starts, MU, found * lengths))

    return draw


def _guided_checks(guided: Sequence[Collections], generator: Generator, sequences: int) -> list[Check]:
    """Every node finds a new feature, why, and where the assumption μ ≤ 1 matters."""
    L = len(MU)
    predicted = guided_time(L, float(MU.max()))
    counts = np.concatenate([run.counts for run in guided])
    longer = collect(_guided(2.0, MU, generator), sequences, L, 1000).counts
    checks = [
        Check.every("sequences with Muon that took exactly L nodes", int((counts == predicted).sum()), len(counts)),
        Check.every("the same with the nodes' own gradients μ_lζ_l", int((longer == predicted).sum()), len(longer)),
        Check.at_least(
            "least growth rate of the missing leader over that of a found feature",
            least_advantage(float(MU.max())),
            _advantage(generator),
        ),
    ]
    starts = into_the_ball(frechet(2.0, (100, 2), generator), np.ones(100))
    for largest in (2.0, 2.5):
        mu = np.array([largest, 0.1])
        new = int((arrived(follow_muon(starts, mu, np.tile([1.0, 0.0], (100, 1)))) == 1).sum())
        if guided_time(2, largest):
            checks.append(Check.every(f"μ = ({largest:g}, 0.1), the first found: nodes at the second", new, 100))
        else:
            checks.append(Check.at_most(f"μ = ({largest:g}, 0.1), beyond the assumption: nodes at the second", 99, new))
    return checks


def _advantage(generator: Generator, points: int = 2000) -> float:
    """The least of (α̇_i/α_i)/(α̇_k/α_k) over random points, i the missing leader, k any found feature."""
    alpha = into_the_ball(np.exp(1.5 * generator.normal(size=(points, len(MU)))), generator.uniform(0.01, 1, points))
    found = generator.uniform(size=alpha.shape) < 0.5
    found[:, 0], found[:, 1] = True, False
    rates = muon_direction(alpha, MU, found.astype(float)) / alpha
    leader = np.where(found, 0, MU * alpha).argmax(axis=1)
    best = np.where(found, rates, 0).max(axis=1)
    return float((rates[np.arange(points), leader] / best.clip(1e-300)).min())


def _large_exponent_checks(generator: Generator, sequences: int) -> list[Check]:
    """Whether the printed formula tends to L: it does only if no μ is below half of the largest."""
    checks = []
    for least, wanted in ((0.6, True), (0.4, False)):
        mu = np.array([1.0, 0.8, least])
        found = _halved(mu, LARGE, sequences, generator)
        formula = halved_time(collection_time(selection_probabilities(mu, LARGE)), 3, LARGE)
        what = f"min μ = {least:g}, a = {LARGE:g}: nodes over L if found features count half"
        checks.append(agrees(what, formula / 3, found.mean / 3, found.error / 3))
        beyond = Check.at_most if wanted else Check.at_least
        checks.append(beyond(f"{what}, and 1.1", 1.1, found.mean / 3))
    return checks


def _time_plot(outcomes: Sequence[_Outcome]) -> Plot:
    """T₀, the formula and what Muon takes against a."""
    grid = [float(a) for a in np.linspace(1.05, 5, 40)]
    times = [collection_time(selection_probabilities(MU, a)) for a in grid]
    formula = [halved_time(time, len(MU), a) for time, a in zip(times, grid, strict=True)]
    curves = [
        Curve("T₀, the integral", grid, times, predicted=True),
        Curve("2^−a·T₀ + (1 − 2^−a)·L", grid, formula, predicted=True),
        Curve("L", grid, [float(len(MU))] * len(grid), predicted=True),
    ]
    named = {
        "independent nodes": [outcome.plain for outcome in outcomes],
        "found features halved": [outcome.halved for outcome in outcomes],
        "Muon, exact": [outcome.guided for outcome in outcomes],
    }
    for name, runs in named.items():
        low, high = ([run.mean + sign * 1.96 * run.error for run in runs] for sign in (-1, 1))
        curves.append(Curve(name, EXPONENTS, [run.mean for run in runs], spread=(low, high)))
    return Plot("Nodes until all six features are found", "a", "nodes", tuple(curves), log_y=True)


CLAIMS = [
    Claim(
        STATEMENTS["theorem-8"],
        "Nodes from Fréchet starts follow the dynamics, alone or one after the other with the last column of the exact "
        "polar factor of [ζ of the features found, g], until each has arrived at a feature.",
        _theorem_8,
    ),
]
