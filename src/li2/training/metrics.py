"""The figures known at every epoch, for many runs along a leading axis."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from li2.models.passes import LANES

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
    """How many labels have the largest output, the first of several equal ones."""
    scores = outputs if offset is None else outputs + offset[:, None]
    largest = scores.amax(dim=-1, keepdim=True)
    if ((scores >= largest).sum(dim=-1) == 1).all():  # an argmax takes several times as long
        return (scores.gather(-1, labels[..., None]) == largest).double().sum(dim=(-2, -1))
    return (scores.argmax(dim=-1) == labels).double().sum(dim=-1)


def gram(matrix: Float[Tensor, "R m M"]) -> Float[Tensor, "R M M"]:
    """matrixᵀ·matrix in float64; with padded rows, since such products round by how rows are aligned."""
    classes = matrix.shape[-1]
    wide = matrix.new_zeros(*matrix.shape[:-1], classes + -classes % LANES, dtype=torch.float64)
    wide[..., :classes] = matrix
    return (wide.mT @ wide)[:, :classes, :classes]


def product_norm(left: Float[Tensor, "R M M"], right: Float[Tensor, "R M M"]) -> Float[Tensor, " R"]:
    """‖left·rightᵀ‖ of an (n, M) and a (K, M) matrix from their Gram matrices."""
    return (left * right).sum(dim=(-2, -1)).clamp_min(0).sqrt()


def length_and_turn(
    now: Float[Tensor, "R m K"], before: Float[Tensor, "R m K"] | None
) -> tuple[Float[Tensor, " R"], Float[Tensor, " R"]]:
    """‖now‖, and 1 − cos of two matrices that differ little, free of cancellation; NaN without the second one.

    ½‖a/‖a‖ − b/‖b‖‖² = (‖d‖² − δ²)/(2‖a‖‖b‖) with d = a − b, which is exact, and δ = ‖a‖ − ‖b‖ from a·d and ‖d‖².
    """
    square = product(now, now)
    length = square.sqrt()
    if before is None:
        return length, now.new_full((len(now),), torch.nan)
    step = now - before
    moved = product(step, step)
    growth = 2 * product(now, step) - moved  # ‖a‖² − ‖b‖²
    short = (square - growth).clamp_min(0).sqrt()
    return length, (moved - (growth / (length + short)).square()).clamp_min(0) / (2 * length * short)


def product(left: Float[Tensor, "R m K"], right: Float[Tensor, "R m K"]) -> Float[Tensor, " R"]:
    """Each run's Σ left·right; PyTorch adds up in pairs, so float32 terms give six digits or more."""
    return (left * right).flatten(1).sum(dim=1).double()
