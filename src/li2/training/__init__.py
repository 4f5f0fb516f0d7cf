"""Training of networks side by side: measure, step, and positions to go on from."""

from li2.training.metrics import METRICS
from li2.training.training import Position, Trainee, Training

__all__ = ["METRICS", "Position", "Trainee", "Training"]
