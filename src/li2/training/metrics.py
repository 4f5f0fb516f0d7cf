"""The figures known at every epoch, for many runs along a leading axis."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from li2.models.passes import padded

METRICS = {
    "train_loss": "loss on the training pairs, before the steps of this epoch",
    "train_accuracy": "share of training pairs whose largest output is their label",
    "test_loss": "loss on the test pairs",
    "test_accuracy": "share of test pairs whose largest output is their label",
    "gradient_norm": "‖(Y − 1/M − FV)Vᵀ‖, F V uncentred: the published gradient norm",
    "backprop_norm": "‖G_F‖, G_F = −(n/2)·∂loss/∂F",
    "hidden_norm": "‖W‖",
    "top_norm": "‖V‖",
    "hidden_change": "1 − cos(W, W one epoch before)",
    "top_change": "1 − cos(V, V one epoch before)",
}
"""The figures known at every epoch. Norms are Frobenius norms."""


def correct(
    outputs: Float[Tensor, "R n M"], labels: Int[Tensor, "R n"], offset: Float[Tensor, "R M"] | None
) -> Float[Tensor, " R"]:
    """How many labels have the largest output."""
    scores = outputs if offset is None else outputs + offset[:, None]
    return (scores.argmax(dim=-1) == labels).double().sum(dim=-1)


def gram(matrix: Float[Tensor, "R m M"]) -> Float[Tensor, "R M M"]:
    """matrixᵀ·matrix in float64; with padded rows, since such products round by how rows are aligned."""
    classes, matrix = matrix.shape[-1], padded(matrix.double())
    return (matrix.mT @ matrix)[:, :classes, :classes]


def product_norm(left: Float[Tensor, "R M M"], right: Float[Tensor, "R M M"]) -> Float[Tensor, " R"]:
    """‖left·rightᵀ‖ of an (n, M) and a (K, M) matrix from their Gram matrices."""
    return (left * right).sum(dim=(-2, -1)).clamp_min(0).sqrt()


def norm(matrices: Float[Tensor, "R m K"]) -> Float[Tensor, " R"]:
    """Frobenius norms."""
    return product(matrices, matrices).sqrt()


def turn(now: Float[Tensor, "R m K"], before: Float[Tensor, "R m K"] | None) -> Float[Tensor, " R"]:
    """1 − cos of two matrices that differ little, free of cancellation; NaN without the second one.

    ½‖a/‖a‖ − b/‖b‖‖² = (‖d‖² − δ²)/(2‖a‖‖b‖) with d = a − b, which is exact, and δ = ‖a‖ − ‖b‖ from a·d and ‖d‖².
    """
    if before is None:
        return now.new_full((len(now),), torch.nan)
    step = now - before
    square = product(now, now)
    moved = product(step, step)
    growth = 2 * product(now, step) - moved  # ‖a‖² − ‖b‖²
    long, short = square.sqrt(), (square - growth).clamp_min(0).sqrt()
    return (moved - (growth / (long + short)).square()).clamp_min(0) / (2 * long * short)


def product(left: Float[Tensor, "R m K"], right: Float[Tensor, "R m K"]) -> Float[Tensor, " R"]:
    """Each run's Σ left·right; PyTorch adds up in pairs, so float32 terms give six digits or more."""
    return (left * right).flatten(1).sum(dim=1).double()
