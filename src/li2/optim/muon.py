"""Muon: steps along the orthogonalised momentum of a matrix; what is no matrix, and the top layer, goes by Adam."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from li2.optim.optimizers import Adam, State, per_run

Matrices = Float[Tensor, "*R d K"]
Coefficients = Sequence[tuple[float, float, float]]

TOP = "V"
"""The parameter that Adam moves though it is a matrix."""

SMALL = 1e-7
"""Frobenius norm about which a momentum counts as none."""

LANES = 8
"""Sides are rounded up to a multiple of it: products of a batch then round as those of its members alone do."""


def newton_schulz(matrices: Matrices, coefficients: Coefficients) -> Matrices:
    """X ← aX + (bA + cA²)X, A = XXᵀ, once for each (a, b, c): an odd polynomial of the singular values.

    Many steps of (1.5, −0.5, 0) give the polar factor UVᵀ of X = USVᵀ (of full rank).

    Args:
        matrices: with singular values of at most 1, as those that are divided by their Frobenius norms; of any
            floating dtype, in which all is computed.
        coefficients: of the steps in turn.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    X = _padded(matrices.mT if tall else matrices)
    for a, b, c in coefficients:
        gram = torch.bmm(X, X.mT)
        X = torch.baddbmm(X, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), X, beta=a)
    return _cropped(X.mT if tall else X, matrices)


def polar_factor(matrices: Matrices) -> Matrices:
    """UVᵀ of the singular value decomposition USVᵀ, computed in float64.

    Only over singular values that are not zero up to rounding of the matrices' dtype, at most ε·max(d, K) times the
    largest: a zero matrix has the factor zero. Not finite where the matrix is not.
    """
    tolerance = torch.finfo(matrices.dtype).eps * max(matrices.shape[-2:])
    finite = matrices.isfinite().all(dim=(-2, -1), keepdim=True)
    left, sizes, right = torch.linalg.svd(_padded(matrices.where(finite, 0).double()), full_matrices=False)
    kept = (sizes > tolerance * sizes[:, :1]).to(sizes)
    return _cropped(torch.bmm(left * kept[:, None], right), matrices).to(matrices).where(finite, torch.nan)


def _padded(matrices: Matrices) -> Float[Tensor, "R padded_d padded_K"]:
    """One batch, with zeros up to multiples of :data:`LANES`."""
    rows, columns = matrices.shape[-2:]
    return functional.pad(matrices.reshape(-1, rows, columns), (0, -columns % LANES, 0, -rows % LANES)).contiguous()


def _cropped(padded: Float[Tensor, "R padded_d padded_K"], like: Matrices) -> Matrices:
    rows, columns = like.shape[-2:]
    return padded[:, :rows, :columns].reshape(like.shape)


def _norm(matrices: Matrices) -> Float[Tensor, "*R 1 1"]:
    return torch.linalg.vector_norm(matrices, dim=(-2, -1), keepdim=True)


PUBLISHED_COEFFICIENTS = (
    (4.01, -9.22, 5.80),
    (3.49, -6.38, 3.23),
    (3.34, -6.21, 3.20),
    (3.64, -7.48, 4.43),
    (3.46, -5.35, 2.85),
)
TORCH_COEFFICIENTS = ((3.4445, -4.7750, 2.0315),) * 5


def _published(momentum: Matrices) -> Matrices:
    return newton_schulz(momentum / (_norm(momentum) + SMALL), PUBLISHED_COEFFICIENTS)


def _torch(momentum: Matrices) -> Matrices:
    rounded = momentum.bfloat16()
    return newton_schulz(rounded / _norm(rounded).clamp_min(SMALL), TORCH_COEFFICIENTS).to(momentum)


@dataclass(frozen=True)
class Preset:
    """A variant of Muon.

    Attributes:
        momentum: μ of b ← μ·b + (1 − μ)·g.
        nesterov: whether μ·b + (1 − μ)·g, with the new b, is orthogonalised instead of b.
        direction: what the orthogonalised momentum is.
        lengthens: whether steps of tall matrices (d > K) are √(d/K) times as long.
    """

    momentum: float
    nesterov: bool
    direction: Callable[[Matrices], Matrices]
    lengthens: bool


PRESETS = {
    "published": Preset(0.99, False, _published, False),
    "torch": Preset(0.95, True, _torch, True),
    "exact": Preset(0.99, False, polar_factor, False),
}
"""By the names that a specification has for them; ``torch`` is torch.optim.Muon with its defaults."""


@dataclass(frozen=True)
class Muon:
    """p ← (1 − lr·wd)·p − lr·direction for matrices; Adam with coupled weight decay for V and what is no matrix.

    Attributes:
        preset: name of one of the :data:`PRESETS`.
        adam: for the others.
        momentum: μ, if it is not the preset's.
    """

    preset: str
    adam: Adam
    momentum: float | None = None

    @property
    def factor(self) -> float:
        """μ of b ← μ·b + (1 − μ)·g."""
        return PRESETS[self.preset].momentum if self.momentum is None else self.momentum

    @property
    def couples_decay(self) -> bool:
        """As Adam does, which moves V."""
        return self.adam.couples_decay

    def init(self, parameters: Mapping[str, Tensor]) -> State:
        """Moments of one run's parameters, zero; the first one of a matrix is its momentum, the second one empty."""
        return {
            "first_moment": [torch.zeros_like(p) for p in parameters.values()],
            "second_moment": [
                p.new_zeros(0) if _is_orthogonalised(name, p.dim()) else torch.zeros_like(p)
                for name, p in parameters.items()
            ],
        }

    def update(
        self,
        parameters: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor],
        state: State,
        step: int,
        lr: float | Tensor,
        weight_decay: float | Tensor,
    ) -> None:
        """See :class:`Optimizer`; parameters have a leading axis of runs if there is a learning rate for each."""
        axes = torch.as_tensor(lr).dim()
        others, kept = [], []
        for number, (name, p) in enumerate(parameters.items()):
            if _is_orthogonalised(name, p.dim() - axes):
                self._step(p, gradients[name], state["first_moment"][number], lr, weight_decay)
            else:
                others.append(name)
                kept.append(number)
        self.adam.update(
            {name: parameters[name] for name in others},
            {name: gradients[name] for name in others},
            {moment: [buffers[number] for number in kept] for moment, buffers in state.items()},
            step,
            lr,
            weight_decay,
        )

    def _step(self, p: Matrices, g: Matrices, buffer: Matrices, lr: float | Tensor, decay: float | Tensor) -> None:
        preset = PRESETS[self.preset]
        buffer.lerp_(g, 1 - self.factor)
        direction = preset.direction(g.lerp(buffer, self.factor) if preset.nesterov else buffer)
        length = max(1.0, p.shape[-2] / p.shape[-1]) ** 0.5 if preset.lengthens else 1.0
        p.mul_(per_run(1 - lr * decay, p)).sub_(direction.mul_(per_run(lr * length, p)))


def _is_orthogonalised(name: str, axes: int) -> bool:
    return name != TOP and axes == 2
