"""The energy of hidden nodes, E(w) = ½‖Ỹᵀσ(Xw)‖², and its gradient (Theorem 1), on a problem's training samples.

Ỹ = Y − 1cᵀ with one-hot Y, so that a product with Ỹᵀ is a sum over the samples of each class and a product with Ỹ a
choice of rows by label. Samples are gone through block by block: no array of all samples times all nodes is held.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from li2.models.complex_nodes import over_nodes
from li2.models.fused import call, is_fused
from li2.models.problem import Problem
from li2.models.two_layer import add_into_rows

BLOCK = 2**18
"""Samples times nodes that are gone through at a time."""


@dataclass(frozen=True, eq=False)
class CentredLabels:
    """Ỹ = Y − 1cᵀ as an operator; Y the one-hot labels of n samples.

    Attributes:
        labels: (n,) int64.
        centre: c in float64: 1/M, or each class's share of the samples for a loss that is centred over them.
    """

    labels: Int[Tensor, " n"]
    centre: Float[Tensor, " M"]

    @classmethod
    def of(cls, problem: Problem) -> "CentredLabels":
        """Those of a problem's training samples."""
        labels, classes = problem.train.labels, problem.classes
        if problem.loss.centres_samples:
            return cls(labels, torch.bincount(labels, minlength=classes).double() / len(labels))
        return cls(labels, torch.full((classes,), 1 / classes, dtype=torch.float64, device=labels.device))

    def transposed(self, values: Float[Tensor, "n r"]) -> Float[Tensor, "M r"]:
        """Ỹᵀ·values."""
        sums = values.new_zeros(len(self.centre), values.shape[1])
        add_into_rows(sums, values, [self.labels])
        return self.centred(sums)

    def centred(self, sums: Float[Tensor, "M r"]) -> Float[Tensor, "M r"]:
        """Ỹᵀ·values from Yᵀ·values, their sums over each class."""
        return sums - torch.outer(self.centre.to(sums.dtype), sums.sum(dim=0))

    def rows(self, table: Float[Tensor, "M r"]) -> Float[Tensor, "M r"]:
        """The rows of Ỹ·table: sample i's is that of its label."""
        return table - self.centre.to(table.dtype) @ table

    def gram(self) -> Float[Tensor, "M M"]:
        """ỸᵀỸ in float64."""
        counts = torch.bincount(self.labels, minlength=len(self.centre)).double()
        return self.centred(self.centred(torch.diag(counts)).T)


class Energies:
    """Energies of nodes on a problem's training samples; V and the output scale play no part in them.

    That of a complex node is half the squared length of the complex vector Ỹᵀσ(Xw), or the sum over its two features.
    """

    def __init__(self, problem: Problem) -> None:
        self.targets = CentredLabels.of(problem)
        self._activation = problem.two_layer.activation
        self.columns = self._activation.columns
        self._rows = problem.train.rows.contiguous()
        self._operands = [operand.contiguous() for operand in problem.train.rows.T]

    def correlations(self, W: Float[Tensor, "d K"]) -> Float[Tensor, "M K"]:
        """Ỹᵀσ(XW), of which E(w_j) is half the squared length of column j (of a node's columns)."""
        sums = W.new_zeros(len(self.targets.centre), W.shape[1])
        if is_fused(self._activation, W):
            call("sums", self._activation, self._rows[None], W[None], None, len(sums), self.targets.labels, sums)
            return self.targets.centred(sums)
        for _, labels, preactivations, features in self._blocks(W):
            self._activation.into(preactivations, features)
            add_into_rows(sums, features, [labels])
        return self.targets.centred(sums)

    def features(self, W: Float[Tensor, "d K"]) -> Float[Tensor, "n K"]:
        """σ(XW)."""
        features = W.new_empty(len(self.targets.labels), W.shape[1])
        start = 0
        for _, labels, preactivations, _ in self._blocks(W):
            self._activation.into(preactivations, features[start : start + len(labels)])
            start += len(labels)
        return features

    def values(self, W: Float[Tensor, "d K"]) -> Float[Tensor, " nodes"]:
        """E(w_j) of every node."""
        return self.of_correlations(self.correlations(W))

    def unit_values(self, W: Float[Tensor, "d K"]) -> Float[Tensor, " nodes"]:
        """E(w_j/‖w_j‖) of every node."""
        return self.values(unit_nodes(W, self.columns))

    def of_correlations(self, correlations: Float[Tensor, "M K"]) -> Float[Tensor, " nodes"]:
        """E(w_j) of every node."""
        return over_nodes(correlations.square().sum(dim=0), self.columns) / 2

    def gradient(self, W: Float[Tensor, "d K"], correlations: Float[Tensor, "M K"]) -> Float[Tensor, "d K"]:
        """∇E(w_j) = XᵀD_jỸỸᵀσ(Xw_j), D_j = diag σ′(Xw_j), of every node, from its correlations."""
        gradient = torch.zeros_like(W, memory_format=torch.contiguous_format)
        table = self.targets.rows(correlations)
        if is_fused(self._activation, W):
            arrays = self.targets.labels, table.contiguous(), gradient
            call("pull", self._activation, self._rows[None], W[None], None, len(table), *arrays)
            return gradient
        for operands, labels, preactivations, signal in self._blocks(W):
            torch.index_select(table, 0, labels, out=signal)
            self._activation.backpropagate(signal, preactivations)
            add_into_rows(gradient, signal, operands)
        return gradient

    def _blocks(self, W: Float[Tensor, "d K"]) -> Iterator[tuple[list[Tensor], Tensor, Tensor, Tensor]]:
        """Block by block: the rows of W and the labels of its samples, their XW, and a buffer of the same shape."""
        size = max(1, BLOCK // W.shape[1])
        buffers = [W.new_empty(min(size, len(self.targets.labels)), W.shape[1]) for _ in range(2)]
        splits = [torch.split(column, size) for column in (*self._operands, self.targets.labels)]
        for *operands, labels in zip(*splits, strict=True):
            preactivations, spare = (buffer[: len(labels)] for buffer in buffers)
            torch.index_select(W, 0, operands[0], out=preactivations)
            for operand in operands[1:]:
                preactivations.add_(torch.index_select(W, 0, operand, out=spare))
            yield operands, labels, preactivations, spare


def unit_nodes(W: Float[Tensor, "d K"], columns: int = 1) -> Float[Tensor, "d K"]:
    """The nodes, of one or two columns of W each, scaled to length one; zero ones stay zero."""
    lengths = W.norm(dim=0)
    if columns == 2:
        lengths = torch.hypot(*lengths.chunk(2)).repeat(2)
    return W / lengths.clamp_min(torch.finfo(W.dtype).tiny)
