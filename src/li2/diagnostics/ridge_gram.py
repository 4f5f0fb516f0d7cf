"""The matrix F̃ᵀF̃ + ηI of the top layer's ridge problem, or F̃F̃ᵀ + ηI, factorised once for all that needs it."""

import torch
from jaxtyping import Float
from torch import Tensor

from li2.models import Problem

NODES_SIDE = 1.25
"""The K × K matrix is taken up to so many nodes per sample, then the n × n one."""

HARMLESS = 0.01
"""Largest rounding error of a float32 Gram matrix, by the bound ε·tr, relative to η. At 0.0014 (the default run's most)
−b_jl/√(b_jj b_ll) was off by at most 5e-6, so that it is off by less than 1e-4 throughout."""

BLOCK = 256
"""Rows of a symmetric product, or of a triangular inverse, that are computed at a time."""


class RidgeGram:
    """Cholesky factor of F̃ᵀF̃ + ηI, or of F̃F̃ᵀ + ηI where nodes are many more than samples; η > 0.

    In the features' dtype, but in float64 where float32 is not :data:`HARMLESS`.

    Args:
        problem: whose loss centres F̃ or does not; η is there and positive.
        features: F, finite.

    Attributes:
        features: F̃ = βF, centred over samples if the loss is.
        eta: η.
        of_nodes: whether it is F̃ᵀF̃.
        gram: the matrix without η.
        factor: L of LLᵀ = gram + ηI; None where η is lost in rounding.
    """

    def __init__(self, problem: Problem, features: Float[Tensor, "n K"]) -> None:
        assert problem.eta, "a ridge problem has η > 0"
        self.eta = problem.eta
        scale = problem.network.output_scale
        scaled = features if scale == 1 else scale * features
        if problem.loss.centres_samples:
            scaled = scaled - scaled.mean(dim=0)
        trace = torch.linalg.vector_norm(scaled).item() ** 2
        if torch.finfo(scaled.dtype).eps * trace > HARMLESS * self.eta:
            scaled = scaled.double()
        self.features = scaled
        n, K = scaled.shape
        self.of_nodes = K / n <= NODES_SIDE
        self.gram = symmetric_product(scaled if self.of_nodes else scaled.T)
        shifted = self.gram.clone()
        shifted.diagonal().add_(self.eta)
        factor, failed = torch.linalg.cholesky_ex(shifted)
        lost = self.eta <= trace * len(factor) * torch.finfo(torch.float64).eps
        self.factor = None if lost or bool(failed.any()) else factor

    def solve(self, right: Float[Tensor, "m r"]) -> Float[Tensor, "m r"]:
        """(gram + ηI)⁻¹·right; there must be a factor."""
        assert self.factor is not None
        return torch.cholesky_solve(right.to(self.factor.dtype), self.factor)

    def inverse_entries(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """b_jl, b_jj and b_ll of B = (F̃ᵀF̃ + ηI)⁻¹ for pairs of nodes j ≠ l; there must be a factor."""
        assert self.factor is not None
        if self.of_nodes:  # B = L⁻ᵀL⁻¹
            vectors = triangular_inverse(self.factor).T.contiguous()
            diagonal = vectors.square().sum(dim=1)
            return _dots(vectors, rows, columns), diagonal[rows], diagonal[columns]
        # ηB = I − ZᵀZ, Z = L⁻¹F̃
        vectors = torch.linalg.solve_triangular(self.factor, self.features, upper=False).T.contiguous()
        diagonal = 1 - vectors.square().sum(dim=1)
        return -_dots(vectors, rows, columns) / self.eta, diagonal[rows] / self.eta, diagonal[columns] / self.eta


def symmetric_product(values: Float[Tensor, "m r"]) -> Float[Tensor, "r r"]:
    """valuesᵀ·values, of which only blocks on and above the diagonal are multiplied out."""
    size = values.shape[1]
    product = values.new_empty(size, size)
    for start in range(0, size, BLOCK):
        stop = min(start + BLOCK, size)
        part = values[:, start:stop].T @ values[:, start:]
        product[start:stop, start:] = part
        product[stop:, start:stop] = part[:, stop - start :].T
    return product


def triangular_inverse(factor: Float[Tensor, "m m"]) -> Float[Tensor, "m m"]:
    """The inverse X of a lower triangular L, block by block: X_ij = −L_ii⁻¹ Σ_k L_ik X_kj, k from j to i − 1."""
    inverse = torch.zeros_like(factor)
    starts = range(0, len(factor), BLOCK)
    for start in starts:
        rows = slice(start, start + BLOCK)
        block = factor[rows, rows]
        own = torch.eye(len(block), dtype=factor.dtype, device=factor.device)
        inverse[rows, rows] = own = torch.linalg.solve_triangular(block, own, upper=False)
        for column in starts[: start // BLOCK]:
            columns = slice(column, column + BLOCK)
            inverse[rows, columns] = -(own @ (factor[rows, column:start] @ inverse[column:start, columns]))
    return inverse


def _dots(vectors: Float[Tensor, "K m"], rows: Tensor, columns: Tensor) -> Float[Tensor, " p"]:
    """Products of pairs of rows, block by block."""
    pairs = zip(torch.split(rows, BLOCK), torch.split(columns, BLOCK), strict=True)
    return torch.cat([(vectors[left] * vectors[right]).sum(dim=1) for left, right in pairs])
