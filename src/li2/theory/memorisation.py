"""Memorising maxima of a node's energy: the pairs (g, g⁻¹h) of one target h only (Theorem 5).

With pair g seen with probability p_g and Ỹ not centred over samples, E(w) = ½F², F = Σ_g p_g σ(s_g), where
s_g = u_g + v_{g⁻¹h} for w = [u; v]. On the unit sphere Σ_g s_g² ≤ 2, with equality where u_g = v_{g⁻¹h} = s_g/2, and
E is stationary where p_g φ(s_g) = 2λ for every s_g ≠ 0, φ(x) = σ′(x)/x (Lemma 5). All of this file is about s.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

Array = NDArray[np.float64]
Probabilities = Float[np.ndarray, " M"]
Sums = Float[np.ndarray, " M"]

RADIUS = 2**0.5
"""The largest s_g on the unit sphere."""

HALVINGS = 62
"""Of an interval; as many as float64 can tell apart."""

ROUNDS = 10
"""In each, the interval of log λ shrinks by 64."""


@dataclass(frozen=True)
class Shape:
    """σ on x > 0, where it increases, and its mirror image.

    Attributes:
        value: σ(x).
        slope: σ′(x) > 0.
        at_zero: φ(0⁺), the limit of σ′(x)/x, possibly infinite.
        mirror: x ↦ −σ(−x) as a shape of its own, if that is positive for small x > 0: then F can be negative, and
            E = ½F² can have maxima where all s_g are; None where it is not.
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    at_zero: float
    mirror: "Shape | None" = None

    def phi(self, x: Array) -> Array:
        """φ(x) = σ′(x)/x for x > 0."""
        return self.slope(x) / x


def power(q: float) -> Shape:
    """σ(x) = x^q for x > 0, q > 0: φ(x) = q·x^{q−2} increases for q > 2 and decreases for q < 2."""
    at_zero = np.inf if q < 2 else 2.0 if q == 2 else 0.0
    return Shape(lambda x: x**q, lambda x: q * x ** (q - 1), at_zero)


def odd(shape: Shape) -> Shape:
    """A shape continued by σ(−x) = −σ(x)."""
    return Shape(shape.value, shape.slope, shape.at_zero, shape)


