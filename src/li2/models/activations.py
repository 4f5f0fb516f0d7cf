"""Non-linearities with their derivatives."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from li2.models.complex_nodes import complex_nodes
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
        columns: of W for each node.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]
    write: Callable[[Tensor, Tensor], Tensor] | None = None
    chain: Callable[[Tensor, Tensor], Tensor] | None = None
    columns: ClassVar[int] = 1

    def into(self, z: Tensor, out: Tensor) -> Tensor:
        """σ(z), written to ``out``."""
        return self.write(z, out) if self.write else out.copy_(self.function(z))

    def backpropagate(self, gradient: Tensor, z: Tensor) -> Tensor:
        """A gradient in σ(z) becomes one in z, in place."""
        return self.chain(gradient, z) if self.chain else gradient.mul_(self.derivative(z))


@dataclass(frozen=True)
class PairedActivation:
    """A holomorphic σ of complex nodes in real tensors: [Re z, Im z] ↦ [Re σ(z), −Im σ(z)] along the last axis.

    Attributes:
        of_numbers: σ and σ′ of complex numbers.
        write, chain: :meth:`into` and :meth:`backpropagate`, where there is a way with less fresh memory.
        columns: of W for each node.
    """

    of_numbers: Activation
    write: Callable[[Tensor, Tensor], Tensor] | None = None
    chain: Callable[[Tensor, Tensor], Tensor] | None = None
    columns: ClassVar[int] = 2

    @property
    def name(self) -> str:
        """As in a specification."""
        return self.of_numbers.name

    def function(self, z: Float[Tensor, "*R K"]) -> Float[Tensor, "*R K"]:
        """The features of a node, with the sign that makes Re(σ·V) their product with [Re V; Im V]."""
        value = self.of_numbers.function(complex_nodes(z))
        return torch.cat([value.real, -value.imag], dim=-1)

    def into(self, z: Float[Tensor, "*R K"], out: Float[Tensor, "*R K"]) -> Float[Tensor, "*R K"]:
        """The features, written to ``out``."""
        if self.write:
            return self.write(z, out)
        return _write_pairs(self.of_numbers.function(complex_nodes(z)), out)

    def backpropagate(self, gradient: Float[Tensor, "*R K"], z: Float[Tensor, "*R K"]) -> Float[Tensor, "*R K"]:
        """A gradient in the features becomes one in z, in place: [g, h] to [Re p, −Im p] of p = σ′(z)(g + ih)."""
        if self.chain:
            return self.chain(gradient, z)
        slope = self.of_numbers.derivative(complex_nodes(z))
        return _write_pairs(slope.mul_(complex_nodes(gradient)), gradient)


AnyActivation = Activation | PairedActivation


def _write_pairs(values: Tensor, out: Tensor) -> Tensor:
    """[Re, −Im], written to ``out``."""
    real, imaginary = out.chunk(2, dim=-1)
    real.copy_(values.real)
    torch.neg(values.imag, out=imaginary)
    return out


def _write_squares(z: Tensor, out: Tensor) -> Tensor:
    (x, y), (real, imaginary) = z.chunk(2, dim=-1), out.chunk(2, dim=-1)
    torch.mul(x, x, out=real).addcmul_(y, y, value=-1)
    torch.mul(x, y, out=imaginary).mul_(-2)
    return out


def _chain_squares(gradient: Tensor, z: Tensor) -> Tensor:
    (x, y), (g, h) = z.chunk(2, dim=-1), gradient.chunk(2, dim=-1)
    across = torch.mul(x, h).addcmul_(y, g)
    g.mul_(x).addcmul_(y, h, value=-1).mul_(2)
    torch.mul(across, -2, out=h)
    return gradient


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


@functools.cache
def paired_activation(name: str) -> PairedActivation:
    """That of complex nodes; raises Li2Error."""
    ways = (_write_squares, _chain_squares) if name == "square" else (None, None)
    return PairedActivation(named_activation(name), *ways)
