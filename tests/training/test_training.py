"""Training: closed-form gradients against autograd, and whole courses against a plain PyTorch loop."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from li2.models import Problem, StreamedExamples, TwoLayer, Weights, named_activation, named_loss
from li2.models.autograd import Autograd
from li2.optim import make_optimizer
from li2.optim.optimizers import SGD, Adam
from li2.specs import RunSpec
from li2.tasks import build_task, examples_of
from li2.training import METRICS, Trainee, Training
from li2.training.training import ORDER_STREAM
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


def alone(trainee: Trainee, weights: Weights) -> Training:
    """The training of one network."""
    return Training([trainee], [trainee.start(weights)])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_step_is_autograds_gradient(activation: str, loss: str) -> None:
    problem, weights = small_problem(activation, loss, output_scale=1.3), small_weights(width=9)
    X, Y = dense_inputs(problem), dense_labels(problem)
    W, V = (tensor.clone().requires_grad_() for tensor in weights)
    value = plain_loss(loss, 1.3 * plain_activation(activation, X @ W) @ V, Y)
    in_W, in_V = torch.autograd.grad(value, (W, V))
    # Plain gradient descent with rate 1 moves by the gradient itself.
    training = alone(Trainee(problem, problem.train, SGD(0.0), 0.0, lambda epoch: 1.0), weights)
    assert training.measure()[0]["train_loss"] == pytest.approx(value.item(), rel=1e-12)
    training.step()
    moved = training.position().weights
    assert (weights.W - moved.W - in_W).abs().max() < 1e-12
    assert (weights.V - moved.V - in_V).abs().max() < 1e-12


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_backpropagated_gradient_is_autograds(activation: str, loss: str) -> None:
    problem, weights = small_problem(activation, loss, output_scale=1.3), small_weights(width=9)
    F = plain_activation(activation, dense_inputs(problem) @ weights.W).requires_grad_()
    value = plain_loss(loss, 1.3 * F @ weights.V, dense_labels(problem))
    expected = -len(problem.train) / 2 * torch.autograd.grad(value, F)[0]
    assert (problem.backpropagated_gradient(weights) - expected).abs().max() < 1e-10
    measured = alone(Trainee(problem, problem.train, SGD(0.0), 0.0, lambda epoch: 1.0), weights).measure()
    assert measured[0]["backprop_norm"] == pytest.approx(expected.norm().item(), rel=1e-10)


def test_metrics_against_their_definitions() -> None:
    problem, weights = small_problem(loss="mse"), small_weights(width=9)
    training = alone(Trainee(problem, problem.train, SGD(0.9), 0.0, lambda epoch: 0.01), weights)
    (first,) = training.measure()
    X, Y = dense_inputs(problem), dense_labels(problem)
    outputs = (X @ weights.W) ** 2 @ weights.V
    assert set(first) == set(METRICS)
    assert first["gradient_norm"] == pytest.approx(((Y - 1 / 7 - outputs) @ weights.V.T).norm().item())
    assert first["train_accuracy"] == first["test_accuracy"] == (outputs.argmax(1) == Y.argmax(1)).double().mean()
    assert first["hidden_norm"] == pytest.approx(weights.W.norm().item())
    assert math.isnan(first["hidden_change"])
    training.step()
    (second,) = training.measure()
    cosine = torch.nn.functional.cosine_similarity(weights.V.ravel(), training.position().weights.V.ravel(), dim=0)
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
    test = np.setdiff1d(np.arange(M * M), train)
    parts = [examples_of(task, part, cpu) for part in (train, test)]
    problem = Problem(TwoLayer(named_activation(activation)), named_loss(loss), parts[0], M, 2e-4)
    training = alone(Trainee(problem, parts[1], make_optimizer(RunSpec()), 2e-4, lambda epoch: 1e-3), weights)
    for epoch, (train_loss, test_loss) in enumerate(expected):
        (metrics,) = training.measure()
        assert metrics["train_loss"] == pytest.approx(train_loss, rel=1e-4), epoch
        assert metrics["test_loss"] == pytest.approx(test_loss, rel=1e-4), epoch
        training.step()


def small_trainees(count: int, ridge: float | None = None, **changes: Any) -> list[tuple[Trainee, Weights]]:
    """Trainees of one kind that differ in everything they may differ in, with their weights in float32."""
    changes = {"optimizer": Adam(0.9, 0.99, True), **changes}
    trainees = []
    for seed in range(count):
        problem = small_problem("silu", "mse-centred", n=32, seed=seed)
        rate = [lambda epoch: 1e-2, lambda epoch: 3e-3 / (1 + epoch), lambda epoch: 0.05][seed % 3]
        problem = replace(problem, ridge=None if ridge is None else ridge * (1 + seed))
        trainee = Trainee(problem, problem.train, weight_decay=1e-3 * seed, rate=rate, seed=seed, **changes)
        trainees.append((trainee, small_weights(width=16, seed=seed).map(torch.Tensor.float)))
    return trainees


MUONS = [make_optimizer(RunSpec(optimizer="muon", muon=preset)) for preset in ("published", "torch", "exact")]


@pytest.mark.parametrize(
    "changes", [{}, {"batch_size": 8}, *({"optimizer": muon} for muon in MUONS), {"ridge": 0.1}], ids=str
)
def test_runs_side_by_side_are_the_same_to_the_last_bit_as_alone(changes: dict[str, Any]) -> None:
    pairs = small_trainees(5, **changes)
    pack = Training([trainee for trainee, _ in pairs], [trainee.start(weights) for trainee, weights in pairs])
    singles = [alone(*pair) for pair in pairs]
    runs = list(range(5))
    for epoch in range(30):
        for metrics, run in zip(pack.measure(), runs, strict=True):
            (own,) = singles[run].measure()
            assert all(metrics[name] == own[name] or math.isnan(own[name]) for name in METRICS), (epoch, run)
        if epoch == 12:  # two runs end; the others go on
            pack.keep([0, 2, 4])
            runs = [0, 2, 4]
            pack.measure()
        pack.step()
        for run in runs:
            singles[run].step()
    for number, run in enumerate(runs):
        for together, own in zip(pack.position(number).weights, singles[run].position().weights, strict=True):
            assert torch.equal(together, own)


def test_a_training_taken_up_again_goes_on_as_if_never_stopped() -> None:
    pairs = small_trainees(3, batch_size=4)
    trainees = [trainee for trainee, _ in pairs]
    through = Training(trainees, [trainee.start(weights) for trainee, weights in pairs])
    stopped = Training(trainees, [trainee.start(weights) for trainee, weights in pairs])
    for epoch in range(9):
        if epoch == 5:
            stopped = Training(trainees, [stopped.position(run) for run in range(3)])
        assert repr(through.measure()) == repr(stopped.measure())
        through.step()
        stopped.step()


def test_minibatches_go_through_the_training_set_once_in_a_fresh_order() -> None:
    ((trainee, weights),) = small_trainees(1, batch_size=12)
    training, problem = alone(trainee, weights), trainee.problem
    W, V = (tensor.clone().requires_grad_() for tensor in weights)
    optimizer = torch.optim.Adam([W, V], lr=1e-2, betas=(0.9, 0.99))
    X, Y = dense_inputs(problem).float(), dense_labels(problem).float()
    orders = []
    for epoch in range(6):
        order = np.random.default_rng([trainee.seed, ORDER_STREAM, epoch]).permutation(len(X))
        orders.append(order.tolist())
        (metrics,) = training.measure()
        whole = plain_loss("mse-centred", torch.nn.functional.silu(X @ W) @ V, Y).item()
        assert metrics["train_loss"] == pytest.approx(whole, rel=1e-4)
        for start in range(0, len(X), 12):
            part = torch.from_numpy(order[start : start + 12])
            optimizer.zero_grad()
            plain_loss("mse-centred", torch.nn.functional.silu(X[part] @ W) @ V, Y[part]).backward()
            optimizer.step()
        training.step()
    assert all(sorted(order) == list(range(len(X))) for order in orders)
    assert len({tuple(order) for order in orders}) == len(orders)


def test_a_network_without_closed_form_is_trained_by_autograd() -> None:
    """Its top layer follows a plain loop; the hidden layer is used twice, as no closed form of ours knows."""
    problem, weights = small_problem("square", "mse"), small_weights(width=14, scale=0.2)

    def deeper(weights: Weights, rows: torch.Tensor) -> torch.Tensor:
        hidden = torch.tanh(problem.network.preactivations(weights.W, rows))
        return torch.relu(hidden @ weights.W) @ weights.V

    trainee = Trainee(problem, problem.train, SGD(0.5), 0.0, lambda epoch: 0.05)
    training = Training([trainee], [trainee.start(weights)], Autograd(deeper, problem.loss))
    W, V = (tensor.clone().requires_grad_() for tensor in weights)
    optimizer = torch.optim.SGD([W, V], lr=0.05, momentum=0.5)
    X, Y = dense_inputs(problem), dense_labels(problem)
    for _ in range(10):
        optimizer.zero_grad()
        value = plain_loss("mse", torch.relu(torch.tanh(X @ W) @ W) @ V, Y)
        assert training.measure()[0]["train_loss"] == pytest.approx(value.item(), rel=1e-10)
        value.backward()
        optimizer.step()
        training.step()


def test_streamed_test_examples_give_what_held_ones_give() -> None:
    ((trainee, weights),) = small_trainees(1)
    held = trainee.test
    order = trainee.problem.classes

    def tuples(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        return (held.rows[start:stop] % order).numpy(), held.labels[start:stop].numpy()

    streamed = StreamedExamples(len(held), tuples, order, torch.device("cpu"))
    trainings = [alone(replace(trainee, test=test), weights) for test in (held, streamed)]
    for _ in range(3):
        first, second = (training.measure()[0] for training in trainings)
        assert first["test_accuracy"] == second["test_accuracy"]
        assert first["test_loss"] == pytest.approx(second["test_loss"], rel=1e-12)
        for training in trainings:
            training.step()
