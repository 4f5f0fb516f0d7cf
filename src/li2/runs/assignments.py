"""Training without directories: assignments in, plain values and bytes out."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd
import pyarrow as pa
import torch
from pyarrow import feather
from safetensors import SafetensorError
from safetensors.torch import load, save

from li2.errors import Li2Error
from li2.groups import Representations
from li2.models import Weights
from li2.runs.interrupt import StopRequest
from li2.runs.member import Member
from li2.runs.packs import train_apart
from li2.runs.record import Record
from li2.runs.setup import Setup
from li2.runs.version import code_version
from li2.specs import Assignment, Facts, Trained, Untrained
from li2.tasks import Split, Task
from li2.training import Position


def train_assignments(assignments: Sequence[Assignment], stop: StopRequest | None = None) -> list[Trained | Untrained]:
    """Train assignments side by side, in memory.

    Each becomes what :func:`li2.runs.start` makes of its specification, to the last bit with one thread.

    Args:
        assignments: with different keys, and networks that fit together (see :func:`li2.runs.packing.plan`).
        stop: asked before each epoch; default: never.

    Returns:
        A result for each, in their order; what went wrong is told, not raised.
    """
    stop = stop or _Never()
    makers = {assignment.key: partial(_member, assignment) for assignment in assignments}
    ended, reasons = train_apart(makers, lambda epochs: None, stop)
    results: list[Trained | Untrained] = []
    for assignment in assignments:
        member = ended.get(assignment.key)
        if member is None:
            results.append(Untrained(assignment.key, reasons[assignment.key]))
        elif (outcome := member.outcome(_position(member))).interrupted:
            results.append(Untrained(assignment.key, "it was stopped"))
        else:
            metrics, diagnosis = member.record.metrics_table(), member.record.diagnosis_table()
            results.append(
                Trained(
                    key=assignment.key,
                    facts=_facts(member.setup.task, member.setup.split),
                    outcome=outcome,
                    metrics=_arrow(metrics),
                    diagnosis=_arrow(diagnosis) if len(diagnosis) else None,
                    weights=_bytes(_position(member).weights) if assignment.keep_weights else None,
                    version=code_version(),
                )
            )
    return results


@dataclass(frozen=True)
class _Never:
    asked: bool = False


def _member(assignment: Assignment) -> Member:
    setup = Setup.of(assignment.spec)
    weights = setup.initial_weights() if assignment.initial is None else _continued(assignment.initial, setup)
    return Member(setup, Record(), setup.trainee.start(weights))


def _continued(initial: bytes, setup: Setup) -> Weights:
    drawn = setup.initial_weights()
    try:
        tensors = load(initial)
    except SafetensorError as error:
        raise Li2Error(f"the weights to continue from are damaged: {error}.") from error
    if tensors.keys() != drawn.named().keys():
        given, wanted = (", ".join(sorted(names)) for names in (tensors, drawn.named()))
        raise Li2Error(
            f"the weights to continue from are {given}, but this run's are {wanted}; keep layers, embedding and "
            "architecture as they were."
        )
    weights = Weights.of({name: tensors[name].to(tensor) for name, tensor in drawn.named().items()})
    if not all(bool(torch.isfinite(tensor).all()) for tensor in weights):
        raise Li2Error("the weights to continue from are not finite: the run that it continues has diverged.")
    if [tensor.shape for tensor in weights] != [tensor.shape for tensor in drawn]:
        given, wanted = (" and ".join(str(list(tensor.shape)) for tensor in own) for own in (weights, drawn))
        raise Li2Error(
            f"the weights to continue from are {given}, but this run's are {wanted}; keep group, operands and sizes of "
            "the network as they were."
        )
    return weights


def _position(member: Member) -> Position:
    assert member.position is not None
    return member.position


def _facts(task: Task, split: Split) -> Facts:
    largest = None if task.group is None else int(Representations(task.group).characters.dimensions.max())
    return Facts(task.order, largest, len(split.train), len(split.test))


def _arrow(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    feather.write_feather(pa.Table.from_pandas(table, preserve_index=False), buffer, compression="zstd")
    return buffer.getvalue()


def _bytes(weights: Weights) -> bytes:
    return save({name: tensor.cpu().contiguous() for name, tensor in weights.named().items()})
