"""The top layer as ridge solution: stationary by autograd, kept so in training, whatever runs beside it."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from li2.models import Weights
from li2.optim import make_optimizer
from li2.specs import RunSpec
from li2.training import Trainee, Training
from li2.training.ridge import ridge_solution
from problems import dense_inputs, dense_labels, plain_activation, plain_loss, small_problem, small_weights

ADAM = make_optimizer(RunSpec())


def ridge_training(width: int, dtype: torch.dtype = torch.float64, loss: str = "mse", eta: float = 0.02) -> Training:
    problem = replace(small_problem("silu", loss, output_scale=1.3), ridge=eta)
    trainee = Trainee(problem, problem.train, ADAM, 1e-3, lambda epoch: 0.03)
    weights = small_weights(width=width).map(lambda tensor: tensor.to(dtype))
    return Training([trainee], [trainee.start(weights)])


def slope(training: Training, loss: str, eta: float) -> tuple[Tensor, Tensor]:
    """∂/∂V of n·loss + η‖V‖² in float64, as definitions say and by autograd; and of the loss alone."""
    weights = training.position().weights.map(torch.Tensor.double)
    problem = training.trainees[0].problem
    V = weights.V.clone().requires_grad_()
    F = plain_activation("silu", dense_inputs(problem) @ weights.W)
    value = len(F) * plain_loss(loss, 1.3 * F @ V, dense_labels(problem))
    (whole,) = torch.autograd.grad(value + eta * V.square().sum(), V, retain_graph=True)
    return whole, torch.autograd.grad(value, V)[0]


@pytest.mark.parametrize("loss", ["mse", "mse-centred"])
@pytest.mark.parametrize("width", [9, 50])
@pytest.mark.parametrize(("dtype", "accuracy"), [(torch.float64, 1e-9), (torch.float32, 3e-4)])
def test_the_top_layer_is_stationary_at_every_epoch(loss: str, width: int, dtype: torch.dtype, accuracy: float) -> None:
    training = ridge_training(width, dtype, loss)
    for _ in range(4):
        whole, of_loss = slope(training, loss, 0.02)
        assert whole.norm() < accuracy * of_loss.norm()
        training.measure()
        training.step()


def test_the_hidden_layer_steps_along_its_gradient_at_that_top_layer() -> None:
    training = ridge_training(9)
    problem, start = training.trainees[0].problem, training.position().weights.clone()
    W = start.W.clone().requires_grad_()
    optimizer = torch.optim.Adam([W], lr=0.03, weight_decay=1e-3)
    X, Y = dense_inputs(problem), dense_labels(problem)
    for _ in range(5):
        F = 1.3 * plain_activation("silu", X @ W.detach())
        V = torch.linalg.solve(F.T @ F + 0.02 * torch.eye(9, dtype=F.dtype), F.T @ (Y - 1 / 7))
        value = plain_loss("mse", 1.3 * plain_activation("silu", X @ W) @ V, Y)
        assert training.measure()[0]["train_loss"] == pytest.approx(value.item(), rel=1e-10)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        training.step()
        assert (training.position().weights.W - W.detach()).abs().max() < 1e-10
    assert [len(buffers) for buffers in training.position().optimizer.values()] == [1, 1]  # none for V


@pytest.mark.parametrize(("n", "K"), [(30, 9), (9, 30), (20, 20)])
def test_ridge_regression_against_least_squares(n: int, K: int) -> None:
    """Of [F; √η·I] on [T; 0], for runs with their own η; also where η is lost in rounding."""
    generator = torch.Generator().manual_seed(n)
    F, T = (torch.randn(3, n, size, generator=generator, dtype=torch.float64) for size in (K, 5))
    F[2] = F[2, :, :3] @ F[2, :3]  # of rank 3
    eta = torch.tensor([0.3, 1e-6, 1e-18], dtype=torch.float64)
    found = ridge_solution(F, T, eta)
    for run in range(3):
        penalty = eta[run].sqrt() * torch.eye(K, dtype=F.dtype)
        stacked, right = torch.cat([F[run], penalty]), torch.cat([T[run], torch.zeros(K, 5, dtype=F.dtype)])
        expected = torch.linalg.lstsq(stacked, right, driver="gelsd", rcond=1e-8).solution
        assert (found[run] - expected).norm() < 1e-6 * expected.norm()
    F[1, 2, 2] = torch.nan
    damaged = ridge_solution(F, T, eta)
    assert damaged[1].isnan().all()
    assert torch.equal(damaged[0], found[0])


def test_weights_at_rest_have_the_same_top_layer_again() -> None:
    """A training taken up again sets V to the same bits, as it depends on W alone."""
    training = ridge_training(9, torch.float32)
    training.step()
    position, trainee = training.position(), training.trainees[0]
    other = replace(position, weights=Weights(position.weights.W, torch.zeros_like(position.weights.V)))
    assert torch.equal(Training([trainee], [other]).position().weights.V, position.weights.V)
