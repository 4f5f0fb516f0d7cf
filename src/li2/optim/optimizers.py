"""SGD with momentum, Adam with coupled weight decay, and AdamW, as PyTorch defines them.

They act elementwise, so one call serves tensors of any shape: one run's, or those of many runs along a leading axis,
each with its own learning rate and weight decay.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

State = dict[str, list[Tensor]]
"""Named buffers, each a list with one tensor per parameter, in their order."""

SMALLEST_RATE = 1e-30
"""Adam divides by its learning rate; where that is 0 (the end of a cosine), this one moves nothing, either."""


@runtime_checkable
class Optimizer(Protocol):
    """What every optimiser offers; runs with equal optimisers can be trained side by side."""

    @property
    def couples_decay(self) -> bool:
        """Whether weight decay is added to the gradient (so that V has a ridge solution)."""
        ...

    def init(self, parameters: Mapping[str, Tensor]) -> State:
        """The state before the first step."""
        ...

    def update(
        self,
        parameters: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor],
        state: State,
        step: int,
        lr: float | Tensor,
        weight_decay: float | Tensor,
    ) -> None:
        """Change the parameters and the state in place.

        Args:
            parameters: what to update, by name (W, V, …).
            gradients: of the loss without weight decay, by the same names in the same order; overwritten.
            state: from :meth:`init`.
            step: number of this step, from 1.
            lr: learning rate of this step, one or one for each run, float64 on the CPU, shape (R,).
            weight_decay: likewise.
        """
        ...


@dataclass(frozen=True)
class SGD:
    """b ← μ·b + (g + wd·p); p ← p − lr·b."""

    momentum: float
    couples_decay: bool = True

    def init(self, parameters: Mapping[str, Tensor]) -> State:
        """One momentum buffer per parameter, zero."""
        return {"momentum": [torch.zeros_like(p) for p in parameters.values()]}

    def update(
        self,
        parameters: Mapping[str, Tensor],
        gradients: Mapping[str, Tensor],
        state: State,
        step: int,
        lr: float | Tensor,
        weight_decay: float | Tensor,
    ) -> None:
        """See :class:`Optimizer`."""
        for p, g, buffer in zip(parameters.values(), gradients.values(), state["momentum"], strict=True):
            g.addcmul_(p, per_run(weight_decay, p))
            buffer.mul_(self.momentum).add_(g)
            p.sub_(torch.mul(buffer, per_run(lr, p), out=g))


@dataclass(frozen=True)
class Adam:
    """Adam (ε = 1e-8); weight decay joins the gradient (coupled) or shrinks the weights (AdamW)."""

    beta1: float
    beta2: float
    couples_decay: bool
    epsilon: float = 1e-8

    def init(self, parameters: Mapping[str, Tensor]) -> State:
        """First and second moments, zero."""
        return {
            "first_moment": [torch.zeros_like(p) for p in parameters.values()],
            "second_moment": [torch.zeros_like(p) for p in parameters.values()],
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
        """See :class:`Optimizer`."""
        slowness = (1 - self.beta1**step) / torch.as_tensor(lr, dtype=torch.float64).clamp_min(SMALLEST_RATE)
        correction = math.sqrt(1 - self.beta2**step)
        moments = zip(state["first_moment"], state["second_moment"], strict=True)
        for p, g, (first, second) in zip(parameters.values(), gradients.values(), moments, strict=True):
            if self.couples_decay:
                g.addcmul_(p, per_run(weight_decay, p))
            else:
                p.mul_(per_run(1 - lr * weight_decay, p))
            first.lerp_(g, 1 - self.beta1)
            second.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            denominator = torch.sqrt(second, out=g).mul_(per_run(slowness / correction, p))
            p.addcdiv_(first, denominator.add_(per_run(slowness * self.epsilon, p)), value=-1)


def per_run(value: float | Tensor, like: Tensor) -> Tensor:
    """A number, or one for each run, so that it multiplies the parameters of all runs."""
    value = torch.as_tensor(value, dtype=torch.float64).to(dtype=like.dtype, device=like.device)
    return value.reshape(-1, *[1] * (like.dim() - 1)) if value.dim() else value
