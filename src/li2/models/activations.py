"""Non-linearities with their derivatives."""

import functools
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
        write: (z, out) writes σ(z) to out, where there is a way without fresh memory.
        chain: (gradient, z) multiplies the gradient by σ′(z) in place, likewise.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]
    write: Callable[[Tensor, Tensor], Tensor] | None = None
    chain: Callable[[Tensor, Tensor], Tensor] | None = None

    def into(self, z: Tensor, out: Tensor) -> Tensor:
        """σ(z), written to ``out``."""
        return self.write(z, out) if self.write else out.copy_(self.function(z))

    def backpropagate(self, gradient: Tensor, z: Tensor) -> Tensor:
        """A gradient in σ(z) becomes one in z, in place."""
        return self.chain(gradient, z) if self.chain else gradient.mul_(self.derivative(z))


def _silu_derivative(z: Tensor) -> Tensor:
    gate = torch.sigmoid(z)
    return gate * (1 + z * (1 - gate))


def _sigmoid_derivative(z: Tensor) -> Tensor:
    value = torch.sigmoid(z)
    return value * (1 - value)


_NAMED = {
    "square": Activation(
        "square",
        torch.square,
        lambda z: 2 * z,
        lambda z, out: torch.mul(z, z, out=out),
        lambda gradient, z: torch.addcmul(z.new_zeros(()), gradient, z, value=2, out=gradient),
    ),
    "cube": Activation("cube", lambda z: z.square() * z, lambda z: 3 * z.square()),
    "relu": Activation(
        "relu",
        torch.relu,
        lambda z: (z > 0).to(z.dtype),
        lambda z, out: torch.clamp_min(z, 0, out=out),
        lambda gradient, z: gradient.masked_fill_(z <= 0, 0),
    ),
    "silu": Activation("silu", torch.nn.functional.silu, _silu_derivative),
    "relu2": Activation("relu2", lambda z: torch.relu(z).square(), lambda z: 2 * torch.relu(z)),
    "tanh": Activation("tanh", torch.tanh, lambda z: 1 - torch.tanh(z).square()),
    "sigmoid": Activation("sigmoid", torch.sigmoid, _sigmoid_derivative),
}


@functools.cache
def named_activation(name: str) -> Activation:
    """The activation of that name, or a polynomial ``a*x+b*x**2``; raises Li2Error."""
    kind, a, b = parse_activation(name)
    if kind != "polynomial":
        return _NAMED[kind]
    return Activation(name, lambda z: a * z + b * z.square(), lambda z: a + 2 * b * z)
