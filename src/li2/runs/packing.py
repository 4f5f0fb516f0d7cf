"""Which runs are trained side by side, and in how many processes: a rule from measurements.

Side by side, small networks share the fixed cost of an epoch (some 2 ms of calls on a CPU, whatever the size), until
their arrays outgrow the cache; for large networks there is nothing to share, and one process per core with one thread
each beats threads inside products. ``benchmarks/packing.py`` measures both.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from li2.errors import Li2Error
from li2.models import named_device
from li2.models.networks import goes_side_by_side
from li2.runs.setup import is_deep, memory_needed
from li2.specs import DiagnosisSchedule, RunSpec
from li2.tasks import Task, build_task, training_size

FREE = {
    "seed", "split", "lr", "weight_decay", "schedule", "epochs", "init", "hidden_scale", "top_scale", "init_weights",
    "diagnose", "accuracy_threshold", "purity_threshold", "ridge",
}  # fmt: skip
"""What runs of one pack may differ in."""

AT_ONCE = {"cpu": 2**21, "cuda": 2**30}
"""Training samples times nodes of a pack, at most, by type of device."""

MOST = 64
"""Runs of a pack, at most."""

FLOPS = 3e10
EPOCH_SECONDS = 2e-3
"""What one core does in a second, and what an epoch costs however small: for an estimate of the time only."""

RUN_SECONDS, DIAGNOSIS_SECONDS = 0.03, 0.02
"""What a run costs beyond its epochs, and a diagnosis beyond passes through the samples."""

WORTH_PROCESSES = 10.0
"""Seconds of work from which processes are started: each takes two or three to load PyTorch."""


@dataclass(frozen=True)
class Plan:
    """How runs are trained.

    Attributes:
        packs: indices of the runs that are trained side by side.
        processes: how many packs are trained at a time.
        threads: of each process.
    """

    packs: tuple[tuple[int, ...], ...]
    processes: int
    threads: int


def plan(specs: Sequence[RunSpec], cores: int | None = None) -> Plan:
    """How to train these runs fastest.

    Args:
        specs: the runs.
        cores: to use; default: all that this process may use.
    """
    cores = cores or usable_cores()
    kinds = _kinds(specs)
    on_cpu = all(_device_type(specs[runs[0]].device) == "cpu" for runs in kinds)
    costs = [_cost(specs[runs[0]]) for runs in kinds]
    work = sum(seconds_on_one_core(specs[run], len(runs)) for runs in kinds for run in runs)
    processes = min(cores, len(specs)) if on_cpu and work > WORTH_PROCESSES else 1
    packs = []
    for cost, runs in zip(costs, kinds, strict=True):
        packs += _divided(runs, math.ceil(len(runs) / min(cost.at_once, math.ceil(len(runs) / processes))))
    return Plan(tuple(packs), min(processes, len(packs)), max(1, cores // min(processes, len(packs))))


def packs_for(specs: Sequence[RunSpec], workers: int) -> list[tuple[int, ...]]:
    """Indices of the runs that are trained side by side by one of several workers; the longest work comes first.

    Args:
        specs: the runs.
        workers: that are to have something to do each.
    """
    kinds = _kinds(specs)
    packs: list[tuple[float, tuple[int, ...]]] = []
    for runs in kinds:
        cost = _cost(specs[runs[0]])
        count = min(len(runs), max(math.ceil(len(runs) / cost.at_once), math.ceil(workers / len(kinds))))
        for pack in _divided(runs, count):
            packs.append((sum(seconds_on_one_core(specs[run], len(pack)) for run in pack), pack))
    return [pack for _, pack in sorted(packs, key=lambda pack: -pack[0])]


def seconds_on_one_core(spec: RunSpec, beside: int = 1) -> float:
    """Seconds that a run's training and diagnosis take on one core, roughly; 0 if it cannot begin.

    Args:
        spec: the run.
        beside: runs of its kind that there are to be trained side by side.
    """
    cost = _cost(spec)
    epochs, grams = _diagnosed(spec.diagnose, spec.epochs)
    training = spec.epochs * (cost.seconds + EPOCH_SECONDS / min(beside, cost.at_once))
    diagnosis = epochs * (3 * cost.seconds + DIAGNOSIS_SECONDS)
    if not is_deep(spec):
        diagnosis += grams * 3 * spec.columns**3 / FLOPS
    return RUN_SECONDS + training + diagnosis


@lru_cache(maxsize=256)
def _diagnosed(schedule: str, last: int) -> tuple[int, int]:
    """Epochs that are diagnosed, and those with Gram matrices."""
    due = DiagnosisSchedule.parse(schedule)
    if due.kind == "off":
        return 0, 0
    looked_at = range(min(last, 10_000) + 1)
    share = last / looked_at[-1] if due.kind == "every" and last else 1.0  # the others have few epochs beyond
    epochs, grams = (sum(is_due(epoch, last) for epoch in looked_at) for is_due in (due.is_due, due.gram_is_due))
    return round(share * epochs), round(share * grams)


def bytes_needed(spec: RunSpec, beside: int = 1) -> int:
    """Memory of the arrays of a pack of such runs, at most; 0 if it cannot begin.

    Args:
        spec: the run.
        beside: runs of its kind that there are to be trained side by side.
    """
    try:
        task = _task(spec.group, spec.operands)
        samples = training_size(task, spec)
    except Li2Error:  # the run itself will say so
        return 0
    held = min(task.size - samples, spec.test_size or (task.size if task.operands == 2 else 0))
    training = memory_needed(spec.with_changes(diagnose="off"), task, samples, held)
    diagnosis = memory_needed(spec, task, samples, held) - training  # of one run at a time
    return training * min(beside, _cost(spec).at_once) + diagnosis


def runs_at_once(samples: int, width: int, device_type: str) -> int:
    """Runs of a pack, at most, by each one's training samples and nodes."""
    return min(MOST, max(1, AT_ONCE[device_type] // (samples * width)))


def usable_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class _Cost:
    """Runs of a kind that are trained at once, and seconds of the products of one's epoch on one core, roughly."""

    at_once: int
    seconds: float


def _cost(spec: RunSpec) -> _Cost:
    try:
        task = _task(spec.group, spec.operands)
        samples = training_size(task, spec)
    except Li2Error:  # the run itself will say so
        return _Cost(1, 0.0)
    tests = min(task.size - samples, spec.test_size or task.size)
    share = 1 / int(spec.measure.partition(":")[2]) if spec.measure.startswith("every:") else 0.0
    flops = (6 * samples + 2 * tests * share) * _products(spec, task)
    if spec.top_layer == "ridge":  # features once more; a Gram matrix and its factor, in float64
        few, many = sorted((samples, spec.columns))
        flops += 2 * samples * spec.columns**2 + 4 * few**2 * many + few**3
    at_once = runs_at_once(max(1, samples), spec.columns * spec.layers, _device_type(spec.device))
    if is_deep(spec) and not (
        spec.architecture == "mlp" and goes_side_by_side(spec.width, embeds=spec.embedding != "one-hot")
    ):
        at_once = 1
    return _Cost(at_once, flops / FLOPS)


def _products(spec: RunSpec, task: Task) -> int:
    """Multiplications of one sample's way through the network, roughly."""
    if spec.architecture == "transformer":
        own = 4 * spec.width**2 + 2 * spec.width * (spec.feedforward + task.operands)
        return spec.layers * task.operands * own + spec.width * task.order
    return spec.columns * (task.order + (spec.layers - 1) * spec.width)


@lru_cache(maxsize=64)
def _task(group: str, operands: int) -> Task:
    return build_task(group, operands)


def _kinds(specs: Sequence[RunSpec]) -> list[list[int]]:
    """Indices of the runs by kind."""
    kinds: dict[tuple[Any, ...], list[int]] = {}
    for number, spec in enumerate(specs):
        kinds.setdefault(_kind(spec), []).append(number)
    return list(kinds.values())


def _divided(runs: Sequence[int], count: int) -> list[tuple[int, ...]]:
    return [tuple(runs[number::count]) for number in range(count)]


def _device_type(name: str) -> str:
    try:
        return named_device(name).type
    except Li2Error:  # the run itself will say so
        return "cpu"


def _kind(spec: RunSpec) -> tuple[Any, ...]:
    return tuple(value for name, value in spec if name not in FREE)
