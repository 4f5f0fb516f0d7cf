"""Full-batch training: one epoch is one measurement and one step."""

from li2.training.training import METRICS, Position, Training

__all__ = ["METRICS", "Position", "Training"]
