"""Passes in blocks against autograd on dense one-hot inputs."""

import pytest
import torch

from li2.models import TwoLayer, Weights, named_activation
from li2.models.passes import Passes, Workspace
from problems import ACTIVATIONS


def dense(rows: torch.Tensor, inputs: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(rows, inputs).sum(dim=1).double()


def drawn(samples: int, operands: int, order: int, width: int) -> tuple[torch.Tensor, Weights]:
    generator = torch.Generator().manual_seed(samples)
    elements = torch.randint(order, (samples, operands), generator=generator)
    W, V = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in
            ((operands * order, width), (width, order)))  # fmt: skip
    return elements + order * torch.arange(operands), Weights(W, V)


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "0.5*x-2*x**2"])
@pytest.mark.parametrize(
    ("samples", "operands", "order", "block"), [(30, 2, 7, 8), (16, 2, 8, 16), (9, 3, 5, 4), (1, 2, 3, 64)]
)
def test_passes_are_what_autograd_does(activation: str, samples: int, operands: int, order: int, block: int) -> None:
    rows, weights = drawn(samples, operands, order, width=11)
    network = TwoLayer(named_activation(activation), output_scale=1.5)
    passes = Passes(network, rows, Workspace(weights, block))
    W, V = (tensor.clone().requires_grad_() for tensor in weights)
    expected = 1.5 * network.activation.function(dense(rows, len(W)) @ W) @ V
    outputs = passes.outputs(weights)
    assert torch.allclose(outputs, expected, rtol=1e-12)
    in_outputs = torch.randn(samples, order, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    in_W, in_V = torch.autograd.grad((expected * in_outputs).sum(), (W, V))
    for _ in range(2):  # buffers hold nothing over
        measured_W, measured_V = passes.gradients(weights, in_outputs)
        assert torch.allclose(measured_W, in_W, rtol=1e-11, atol=1e-12)
        assert torch.allclose(measured_V, in_V, rtol=1e-11, atol=1e-12)


def test_passes_share_a_workspace_and_leave_their_arguments() -> None:
    rows, weights = drawn(20, 2, 5, width=6)
    workspace, network = Workspace(weights, 8), TwoLayer(named_activation("square"))
    first, second = Passes(network, rows, workspace), Passes(network, rows[:7], workspace)
    before, in_outputs = weights.clone(), torch.ones(20, 5, dtype=torch.float64)
    outputs = first.outputs(weights)
    kept = outputs.clone()
    second.outputs(weights)
    first.gradients(weights, in_outputs)
    assert torch.equal(outputs, kept)
    assert torch.allclose(second.outputs(weights), first.outputs(weights)[:7], rtol=1e-12)
    assert all(torch.equal(now, then) for now, then in zip(weights, before, strict=True))
    assert (in_outputs == 1).all()