def _gate(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _swish_slope(x: Array) -> Array:
    return _gate(x) + x * _gate(x) * _gate(-x)


SHAPES: dict[str, Shape] = {
    "square": power(2),
    "cube": odd(power(3)),
    "relu": power(1),
    "silu": Shape(
        lambda x: x * _gate(x),
        _swish_slope,
        np.inf,
        Shape(lambda x: x * _gate(-x), lambda x: _swish_slope(-x), np.inf),
    ),
    "tanh": odd(Shape(np.tanh, lambda x: np.cosh(x) ** -2, np.inf)),
    "sigmoid": Shape(_gate, lambda x: _gate(x) * _gate(-x), np.inf),
    "log-cosh": Shape(lambda x: np.log(np.cosh(2 * x)), lambda x: 2 * np.tanh(2 * x), 4.0),
}
"""The activations that Theorem 5 is tested on; for log cosh 2x, φ decreases strictly from a finite φ(0⁺) = 4."""


def trend(shape: Shape) -> str:
    """How φ runs on (0, √2], from its values on a fine grid: ``nondecreasing``, ``decreasing`` or ``neither``."""
    values = shape.phi(np.linspace(0, RADIUS, 4001)[1:])
    steps = np.diff(values)
    if (steps >= -1e-12 * np.abs(values[1:])).all():
        return "nondecreasing"
    return "decreasing" if (steps < 0).all() else "neither"


@dataclass(frozen=True, eq=False)
class Memorisation:
    """A maximum of E on the unit sphere.

    Attributes:
        sums: (M,) s_g; w has u_g = v_{g⁻¹h} = s_g/2.
        energy: ½(Σ_g p_g σ(s_g))².
    """

    sums: Sums
    energy: float


def focused(probabilities: Probabilities, shape: Shape, pair: int) -> Memorisation:
    """All mass on one pair, s_g = √2 there: E = ½(Σ p σ(s))²."""
    sums = np.zeros(len(probabilities))
    sums[pair] = RADIUS
    return Memorisation(sums, _energy(probabilities, shape, sums))


def spread(probabilities: Probabilities, shape: Shape) -> Memorisation:
    """The profile s_g = φ⁻¹(2λ/p_g), 0 where 2λ/p_g ≥ φ(0⁺), with λ such that Σ_g s_g² = 2 (Lemma 6).

    φ has to decrease strictly. The sum falls with λ, whose logarithm is enclosed ever more closely.
    """
    low, high = -80.0, 80.0
    for _ in range(ROUNDS):
        candidates = np.linspace(low, high, 65)
        masses = np.square(_inverse(shape, _levels(probabilities, candidates))).sum(axis=1)
        place = int(np.clip((masses > 2).sum(), 1, 64))
        low, high = candidates[place - 1], candidates[place]
    sums = _inverse(shape, _levels(probabilities, np.array([(low + high) / 2])))[0]
    return Memorisation(sums, _energy(probabilities, shape, sums))


def global_maximum(probabilities: Probabilities, shape: Shape) -> Memorisation:
    """Theorem 5: focused on the likeliest pair if φ does not decrease, spread if it does strictly.

    Raises:
        ValueError: if φ does neither; then the theorem says nothing.
    """
    run = trend(shape)
    if run == "neither":
        raise ValueError("φ neither decreases nor increases on (0, √2]")
    if run == "decreasing":
        return spread(probabilities, shape)
    return focused(probabilities, shape, int(probabilities.argmax()))


def local_maxima(probabilities: Probabilities, name: str) -> list[Memorisation]:
    """Every strict local maximum of E over s, by our correction of Theorem 5; the global one first.

    E = ½F² has its maxima where F > 0 has a maximum, or F < 0 a minimum. Where φ increases from φ(0⁺) = 0, a pair with
    s_g = 0 gains less than it takes from others, and every vertex is one. Where φ is constant only the likeliest vertex
    is, where φ decreases only the spread profile. If σ takes negative values, the same holds for the mirror image
    −σ(−x), with −s; for σ = x², which is even, −w stands beside w.

    Args:
        probabilities: p_g, with a unique maximum.
        name: a key of :data:`SHAPES`, but not log-cosh, where each s_g has a sign of its own.
    """
    shape = SHAPES[name]
    sides = [(shape, 1.0)]
    if name == "square":
        sides.append((shape, -1.0))
    if shape.mirror is not None:
        sides.append((shape.mirror, -1.0))
    found = []
    for side, sign in sides:
        maxima = [global_maximum(probabilities, side)]
        if shape.at_zero == 0:
            others = [g for g in range(len(probabilities)) if g != probabilities.argmax()]
            maxima += [focused(probabilities, side, g) for g in others]
        found += [Memorisation(sign * maximum.sums, maximum.energy) for maximum in maxima]
    return found


def relu_limit(probabilities: Probabilities, alive: Bool[np.ndarray, " M"]) -> Memorisation:
    """Where gradient flow of E ends for σ = relu, if s_g > 0 at the start for some pairs only.

    A pair with s_g ≤ 0 has no gradient, and on the sphere its weights shrink towards s_g = 0 without ever reaching it:
    the flow is that of the live pairs alone. s_g = √2·p_g/‖p‖ over these, E = Σ p_g² over these.
    """
    live = np.where(alive, probabilities, 0.0)
    norm = np.linalg.norm(live)
    return Memorisation(RADIUS * live / norm, float(norm**2))


def _energy(probabilities: Probabilities, shape: Shape, sums: Sums) -> float:
    return float(probabilities @ shape.value(sums)) ** 2 / 2


def _levels(probabilities: Probabilities, logarithms: Array) -> Array:
    """2λ/p_g for several λ, (λ, M); infinite at p_g = 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(2 * np.exp(logarithms)[:, None] / probabilities)


def _inverse(shape: Shape, levels: Array) -> Array:
    """x ∈ [0, 2] with φ(x) = level for a strictly decreasing φ; 0 above φ(0⁺), 2 below φ(2)."""
    low, high = np.zeros_like(levels), np.full_like(levels, 2.0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        above = shape.phi(middle) > levels
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(levels < shape.at_zero, high, 0.0)
