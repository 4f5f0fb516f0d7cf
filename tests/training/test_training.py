"""Training: closed-form gradients against autograd, and whole courses against a plain PyTorch loop."""

import math

import numpy as np
import pytest
import torch

from li2.models import Examples, Problem, TwoLayer, Weights, named_activation, named_loss
from li2.optim import make_optimizer
from li2.optim.optimizers import SGD
from li2.specs import RunSpec
from li2.tasks import build_task
from li2.training import METRICS, Training
from problems import (
    ACTIVATIONS,
    LOSSES,
    dense_inputs,
    dense_labels,
    plain_activation,
    plain_loss,
    small_problem,
    small_weights,
)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_step_is_autograds_gradient(activation: str, loss: str) -> None:
    problem, weights = small_problem(activation, loss, output_scale=1.3), small_weights(width=9)
    X, Y = dense_inputs(problem), dense_labels(problem)
    W, V = (tensor.clone().requires_grad_() for tensor in weights)
    value = plain_loss(loss, 1.3 * plain_activation(activation, X @ W) @ V, Y)
    in_W, in_V = torch.autograd.grad(value, (W, V))
    # Plain gradient descent with rate 1 moves by the gradient itself.
    training = Training.start(problem, problem.train, SGD(0.0, 0.0), lambda step: 1.0, weights)
    assert training.measure()["train_loss"] == pytest.approx(value.item(), rel=1e-12)
    training.step()
    assert (weights.W - training.position.weights.W - in_W).abs().max() < 1e-12
    assert (weights.V - training.position.weights.V - in_V).abs().max() < 1e-12


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_backpropagated_gradient_is_autograds(activation: str, loss: str) -> None:
    problem, weights = small_problem(activation, loss, output_scale=1.3), small_weights(width=9)
    F = plain_activation(activation, dense_inputs(problem) @ weights.W).requires_grad_()
    value = plain_loss(loss, 1.3 * F @ weights.V, dense_labels(problem))
    expected = -len(problem.train) / 2 * torch.autograd.grad(value, F)[0]
    assert (problem.backpropagated_gradient(weights) - expected).abs().max() < 1e-10
    measured = Training.start(problem, problem.train, SGD(0.0, 0.0), lambda step: 1.0, weights).measure()
    assert measured["backprop_norm"] == pytest.approx(expected.norm().item(), rel=1e-10)


def test_metrics_against_their_definitions() -> None:
    problem, weights = small_problem(loss="mse"), small_weights(width=9)
    training = Training.start(problem, problem.train, SGD(0.9, 0.0), lambda step: 0.01, weights)
    first = training.measure()
    X, Y = dense_inputs(problem), dense_labels(problem)
    outputs = (X @ weights.W) ** 2 @ weights.V
    assert set(first) == set(METRICS)
    assert first["gradient_norm"] == pytest.approx(((Y - 1 / 7 - outputs) @ weights.V.T).norm().item())
    assert first["train_accuracy"] == first["test_accuracy"] == (outputs.argmax(1) == Y.argmax(1)).double().mean()
    assert first["hidden_norm"] == pytest.approx(weights.W.norm().item())
    assert math.isnan(first["hidden_change"])
    training.step()
    second = training.measure()
    cosine = torch.nn.functional.cosine_similarity(weights.V.ravel(), training.position.weights.V.ravel(), dim=0)
    assert second["top_change"] == pytest.approx(1 - cosine.item(), rel=1e-6)


def plain_course(
    W: torch.Tensor, V: torch.Tensor, train: np.ndarray, M: int, activation: str, loss: str, epochs: int
) -> list[tuple[float, float]]:
    """The plain loop: one-hot products, autograd, torch.optim.Adam; (training, test) loss at each epoch."""
    pairs = torch.cartesian_prod(torch.arange(M), torch.arange(M))
    X = torch.nn.functional.one_hot(pairs, M).reshape(M * M, 2 * M).to(W.dtype)
    labels = pairs.sum(dim=1) % M
    chosen = torch.zeros(M * M, dtype=torch.bool)
    chosen[torch.from_numpy(train)] = True
    W, V = W.clone().requires_grad_(), V.clone().requires_grad_()
    optimizer = torch.optim.Adam([W, V], lr=1e-3, weight_decay=2e-4)

    def criterion(part: torch.Tensor) -> torch.Tensor:
        hidden = X[part] @ W
        outputs = (hidden**2 if activation == "square" else torch.relu(hidden)) @ V
        if loss == "cross-entropy":
            return torch.nn.functional.cross_entropy(outputs, labels[part])
        centred = outputs - outputs.mean(dim=1, keepdim=True)
        targets = torch.nn.functional.one_hot(labels[part], M) - 1 / M
        return (centred - targets).square().sum(dim=1).mean()

    course = []
    for _ in range(epochs + 1):
        optimizer.zero_grad()
        value = criterion(chosen)
        course.append((value.item(), criterion(~chosen).item()))
        value.backward()
        optimizer.step()
    return course


@pytest.mark.parametrize(("M", "width"), [(23, 256), (71, 256)])
@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
@pytest.mark.parametrize("activation", ["square", "relu"])
def test_a_hundred_epochs_follow_a_plain_pytorch_loop(activation: str, loss: str, M: int, width: int) -> None:
    generator = np.random.default_rng(3)
    train = generator.permutation(M * M)[: int(0.4 * M * M)]
    weights = Weights(
        torch.from_numpy(generator.uniform(-1, 1, (2 * M, width)).astype(np.float32) / np.sqrt(2 * M)),
        torch.from_numpy(generator.uniform(-1, 1, (width, M)).astype(np.float32) / np.sqrt(width)),
    )
    expected = plain_course(weights.W, weights.V, train, M, activation, loss, epochs=100)
    task, cpu = build_task(f"cyclic:{M}"), torch.device("cpu")
    operands, labels = torch.tensor(task.operands), torch.tensor(task.labels)
    test = torch.from_numpy(np.setdiff1d(np.arange(M * M), train))
    parts = [Examples.of_operands(operands[p], labels[p], M, cpu) for p in (torch.from_numpy(train), test)]
    problem = Problem(TwoLayer(named_activation(activation)), named_loss(loss), parts[0], M, 2e-4)
    training = Training.start(problem, parts[1], make_optimizer(RunSpec()), lambda step: 1e-3, weights)
    for epoch, (train_loss, test_loss) in enumerate(expected):
        metrics = training.measure()
        assert metrics["train_loss"] == pytest.approx(train_loss, rel=1e-4), epoch
        assert metrics["test_loss"] == pytest.approx(test_loss, rel=1e-4), epoch
        training.step()
