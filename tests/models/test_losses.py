"""Losses and residuals against autograd and the published expression."""

import math

import pytest
import torch

from li2.models import named_loss
from problems import LOSSES, dense_labels, plain_loss, small_problem


def random_outputs(n: int = 30, M: int = 7) -> torch.Tensor:
    return torch.randn(n, M, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", LOSSES)
def test_value_and_residual(name: str) -> None:
    problem, loss = small_problem(loss=name), named_loss(name)
    labels, Y = problem.train.labels, dense_labels(problem)
    outputs = random_outputs().requires_grad_()
    plain = plain_loss(name, outputs, Y)
    (gradient,) = torch.autograd.grad(plain, outputs)
    with torch.no_grad():
        offset = loss.offset(outputs, labels)
        assert loss.value(outputs, labels, offset).item() == pytest.approx(plain.item(), rel=1e-13)
        assert loss.value(outputs, labels, None).item() == pytest.approx(plain.item(), rel=1e-13)
        assert (loss.residual(outputs, labels, None) + len(Y) / 2 * gradient).abs().max() < 1e-14


def test_mse_equals_the_published_expression() -> None:
    problem, outputs = small_problem(loss="mse"), random_outputs()
    o = outputs - outputs.mean(dim=1, keepdim=True)
    picked = o[torch.arange(30), problem.train.labels]
    published = (o**2).sum(dim=1).mean() - 2 * picked.mean() + 1 - 1 / 7
    assert named_loss("mse").value(outputs, problem.train.labels, None).item() == pytest.approx(published.item())


def test_the_offset_makes_the_sample_centred_prediction_unbiased() -> None:
    problem, outputs, loss = small_problem(), random_outputs() + 3, named_loss("mse-centred")
    offset = loss.offset(outputs, problem.train.labels)
    assert offset is not None
    assert ((outputs + offset) - dense_labels(problem)).mean(dim=0).abs().max() < 1e-14
    # A constant per class changes neither the loss nor the prediction.
    shifted = outputs + torch.arange(7.0)
    assert torch.allclose(shifted + loss.offset(shifted, problem.train.labels), outputs + offset)


@pytest.mark.parametrize("name", LOSSES)
def test_targets_and_zero_output(name: str) -> None:
    problem = small_problem(loss=name)
    Y = dense_labels(problem)
    expected = Y - Y.mean(dim=0) if name == "mse-centred" else Y - 1 / 7
    assert torch.allclose(problem.targets, expected)
    assert problem.zero_output_loss == pytest.approx(plain_loss(name, torch.zeros_like(Y), Y).item())
    if name != "mse-centred":  # n = 30 pairs are not balanced over classes
        assert problem.zero_output_loss == pytest.approx(6 / 7 if name == "mse" else math.log(7))
