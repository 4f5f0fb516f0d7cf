"""What a network learns: every tuple of operands with its label, and which of them it trains on."""

from li2.tasks.expression import parse_expression
from li2.tasks.splits import critical_fraction, draw_split, sklearn_split, training_count
from li2.tasks.task import Split, Task, build_split, build_task, task_from_table

__all__ = [
    "Split",
    "Task",
    "build_split",
    "build_task",
    "critical_fraction",
    "draw_split",
    "parse_expression",
    "sklearn_split",
    "task_from_table",
    "training_count",
]
