"""How many nodes it takes to find all features, without and with Muon (Lemmas 2 and 7 to 10, Theorem 8)."""

import math

import numpy as np
from jaxtyping import Float
from numpy import ndarray

Numbers = Float[ndarray, " L"]
Vector = Float[ndarray, " d"]

# The collection time is integrated over log t, where its integrand is analytic in the strip |Im| < π/2 and the
# trapezoidal rule converges like exp(−π²/step).
LOG_STEP = 0.1
LOG_SMALLEST = -40.0
TAIL = 45.0


def selection_probabilities(weights: Numbers, exponent: float) -> Numbers:
    """P(w_l·x_l is the largest) = w_l^a/Σw^a for independent x_l of CDF exp(−x^−a), a Fréchet law (Lemma 7).

    Args:
        weights: w_l > 0.
        exponent: a > 0.
    """
    powers = (weights / weights.max()) ** exponent
    return powers / powers.sum()


def harmonic_number(count: int) -> float:
    """H_L = Σ_{l ≤ L} 1/l."""
    return math.fsum(1 / number for number in range(1, count + 1))


def collection_time(probabilities: Numbers) -> float:
    """T₀ = ∫₀^∞ (1 − Π_l(1 − e^{−p_l t})) dt, the expected number of draws until all L have come (equation 41).

    By the trapezoidal rule in log t, to about 1e-13 of its value.

    Args:
        probabilities: p_l > 0, of sum one.
    """
    last = math.log(TAIL + math.log(len(probabilities))) - math.log(probabilities.min())
    times = np.exp(np.arange(LOG_SMALLEST, last + LOG_STEP, LOG_STEP))
    log_all = np.log(-np.expm1(-np.outer(times, probabilities))).sum(axis=1)
    return float(-np.expm1(log_all) @ times * LOG_STEP)


def collection_bounds(probabilities: Numbers) -> dict[str, float]:
    """Lower bounds of T₀ by name.

    Returns:
        ``rarest`` 1/min p (Theorem 8); ``likeliest`` min 1/p = 1/max p (Lemma 10 as printed); ``even`` L·H_L
        (Lemma 10), attained for equal p; ``harmonic`` H_L (Theorem 8 as printed).
    """
    count = len(probabilities)
    return {
        "rarest": 1 / float(probabilities.min()),
        "likeliest": 1 / float(probabilities.max()),
        "even": count * harmonic_number(count),
        "harmonic": harmonic_number(count),
    }


def halved_time(time: float, count: int, exponent: float) -> float:
    """2^−a·T₀ + (1 − 2^−a)·L (Theorem 8), the expected number of nodes if found features count by half their weight.

    With weights w_l/2 for the m features found, a new one comes with probability q/(q + 2^−a(1 − q)), q that without
    halving, so that it takes 2^−a/q + 1 − 2^−a nodes. Which one it is does not depend on whether it is new, so that the
    course of the collection stays the same, and the sum over m is linear in T₀ = E Σ 1/q. Theorem 8 prints it as an
    equality for Muon; its proof has it as an upper bound.

    Args:
        time: T₀.
        count: L.
        exponent: a of the Fréchet law.
    """
    share = 2.0**-exponent
    return share * time + (1 - share) * count


def guided_time(count: int, largest: float) -> int | None:
    """The number of nodes it takes one after the other with Muon's exact polar factor: L (ours).

    By Lemma 9 the direction is g⊥/‖g⊥‖ + g∥/(1 + ‖g⊥‖) up to a factor, ∥ the features S that have been found. In units
    of time in which missing features grow at relative rates r_l = μ_l α_l, found ones grow at κr_k with κ = ‖g⊥‖/(1 +
    ‖g⊥‖). The leader i of the missing ones has ‖g⊥‖ = √Σ(r_l α_l)² ≤ r_i‖α⊥‖, and α_k‖α⊥‖ ≤ ½ in the ball, so that
    κr_k ≤ μ_k r_i/2: for μ ≤ 2, all the more for the assumed μ ≤ 1, it overtakes every found one from any start that
    has a positive share of it.

    Args:
        count: L.
        largest: max μ.

    Returns:
        L, or None for max μ > 2, where nodes may come to rest between a found and a missing feature.
    """
    return count if largest <= 2 else None


def least_advantage(largest: float) -> float:
    """2/max μ, a bound of how many times faster a missing leader grows than any found feature (see guided_time)."""
    return 2 / float(largest)


def polar_column_printed(Q: Float[ndarray, "d k"], v: Vector) -> Vector:
    """The last column of the polar factor of [Q, v] as Lemma 9 prints it, v⊥/‖v⊥‖ + v∥/(1 + ‖v⊥‖).

    Args:
        Q: orthonormal columns.
        v: not in their span; ∥ is its part in it, ⊥ the rest.
    """
    parallel = Q @ (Q.T @ v)
    rest = v - parallel
    size = np.linalg.norm(rest)
    return rest / size + parallel / (1 + size)


def polar_column(Q: Float[ndarray, "d k"], v: Vector) -> Vector:
    """The last column of the polar factor of [Q, v], exactly: the printed one over √(1 + ‖v∥‖²/(1 + ‖v⊥‖)²).

    In the plane of v∥ and v⊥ the matrix is [[1, c], [0, s]], whose polar factor is the rotation with last column
    (c, 1 + s)/√(c² + (1 + s)²); on the rest of Q's span it is the identity.
    """
    printed = polar_column_printed(Q, v)
    return printed / np.linalg.norm(printed)


def printed_column_error(parallel: float, rest: float) -> float:
    """√(1 + ‖v∥‖²/(1 + ‖v⊥‖)²) − 1, the distance of Lemma 9's column from the polar factor's (ours)."""
    return math.hypot(1, parallel / (1 + rest)) - 1


def muon_slope(gradient: Float[ndarray, "d K"]) -> float:
    """The slope tr D of an objective along Muon's direction UVᵀ of its gradient G = UDVᵀ (Lemma 2).

    Taken without that decomposition, as half of Σ|λ| over the eigenvalues ±D of [[0, G], [Gᵀ, 0]].
    """
    d, K = gradient.shape
    both = np.block([[np.zeros((d, d)), gradient], [gradient.T, np.zeros((K, K))]])
    return float(np.abs(np.linalg.eigvalsh(both)).sum() / 2)


def rests_on_the_sphere(nodes: Float[ndarray, "d K"], tolerance: float) -> bool:
    """Whether Muon's direction, projected on the sphere of each node, vanishes at maxima of the energy (ours).

    There G = 4W·diag(E*), and the columns of its polar factor are multiples of those of W if and only if any two nodes
    are orthogonal or equal up to sign.

    Args:
        nodes: W, unit columns, each at a maximum of its energy.
        tolerance: of |cos| from 0 and 1.
    """
    cosines = np.abs(nodes.T @ nodes)
    return bool((np.minimum(cosines, np.abs(1 - cosines)) < tolerance).all())
