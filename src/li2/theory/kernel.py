"""The infinitely wide initial layer: its kernel on pairs of operands, and what P_η becomes there.

Rows of X select one weight for each operand, so that a row of XW is u + v with independent u and v. Averages over
the weights of a product of two rows' activations depend only on how many operands the rows share.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from li2.specs import RunSpec
from li2.specs.parsing import parse_activation

POINTS = 1601
"""Of the midpoint rule in each of two variables."""

FARTHEST = 8.5
"""Standard deviations up to which a Gaussian is integrated."""


@dataclass(frozen=True)
class Law:
    """How the weights that a row adds up are distributed, with mean zero.

    Attributes:
        is_gaussian: Gaussian, or else uniform on an interval.
        deviation: standard deviation s.
    """

    is_gaussian: bool
    deviation: float = 1.0

    @property
    def fourth_moment(self) -> float:
        """μ₄: 3s⁴ or 9s⁴/5."""
        return (3.0 if self.is_gaussian else 1.8) * self.deviation**4

    @classmethod
    def of_run(cls, spec: RunSpec, order: int) -> "Law":
        """That of a run's initial hidden weights, as :func:`li2.models.initial_weights` draws them.

        Args:
            spec: the run; its weights are real and not read from a file.
            order: M.
        """
        fan_in = order if spec.init == "published-separate" else spec.operands * order
        return cls(spec.init == "gaussian", spec.hidden_scale / math.sqrt(3 * fan_in))

    def rule(self, count: int = POINTS) -> tuple[Float[Tensor, " q"], Float[Tensor, " q"]]:
        """Points and weights of a quadrature, the weights with sum 1."""
        half = FARTHEST if self.is_gaussian else math.sqrt(3)
        points = (torch.arange(count, dtype=torch.float64) + 0.5) * (2 * half / count) - half
        weights = torch.exp(-points.square() / 2) if self.is_gaussian else torch.ones_like(points)
        return self.deviation * points, weights / weights.sum()


@dataclass(frozen=True)
class Levels:
    """Averages over the weights of σ(z)σ(z′) for two rows of X that share both, one or no operand: κ₂, κ₁, κ₀.

    The kernel of one node is κ₀·11ᵀ + (κ₁ − κ₀)·XXᵀ + (κ₂ − 2κ₁ + κ₀)·I.

    Attributes:
        both, one, none: κ₂, κ₁, κ₀.
        error: of each of them, an estimate; 0 where they are known in closed form.
    """

    both: float
    one: float
    none: float
    error: float = 0.0

    @property
    def shared(self) -> float:
        """κ₁ − κ₀, the covariance of rows that share one operand."""
        return self.one - self.none

    @property
    def own(self) -> float:
        """κ₂ − 2κ₁ + κ₀, what a pair has for itself."""
        return self.both - 2 * self.one + self.none


def initial_levels(activation: str, function: Callable[[Tensor], Tensor], law: Law) -> Levels:
    """The levels of a layer with independent weights of this law: in closed form where there is one.

    Args:
        activation: the name of σ, as in a specification.
        function: σ.
        law: of every weight.
    """
    kind, a, b = parse_activation(activation)
    if kind == "relu":
        return relu_levels(law)
    if kind in ("square", "polynomial"):
        return quadratic_levels(law, *((0.0, 1.0) if kind == "square" else (a, b)))
    return layer_levels(function, law, law)


def square_levels(law: Law) -> Levels:
    """The levels for σ(x) = x²: covariances 2μ₄ + 2s⁴, μ₄ − s⁴ and 0, beside the squared mean 4s⁴."""
    fourth, squared = law.fourth_moment, law.deviation**4
    return Levels(6 * squared + 2 * fourth, 3 * squared + fourth, 4 * squared)


def quadratic_levels(law: Law, a: float, b: float) -> Levels:
    """The levels for σ(x) = a·x + b·x²: a² times 2s², s², 0 and b² times those of the square; odd moments vanish."""
    variance, square = law.deviation**2, square_levels(law)
    return Levels(2 * a**2 * variance + b**2 * square.both, a**2 * variance + b**2 * square.one, b**2 * square.none)


def relu_levels(law: Law) -> Levels:
    """The levels for σ(x) = max(x, 0).

    Gaussian weights: the arc-cosine kernel of order one (Cho and Saul, NeurIPS 2009) at correlations 1, ½ and 0 of
    variables of variance 2s². Weights uniform on ±c: E σ(u + v) = (u + c)²/4c given u, whence c²/3, c²/5 and c²/9.
    """
    variance = law.deviation**2
    if law.is_gaussian:
        return Levels(variance, variance * (math.sqrt(3) / 2 + math.pi / 3) / math.pi, variance / math.pi)
    squared = 3 * variance
    return Levels(squared / 3, squared / 5, squared / 9)


def layer_levels(function: Callable[[Tensor], Tensor], common: Law, own: Law) -> Levels:
    """The levels of any σ by quadrature: E σ(u + v)², E σ(u + v)σ(u + v′) and (E σ)².

    The error is the largest difference from the same rule with half the points. The rule is of second order, so that
    this is about three times what remains.

    Args:
        function: σ.
        common: of u, the part that two rows may share.
        own: of v and v′, the part that they do not share.
    """
    fine, coarse = (_levels_by(function, common, own, count) for count in (POINTS, POINTS // 2))
    error = max(abs(x - y) for x, y in zip(fine, coarse, strict=True))
    return Levels(*fine, error)


def _levels_by(function: Callable[[Tensor], Tensor], common: Law, own: Law, count: int) -> tuple[float, float, float]:
    (u, p), (v, q) = common.rule(count), own.rule(count)
    values = function(u[:, None] + v)
    means = values @ q
    return (p @ values.square() @ q).item(), (p @ means.square()).item(), (p @ means).item() ** 2


def equal_level(function: Callable[[Tensor], Tensor], correlation: float) -> float:
    """c = E σ(z)² − E σ(z)σ(z′) for standard normal z, z′ of a correlation from 0 to 1 (a − b in Lemma 1's proof).

    For σ(x) = x² it is 2(1 − ρ²). F̃F̃ᵀ/K of a wide layer is c·P₁ on rows of length one with these inner products.
    """
    levels = layer_levels(function, Law(True, correlation**0.5), Law(True, (1 - correlation) ** 0.5))
    return levels.both - levels.one


def pair_kernel(inputs: Float[Tensor, "n d"], levels: Levels) -> Float[Tensor, "n n"]:
    """FFᵀ/K of the infinitely wide layer on rows X of distinct pairs, not centred."""
    identity = torch.eye(len(inputs), dtype=inputs.dtype)
    return levels.none + levels.shared * inputs @ inputs.T + levels.own * identity


def wide_whitening(
    inputs: Float[Tensor, "n d"],
    values: Float[Tensor, "n c"],
    levels: Levels,
    width: int,
    eta: float,
    *,
    is_centred: bool,
) -> Float[Tensor, "n c"]:
    """P_η·values of a wide layer, P_η = η(FFᵀ + ηI)⁻¹ or η(F̃F̃ᵀ + ηI)⁻¹ with F̃ = P₁F, by one solve of the size of w.

    What is additive in the operands is damped; the rest, by :func:`damping` alone.

    Args:
        inputs: X, rows of distinct pairs.
        values: columns of sum zero if centred.
        levels: of the activation.
        width: K.
        eta: η > 0.
        is_centred: whether F is centred over the samples.
    """
    part = additive_part(inputs.T @ inputs, inputs.T @ values, levels, width, eta, is_centred=is_centred)
    return damping(levels, width, eta) * (values - inputs @ part)


def damping(levels: Levels, width: int, eta: float) -> float:
    """η/(Kκ + η), κ = κ₂ − 2κ₁ + κ₀: what P_η makes of functions with no additive part."""
    return eta / (width * levels.own + eta)


def additive_part(
    gram: Float[Tensor, "d d"],
    moments: Float[Tensor, "d c"],
    levels: Levels,
    width: int,
    eta: float,
    *,
    is_centred: bool,
) -> Float[Tensor, "d c"]:
    """A with P_ηZ = η/(Kκ + η)·(Z − XA), from XᵀX and XᵀZ alone; κ = κ₂ − 2κ₁ + κ₀.

    A row of X sums to 2, so that 1 = X·1/2 and FFᵀ/K = XSXᵀ + κI with S = (κ₁ − κ₀)I + (κ₀/4)11ᵀ. Then
    A = (ρI + S·XᵀX)⁻¹S·XᵀZ, ρ = κ + η/K. Centred, XᵀX becomes that of X̃ = P₁X, S loses κ₀, and X̃A is a combination of
    the columns of X again.

    Args:
        gram: XᵀX.
        moments: XᵀZ; Z has columns of sum zero if centred.
        levels: of the activation.
        width: K.
        eta: η > 0.
        is_centred: whether F is centred over the samples.
    """
    identity, rest = torch.eye(len(gram), dtype=gram.dtype, device=gram.device), levels.own + eta / width
    if not is_centred:
        mixing = levels.shared * identity + levels.none / 4
        return torch.linalg.solve(rest * identity + mixing @ gram, mixing @ moments)
    sums = gram.sum(dim=1) / 2  # Xᵀ1
    means = 2 * sums / sums.sum()
    centred = gram - torch.outer(sums, means)
    part = torch.linalg.solve(rest * identity + levels.shared * centred, levels.shared * moments)
    return part - means @ part / 2
