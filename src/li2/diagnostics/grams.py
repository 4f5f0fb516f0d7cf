"""Figures that need a Gram matrix of the features: how far from diagonal, and which nodes repel."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from li2.diagnostics.ridge_gram import RidgeGram
from li2.diagnostics.snapshot import Snapshot

GRAM_FIGURES = {
    "node_offdiagonal": "mean |off-diagonal| / mean |diagonal| of F̃ᵀF̃, F̃ centred over samples (K × K)",
    "sample_offdiagonal": "mean |off-diagonal| / mean |diagonal| of P₁FFᵀ (n × n)",
    "repelling_share": "share of nodes j whose most similar node l repels it: b_jl < 0",
    "repulsion_strongest": "largest −b_jl/√(b_jj b_ll) over these nearest pairs",
    "repulsion_median": "median of it",
    "repulsion_weakest": "smallest of it (negative: they attract)",
}
"""B = (F̃ᵀF̃ + ηI)⁻¹ with F̃ as the loss centres it; nearest by the cosine of f̃_j and f̃_l (Theorem 6)."""

NODES = 4096
"""Repulsion is measured for all nodes up to so many, then for that many drawn at random, each among all."""

COLUMNS = 256
"""Mean entries of a Gram matrix that is not at hand are over all columns up to four times as many, then over so many
drawn."""

BLOCK = 512
"""Rows of a Gram matrix that are held at a time."""


def gram_figures(snapshot: Snapshot) -> dict[str, float]:
    """The :data:`GRAM_FIGURES`; the repulsion ones only where η > 0 exists (Problem.eta), none if
    features overflow.

    What is drawn at random is drawn with a fixed seed. In the default run the standard error of a figure from 256 drawn
    columns is 0.2 to 0.3 % of it for samples and 0.2 to 1.1 % for nodes, whose figure is exact where the K × K matrix
    is factorised for repulsion. That of the share of repelling pairs from 4,096 drawn nodes is at most 0.8 points.
    """
    if not snapshot.is_finite:
        return {}
    features, ridge = snapshot.features, snapshot.ridge_gram
    mean = features.mean(dim=0)
    centred = features - mean
    figures = {"sample_offdiagonal": _offdiagonal(centred, features)}
    if ridge is not None and ridge.of_nodes:
        scale = snapshot.problem.network.output_scale**2
        shift = 0.0 if snapshot.problem.loss.centres_samples else scale * len(features)
        figures["node_offdiagonal"] = _offdiagonal_of(ridge.gram, shift, mean)
    else:
        figures["node_offdiagonal"] = _offdiagonal(centred.T, centred.T)
    if ridge is not None and features.shape[1] > 1:
        figures.update(repulsion(ridge))
    return figures


def repulsion(ridge: RidgeGram) -> dict[str, float]:
    """How the most similar pairs of nodes interact through B = (F̃ᵀF̃ + ηI)⁻¹, at least two nodes.

    Empty if B cannot be computed: η is below the rounding of the Gram matrix.
    """
    if ridge.factor is None:
        return {}
    nodes = drawn(ridge.features.shape[1], NODES).to(ridge.features.device)
    entries, own, other = ridge.inverse_entries(nodes, _nearest(ridge, nodes))
    strength = -entries / (own * other).sqrt()
    return {
        "repelling_share": (strength > 0).double().mean().item(),
        "repulsion_strongest": strength.max().item(),
        "repulsion_median": strength.median().item(),
        "repulsion_weakest": strength.min().item(),
    }


def drawn(size: int, most: int) -> Int[Tensor, " m"]:
    """0 … size − 1, or so many of them drawn at random with a fixed seed, in order."""
    if size <= most:
        return torch.arange(size)
    return torch.randperm(size, generator=torch.Generator().manual_seed(0))[:most].sort().values


def _nearest(ridge: RidgeGram, nodes: Int[Tensor, " m"]) -> Int[Tensor, " m"]:
    """For each of these nodes the other one with the largest cosine of f̃_j and f̃_l."""
    features = ridge.features
    lengths = features.square().sum(dim=0).sqrt().clamp_min(torch.finfo(features.dtype).tiny)
    nearest = []
    for part in torch.split(nodes, BLOCK):
        similarity = (ridge.gram[part] if ridge.of_nodes else features[:, part].T @ features).div_(lengths)
        similarity[torch.arange(len(part)), part] = -torch.inf
        nearest.append(similarity.argmax(dim=1))
    return torch.cat(nearest)


def _offdiagonal(left: Float[Tensor, "m r"], right: Float[Tensor, "m r"]) -> float:
    """mean |off-diagonal| / mean |diagonal| of left·rightᵀ; 0 if m = 1.

    Over columns drawn with probabilities as the lengths of their rows in ``right``, if there are many.
    """
    size, diagonal = len(left), torch.bmm(left[:, None], right[:, :, None]).flatten().abs().double()
    if size <= 4 * COLUMNS:
        off = (left @ right.T).abs().sum(dtype=torch.float64) - diagonal.sum()
    else:
        lengths = torch.linalg.vector_norm(right, dim=1).double()
        if not lengths.any():
            return math.nan
        shares = lengths / lengths.sum()
        generator = torch.Generator().manual_seed(0)
        columns = torch.multinomial(shares.cpu(), COLUMNS, replacement=True, generator=generator).to(shares.device)
        sums = (left @ right[columns].T).abs().sum(dim=0).double() - diagonal[columns]
        off = (sums / shares[columns]).mean()
    return (off / (size - 1) / diagonal.sum()).item() if size > 1 else 0.0


def _offdiagonal_of(gram: Float[Tensor, "K K"], shift: float, mean: Float[Tensor, " K"]) -> float:
    """The same of gram − shift·mean·meanᵀ, exactly."""
    mean = mean.to(gram.dtype)
    parts = zip(torch.split(gram, BLOCK), torch.split(mean, BLOCK), strict=True)
    total = torch.stack(
        [(rows - torch.outer(shift * m, mean)).abs().sum(dtype=torch.float64) for rows, m in parts]
    ).sum()
    diagonal = (gram.diagonal() - shift * mean.square()).abs().sum(dtype=torch.float64)
    return ((total - diagonal) / (len(gram) - 1) / diagonal).item() if len(gram) > 1 else 0.0
