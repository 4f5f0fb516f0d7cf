"""What the diagnosis costs at its default schedule, by part, beside the training that it watches.

    OMP_NUM_THREADS=1 python benchmarks/diagnosis.py [EPOCHS]

Process CPU seconds of one run of so many epochs (default 400), all in one process: training with its metrics, then
every part of the diagnosis at the epochs where it is due. Share: over the training's seconds.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

import torch

from li2 import RunSpec
from li2.diagnostics import (
    Snapshot,
    gram_figures,
    irrep_figures,
    node_figures,
    summarise_irreps,
    summarise_nodes,
)
from li2.runs.member import course_length
from li2.runs.record import Record
from li2.runs.setup import Setup
from li2.tasks import build_split, build_task
from li2.theorems import compare_course, compare_flow, compare_ridge
from li2.training import Training

CASES = [("cyclic:71", 2048), ("cyclic:127", 2048), ("cyclic:23", 256)]

Value = TypeVar("Value")


class Clock:
    """Process CPU seconds by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    def __call__(self, part: str, action: Callable[[], Value]) -> Value:
        """What the action returns; its time is added to the part's."""
        begun = time.process_time()
        result = action()
        self.seconds[part] += time.process_time() - begun
        return result


def diagnose(setup: Setup, training: Training, record: Record, clock: Clock) -> None:
    """All figures that are due, part by part, as a run records them."""
    spec, position, basis = setup.spec, training.position(), setup.basis
    assert basis is not None
    known = training.gradient(0)  # of the measurement; the step to come takes it
    assert known is not None
    snapshot = Snapshot(setup.problem, position.weights, *known, basis)
    nodes = clock("nodes", lambda: node_figures(snapshot, position.previous))
    row = clock("nodes", lambda: {"alignment": snapshot.alignment, **summarise_nodes(nodes, spec.purity_threshold)})
    irreps = clock("irreps", lambda: irrep_figures(snapshot, nodes, spec.purity_threshold))
    row |= clock("irreps", lambda: summarise_irreps(irreps, basis))
    if spec.diagnosis.gram_is_due(position.epoch, spec.epochs):
        row |= clock("Gram matrices", lambda: gram_figures(snapshot))
        row |= clock("ridge", lambda: compare_ridge(snapshot))
    record.diagnosis.append({**record.metrics[-1], **row})
    clock("stages", lambda: record.stages(setup))


def measured(group: str, width: int, epochs: int) -> dict[str, float]:
    """Seconds by part, of training first."""
    spec = RunSpec(group=group, width=width, epochs=epochs, device="cpu")
    task = build_task(spec.group)
    setup = Setup.build(spec, task, build_split(task, spec))
    initial = setup.initial_weights()
    training, record, clock = Training([setup.trainee], [setup.trainee.start(initial)]), Record(), Clock()
    for epoch in range(epochs + 1):
        record.add_metrics(epoch, clock("training", training.measure)[0])
        if spec.diagnosis.is_due(epoch, epochs):
            diagnose(setup, training, record, clock)
        if epoch < epochs:
            clock("training", training.step)
    outcome = record.outcome(setup, epochs, interrupted=False)
    rates = [setup.rate(epoch) for epoch in range(course_length(outcome))]
    clock("course", lambda: compare_course(setup.problem, initial, setup.optimizer, rates, spec.weight_decay))
    clock("flow", lambda: compare_flow(setup.problem, initial))
    return clock.seconds


def main(epochs: int) -> None:
    """Print a table."""
    parts = ("training", "nodes", "irreps", "stages", "Gram matrices", "ridge", "course", "flow")
    print(f"{torch.get_num_threads()} threads, {epochs} epochs")
    print(f"{'':18}" + "".join(f"{part:>15}" for part in (*parts, "diagnosis", "share")))
    for group, width in CASES:
        seconds = measured(group, width, epochs)
        total = sum(seconds[part] for part in parts[1:])
        figures = "".join(f"{seconds[part]:15.3f}" for part in parts)
        print(f"{group:12}{width:6}{figures}{total:15.3f}{total / seconds['training']:15.3f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
