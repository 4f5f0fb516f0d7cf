"""What a network learns: tuples of operands with their labels, and which of them it trains on."""

from li2.tasks.expression import parse_expression
from li2.tasks.samples import examples_of, samples_of
from li2.tasks.split import Split, build_split, training_size
from li2.tasks.splits import (
    Complement,
    critical_fraction,
    draw_some,
    draw_split,
    main_memory,
    sklearn_split,
    training_count,
)
from li2.tasks.task import Task, build_task, task_from_table

__all__ = [
    "Complement",
    "Split",
    "Task",
    "build_split",
    "build_task",
    "critical_fraction",
    "draw_some",
    "draw_split",
    "examples_of",
    "main_memory",
    "parse_expression",
    "samples_of",
    "sklearn_split",
    "task_from_table",
    "training_count",
    "training_size",
]
