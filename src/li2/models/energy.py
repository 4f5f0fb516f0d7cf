"""The energy of a hidden node, E(w) = ½‖Ỹᵀσ(Xw)‖², and its gradient (Theorem 1)."""

import torch
from jaxtyping import Float
from torch import Tensor

from li2.models.activations import Activation
from li2.models.two_layer import Rows, TwoLayer, sum_into_rows


def energy(
    W: Float[Tensor, "d K"], rows: Rows, targets: Float[Tensor, "n M"], activation: Activation
) -> Float[Tensor, " K"]:
    """E(w_j) of every column of W.

    Args:
        W: nodes as columns.
        rows: operand rows of the samples, (n, k).
        targets: Ỹ, (n, M).
        activation: σ.
    """
    features = TwoLayer(activation).features(W, rows)
    return (targets.T @ features).square().sum(dim=0) / 2


def energy_and_gradient(
    W: Float[Tensor, "d K"], rows: Rows, targets: Float[Tensor, "n M"], activation: Activation
) -> tuple[Float[Tensor, " K"], Float[Tensor, "d K"]]:
    """E(w_j) and ∇E(w_j) = Xᵀ D_j Ỹ Ỹᵀ σ(Xw_j), D_j = diag σ′(Xw_j), of every column of W."""
    preactivations = TwoLayer(activation).preactivations(W, rows)
    correlations = targets.T @ activation.function(preactivations)
    signal = (targets @ correlations).mul_(activation.derivative(preactivations))
    return correlations.square().sum(dim=0) / 2, sum_into_rows(signal, rows, len(W))


def unit_nodes(W: Float[Tensor, "d K"]) -> Float[Tensor, "d K"]:
    """The columns of W scaled to length one; zero columns stay zero."""
    return W / W.norm(dim=0).clamp_min(torch.finfo(W.dtype).tiny)
