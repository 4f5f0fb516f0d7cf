"""Tuples of a task as the samples that networks take."""

import numpy as np
import torch

from li2.models import Examples, Samples, StreamedExamples
from li2.tasks.splits import Complement, Indices
from li2.tasks.task import Task


def examples_of(task: Task, indices: Indices, device: torch.device) -> Examples:
    """The tuples with these numbers, in their order, in memory."""
    operands, labels = map(torch.from_numpy, task.tuples(indices))
    return Examples.of_operands(operands, labels, task.order, device)


def samples_of(task: Task, part: Indices | Complement, device: torch.device) -> Samples:
    """A part of a split: in memory, or computed as it is gone through if its indices are not held."""
    if not isinstance(part, Complement):
        return examples_of(task, part, device)
    return StreamedExamples(
        len(part), lambda start, stop: task.tuples(part.take(np.arange(start, stop))), task.order, device
    )
