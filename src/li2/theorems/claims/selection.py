"""Which feature a node ends at, and how many nodes find all of them: Lemmas 7, 8 and 10."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator, default_rng

from li2.theorems.claim import Check, Claim, Curve, Evidence, Plot, Setting
from li2.theorems.instruments.collecting import (
    CONVERGED,
    Choice,
    Sets,
    arrived,
    collect,
    follow,
    frechet,
    into_the_ball,
)
from li2.theory.collection import collection_bounds, collection_time, selection_probabilities
from li2.theory.statements import STATEMENTS

SIGMAS = 5.0
"""Standard errors that count as agreement: exceeded by chance once in 1.7 million times."""

Weights = Float[ndarray, " L"]

STARTS = (1_000, 20_000)
"""Of each kind, for Lemma 8, at quick and at full scale."""

LEAST_GAP = 1e-9
"""Relative distance of the two largest μα(0) below which rounding may decide."""


def agrees(what: str, predicted: float, mean: float, error: float) -> Check:
    """A mean agrees with its expectation within :data:`SIGMAS` standard errors."""
    passed = abs(mean - predicted) <= SIGMAS * error + 1e-9 * abs(predicted)
    return Check(what, predicted, f"{mean:.4g} ± {error:.2g}", f"{SIGMAS:g} standard errors", bool(passed))


def largest_deviation(counts: Float[ndarray, " L"], probabilities: Weights) -> float:
    """The largest |count − Np| in its standard deviations √(Np(1 − p))."""
    total = counts.sum()
    spread = np.sqrt(total * probabilities * (1 - probabilities))
    return float((np.abs(counts - total * probabilities) / spread).max())


WEIGHTS = {
    "L = 2": np.array([1.0, 0.5]),
    "L = 5": np.array([1.0, 0.9, 0.7, 0.4, 0.3]),
    "L = 12": np.linspace(0.3, 1.5, 12),
}


def _lemma_7(setting: Setting) -> Evidence:
    generator = default_rng([setting.seed, 7])
    draws = 1_000_000 if setting.is_full else 200_000
    right, wrong = list[float](), list[float]()
    plots = list[Curve]()
    for name, weights in WEIGHTS.items():
        for exponent in (1.0, 1.5, 3.0):
            winners = (weights * frechet(exponent, (draws, len(weights)), generator)).argmax(axis=1)
            counts = np.bincount(winners, minlength=len(weights)).astype(float)
            right.append(largest_deviation(counts, selection_probabilities(weights, exponent)))
            others = [exponent - 0.2, exponent + 0.2] + [1.0] * (exponent != 1)
            wrong += [largest_deviation(counts, selection_probabilities(weights, other)) for other in others]
            if name == "L = 12":
                plots += _selection_curves(weights, exponent, counts / draws)
    rejected = sum(deviation > SIGMAS for deviation in wrong)
    return Evidence(
        [
            Check.at_most("largest deviation of a frequency from w^a/Σw^a, in standard deviations", SIGMAS, max(right)),
            Check.every("wrong formulas (a ± 0.2, or a = 1) that deviate by more", rejected, len(wrong)),
        ],
        f"In {len(right)} simulations of {draws:,} draws no frequency is farther from w^a/Σw^a than {max(right):.2g} "
        "standard deviations. With exponents 0.2 off, or weights that are not raised, the largest deviation is between "
        f"{min(wrong):.2g} and {max(wrong):.2g}, so that the simulations can tell.",
        plots=[Plot("Which of 12 weighted Fréchet variables is largest", "weight", "probability", tuple(plots))],
    )


def _selection_curves(weights: Weights, exponent: float, frequencies: Weights) -> list[Curve]:
    predicted = selection_probabilities(weights, exponent).tolist()
    return [
        Curve(f"w^a/Σw^a, a = {exponent:g}", weights.tolist(), predicted, predicted=True),
        Curve(f"simulated, a = {exponent:g}", weights.tolist(), frequencies.tolist()),
    ]


def _lemma_8(setting: Setting) -> Evidence:
    generator = default_rng([setting.seed, 8])
    count = STARTS[setting.is_full]
    mu = np.array([1.0, 0.9, 0.8, 0.6, 0.5, 0.3])
    shape = (count, len(mu))
    radii = generator.uniform(0.01, 1, count)
    starts = {
        "Fréchet starts in the ball": into_the_ball(frechet(2, shape, generator), radii),
        "Fréchet starts on the sphere": into_the_ball(frechet(1.2, shape, generator), np.ones(count)),
        "starts with uniform entries in the ball": into_the_ball(generator.uniform(size=shape), radii),
        "starts of all signs in the ball": into_the_ball(generator.normal(size=shape), radii),
    }
    outcomes = {name: _led(points, mu) for name, points in starts.items()}
    statement = [Check.every(f"{name}: nodes at the leader", *result) for name, result in outcomes.items()]
    signed = starts["starts of all signs in the ball"]
    some = signed[(signed > 0).any(axis=1)]
    none = -np.abs(signed)
    sizes = np.linalg.norm(follow(none, mu), axis=1)
    outside = frechet(2, shape, generator)
    clipped = into_the_ball(outside.clip(max=1.0), radii)
    moved = float(((mu * clipped).argmax(axis=1) != (mu * outside).argmax(axis=1)).mean())
    positive = [result for name, result in outcomes.items() if "all signs" not in name]
    correction = [
        Check.every("starts with some positive entry: nodes at the leader", *_led(some, mu)),
        Check.at_most("starts without a positive entry: largest ‖α‖ at the end", 1e-6, float(sizes.max())),
        Check.every(
            "Fréchet starts outside the ball, scaled into it: nodes at the leader before",
            *_led(into_the_ball(outside, radii), mu, outside),
        ),
        Check.at_least("share of leaders that change if entries are cut at 1 instead", 0.05, moved),
    ]
    reached, decided = sum(result[0] for result in positive), sum(result[1] for result in positive)
    return Evidence(
        statement,
        f"From positive starts, as Theorem 8 has them, {reached:,} of {decided:,} nodes end at the leader, with "
        f"α ≥ {CONVERGED:.6f}. Starts without any positive entry end at α = 0 (‖α‖ ≤ {sizes.max():.1g}), so that the "
        "lemma needs one positive entry; a start outside the ball keeps its leader if it is scaled, not if it is cut.",
        correction,
    )


def _led(starts: Float[ndarray, "S L"], mu: Weights, before: Float[ndarray, "S L"] | None = None) -> tuple[int, int]:
    """How many nodes end at the leader, of those with a clear one."""
    rates = mu * (starts if before is None else before)
    second, first = np.sort(rates, axis=1)[:, -2:].T
    clear = first - second > LEAST_GAP * np.abs(first)
    ends = arrived(follow(starts[clear], mu))
    return int((ends == rates[clear].argmax(axis=1)).sum()), int(clear.sum())


PROBABILITIES = {
    "L = 3, equal": np.ones(3) / 3,
    "L = 3": np.array([0.6, 0.3, 0.1]),
    "L = 8, equal": np.ones(8) / 8,
    "L = 8": np.arange(1.0, 9) / 36,
    "L = 20": selection_probabilities(np.linspace(0.5, 1, 20), 3),
    "L = 6, one rare": np.array([0.005] + [0.199] * 5),
}


def _lemma_10(setting: Setting) -> Evidence:
    generator = default_rng([setting.seed, 10])
    sequences = 20_000 if setting.is_full else 3_000
    statement, correction, sums = list[Check](), list[Check](), 0.0
    points: list[tuple[float, float, float]] = []
    for name, p in PROBABILITIES.items():
        found = collect(_draws(p, generator), sequences, len(p))
        integral, bounds = collection_time(p), collection_bounds(p)
        if len(p) < 10:
            sums = max(sums, abs(integral / _inclusion_exclusion(p) - 1))
        printed, sharp = max(bounds["likeliest"], bounds["even"]), max(bounds["rarest"], bounds["even"])
        statement.append(agrees(f"{name}: T₀ as the integral, and simulated", integral, found.mean, found.error))
        slack = SIGMAS * found.error
        if np.ptp(p) == 0:
            statement.append(agrees(f"{name}: T₀ is the printed bound", printed, found.mean, found.error))
        else:
            what = f"{name}: simulated T₀ above the printed bound by more than its error"
            statement.append(Check.at_least(what, printed, found.mean - slack))
        correction.append(Check.at_least(f"{name}: T₀ and max(1/min p, L·Σ1/l)", sharp, found.mean + slack))
        points.append((integral, found.mean, 1.96 * found.error))
    correction.append(Check.at_most("relative error of the integral against inclusion–exclusion", 1e-10, sums))
    rare = collection_bounds(PROBABILITIES["L = 6, one rare"])
    correction.append(
        Check.at_least(
            "one rare feature: 1/min p over the printed bound", 2, rare["rarest"] / max(rare["likeliest"], rare["even"])
        )
    )
    return Evidence(
        statement,
        f"Over {len(points)} sets of probabilities the simulated number of draws is the integral within its error, at "
        "or above the printed bound, and equal to it for equal p. The bound by the rarest feature, 1/min p, holds too; "
        f"with one rare feature it is {rare['rarest']:.4g}, where the printed one is "
        f"{max(rare['likeliest'], rare['even']):.4g} and T₀ is {points[-1][0]:.4g}.",
        correction,
        [_collection_plot(points)],
    )


def _draws(p: Weights, generator: Generator) -> Callable[[Sets], Choice]:
    """Features drawn with probabilities p, whatever has been found."""
    steps = np.cumsum(p)[:-1]
    return lambda found: np.searchsorted(steps, generator.random(len(found)), side="right")


def _collection_plot(points: list[tuple[float, float, float]]) -> Plot:
    """Draws needed, set by set of probabilities."""
    x = list(range(1, len(points) + 1))
    bounds = [collection_bounds(p) for p in PROBABILITIES.values()]
    times, means = [time for time, _, _ in points], [mean for _, mean, _ in points]
    interval = [mean - half for _, mean, half in points], [mean + half for _, mean, half in points]
    return Plot(
        "Draws until all features have come",
        "set of probabilities: " + ", ".join(f"{number} {name}" for number, name in enumerate(PROBABILITIES, start=1)),
        "T₀",
        (
            Curve("integral", x, times, predicted=True),
            Curve("bound as printed", x, [max(b["likeliest"], b["even"]) for b in bounds], predicted=True),
            Curve("bound by the rarest", x, [max(b["rarest"], b["even"]) for b in bounds], predicted=True),
            Curve("simulated", x, means, spread=interval),
        ),
        log_y=True,
    )


def _inclusion_exclusion(p: Weights) -> float:
    """T₀ = Σ_J (−1)^(|J|+1)/p(J) over all non-empty sets J of features."""
    total = 0.0
    for size in range(1, len(p) + 1):
        total += sum((-1) ** (size + 1) / p[list(chosen)].sum() for chosen in combinations(range(len(p)), size))
    return float(total)


CLAIMS = [
    Claim(
        STATEMENTS["lemma-7"],
        "Frequencies of the largest of weighted Fréchet variables in simulations with L = 2, 5, 12 and a = 1, 1.5, 3; "
        "the same frequencies against formulas that are wrong on purpose.",
        _lemma_7,
    ),
    Claim(
        STATEMENTS["lemma-8"],
        "Runge–Kutta integration of α̇ = μα², projected on the unit ball, from thousands of starts until α ≥ 1 − 1e-6; "
        "starts whose two leaders agree to 1e-9 are left out.",
        _lemma_8,
    ),
    Claim(
        STATEMENTS["lemma-10"],
        "Simulated coupon collectors against the integral, the integral against inclusion–exclusion, and both against "
        "the bounds, for equal and unequal probabilities.",
        _lemma_10,
    ),
]
