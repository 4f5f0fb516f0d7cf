"""The top layer some epochs later, by one implicit step of its own optimiser, while the hidden layer rests.

The loss is quadratic in V, so what an optimiser does to V in T epochs need not be followed epoch by epoch. For S nodes
that stand for K (c = K/S of each) the published loss has the gradient g = (2/n)(cF̃ᵀF̃V − F̃ᵀỸ) + wd·V, and the optimiser
moves V by −(lr/D)∘g an epoch: D = √v̂ + ε for Adam, v̂ the running mean of g², and D = 1 − μ for SGD. Backward Euler over
T epochs is the ridge problem

    (cF̃ᵀF̃ + ηI)V + q∘V = F̃ᵀỸ + q∘V₀,    η = n·wd/2,    q = n·D/(2·lr·T),

which tends to V_ridge as T grows and is stable for every T. q differs from weight to weight for Adam; the equations are
solved by conjugate gradients, with one factorisation for all of the mean q to precondition.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from li2.optim import SGD, Adam, Muon, Optimizer, State

TOLERANCE = 0.5
"""Of the solution, relative to the first error in the preconditioner's norm: the next step begins from what is left."""

MOST_ITERATIONS = 20

JITTER = 1e-6
"""Of the mean diagonal, added to the preconditioner: float32 factors it whatever the features."""

Top = Float[Tensor, "R S M"]
Features = Float[Tensor, "R n S"]
Targets = Float[Tensor, "R n M"]


class TopLayer:
    """V of R populations, and what their optimiser remembers.

    Args:
        optimizer: the run's.
        weight_decay: the run's.
        multiplicity: c = K/S.
        ridge: η, if V is the ridge solution at every time instead of trained.
    """

    def __init__(
        self, optimizer: Optimizer, weight_decay: float, multiplicity: float, ridge: float | None = None
    ) -> None:
        own = optimizer.adam if isinstance(optimizer, Muon) else optimizer
        self._couples_decay = own.couples_decay
        self._adam = own if isinstance(own, Adam) else None
        self._friction = 1 - own.momentum if isinstance(own, SGD) else 1.0
        self._decay = weight_decay
        self._multiplicity = multiplicity
        self._ridge = ridge
        self._own = own
        self._state: State | None = None
        self._second: Tensor | None = None
        self._epochs = 0

    def advance(self, V: Top, features: Features, targets: Targets, epochs: int, lr: float) -> Top:
        """V after so many epochs.

        Args:
            V: now.
            features: F̃ of the S nodes, times the output scale.
            targets: Ỹ.
            epochs: T.
            lr: learning rate.
        """
        n = features.shape[1]
        if self._ridge is not None:
            return self._solve(V, features, features.mT @ targets, self._ridge, V.new_zeros(1))
        rate = self._resistance(V, features, targets) / max(lr * epochs, 1e-30)  # D/(lr·T)
        q = n / 2 * rate
        eta = n * self._decay / 2 if self._couples_decay else 0.0
        growth = 1.0 if self._couples_decay else 1 + lr * self._decay * epochs
        moved = self._solve(V, features, features.mT @ targets + q * V, eta, q * growth)
        self._remember((V - growth * moved) * rate, epochs)
        return moved

    def step(self, V: Top, gradient: Top, lr: float) -> Top:
        """V after one epoch, by the optimiser itself.

        Args:
            V: now.
            gradient: of the loss, without weight decay; overwritten.
            lr: learning rate.
        """
        moved = {"V": V.clone()}
        if self._state is None:
            self._state = self._own.init(moved)
        self._epochs += 1
        self._own.update(moved, {"V": gradient}, self._state, self._epochs, lr, self._decay)
        return moved["V"]

    def _resistance(self, V: Top, features: Features, targets: Targets) -> Tensor:
        """D: what a gradient is divided by, before the learning rate."""
        if self._adam is None:
            return V.new_full((1, 1, 1), self._friction)
        if self._second is None:
            n = features.shape[1]
            gradient = 2 / n * (features.mT @ (self._multiplicity * features @ V - targets))
            if self._couples_decay:
                gradient += self._decay * V
            return gradient.abs_().add_(self._adam.epsilon)
        corrected = self._second / (1 - self._adam.beta2**self._epochs)
        return corrected.sqrt_().add_(self._adam.epsilon)

    def _remember(self, gradient: Top, epochs: int) -> None:
        """Adam's second moment after so many epochs with this gradient."""
        self._epochs += epochs
        if self._adam is None:
            return
        kept = self._adam.beta2**epochs
        if self._second is None:
            self._second = torch.zeros_like(gradient)
        self._second.mul_(kept).addcmul_(gradient, gradient, value=1 - kept)

    def _solve(self, start: Top, features: Features, right: Top, eta: float, held: Tensor) -> Top:
        """(cF̃ᵀF̃ + ηI)V + held∘V = right, from a first guess."""
        system = _System(features, self._multiplicity, eta, held)
        V = start
        residual = right - system.times(V)
        step = direction = system.precondition(residual)
        error = first = _dot(residual, step)
        for _ in range(MOST_ITERATIONS):
            going = error > TOLERANCE**2 * first  # the others rest: what becomes of one does not depend on them
            if not going.any():
                break
            image = system.times(direction)
            length = going * error / _dot(direction, image).clamp_min(torch.finfo(V.dtype).tiny)
            V = V + length * direction
            residual = residual - length * image
            step = system.precondition(residual)
            error, before = _dot(residual, step), error
            direction = step + error / before.clamp_min(torch.finfo(V.dtype).tiny) * direction
        return V


class _System:
    """V ↦ (cF̃ᵀF̃ + ηI)V + held∘V, and an inverse of it with the mean of ``held``, on the smaller side of F̃."""

    def __init__(self, features: Features, multiplicity: float, eta: float, held: Tensor) -> None:
        self._features, self._multiplicity, self._diagonal = features, multiplicity, held + eta
        n, S = features.shape[1:]
        self._of_nodes = n > S
        self._mean = (
            self._diagonal.mean(dim=(-2, -1), keepdim=True) if held.dim() == 3 else self._diagonal[:, None, None]
        )
        gram = multiplicity * (features.mT @ features if self._of_nodes else features @ features.mT)
        self._gram = gram
        shifted = gram.clone()
        diagonal = shifted.diagonal(dim1=1, dim2=2)
        self._mean = self._mean + JITTER * diagonal.mean(dim=1)[:, None, None]
        diagonal.add_(self._mean[:, :, 0])
        self._factor = torch.linalg.cholesky_ex(shifted).L

    def times(self, V: Top) -> Top:
        """The system's left side."""
        if self._of_nodes:
            return self._gram @ V + self._diagonal * V
        return self._multiplicity * (self._features.mT @ (self._features @ V)) + self._diagonal * V

    def precondition(self, residual: Top) -> Top:
        """(cF̃ᵀF̃ + mean)⁻¹·residual."""
        if self._of_nodes:
            return torch.cholesky_solve(residual, self._factor)
        inner = torch.cholesky_solve(self._features @ residual, self._factor)
        return (residual - self._multiplicity * (self._features.mT @ inner)) / self._mean


def _dot(left: Top, right: Top) -> Float[Tensor, "R 1 1"]:
    return (left * right).sum(dim=(1, 2), keepdim=True)
