"""Stage I, lazy learning: the hidden layer rests and the top layer fits its features (Proposition 1).

All functions take F̃ (n, K) and Ỹ (n, M) as the loss centres them and η > 0 or η = 0; with the published
loss that is F and Y − 1/M, and η = n·wd/2. The objective is J = ½‖Ỹ − βF̃V‖² + ½η‖V‖², β = 1 unless it is said.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

Features = Float[Tensor, "n K"]
Targets = Float[Tensor, "n M"]
Top = Float[Tensor, "K M"]

NODES_SIDE = 1.25
"""F̃ᵀF̃ is diagonalised up to so many nodes per sample, then F̃F̃ᵀ."""

LANES = 8
"""Numbers of columns are rounded up to a multiple of it in large products: libraries are slow at others."""

REGULAR = 1e3
"""A matrix is solved with as it is if all pivots of Cholesky's factorisation are above so many times its rounding."""


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
    """The limit of the lazy stage, with one factorisation on the smaller side of F̃; see :func:`ridge_parts`."""
    top, residual = ridge_parts(features, targets, eta)
    return Ridge(top, residual @ top.T)


def ridge_parts(
    features: Features, targets: Targets, eta: float, solver: tuple[bool, Callable[[Tensor], Tensor]] | None = None
) -> tuple[Top, Targets]:
    """V_ridge and the residual R = Ỹ − F̃V_ridge there, of which G_F(∞) = R·V_ridgeᵀ.

    With S = (F̃F̃ᵀ + ηI)⁻¹Ỹ, V = F̃ᵀS and R = ηS, since F̃(F̃ᵀF̃ + ηI)⁻¹ = (F̃F̃ᵀ + ηI)⁻¹F̃.

    Args:
        features: F̃.
        targets: Ỹ.
        eta: η.
        solver: if it is known, how to solve with F̃ᵀF̃ + ηI (then True) or with F̃F̃ᵀ + ηI (then False), η > 0.
    """
    n, K = features.shape
    if solver is not None:
        of_nodes, solve = solver
        if of_nodes:
            top = solve(features.T @ targets)
            return top, targets - features @ top
        whitened = solve(targets)
        return features.T @ whitened, eta * whitened
    if n > K:
        top = _solve(features.T @ features, features.T @ targets, eta)
        return top, targets - features @ top
    gram = features @ features.T
    whitened = _solve(gram, targets, eta)
    top = features.T @ whitened
    return top, eta * whitened if eta > _rounding(gram) else targets - features @ top


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
    # Coordinates in which A is diagonal: F̃ = U·S·Qᵀ from a Gram matrix, with Qᵀ·V₀ and Uᵀ·Ỹ.
    of_nodes = K / n <= NODES_SIDE
    if of_nodes:
        squares, vectors = torch.linalg.eigh(features.T @ features)
    else:
        squares, vectors = torch.linalg.eigh(features @ features.T)
    kept = squares > _noise(squares)
    singular, vectors = squares[kept].sqrt(), vectors[:, kept]
    if of_nodes:
        start, coupled = vectors.T @ top, (vectors.T @ (features.T @ targets)) / singular[:, None]
    else:
        start, coupled = (vectors.T @ (features @ top)) / singular[:, None], vectors.T @ targets
    rates = singular.square() + eta
    limit = (singular / rates)[:, None] * coupled
    if of_nodes:
        outside, rest = targets - features @ (vectors @ (coupled / singular[:, None])), top - vectors @ start
    else:
        outside, rest = targets - vectors @ coupled, top - features.T @ (vectors @ (start / singular[:, None]))
    outside_gram, rest_gram = outside.T @ outside, rest.T @ rest  # what no V can fit; where only the decay acts
    norms, losses = [], []
    for t in times:
        moved = limit + torch.exp(-rates * t)[:, None] * (start - limit)
        residual = coupled - singular[:, None] * moved
        residual_gram = residual.T @ residual + outside_gram
        top_gram = moved.T @ moved + torch.exp(-2 * eta * t) * rest_gram
        norms.append((residual_gram * top_gram).sum().clamp_min(0).sqrt())
        losses.append(residual_gram.trace() / n)
    return GradientFlow(times, torch.stack(norms), torch.stack(losses))


