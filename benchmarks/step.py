"""One epoch of training beside a plain autograd loop, and its step beside the matrix products that it cannot avoid.

    python benchmarks/step.py [REPEATS]

The floor is 6nKM floating-point operations at the rate of a float32 product of two 2048 × 2048 matrices, measured in
between. Epochs of ours and of the loop alternate; ratios are medians over such pairs. An epoch has the metrics of
training and test pairs; the step is the forward and backward pass on the training pairs with the optimiser's update.
"""

import statistics
import sys
import time
from collections.abc import Callable

import torch
from torch.nn.functional import one_hot

from li2 import RunSpec
from li2.models.passes import Passes, Workspace
from li2.runs.setup import Setup
from li2.tasks import build_split, build_task
from li2.training.training import Training

CASES = [(23, 256, 0.4), (71, 256, 0.4), (71, 2048, 0.1), (71, 2048, 0.4), (71, 2048, 0.8), (127, 2048, 0.5)]


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun


class PlainLoop:
    """The same training as one would write it by hand: dense one-hot inputs, autograd, torch.optim.Adam."""

    def __init__(self, setup: Setup) -> None:
        M, spec = setup.task.order, setup.spec
        pairs, self.labels = torch.tensor(setup.task.operands), torch.tensor(setup.task.labels)
        self.inputs = one_hot(pairs, M).reshape(len(pairs), 2 * M).float()
        self.targets = one_hot(self.labels, M).float() - 1 / M
        self.train, self.test = torch.tensor(setup.split.train), torch.tensor(setup.split.test)
        self.W, self.V = torch.nn.Linear(2 * M, spec.width, bias=False), torch.nn.Linear(spec.width, M, bias=False)
        parameters = [*self.W.parameters(), *self.V.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=spec.lr, weight_decay=spec.weight_decay)

    def evaluate(self, part: torch.Tensor) -> tuple[torch.Tensor, float]:
        """Loss and accuracy."""
        outputs = self.V(self.W(self.inputs[part]).square())
        residual = outputs - outputs.mean(dim=1, keepdim=True) - self.targets[part]
        return residual.square().sum(dim=1).mean(), (outputs.argmax(dim=1) == self.labels[part]).float().mean().item()

    def epoch(self) -> None:
        """Metrics and one step."""
        self.optimizer.zero_grad()
        loss, _ = self.evaluate(self.train)
        with torch.no_grad():
            self.evaluate(self.test)
        loss.backward()
        self.optimizer.step()


def measured(M: int, K: int, fraction: float, repeats: int) -> str:
    """A row of the table."""
    spec = RunSpec(group=f"cyclic:{M}", width=K, train_fraction=fraction, device="cpu")
    task = build_task(spec.group)
    setup = Setup.build(spec, task, build_split(task, spec))
    ours = Training.start(setup.problem, setup.test, setup.optimizer, setup.rate, setup.initial_weights())
    plain, square = PlainLoop(setup), torch.rand(2048, 2048)
    n, train = len(setup.problem.train), setup.problem.train.labels
    passes = Passes(setup.problem.network, setup.problem.train.rows, Workspace(ours.position.weights))

    def epoch() -> None:
        ours.measure()
        ours.step()

    def step() -> None:
        weights = ours.position.weights
        residual = setup.problem.loss.residual(passes.outputs(weights), train)
        gradients = passes.gradients(weights, residual.mul_(-2 / n))
        setup.optimizer.update(weights, gradients, ours.position.optimizer, ours.position.epoch, spec.lr)

    times: dict[str, list[float]] = {"floor": [], "step": [], "epoch": [], "plain": []}
    for repeat in range(repeats + 2):
        product = seconds(lambda: square @ square)
        row = {"floor": 6 * n * K * M * product / (2 * 2048**3), "epoch": seconds(epoch)}
        row |= {"plain": seconds(plain.epoch), "step": seconds(step)}
        for name, value in row.items() if repeat >= 2 else ():
            times[name].append(value)
    middle = {name: 1e3 * statistics.median(values) for name, values in times.items()}
    to_floor, to_plain = (
        statistics.median(a / b for a, b in zip(times[first], times[second], strict=True))
        for first, second in (("step", "floor"), ("plain", "epoch"))
    )
    return (
        f"{M:5}{K:6}{n:7}{torch.get_num_threads():8}{middle['floor']:10.2f}{middle['step']:10.2f}{to_floor:13.2f}"
        f"{middle['epoch']:10.2f}{middle['plain']:10.2f}{to_plain:15.2f}"
    )


def main(repeats: int) -> None:
    """Print a table."""
    print("    M     K      n threads  floor ms   step ms  step/floor  epoch ms  plain ms  plain/epoch")
    for threads in sorted({1, torch.get_num_threads()}):
        torch.set_num_threads(threads)
        for case in CASES:
            print(measured(*case, repeats))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 15)
