"""Few nodes that stand for a hidden layer, moved by the run's own optimiser with long steps.

S nodes of the run's own initialisation count K/S times each. The hidden layer follows its optimiser with steps of
several epochs; the top layer, which is much faster, follows its own by implicit steps of the same length (see
:mod:`li2.prediction.top_layer`). With steps of one epoch both take the optimiser's own, and S = K nodes are the run
itself. Nothing is fitted to trained networks.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from li2.models import Examples, sum_into_rows
from li2.optim import make_optimizer, strided
from li2.prediction.top_layer import TopLayer
from li2.runs.setup import Setup
from li2.tasks import draw_some, examples_of

TEST_STREAM = 5
"""Number of the random stream, beside the seed, that draws the test tuples that are looked at."""

MOST_TESTED = 4096
"""Test tuples that are looked at: enough to tell an accuracy to half a percent."""


class Figures(NamedTuple):
    """What is known after a step, of R populations; tensors (R,) in the weights' dtype."""

    train_loss: Tensor
    train_accuracy: Tensor
    backprop_norm: Tensor
    hidden_norm: Tensor
    top_norm: Tensor


class Population:
    """R populations of one specification that differ in their seeds only, side by side.

    Args:
        setups: of the R runs, with two-layer real networks, a loss with a ridge solution, and the same n.
        nodes: S, at most the width.
        stride: epochs in a step.

    Attributes:
        W: (R, d, S) hidden weights.
        V: (R, S, M) top weights, ahead of W by a step in time.
        epoch: epochs done.
    """

    def __init__(self, setups: Sequence[Setup], nodes: int, stride: int) -> None:
        first = setups[0]
        self.setup, self.stride, self.epoch = first, stride, 0
        self._multiplicity = first.spec.width / nodes
        drawn = [setup.initial_weights() for setup in setups]
        self.W = torch.stack([weights.W[:, :nodes] for weights in drawn]).contiguous()
        top = torch.stack([weights.V[:nodes] for weights in drawn])
        self._loss = first.problem.loss
        self.V = top - top.mean(dim=-1, keepdim=True) if self._loss.centres_classes else top
        self._rows, self._labels = self._stacked([setup.problem.train for setup in setups])
        self._tested = self._stacked([_tested(setup) for setup in setups])
        classes, dtype = first.task.order, self.W.dtype
        self._targets = torch.stack([self._loss.targets(labels, classes, dtype) for labels in self._labels])
        optimizer = make_optimizer(first.spec)
        self._strided = strided(optimizer, stride, self.W.shape[1], first.spec.width, nodes)
        self._state = self._strided.optimizer.init({"W": self.W})
        self._top = TopLayer(optimizer, first.spec.weight_decay, self._multiplicity, first.problem.ridge)
        self._is_explicit = stride == 1 and first.problem.ridge is None
        self._offset: Tensor | None = None

    def advance(self) -> Figures:
        """One step of ``stride`` epochs; figures of the new V on the features before the step."""
        spec, network = self.setup.spec, self.setup.problem.two_layer
        n = self._labels.shape[1]
        lr = self.setup.rate(min(self.epoch, max(0, spec.epochs - 1)))
        preactivations = self._preactivations(self._rows)
        features = self._features(preactivations)
        centred = features - features.mean(dim=1, keepdim=True) if self._loss.centres_samples else features
        if self._is_explicit:
            V = self.V
        else:
            self.V = V = self._top.advance(self.V, centred, self._targets, self.stride, lr)
        outputs = self._multiplicity * (features @ V)
        residual = self._loss.residual(outputs, self._labels, None)
        self._offset = self._loss.offset(outputs, self._labels)
        figures = self._figures(outputs, residual)
        if self._is_explicit:
            self.V = self._top.step(V, (features.mT @ residual).mul_(-2 / n), lr)
        signal = (residual @ V.mT).mul_(-2 * network.output_scale / n).flatten(end_dim=1)
        signal = network.activation.backpropagate(signal, preactivations)
        gradient = sum_into_rows(signal, self._rows, self.W.shape[0] * self.W.shape[1]).view_as(self.W)
        self._strided.optimizer.update(
            {"W": self.W},
            {"W": gradient},
            self._state,
            self.epoch // self.stride + 1,
            torch.full((len(self.W),), lr * self._strided.rate_factor, dtype=torch.float64),
            spec.weight_decay * self._strided.decay_factor,
        )
        self.epoch += self.stride
        return figures

    def test(self) -> tuple[Float[Tensor, " R"], Float[Tensor, " R"]]:
        """Loss and accuracy on the test tuples."""
        rows, labels = self._tested
        outputs = self._multiplicity * (self._features(self._preactivations(rows)) @ self.V)
        scores = outputs if self._offset is None else outputs + self._offset[:, None]
        return self._loss.value(outputs, labels, self._offset), _accuracy(scores, labels)

    def _stacked(self, examples: Sequence[Examples]) -> tuple[Tensor, Tensor]:
        """Rows of all populations' W below each other, (R·n, k), and labels (R, n)."""
        inputs = self.W.shape[1]
        rows = torch.cat([own.rows + number * inputs for number, own in enumerate(examples)])
        return rows, torch.stack([own.labels for own in examples])

    def _preactivations(self, rows: Tensor) -> Float[Tensor, "Rn S"]:
        return functional.embedding_bag(rows, self.W.flatten(end_dim=1), mode="sum")

    def _features(self, preactivations: Float[Tensor, "Rn S"]) -> Float[Tensor, "R n S"]:
        """βσ(XW)."""
        network = self.setup.problem.two_layer
        values = network.activation.function(preactivations) * network.output_scale
        return values.view(len(self.W), -1, self.W.shape[2])

    def _figures(self, outputs: Float[Tensor, "R n M"], residual: Float[Tensor, "R n M"]) -> Figures:
        share = self._multiplicity**0.5
        squares = ((residual.mT @ residual) * (self.V.mT @ self.V)).sum(dim=(1, 2)).clamp_min(0)
        scores = outputs if self._offset is None else outputs + self._offset[:, None]
        return Figures(
            train_loss=residual.square().sum(dim=(1, 2)) / residual.shape[1],
            train_accuracy=_accuracy(scores, self._labels),
            backprop_norm=squares.sqrt() * share * self.setup.problem.two_layer.output_scale,
            hidden_norm=self.W.norm(dim=(1, 2)) * share,
            top_norm=self.V.norm(dim=(1, 2)) * share,
        )


def _tested(setup: Setup) -> Examples:
    """Test tuples of a run: all, or a random sample of them."""
    test = setup.split.test
    count = min(len(test), MOST_TESTED)
    chosen = draw_some(len(test), count, np.random.default_rng([setup.spec.seed, TEST_STREAM]))
    indices = test[chosen] if isinstance(test, np.ndarray) else test.take(chosen)
    return examples_of(setup.task, indices, setup.device)


def _accuracy(scores: Float[Tensor, "R n M"], labels: Tensor) -> Float[Tensor, " R"]:
    return (scores.argmax(dim=-1) == labels).to(scores.dtype).mean(dim=-1)