def krylov_space(
    features: Features, start: Float[Tensor, "K s"], blocks: int
) -> tuple[Float[Tensor, "K r"], Float[Tensor, "n r"]]:
    """An orthonormal basis Q of the span of start, A·start, A²·start, … with A = F̃ᵀF̃, and F̃Q; r = blocks·s.

    With F̃Q for F̃ and QᵀV₀ for V₀, what evolves from V₀ under A and F̃ᵀỸ, both in the span of ``start``, is what a
    polynomial of degree 2·blocks − 1 in place of e^{−At} would give at least as well (block Gauss quadrature).
    """
    basis, images = torch.linalg.qr(start).Q, features.new_empty(len(features), 0)
    newest = basis
    for block in range(blocks):
        image = features @ newest
        images = torch.cat([images, image], dim=1)
        if block < blocks - 1:
            newest = features.T @ image
            for _ in range(2):  # once is not enough in floating point
                newest = newest - basis @ (basis.T @ newest)
            newest = torch.linalg.qr(newest).Q
            basis = torch.cat([basis, newest], dim=1)
    return basis, images


@dataclass(frozen=True)
class Rates:
    """How fast the lazy stage ends, by the eigenvalues of A = F̃ᵀF̃ + ηI.

    Attributes:
        slowest: λ_min(A), of V − V* (and of G_F) from a general V₀: η as soon as F̃ has a kernel, from K ≥ n on.
        coupled: the least eigenvalue off that kernel, of V and G_F from V₀ = 0.
    """

    slowest: float
    coupled: float


def convergence_rates(features: Features, eta: float) -> Rates:
    """The exponential rates of V → V_ridge and G_F → G_F(∞) under gradient flow (Proposition 1, equation 57)."""
    singular = torch.linalg.svdvals(features)
    kept = singular[singular > _negligible(features)]
    coupled = kept.min().item() ** 2 + eta
    return Rates(coupled if len(kept) == features.shape[1] else eta, coupled)


def limit_order(features: Features, targets: Targets) -> int:
    """The power of η with which ‖G_F(∞)‖ vanishes as η → 0: 1 if Ỹ lies in the span of F̃, otherwise 0.

    Proposition 1 has O(η); the appendix assumes the span, the main text does not. G_F(∞) = (Ỹ − F̃V)Vᵀ tends to
    (Ỹ − F̃F̃⁺Ỹ)(F̃⁺Ỹ)ᵀ, which has no reason to vanish if there is a residual.
    """
    left, singular, _ = torch.linalg.svd(features, full_matrices=False)
    left = left[:, singular > _negligible(features)]
    outside = targets - left @ (left.T @ targets)
    return int((outside.norm() <= 1e-9 * targets.norm()).item())


def initial_gradient(features: Features, targets: Targets, top: Top, output_scale: float = 1.0) -> Features:
    """−∂J/∂F at t = 0: β(Ỹ − βF̃V₀)V₀ᵀ (equation 66, times β)."""
    return output_scale * (targets - output_scale * features @ top) @ top.T


def printed_slope(features: Features, targets: Targets, top: Top, output_scale: float) -> Features:
    """d(EVᵀ)/dt at t = 0 for η = 0, E = Ỹ − βF̃V (equation 67): β·ỸỸᵀF̃ + β²R₂(V₀) + β³R₃(V₀).

    R₂ = −(ỸV₀ᵀF̃ᵀF̃ + F̃V₀ỸᵀF̃ + F̃F̃ᵀỸV₀ᵀ) and R₃ = F̃V₀V₀ᵀF̃ᵀF̃ + F̃F̃ᵀF̃V₀V₀ᵀ.
    """
    F, Y, V, beta = features, targets, top, output_scale
    second = -(Y @ V.T @ F.T @ F + F @ V @ Y.T @ F + F @ F.T @ Y @ V.T)
    third = F @ V @ V.T @ F.T @ F + F @ F.T @ F @ V @ V.T
    return beta * Y @ Y.T @ F + beta**2 * second + beta**3 * third


