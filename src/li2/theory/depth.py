"""Gradients in deeper networks at random weights (section 6).

F_l = σ(F_{l−1}W_l), F_0 = X, l ≤ L, Ŷ = F_L V; the weights are independent Gaussians of variance 1/K_l, and the top
layer is at the beginning of its fit, V ∝ F̃_Lᵀ Ỹ, so that G_L = −∂J/∂F_L ∝ ỸỸᵀF_L. An operator is the n × n matrix A in
G_l = A·F_l.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import torch
from jaxtyping import Float
from torch import Tensor

Features = Float[Tensor, "n K"]
Operator = Float[Tensor, "n n"]


def backpropagated(gradient: Float[Tensor, "n K"], gates: Float[Tensor, "n K"], W: Float[Tensor, "k K"]) -> Tensor:
    """G_{l−1} = (G_l ⊙ σ′(F_{l−1}W_l))W_lᵀ, exactly.

    Equation 11 writes one matrix D_l for σ′, but the gates differ from node to node.

    Args:
        gradient: G_l.
        gates: σ′(F_{l−1}W_l).
        W: W_l.

    Returns:
        (n, k) G_{l−1}.
    """
    return (gradient * gates) @ W.T


@dataclass(frozen=True)
class GateKernels:
    """Expectations over a node w ~ N(0, s²I) on top of features f_i, z_i = w·f_i.

    Attributes:
        product: Θ_ij = E σ′(z_i)σ′(z_j).
        curvature: Ψ_ij = E σ″(z_i)σ(z_j).
    """

    product: Operator
    curvature: Operator


def gate_kernels(features: Features, activation: str, variance: float) -> GateKernels:
    """Θ and Ψ in closed form.

    For relu, with θ the angle of f_i and f_j, Θ = (π − θ)/2π, the arc-cosine kernel of degree 0, and Ψ =
    ‖f_j‖ sin θ/(2π‖f_i‖), since σ″ is a delta function. For the square Θ = 4s²f_i·f_j and Ψ = 2s²‖f_j‖².

    Args:
        features: f_i as rows, none of them zero.
        activation: ``relu`` or ``square``.
        variance: s².

    Raises:
        ValueError: for another activation.
    """
    gram = features @ features.T
    squares = gram.diagonal()
    if activation == "square":
        return GateKernels(4 * variance * gram, (2 * variance * squares).expand_as(gram))
    if activation != "relu":
        raise ValueError(f"activation is {activation!r}, but must be relu or square")
    lengths = squares.sqrt()
    cosines = (gram / lengths / lengths[:, None]).clamp(-1, 1)
    angles = torch.arccos(cosines)
    sines = (1 - cosines.square()).sqrt()
    return GateKernels((math.pi - angles) / (2 * math.pi), lengths * sines / (2 * math.pi * lengths[:, None]))


def operator_below(operator: Operator, features: Features, activation: str, variance: float) -> Operator:
    """The mean of G_{l−1} over W_l, as an operator on F_{l−1} (ours).

    Node j of layer l contributes σ′(z_ij)Σ_i′ A_ii′ σ(z_i′j)·w_j. By Stein's lemma E[σ′(z_i)σ(z_i′)w] = s²(Θ_ii′ f_i′ +
    Ψ_ii′ f_i), so that with K_l s² = 1 the mean is (Θ ⊙ A + diag((Ψ ⊙ A)1))F_{l−1}: it is this with any width if A
    belongs to layer L, and in the limit of wide layers further below.

    Args:
        operator: A of layer l, ỸỸᵀ at the top.
        features: F_{l−1}.
        activation: ``relu`` or ``square``.
        variance: s² = 1/K_l of the entries of W_l.
    """
    kernels = gate_kernels(features, activation, variance)
    return kernels.product * operator + torch.diag((kernels.curvature * operator).sum(dim=1))


def printed_operator(operator: Operator, gates: Sequence[Float[Tensor, " n"]]) -> Operator:
    """D̃ỸỸᵀD̃ of section 6, D̃ the product of one diagonal matrix for each layer above.

    Args:
        operator: ỸỸᵀ.
        gates: the diagonals.
    """
    diagonal = torch.stack(list(gates)).prod(dim=0)
    return diagonal[:, None] * operator * diagonal


def kernel_gradients(operator: Operator, features: Sequence[Tensor], activation: str) -> list[Tensor]:
    """The mean of G_1 … G_L over random layers above, each up to a factor: A_l·F_l with :func:`operator_below`.

    Args:
        operator: ỸỸᵀ.
        features: F_1 … F_L, (n, K_l).
        activation: ``relu`` or ``square``.
    """
    found = [operator @ features[-1]]
    for below, above in zip(features[-2::-1], features[:0:-1], strict=True):
        operator = operator_below(operator, below, activation, 1 / above.shape[1])
        found.append(operator @ below)
    return found[::-1]


def printed_gradients(
    operator: Operator, features: Sequence[Tensor], gates: Sequence[Tensor], activation: str
) -> list[Tensor]:
    """D̃ỸỸᵀD̃F_l, l = 1 … L, each D the mean gate of its layer's nodes (of the square, without a mean, the rms).

    Args:
        operator: ỸỸᵀ.
        features: F_1 … F_L, (n, K_l).
        gates: σ′ of layers 2 … L, likewise.
        activation: ``relu`` or ``square``.
    """
    diagonals = [g.square().mean(dim=1).sqrt() if activation == "square" else g.mean(dim=1) for g in gates]
    found = [operator @ features[-1]]
    for layer in reversed(range(len(gates))):
        found.append(printed_operator(operator, diagonals[layer:]) @ features[layer])
    return found[::-1]


def best_diagonals(operator: Operator, features: Features, gradient: Features, rounds: int = 8) -> Tensor:
    """D·ỸỸᵀ·D′·F with the two diagonal matrices that fit a gradient best, by alternating least squares.

    The most that the printed form, in which D = D′ is made of gates, can give.

    Returns:
        (n, K) the fit.
    """
    left = torch.ones(len(operator), dtype=operator.dtype)
    right, fit = left.clone(), gradient
    inner = features @ features.T
    for _ in range(rounds):
        signal = operator @ (right[:, None] * features)
        left = (gradient * signal).sum(dim=1) / signal.square().sum(dim=1).clamp_min(1e-300)
        scaled = left[:, None] * operator
        normal = (scaled.T @ scaled) * inner
        moments = ((scaled.T @ gradient) * features).sum(dim=1)
        right = torch.linalg.pinv(normal, hermitian=True, rtol=1e-12) @ moments
        fit = scaled @ (right[:, None] * features)
    return fit


def identity_deviation(lower: int, upper: int) -> float:
    """‖WWᵀ − I‖ of a wide (lower, upper) matrix with entries of variance 1/upper: (1 + √(lower/upper))² − 1.

    By the Marchenko–Pastur law; section 6 takes it for 0, but it is 3 for layers of one width.
    """
    return (1 + math.sqrt(lower / upper)) ** 2 - 1


def energy_outside(gated: Float[Tensor, "n K"], lower: int, rank: int) -> float:
    """The mean of ‖G_{l−1}‖² outside the row space of F_{l−1}, (K_{l−1} − rank)·‖G_l ⊙ σ′‖²/K_l (ours).

    What layer l sees depends on W_l within that space only; the rest of W_l is independent noise.

    Args:
        gated: G_l ⊙ σ′(F_{l−1}W_l).
        lower: K_{l−1}.
        rank: of F_{l−1}.
    """
    return (lower - rank) / gated.shape[1] * gated.square().sum().item()


def residual_sum(top: Features, gates: Sequence[Features], weights: Sequence[Tensor], *, skips: bool) -> Features:
    """G_1 of a residual network F_l = F_{l−1} + σ(F_{l−1}W_l), l = 2 … L.

    Args:
        top: G_L.
        gates: σ′ of layers 2 … L.
        weights: W_2 … W_L.
        skips: with them, the sum over all 2^(L−1) choices of layers to pass through or to skip, which is exact;
            otherwise as section 6 prints it, Σ_l G_l of the L chains that pass through all layers from L to l + 1.
    """
    layers = range(len(gates))
    choices = [tuple(layers[number:]) for number in range(len(gates) + 1)]
    if skips:
        choices = [chosen for size in range(len(gates) + 1) for chosen in combinations(layers, size)]
    total = torch.zeros_like(top)
    for chosen in choices:
        gradient = top
        for layer in reversed(chosen):
            gradient = backpropagated(gradient, gates[layer], weights[layer])
        total = total + gradient
    return total
