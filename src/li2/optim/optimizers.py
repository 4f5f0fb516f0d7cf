"""SGD with momentum, Adam with coupled weight decay, and AdamW, as PyTorch defines them.

They act elementwise, so one call serves tensors of any shape.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from li2.specs import RunSpec

State = dict[str, list[Tensor]]
"""Named buffers, each a list with one tensor per parameter."""


@runtime_checkable
class Optimizer(Protocol):
    """What every optimiser offers."""

    @property
    def couples_decay(self) -> bool:
        """Whether weight decay is added to the gradient (so that V has a ridge solution)."""
        ...

    def init(self, parameters: Sequence[Tensor]) -> State:
        """The state before the first step."""
        ...

    def update(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor], state: State, step: int, lr: float
    ) -> None:
        """Change the parameters and the state in place.

        Args:
            parameters: what to update.
            gradients: of the loss without weight decay; overwritten.
            state: from :meth:`init`.
            step: number of this step, from 1.
            lr: learning rate of this step.
        """
        ...


@dataclass(frozen=True)
class SGD:
    """b ← μ·b + (g + wd·p); p ← p − lr·b."""

    momentum: float
    weight_decay: float
    couples_decay: bool = True

    def init(self, parameters: Sequence[Tensor]) -> State:
        """One momentum buffer per parameter, zero."""
        return {"momentum": [torch.zeros_like(p) for p in parameters]}

    def update(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor], state: State, step: int, lr: float
    ) -> None:
        """See :class:`Optimizer`."""
        for p, g, buffer in zip(parameters, gradients, state["momentum"], strict=True):
            g.add_(p, alpha=self.weight_decay)
            buffer.mul_(self.momentum).add_(g)
            p.add_(buffer, alpha=-lr)


@dataclass(frozen=True)
class Adam:
    """Adam (ε = 1e-8); weight decay joins the gradient (coupled) or shrinks the weights (AdamW)."""

    beta1: float
    beta2: float
    weight_decay: float
    couples_decay: bool
    epsilon: float = 1e-8

    def init(self, parameters: Sequence[Tensor]) -> State:
        """First and second moments, zero."""
        return {
            "first_moment": [torch.zeros_like(p) for p in parameters],
            "second_moment": [torch.zeros_like(p) for p in parameters],
        }

    def update(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor], state: State, step: int, lr: float
    ) -> None:
        """See :class:`Optimizer`."""
        first_correction = 1 - self.beta1**step
        second_correction = math.sqrt(1 - self.beta2**step)
        moments = zip(state["first_moment"], state["second_moment"], strict=True)
        for p, g, (first, second) in zip(parameters, gradients, moments, strict=True):
            if self.couples_decay:
                g.add_(p, alpha=self.weight_decay)
            else:
                p.mul_(1 - lr * self.weight_decay)
            first.lerp_(g, 1 - self.beta1)
            second.mul_(self.beta2).addcmul_(g, g, value=1 - self.beta2)
            denominator = torch.sqrt(second, out=g).div_(second_correction).add_(self.epsilon)
            p.addcdiv_(first, denominator, value=-lr / first_correction)


def make_optimizer(spec: RunSpec) -> Optimizer:
    """The optimiser that a specification names, with its hyper-parameters."""
    if spec.optimizer == "sgd":
        return SGD(spec.momentum, spec.weight_decay)
    return Adam(spec.beta1, spec.beta2, spec.weight_decay, couples_decay=spec.optimizer == "adam")