def initial_slope(
    features: Features, targets: Targets, top: Top, eta: float = 0.0, output_scale: float = 1.0
) -> Features:
    """d(−∂J/∂F)/dt at t = 0: β²·ỸỸᵀF̃ + β³R₂(V₀) + β⁴R₃(V₀) − βη·ỸV₀ᵀ + 2β²η·F̃V₀V₀ᵀ.

    −∂J/∂F = β·EVᵀ has one β more than the EVᵀ of equation 68, and the decay of V₀ adds the terms with η.
    """
    decay = -eta * targets @ top.T + 2 * output_scale * eta * features @ top @ top.T
    return output_scale * (printed_slope(features, targets, top, output_scale) + decay)


def scaled_limit(features: Features, targets: Targets, eta: float, output_scale: float) -> Features:
    """−∂J/∂F at t = ∞ for outputs βF̃V: G_F(∞) of β = 1 with η/β² in place of η.

    EVᵀ, of which equation 69 says G_F(∞)/β², is this over β.
    """
    return ridge(features, targets, eta / output_scale**2).gradient


def printed_limit(features: Features, targets: Targets, eta: float, output_scale: float) -> Features:
    """The limit as equation 69 prints it: G_F(∞)/β², with η as it is."""
    return ridge(features, targets, eta).gradient / output_scale**2


def printed_factor(width: int, count: int, level: float, eta: float) -> float:
    """The factor of ỸỸᵀF̃ in G_F(∞) as Lemma 1 prints it, η/((Kc + η)(nc + η)), c₁ = c₂ = c.

    Args:
        width: K.
        count: n.
        level: c = E σ(z)² − E σ(z)σ(z′), z and z′ two rows' preactivations (see li2.theory.kernel).
        eta: η.
    """
    return eta / ((width * level + eta) * (count * level + eta))


def wide_factor(width: int, level: float, eta: float) -> float:
    """The factor of ỸỸᵀF̃ in G_F(∞) for K ≫ n on the data of Lemma 1: η/(Kc + η)².

    There F̃F̃ᵀ ≈ Kc·P₁, and both whitenings are by F̃F̃ᵀ since F̃(F̃ᵀF̃ + ηI)⁻¹ = (F̃F̃ᵀ + ηI)⁻¹F̃.
    """
    return eta / (width * level + eta) ** 2


def whitened_gradient(features: Features, targets: Targets, eta: float) -> Features:
    """η⁻¹P_ηỸỸᵀP_ηF̃ with P_η = η(F̃F̃ᵀ + ηI)⁻¹: G_F(∞) with both of its sides whitened."""
    inverse = torch.linalg.inv(features @ features.T + eta * torch.eye(len(features), dtype=features.dtype))
    return eta * (inverse @ targets) @ (targets.T @ (inverse @ features))


def least_objective(features: Features, targets: Targets, eta: float) -> Float[Tensor, ""]:
    """J* = min over V of J = ½ tr ỸᵀP_ηỸ, differentiable; G_F(∞) = −∂J*/∂F."""
    gram = features @ features.T + eta * torch.eye(len(features), dtype=features.dtype)
    return eta * (targets * torch.linalg.solve(gram, targets)).sum() / 2


def node_energy(
    others: Float[Tensor, "n _"], feature: Float[Tensor, " n"], targets: Targets, eta: float
) -> Float[Tensor, ""]:
    """What a node f̃ climbs beside the others: (η/2)‖ỸᵀR₋f̃‖²/(1 + f̃ᵀR₋f̃), R₋ = (F̃₋F̃₋ᵀ + ηI)⁻¹, differentiable.

    It is the part of J* that the node takes away, and its gradient is the node's column of G_F(∞).
    """
    gram = others @ others.T + eta * torch.eye(len(others), dtype=others.dtype)
    solved = torch.linalg.solve(gram, feature)
    return eta / 2 * (targets.T @ solved).square().sum() / (1 + feature @ solved)


def node_velocity(
    inputs: Float[Tensor, "n d"],
    targets: Targets,
    nodes: Float[Tensor, "d K"],
    function: Callable[[Tensor], Tensor],
    derivative: Callable[[Tensor], Tensor],
) -> Float[Tensor, "d K"]:
    """ẇ_j = XᵀD_jỸỸᵀσ(Xw_j), D_j = diag σ′(Xw_j), of every column w_j (equation 6, Theorem 1)."""
    preactivations = inputs @ nodes
    return inputs.T @ (derivative(preactivations) * (targets @ (targets.T @ function(preactivations))))


