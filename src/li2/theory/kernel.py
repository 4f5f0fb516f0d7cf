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

    def rule(self) -> tuple[Float[Tensor, " q"], Float[Tensor, " q"]]:
        """Points and weights of a quadrature, the weights with sum 1."""
        half = FARTHEST if self.is_gaussian else math.sqrt(3)
        points = (torch.arange(POINTS, dtype=torch.float64) + 0.5) * (2 * half / POINTS) - half
        weights = torch.exp(-points.square() / 2) if self.is_gaussian else torch.ones_like(points)
        return self.deviation * points, weights / weights.sum()


@dataclass(frozen=True)
class Levels:
    """Averages over the weights of σ(z)σ(z′) for two rows of X that share both, one or no operand: κ₂, κ₁, κ₀.

    The kernel of one node is κ₀·11ᵀ + (κ₁ − κ₀)·XXᵀ + (κ₂ − 2κ₁ + κ₀)·I.
    """

    both: float
    one: float
    none: float

    @property
    def shared(self) -> float:
        """κ₁ − κ₀, the covariance of rows that share one operand."""
        return self.one - self.none

    @property
    def own(self) -> float:
        """κ₂ − 2κ₁ + κ₀, what a pair has for itself."""
        return self.both - 2 * self.one + self.none


def square_levels(law: Law) -> Levels:
    """The levels for σ(x) = x²: covariances 2μ₄ + 2s⁴, μ₄ − s⁴ and 0, beside the squared mean 4s⁴."""
    fourth, squared = law.fourth_moment, law.deviation**4
    return Levels(6 * squared + 2 * fourth, 3 * squared + fourth, 4 * squared)


def layer_levels(function: Callable[[Tensor], Tensor], common: Law, own: Law) -> Levels:
    """The levels of any σ by quadrature, to about 1e-5 where σ has a kink and better where it is smooth.

    E σ(u + v)², E σ(u + v)σ(u + v′) and (E σ)².

    Args:
        function: σ.
        common: of u, the part that two rows may share.
        own: of v and v′, the part that they do not share.
    """
    (u, p), (v, q) = common.rule(), own.rule()
    values = function(u[:, None] + v)
    means = values @ q
    return Levels((p @ values.square() @ q).item(), (p @ means.square()).item(), (p @ means).item() ** 2)


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


def wide_whitening(inputs: Float[Tensor, "n d"], levels: Levels, width: int, eta: float) -> Float[Tensor, "n n"]:
    """P_η = η(F̃F̃ᵀ + ηI)⁻¹ of a wide layer on functions of sum zero over the samples, by one solve of the size of w.

    P_η ≈ η/(Kκ + η)·[P₁ − X̃(X̃ᵀX̃ + ρI)⁻¹X̃ᵀ] with X̃ = P₁X, κ = κ₂ − 2κ₁ + κ₀ and ρ = (κ + η/K)/(κ₁ − κ₀): what is
    additive in the operands is damped. κ₀·11ᵀ is centred away. (Constant functions, which P_η leaves as they are, are
    mapped to zero here. On all M² pairs X may stand for X̃; on fewer it may not.)

    Args:
        inputs: X, rows of distinct pairs.
        levels: of the activation; κ₁ > κ₀.
        width: K.
        eta: η.
    """
    centred = inputs - inputs.mean(dim=0)
    rest = levels.own + eta / width
    ratio = rest / levels.shared
    small = centred.T @ centred + ratio * torch.eye(inputs.shape[1], dtype=inputs.dtype)
    projector = torch.eye(len(inputs), dtype=inputs.dtype) - 1 / len(inputs)
    return eta / (width * rest) * (projector - centred @ torch.linalg.solve(small, centred.T))
