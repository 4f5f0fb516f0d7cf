"""Training of many networks side by side: measure, step, and positions that can be saved and taken up again."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from li2.models.examples import Examples, Samples
from li2.models.networks import passes_of
from li2.models.passes import Batch, Gradients, Passes
from li2.models.problem import Problem
from li2.models.weights import Weights, stacked
from li2.optim import Optimizer, State
from li2.training.metrics import METRICS, correct, gram, length_and_turn, product_norm
from li2.training.ridge import ridge_solution

ORDER_STREAM = 2
"""Number of the random stream, beside the seed, that draws the order of minibatches."""

OUTPUTS = 2**20
"""Outputs of one run that an evaluation holds at a time."""


@dataclass
class Position:
    """Where the training of one run stands, complete: from here it goes on to bit-identical results.

    Attributes:
        epoch: epochs done.
        weights: now.
        previous: one epoch ago; None at epoch 0.
        optimizer: the optimiser's buffers.
    """

    epoch: int
    weights: Weights
    previous: Weights | None
    optimizer: State


@dataclass(frozen=True, eq=False)
class Trainee:
    """What is trained, and how.

    Attributes:
        problem: architecture, loss and training examples.
        test: test examples.
        optimizer: how it steps.
        weight_decay: of all weights.
        rate: epochs done ↦ learning rate of the next one.
        batch_size: training examples per step; None for all of them.
        seed: draws the order of minibatches, anew for each epoch.
    """

    problem: Problem
    test: Samples
    optimizer: Optimizer
    weight_decay: float
    rate: Callable[[int], float]
    batch_size: int | None = None
    seed: int = 0

    def start(self, weights: Weights) -> Position:
        """Epoch 0."""
        return Position(0, weights, None, self.optimizer.init(self.stepped(weights)))

    def stepped(self, weights: Weights) -> dict[str, Tensor]:
        """The tensors that the optimiser moves: all, but V only if it is trained."""
        trained = self.problem.ridge is None
        return {name: tensor for name, tensor in weights.named().items() if trained or name != "V"}


class Training:
    """Training of networks side by side, stacked along a leading axis of runs.

    Call :meth:`measure` and :meth:`step` in turn. Where a problem has a ridge, V is the ridge solution of the features
    throughout. What becomes of a run does not depend on the runs beside it, to the
    last bit on one core of a CPU.

    Args:
        trainees: at least one; of equal network, loss, optimiser, batch size, and numbers of training and test
            examples.
        positions: where each stands, all at one epoch, with weights of equal shapes; copied.
        passes: how the networks are gone through; default: in closed form where there is one.
    """

    def __init__(
        self, trainees: Sequence[Trainee], positions: Sequence[Position], passes: Passes | None = None
    ) -> None:
        assert len({_kind(*pair) for pair in zip(trainees, positions, strict=True)}) == 1, "trainees of several kinds"
        self.trainees = list(trainees)
        self.epoch = positions[0].epoch
        self._weights = stacked([position.weights for position in positions])
        before = [position.previous for position in positions if position.previous is not None]
        self._previous = stacked(before) if before else None
        self._state: State = {
            name: [torch.stack(buffers) for buffers in zip(*(p.optimizer[name] for p in positions), strict=True)]
            for name in positions[0].optimizer
        }
        first = self.trainees[0].problem
        self._passes = passes or passes_of(first.network, first.loss, self._weights)
        self._gather()
        self._set_top()

    def _gather(self) -> None:
        """The data of all runs, stacked; what was computed for others is forgotten."""
        trains = [trainee.problem.train for trainee in self.trainees]
        rows, labels = (torch.stack(parts) for parts in ([t.rows for t in trains], [t.labels for t in trains]))
        self._train = self._passes.batch(rows, labels)
        self._tests: list[Batch] | None = None
        self._decays = torch.tensor([trainee.weight_decay for trainee in self.trainees], dtype=torch.float64)
        self._gradients: Gradients | None = None  # at the current weights, kept from the measurement for the step

    def __len__(self) -> int:
        return len(self.trainees)

    def position(self, run: int = 0) -> Position:
        """Where a run stands; the next step overwrites its tensors."""
        previous = None if self._previous is None else self._previous.map(itemgetter(run))
        state = {name: [buffer[run] for buffer in buffers] for name, buffers in self._state.items()}
        return Position(self.epoch, self._weights.map(itemgetter(run)), previous, state)

    def gradient(self, run: int = 0) -> tuple[Float[Tensor, "n M"], Float[Tensor, "d K"]] | None:
        """O on a run's training examples and ∂loss/∂W, as last measured; None if it was not computed (minibatches)."""
        return None if self._gradients is None else (self._gradients.outputs[run], self._gradients.of_loss.W[run])

    def keep(self, runs: Sequence[int]) -> None:
        """Go on with these runs only."""
        self.trainees = [self.trainees[run] for run in runs]
        chosen = torch.tensor(runs, device=self._weights.W.device)
        self._weights = self._weights.map(itemgetter(chosen))
        if self._previous is not None:
            self._previous = self._previous.map(itemgetter(chosen))
        self._state = {name: [buffer[chosen] for buffer in buffers] for name, buffers in self._state.items()}
        self._gather()

    def measure(self) -> list[dict[str, float]]:
        """The :data:`METRICS` of every run's current weights, NaN where a figure does not exist at epoch 0."""
        problem, weights, train = self.trainees[0].problem, self._weights, self._train
        if self.trainees[0].batch_size is None:
            self._gradients = self._passes.gradients(weights, train)
            outputs = self._gradients.outputs
        else:
            outputs = self._passes.outputs(weights, train)
        offset = problem.loss.offset(outputs, train.labels)
        published = outputs.neg().sub_(1 / problem.classes)
        published.scatter_add_(-1, train.labels[..., None], published.new_ones(*train.labels.shape, 1))
        top, scale = gram(weights.V), problem.network.output_scale
        figures = {
            "train_loss": problem.loss.value(outputs, train.labels, offset),
            "train_accuracy": correct(outputs, train.labels, offset) / train.labels.shape[1],
            "gradient_norm": scale * product_norm(gram(published), top),
            "backprop_norm": scale * product_norm(gram(problem.loss.residual(outputs, train.labels, offset)), top),
        }
        earlier = (None, None) if self._previous is None else (self._previous.W, self._previous.V)
        for name, now, before in zip(("hidden", "top"), (weights.W, weights.V), earlier, strict=True):
            figures[f"{name}_norm"], figures[f"{name}_change"] = length_and_turn(now, before)
        figures["test_loss"], figures["test_accuracy"] = self._evaluate(offset)
        table = torch.stack([figures[name].double() for name in METRICS], dim=1).tolist()
        return [dict(zip(METRICS, row, strict=True)) for row in table]

    def step(self) -> None:
        """One epoch of every run: one step on all training examples, or one on each minibatch in turn."""
        self._remember()
        rates = torch.tensor([trainee.rate(self.epoch) for trainee in self.trainees], dtype=torch.float64)
        steps = math.ceil(self._train.labels.shape[1] / (self.trainees[0].batch_size or self._train.labels.shape[1]))
        for number, batch in enumerate(self._minibatches(), start=self.epoch * steps + 1):
            gradients = self._gradients or self._passes.gradients(self._weights, batch)
            self._gradients = None
            self.trainees[0].optimizer.update(
                self.trainees[0].stepped(self._weights),
                self.trainees[0].stepped(gradients.of_loss),
                self._state,
                number,
                rates,
                self._decays,
            )
        self._set_top()
        self.epoch += 1

    def _set_top(self) -> None:
        """V as the ridge solution of the features, where it is not trained."""
        problems = [trainee.problem for trainee in self.trainees]
        ridges = [problem.ridge for problem in problems if problem.ridge is not None]
        if not ridges:
            return
        weights = self._weights
        unit = torch.eye(weights.V.shape[1], dtype=weights.V.dtype, device=weights.V.device)
        plain = Weights(weights.W, unit.expand(len(self), -1, -1), weights.others)
        features = self._passes.outputs(plain, self._train).double()  # βF: the outputs of a top layer that is I
        if problems[0].loss.centres_samples:
            features -= features.mean(dim=1, keepdim=True)
        targets = torch.stack([problem.targets for problem in problems])
        eta = torch.tensor(ridges, dtype=torch.float64, device=targets.device)
        weights.V.copy_(ridge_solution(features, targets, eta))

    def _minibatches(self) -> Iterator[Batch]:
        """The training examples in the steps of an epoch."""
        size, (runs, samples) = self.trainees[0].batch_size, self._train.labels.shape
        if size is None:
            yield self._train
            return
        streams = (np.random.default_rng([trainee.seed, ORDER_STREAM, self.epoch]) for trainee in self.trainees)
        orders = torch.from_numpy(np.stack([stream.permutation(samples) for stream in streams]))
        run = torch.arange(runs)[:, None]
        for chosen in torch.split(orders, size, dim=1):
            yield self._passes.batch(self._train.rows[run, chosen], self._train.labels[run, chosen])

    def _evaluate(self, offset: Tensor | None) -> tuple[Float[Tensor, " R"], Float[Tensor, " R"]]:
        """Loss and accuracy on the test examples of every run."""
        loss, right = (torch.zeros(len(self), dtype=torch.float64, device=self._weights.W.device) for _ in range(2))
        total = 0
        for batch in self._test_batches():
            outputs, samples = self._passes.outputs(self._weights, batch), batch.labels.shape[1]
            loss += samples * self.trainees[0].problem.loss.value(outputs, batch.labels, offset)
            right += correct(outputs, batch.labels, offset)
            total += samples
        return loss / total, right / total

    def _test_batches(self) -> Iterable[Batch]:
        """The test examples of all runs; kept once they are stacked, unless they are too many to be held."""
        if self._tests is not None:
            return self._tests
        limit = max(1, OUTPUTS // self._weights.V.shape[-1])
        parts = zip(*(trainee.test.batches(limit) for trainee in self.trainees), strict=True)
        batches = (
            self._passes.batch(torch.stack([rows for rows, _ in part]), torch.stack([labels for _, labels in part]))
            for part in parts
        )
        if all(isinstance(trainee.test, Examples) for trainee in self.trainees):
            self._tests = list(batches)
            return self._tests
        return batches

    def _remember(self) -> None:
        """The weights as those of one epoch ago."""
        if self._previous is None:
            self._previous = self._weights.clone()
            return
        for before, now in zip(self._previous, self._weights, strict=True):
            before.copy_(now)


def _kind(trainee: Trainee, position: Position) -> tuple[Any, ...]:
    problem, weights = trainee.problem, position.weights
    sizes = (
        problem.train.rows.shape,
        len(trainee.test),
        *((name, tensor.shape) for name, tensor in weights.named().items()),
    )
    how = (problem.network, problem.loss, problem.ridge is None, trainee.optimizer, trainee.batch_size)
    return (*sizes, *how, weights.W.dtype, weights.W.device, position.epoch, position.previous is None)