def frozen_course(
    top: Top,
    evaluate: Callable[[Top], tuple[Float[Tensor, "M M"], Top]],
    advance: Callable[[Top, Top, int], None],
    steps: int,
    count: int,
) -> list[float]:
    """‖G_F‖ before and after each of so many steps, if F stayed as it is and V moved by the run's own optimiser.

    Args:
        top: V₀; copied.
        evaluate: V ↦ RᵀR and F̃ᵀR; see :func:`of_samples` and :func:`of_nodes`.
        advance: (V, gradient, step) changes V in place; step counts from 1.
        steps: how many.
        count: n.
    """
    V = top.clone()
    norms = []
    for step in range(steps + 1):
        residual_gram, slope = evaluate(V)
        norms.append((residual_gram.double() * (V.T @ V).double()).sum().clamp_min(0).sqrt().item())
        if step < steps:
            advance(V, slope * (-2 / count), step + 1)
    return norms


def of_samples(features: Features, residual: Callable[[Targets], Targets]) -> Callable[[Top], tuple[Tensor, Top]]:
    """V ↦ RᵀR and F̃ᵀR of a loss with residual R(F̃V), by way of the n samples."""

    def evaluate(V: Top) -> tuple[Tensor, Top]:
        R = residual(features @ V)
        return R.T @ R, features.T @ R

    return evaluate


def of_nodes(
    gram: Float[Tensor, "K K"], cross: Top, total: Float[Tensor, "M M"], centres_classes: bool = False
) -> Callable[[Top], tuple[Tensor, Top]]:
    """V ↦ RᵀR and F̃ᵀR of R = Ỹ − F̃V by way of F̃ᵀF̃: cheaper than the samples unless nodes are twice as many.

    Args:
        gram: F̃ᵀF̃.
        cross: F̃ᵀỸ.
        total: ỸᵀỸ.
        centres_classes: whether each row of F̃V has its mean taken off.
    """
    classes = cross.shape[1]
    missing = -classes % LANES

    def evaluate(V: Top) -> tuple[Tensor, Top]:
        V = V - V.mean(dim=1, keepdim=True) if centres_classes else V
        slope = cross - (gram @ torch.nn.functional.pad(V, (0, missing)))[:, :classes]
        return total - cross.T @ V - V.T @ slope, slope

    return evaluate


def _solve(gram: Tensor, right: Tensor, eta: float) -> Tensor:
    """(gram + ηI)⁻¹·right of a positive semi-definite matrix.

    Where η is below the matrix's rounding, directions that cannot be told from its kernel are left out, as
    the pseudo-inverse does at η = 0.
    """
    shifted = gram.clone()
    shifted.diagonal().add_(eta)
    factor, failed = torch.linalg.cholesky_ex(shifted)
    regular = eta > _rounding(gram) or factor.diagonal().min().item() ** 2 > REGULAR * _rounding(gram)
    if regular and not failed.any():
        return torch.cholesky_solve(right, factor)
    values, vectors = torch.linalg.eigh(gram)
    inverse = torch.where(values > _rounding(gram), 1 / (values + eta), 0.0)
    return vectors @ (inverse[:, None] * (vectors.T @ right))


def _negligible(features: Features) -> float:
    """Singular values of F̃ up to this one are zero but for rounding."""
    return max(features.shape) * torch.finfo(features.dtype).eps * features.norm().item()


def _noise(eigenvalues: Float[Tensor, " m"]) -> float:
    """What a Gram matrix's eigenvalues are accurate to: those below cannot be told from zero."""
    return 4 * eigenvalues[-1].item() * torch.finfo(eigenvalues.dtype).eps


def _rounding(gram: Tensor) -> float:
    """A bound on the rounding of a Gram matrix's eigenvalues: its trace times size and machine precision."""
    return gram.trace().item() * len(gram) * torch.finfo(gram.dtype).eps
