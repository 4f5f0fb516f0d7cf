"""Non-linearities with their derivatives."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from li2.specs.parsing import parse_activation


@dataclass(frozen=True)
class Activation:
    """σ and σ′, elementwise on tensors of any shape and floating dtype.

    Attributes:
        name: as in a specification.
        function: z ↦ σ(z).
        derivative: z ↦ σ′(z); at the kink of relu it is 0, as in PyTorch.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]


def _silu_derivative(z: Tensor) -> Tensor:
    gate = torch.sigmoid(z)
    return gate * (1 + z * (1 - gate))


def _sigmoid_derivative(z: Tensor) -> Tensor:
    value = torch.sigmoid(z)
    return value * (1 - value)


_NAMED = {
    "square": Activation("square", torch.square, lambda z: 2 * z),
    "cube": Activation("cube", lambda z: z.square() * z, lambda z: 3 * z.square()),
    "relu": Activation("relu", torch.relu, lambda z: (z > 0).to(z.dtype)),
    "silu": Activation("silu", torch.nn.functional.silu, _silu_derivative),
    "relu2": Activation("relu2", lambda z: torch.relu(z).square(), lambda z: 2 * torch.relu(z)),
    "tanh": Activation("tanh", torch.tanh, lambda z: 1 - torch.tanh(z).square()),
    "sigmoid": Activation("sigmoid", torch.sigmoid, _sigmoid_derivative),
}


def named_activation(name: str) -> Activation:
    """The activation of that name, or a polynomial ``a*x+b*x**2``; raises Li2Error."""
    kind, a, b = parse_activation(name)
    if kind != "polynomial":
        return _NAMED[kind]
    return Activation(name, lambda z: a * z + b * z.square(), lambda z: a + 2 * b * z)
