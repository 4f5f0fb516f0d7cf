"""Networks with several hidden layers at random weights, and their gradients by automatic differentiation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from li2.models import named_activation


@dataclass(frozen=True)
class DeepNetwork:
    """A network with L hidden layers whose top layer begins to fit.

    Attributes:
        weights: W_1 … W_L, (K_{l−1}, K_l).
        preactivations: F_{l−1}W_l, l = 1 … L, (n, K_l).
        features: F_1 … F_L.
        gradients: G_1 … G_L, G_l = −∂J/∂F_l to first order in V = F̃_Lᵀ Ỹ.
    """

    weights: list[Tensor]
    preactivations: list[Tensor]
    features: list[Tensor]
    gradients: list[Tensor]


def deep_network(
    inputs: Float[Tensor, "n d"],
    targets: Float[Tensor, "n M"],
    widths: Sequence[int],
    activation: str,
    generator: Generator,
    *,
    first: Float[Tensor, "d K"] | None = None,
    residual: bool = False,
) -> DeepNetwork:
    """Draw weights of variance 1/width and differentiate.

    Args:
        inputs: X.
        targets: Ỹ, centred over samples.
        widths: K_1 … K_L.
        activation: its name.
        generator: of the weights.
        first: W_1, if it is given.
        residual: whether layers from the second on are added to what comes in.
    """
    sigma = named_activation(activation).function
    F, size = inputs, inputs.shape[1]
    weights, preactivations, features = list[Tensor](), list[Tensor](), list[Tensor]()
    for number, width in enumerate(widths):
        W = torch.randn(size, width, dtype=inputs.dtype, generator=generator) / math.sqrt(width)
        W = first if first is not None and number == 0 else W
        z = F @ W
        F = F + sigma(z) if residual and number else sigma(z)
        if number == 0:
            F = F.detach().requires_grad_()
        weights.append(W)
        preactivations.append(z.detach())
        features.append(F)
        size = width
    top = (F - F.mean(dim=0)).T.detach() @ targets
    gradients = torch.autograd.grad((targets * (F @ top)).sum(), features)
    return DeepNetwork(weights, preactivations, [F.detach() for F in features], list(gradients))
