"""Small training problems in float64, and their data as dense matrices."""

import numpy as np
import torch
from torch import Tensor

from li2.models import Problem, TwoLayer, Weights, named_activation, named_loss
from li2.tasks import build_task, examples_of

ACTIVATIONS = ["square", "cube", "relu", "silu", "relu2", "tanh", "sigmoid", "0.7*x-1.3*x**2"]
LOSSES = ["mse", "mse-centred", "cross-entropy", "stablemax"]


def small_problem(
    activation: str = "square",
    loss: str = "mse-centred",
    decay: float | None = 1e-2,
    output_scale: float = 1.0,
    order: int = 7,
    n: int = 30,
    seed: int = 0,
) -> Problem:
    """Addition mod M on n random pairs."""
    task = build_task(f"cyclic:{order}")
    train = examples_of(task, np.random.default_rng(seed).permutation(task.size)[:n], torch.device("cpu"))
    return Problem(TwoLayer(named_activation(activation), output_scale), named_loss(loss), train, order, decay)


def small_weights(width: int, order: int = 7, seed: int = 0, scale: float = 0.5) -> Weights:
    """Normal weights."""
    generator = torch.Generator().manual_seed(seed)
    return Weights(
        scale * torch.randn(2 * order, width, generator=generator, dtype=torch.float64),
        scale * torch.randn(width, order, generator=generator, dtype=torch.float64),
    )


def dense_inputs(problem: Problem) -> Tensor:
    """X, one-hot."""
    X = torch.zeros(len(problem.train), 2 * problem.classes, dtype=torch.float64)
    for sample, rows in enumerate(problem.train.rows.tolist()):
        for row in rows:
            X[sample, row] += 1
    return X


def dense_labels(problem: Problem) -> Tensor:
    """Y, one-hot."""
    Y = torch.zeros(len(problem.train), problem.classes, dtype=torch.float64)
    for sample, label in enumerate(problem.train.labels.tolist()):
        Y[sample, label] = 1
    return Y


def plain_activation(name: str, z: Tensor) -> Tensor:
    """σ as its definition says, for autograd."""
    return {
        "square": lambda: z * z,
        "cube": lambda: z * z * z,
        "relu": lambda: z.clamp_min(0),
        "silu": lambda: z / (1 + (-z).exp()),
        "relu2": lambda: z.clamp_min(0) ** 2,
        "tanh": lambda: (z.exp() - (-z).exp()) / (z.exp() + (-z).exp()),
        "sigmoid": lambda: 1 / (1 + (-z).exp()),
        "0.7*x-1.3*x**2": lambda: 0.7 * z - 1.3 * z * z,
    }[name]()


def plain_loss(name: str, outputs: Tensor, Y: Tensor) -> Tensor:
    """The loss as its definition says, for autograd."""
    n, M = Y.shape
    if name == "mse":
        centred = outputs - outputs.mean(dim=1, keepdim=True)
        return ((centred - (Y - 1 / M)) ** 2).sum() / n
    if name == "mse-centred":
        P = torch.eye(n, dtype=Y.dtype) - 1 / n
        return ((P @ (Y - outputs)) ** 2).sum() / n
    if name == "stablemax":
        s = torch.stack([1 + o if o >= 0 else 1 / (1 - o) for o in outputs.flatten()]).reshape(n, M)
        return -((s / s.sum(dim=1, keepdim=True)).log() * Y).sum() / n
    return -(outputs.log_softmax(dim=1) * Y).sum() / n
