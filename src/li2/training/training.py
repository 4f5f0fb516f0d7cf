"""The training of one network: measure, step, and a position that can be saved and taken up again."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from li2.models.passes import Passes, Workspace
from li2.models.problem import Examples, Problem
from li2.models.two_layer import Weights
from li2.optim import Optimizer, State

METRICS = {
    "train_loss": "loss on the training pairs, before the step of this epoch",
    "train_accuracy": "share of training pairs whose largest output is their label",
    "test_loss": "loss on the test pairs",
    "test_accuracy": "share of test pairs whose largest output is their label",
    "gradient_norm": "‖(Y − 1/M − FV)Vᵀ‖, F V uncentred: the published gradient norm",
    "backprop_norm": "‖G_F‖, G_F = −(n/2)·∂loss/∂F",
    "hidden_norm": "‖W‖",
    "top_norm": "‖V‖",
    "hidden_change": "1 − cos(W, W one step before)",
    "top_change": "1 − cos(V, V one step before)",
}
"""The figures known at every epoch. Norms are Frobenius norms."""


@dataclass
class Position:
    """Where a training stands, complete: from here it goes on to bit-identical results.

    Attributes:
        epoch: steps taken.
        weights: now.
        previous: one step ago; None at epoch 0.
        optimizer: the optimiser's buffers.
    """

    epoch: int
    weights: Weights
    previous: Weights | None
    optimizer: State


class Training:
    """Full-batch training of one two-layer network with closed-form gradients.

    Call :meth:`measure` and :meth:`step` in turn. ``rate`` maps the number of steps taken to a
    learning rate.
    """

    def __init__(
        self,
        problem: Problem,
        test: Examples,
        optimizer: Optimizer,
        rate: Callable[[int], float],
        position: Position,
    ) -> None:
        self.problem = problem
        self.test = test
        self.optimizer = optimizer
        self.rate = rate
        self.position = position
        workspace = Workspace(position.weights)
        self._train_passes, self._test_passes = (
            Passes(problem.network, examples.rows, workspace) for examples in (problem.train, test)
        )
        self._residual: Tensor | None = None  # of the current weights, kept from the measurement for the step

    @classmethod
    def start(
        cls,
        problem: Problem,
        test: Examples,
        optimizer: Optimizer,
        rate: Callable[[int], float],
        weights: Weights,
    ) -> "Training":
        """A training at epoch 0; the weights are copied."""
        weights = weights.clone()
        return cls(problem, test, optimizer, rate, Position(0, weights, None, optimizer.init(weights)))

    def measure(self) -> dict[str, float]:
        """The :data:`METRICS` of the current weights, NaN where a figure does not exist at epoch 0."""
        problem, weights = self.problem, self.position.weights
        network, loss, labels = problem.network, problem.loss, problem.train.labels
        outputs = self._train_passes.outputs(weights)
        residual = loss.residual(outputs, labels)
        self._residual = residual
        offset = loss.offset(outputs, labels)
        test_outputs = self._test_passes.outputs(weights)
        published = torch.nn.functional.one_hot(labels, problem.classes).to(outputs.dtype) - 1 / problem.classes
        published -= outputs
        top = weights.V.double()
        top_gram = top.T @ top
        return {
            "train_loss": loss.value(outputs, labels, offset).item(),
            "train_accuracy": _accuracy(outputs, labels, offset),
            "test_loss": loss.value(test_outputs, self.test.labels, offset).item(),
            "test_accuracy": _accuracy(test_outputs, self.test.labels, offset),
            "gradient_norm": network.output_scale * _product_norm(published, top_gram),
            "backprop_norm": network.output_scale * _product_norm(residual, top_gram),
            "hidden_norm": weights.W.double().norm().item(),
            "top_norm": weights.V.double().norm().item(),
            **self._changes(),
        }

    def step(self) -> None:
        """One optimiser step on the full batch, at the weights last measured."""
        assert self._residual is not None, "measure before a step"
        residual, self._residual = self._residual, None
        position = self.position
        weights = position.weights
        in_outputs = residual.mul_(-2 / len(self.problem.train))
        in_W, in_V = self._train_passes.gradients(weights, in_outputs)
        position.previous = weights.clone()
        lr = self.rate(position.epoch)
        position.epoch += 1
        self.optimizer.update(weights, (in_W, in_V), position.optimizer, position.epoch, lr)

    def _changes(self) -> dict[str, float]:
        now, before = self.position.weights, self.position.previous
        if before is None:
            return {"hidden_change": math.nan, "top_change": math.nan}
        return {"hidden_change": _turn(now.W, before.W), "top_change": _turn(now.V, before.V)}


def _accuracy(outputs: Tensor, labels: Tensor, offset: Tensor | None) -> float:
    scores = outputs if offset is None else outputs + offset
    return (scores.argmax(dim=1) == labels).double().mean().item()


def _product_norm(left: Tensor, right_gram: Tensor) -> float:
    """‖left·rightᵀ‖ of an (n, M) and a (K, M) matrix, from rightᵀ·right: the root of a trace of M × M matrices."""
    left = left.double()
    return ((left.T @ left) * right_gram).sum().clamp_min(0).sqrt().item()


def _turn(now: Tensor, before: Tensor) -> float:
    """1 − cos of two matrices, free of cancellation: half the squared distance of their directions."""
    now, before = now.double(), before.double()
    return (now / now.norm() - before / before.norm()).square().sum().item() / 2
