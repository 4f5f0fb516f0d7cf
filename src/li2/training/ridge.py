"""The top layer as ridge regression, for many runs along a leading axis."""

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from torch.nn import functional

from li2.models.passes import LANES


def ridge_solution(
    features: Float[Tensor, "R n K"], targets: Float[Tensor, "R n M"], eta: Float64[Tensor, " R"]
) -> Float64[Tensor, "R K M"]:
    """V = (FᵀF + ηI)⁻¹FᵀT, as Fᵀ(FFᵀ + ηI)⁻¹T where nodes are more than samples; in float64.

    Float32 would not do: η is often smaller than its rounding of FᵀF. NaN for a run whose features are not finite.

    Args:
        features: F.
        targets: T.
        eta: η > 0 of each run.
    """
    shape = (features.shape[-1], targets.shape[-1])
    F, T = _padded(features.double()), _padded(targets.double())
    of_nodes = features.shape[2] <= features.shape[1]
    if of_nodes:
        solved = _solved(torch.bmm(F.mT, F), torch.bmm(F.mT, T), eta)
    else:
        solved = torch.bmm(F.mT, _solved(torch.bmm(F, F.mT), T, eta))
    return solved[:, : shape[0], : shape[1]]


def _solved(gram: Float[Tensor, "R m m"], right: Float[Tensor, "R m M"], eta: Float[Tensor, " R"]) -> Tensor:
    """(gram + ηI)⁻¹·right; where η is lost in rounding, without directions in which the Gram matrix is, too."""
    shifted = gram + torch.diag_embed(eta.to(gram)[:, None].expand(-1, gram.shape[1]))
    factor, failed = torch.linalg.cholesky_ex(shifted)
    solved = torch.cholesky_solve(right, factor)
    for run in failed.nonzero().flatten().tolist():
        if not gram[run].isfinite().all():
            solved[run] = torch.nan
            continue
        sizes, vectors = torch.linalg.eigh(gram[run])
        kept = sizes > torch.finfo(sizes.dtype).eps * len(sizes) * sizes[-1]
        vectors, sizes = vectors[:, kept], sizes[kept] + eta[run]
        solved[run] = vectors @ ((vectors.T @ right[run]) / sizes[:, None])
    return solved


def _padded(matrices: Float[Tensor, "R m r"]) -> Float[Tensor, "R padded_m padded_r"]:
    """With zeros up to multiples of :data:`LANES`: batched products round by how their matrices are aligned."""
    return functional.pad(matrices, (0, -matrices.shape[2] % LANES, 0, -matrices.shape[1] % LANES))
