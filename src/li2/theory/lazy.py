"""Stage I, lazy learning: the hidden layer rests and the top layer fits its features (Proposition 1).

All functions take F̃ (n, K) and Ỹ (n, M) as the loss centres them and η > 0 or η = 0; with the published
loss that is F and Y − 1/M, and η = n·wd/2. The objective is J = ½‖Ỹ − F̃V‖² + ½η‖V‖².
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Features = Float[Tensor, "n K"]
Targets = Float[Tensor, "n M"]
Top = Float[Tensor, "K M"]


@dataclass(frozen=True)
class Ridge:
    """Where the lazy stage ends.

    Attributes:
        top: V_ridge = (F̃ᵀF̃ + ηI)⁻¹F̃ᵀỸ; at η = 0 the least-squares solution of least norm, F̃⁺Ỹ.
        gradient: G_F(∞) = η(F̃F̃ᵀ + ηI)⁻¹ỸỸᵀF̃(F̃ᵀF̃ + ηI)⁻¹ (Proposition 1); at η = 0 it is
            (Ỹ − F̃V)Vᵀ, zero if Ỹ lies in the span of F̃.
    """

    top: Top
    gradient: Features


def ridge(features: Features, targets: Targets, eta: float) -> Ridge:
    """The limit of the lazy stage, with one factorisation on the smaller side of F̃.

    With S = (F̃F̃ᵀ + ηI)⁻¹Ỹ, V = F̃ᵀS and G = η·S·(F̃ᵀS)ᵀ, since F̃(F̃ᵀF̃ + ηI)⁻¹ = (F̃F̃ᵀ + ηI)⁻¹F̃.
    """
    n, K = features.shape
    if n > K:
        top = _solve(features.T @ features, features.T @ targets, eta)
        return Ridge(top, (targets - features @ top) @ top.T)
    gram = features @ features.T
    whitened = _solve(gram, targets, eta)
    top = features.T @ whitened
    if eta > _rounding(gram):
        return Ridge(top, eta * whitened @ top.T)
    return Ridge(top, (targets - features @ top) @ top.T)


@dataclass(frozen=True)
class GradientFlow:
    """Gradient flow of the top layer on J: V(t) = V* + e^{−At}(V₀ − V*), A = F̃ᵀF̃ + ηI.

    Attributes:
        times: (T,) flow time.
        gradient_norms: (T,) ‖G_F(t)‖, G_F = (Ỹ − F̃V)Vᵀ.
        losses: (T,) ‖Ỹ − F̃V‖²/n, without the decay term.
    """

    times: Float[Tensor, " T"]
    gradient_norms: Float[Tensor, " T"]
    losses: Float[Tensor, " T"]


def gradient_flow(
    features: Features, targets: Targets, top: Top, eta: float, times: Float[Tensor, " T"]
) -> GradientFlow:
    """The whole course of the lazy stage under gradient flow, in closed form.

    Args:
        features: F̃, frozen.
        targets: Ỹ.
        top: V₀.
        eta: η.
        times: flow times ≥ 0, in units where V̇ = −∂J/∂V.
    """
    n, K = features.shape
    # Coordinates in which A is diagonal: F̃ = U·S·Qᵀ from the smaller Gram matrix.
    gram = features @ features.T if n <= K else features.T @ features
    squares, vectors = torch.linalg.eigh(gram)
    kept = squares > _rounding(gram)
    singular = squares[kept].sqrt()
    if n <= K:
        left = vectors[:, kept]
        right = (features.T @ left) / singular
    else:
        right = vectors[:, kept]
        left = (features @ right) / singular
    rates = singular.square() + eta
    start = right.T @ top
    rest = top - right @ start  # in the kernel of F̃, where only the decay acts
    coupled = left.T @ targets
    limit = (singular / rates)[:, None] * coupled
    outside = targets - left @ coupled  # what no V can fit
    outside_gram, rest_gram = outside.T @ outside, rest.T @ rest
    norms, losses = [], []
    for t in times:
        moved = limit + torch.exp(-rates * t)[:, None] * (start - limit)
        residual = coupled - singular[:, None] * moved
        residual_gram = residual.T @ residual + outside_gram
        top_gram = moved.T @ moved + torch.exp(-2 * eta * t) * rest_gram
        norms.append((residual_gram * top_gram).sum().clamp_min(0).sqrt())
        losses.append(residual_gram.trace() / n)
    return GradientFlow(times, torch.stack(norms), torch.stack(losses))


def frozen_course(
    features: Features,
    top: Top,
    residual: Callable[[Tensor], Tensor],
    advance: Callable[[Tensor, Tensor, int], None],
    steps: int,
) -> list[float]:
    """‖G_F‖ before and after each of so many steps, if F stayed as it is and V moved by the run's own optimiser.

    Args:
        features: βF, frozen.
        top: V₀; copied.
        residual: outputs ↦ R = −(n/2)·∂loss/∂outputs.
        advance: (V, gradient, step) changes V in place; step counts from 1.
        steps: how many.
    """
    V = top.clone()
    R = residual(features @ V)
    norms = [_product_norm(R, V)]
    for step in range(1, steps + 1):
        advance(V, features.T @ R * (-2 / len(features)), step)
        R = residual(features @ V)
        norms.append(_product_norm(R, V))
    return norms


def _product_norm(R: Tensor, V: Tensor) -> float:
    """‖R·Vᵀ‖ from traces of M × M matrices."""
    return ((R.T @ R).double() * (V.T @ V).double()).sum().clamp_min(0).sqrt().item()


def _solve(gram: Tensor, right: Tensor, eta: float) -> Tensor:
    """(gram + ηI)⁻¹·right of a positive semi-definite matrix.

    Where η is below the matrix's rounding, directions that cannot be told from its kernel are left out, as
    the pseudo-inverse does at η = 0.
    """
    if eta > _rounding(gram):
        shifted = gram.clone()
        shifted.diagonal().add_(eta)
        factor, failed = torch.linalg.cholesky_ex(shifted)
        if not failed.any():
            return torch.cholesky_solve(right, factor)
    values, vectors = torch.linalg.eigh(gram)
    inverse = torch.where(values > _rounding(gram), 1 / (values + eta), 0.0)
    return vectors @ (inverse[:, None] * (vectors.T @ right))


def _rounding(gram: Tensor) -> float:
    """A bound on the rounding of a Gram matrix's eigenvalues: its trace times size and machine precision."""
    return gram.trace().item() * len(gram) * torch.finfo(gram.dtype).eps
