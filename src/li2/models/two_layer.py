"""The two-layer network β·σ(XW)V on one-hot operands, as pure functions of its weights.

X is never built: a row of XW is the sum of the k rows of W that the operands select.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from li2.models.activations import AnyActivation
from li2.models.weights import Weights

Rows = Int[Tensor, "n k"]


@dataclass(frozen=True)
class TwoLayer:
    """The network's architecture.

    Attributes:
        activation: σ; of complex nodes it joins the columns of W in pairs (see :mod:`li2.models.complex_nodes`).
        output_scale: β.
    """

    activation: AnyActivation
    output_scale: float = 1.0

    def preactivations(self, W: Float[Tensor, "d K"], rows: Rows) -> Float[Tensor, "n K"]:
        """XW: rows[i] are the rows of W (operand·M + element) that sample i selects."""
        return functional.embedding_bag(rows, W, mode="sum")

    def features(self, W: Float[Tensor, "d K"], rows: Rows) -> Float[Tensor, "n K"]:
        """F = σ(XW)."""
        return self.activation.function(self.preactivations(W, rows))

    def top_features(self, weights: Weights, rows: Rows) -> Float[Tensor, "n K"]:
        """F, which V is multiplied by."""
        return self.features(weights.W, rows)

    def forward(self, weights: Weights, rows: Rows, block: int = 1024) -> Float[Tensor, "n M"]:
        """O = β·F·V, computed for a block of samples at a time."""
        outputs = [self.features(weights.W, part) @ weights.V for part in torch.split(rows, block)]
        return self.output_scale * torch.cat(outputs)


def sum_into_rows(values: Float[Tensor, "n K"], rows: Rows, count: int) -> Float[Tensor, "d K"]:
    """Xᵀ·values: row r of the result sums the values of all samples that select row r of W."""
    result = values.new_zeros(count, values.shape[1])
    add_into_rows(result, values, list(rows.T))
    return result


def add_into_rows(
    result: Float[Tensor, "d K"], values: Float[Tensor, "n K"], operands: list[Int[Tensor, " n"]]
) -> None:
    """result += Xᵀ·values, in place; operands: for each of them the row of W that every sample selects.

    On a GPU scattered sums depend on the order of arrival, so there the one-hot product is taken.
    """
    if values.is_cuda:
        result.addmm_(one_hot(torch.stack(operands, dim=1), values, len(result)).T, values)
        return
    for operand in operands:
        result.index_add_(0, operand, values)


def one_hot(rows: Int[Tensor, "*R n k"], like: Tensor, count: int) -> Float[Tensor, "*R n d"]:
    """X, of another tensor's dtype and device: how often each sample selects each of ``count`` rows."""
    selection = like.new_zeros(*rows.shape[:-1], count)
    return selection.scatter_add_(-1, rows, like.new_ones(rows.shape))
