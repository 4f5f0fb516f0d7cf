"""Complex nodes in real tensors: their real parts in a first half, their imaginary parts in a second.

A network of K complex nodes keeps W = [Re, Im], (kM, 2K), and V = [Re; Im], (2K, M). Its output β·Re(σ(XW)V) is that
of a real one whose 2K features are [Re σ(XW), −Im σ(XW)], so that all that holds for real networks holds for it.
"""

import torch
from jaxtyping import Complex, Float
from torch import Tensor


def complex_nodes(parts: Float[Tensor, "*e"], dim: int = -1) -> Complex[Tensor, "*d"]:
    """Re + i·Im from the two halves of an axis: the columns of W (default) or the rows of V (dim=-2)."""
    real, imaginary = parts.chunk(2, dim=dim)
    return torch.complex(real, imaginary)


def over_nodes(values: Float[Tensor, "*R K"], columns: int) -> Float[Tensor, "*R nodes"]:
    """Sums over the columns of each node, one or two of them."""
    return values.reshape(*values.shape[:-1], columns, -1).sum(dim=-2)
