"""Figures that need a Gram matrix of the features: how far from diagonal, and which nodes repel."""

import torch
from jaxtyping import Float
from torch import Tensor

from li2.models import Problem, Weights

GRAM_FIGURES = {
    "node_offdiagonal": "mean |off-diagonal| / mean |diagonal| of F̃ᵀF̃, F̃ centred over samples (K × K)",
    "sample_offdiagonal": "mean |off-diagonal| / mean |diagonal| of P₁FFᵀ (n × n)",
    "repelling_share": "share of nodes j whose most similar node l repels it: b_jl < 0",
    "repulsion_strongest": "largest −b_jl/√(b_jj b_ll) over these nearest pairs",
    "repulsion_median": "median of it",
    "repulsion_weakest": "smallest of it (negative: they attract)",
}
"""B = (F̃ᵀF̃ + ηI)⁻¹ with F̃ as the loss centres it; nearest by the cosine of f̃_j and f̃_l (Theorem 6)."""

BLOCK = 512
"""Rows of the n × n matrix that are held at a time."""


def gram_figures(problem: Problem, weights: Weights) -> dict[str, float]:
    """The :data:`GRAM_FIGURES`; the repulsion ones only where η > 0 exists (Problem.eta)."""
    features = problem.network.features(weights.W, problem.train.rows).double()
    centred = features - features.mean(dim=0)
    node_gram = centred.T @ centred
    sample_total = torch.stack([(part @ features.T).abs().sum() for part in torch.split(centred, BLOCK)]).sum()
    figures = {
        "node_offdiagonal": _offdiagonal(node_gram.abs().sum(), node_gram.diagonal()),
        "sample_offdiagonal": _offdiagonal(sample_total, (centred * features).sum(dim=1)),
    }
    if problem.eta and len(node_gram) > 1:
        if not problem.loss.centres_samples:
            mean = features.mean(dim=0)
            node_gram += len(features) * torch.outer(mean, mean)
        node_gram *= problem.network.output_scale**2
        figures.update(repulsion(node_gram, problem.eta))
    return figures


def repulsion(gram: Float[Tensor, "K K"], eta: float) -> dict[str, float]:
    """How the most similar pairs of nodes interact through B = (gram + ηI)⁻¹, at least two nodes.

    Empty if B cannot be computed: η is below the rounding of the Gram matrix, or that is not finite.
    """
    lengths = gram.diagonal().sqrt().clamp_min(torch.finfo(gram.dtype).tiny)
    similarity = gram / lengths[:, None] / lengths[None, :]
    similarity.fill_diagonal_(-torch.inf)
    nearest = similarity.argmax(dim=1)
    shifted = gram.clone()
    shifted.diagonal().add_(eta)
    factor, failed = torch.linalg.cholesky_ex(shifted)
    if failed.any():
        return {}
    inverse = torch.cholesky_inverse(factor)
    scale = inverse.diagonal().sqrt()
    nodes = torch.arange(len(gram), device=gram.device)
    strength = -inverse[nodes, nearest] / (scale * scale[nearest])
    return {
        "repelling_share": (strength > 0).double().mean().item(),
        "repulsion_strongest": strength.max().item(),
        "repulsion_median": strength.median().item(),
        "repulsion_weakest": strength.min().item(),
    }


def _offdiagonal(total: Float[Tensor, ""], diagonal: Float[Tensor, " m"]) -> float:
    """mean |off-diagonal| / mean |diagonal| from the sum of all |entries| and the diagonal; 0 if m = 1."""
    size, on = len(diagonal), diagonal.abs().sum()
    return ((total - on) / (size - 1) / on).item() if size > 1 else 0.0
