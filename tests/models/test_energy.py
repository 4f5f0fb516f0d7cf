"""Energies of nodes and their gradients against dense matrices and autograd."""

import pytest
import torch
from torch.nn.functional import one_hot

from li2.models import Examples, Problem, TwoLayer, named_activation, named_loss
from li2.models.energy import Energies
from problems import ACTIVATIONS, plain_activation


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("loss", ["mse", "mse-centred"])
@pytest.mark.parametrize(("operands", "width"), [(1, 3), (2, 150), (3, 16)])
def test_energies_are_those_of_the_formula(activation: str, loss: str, operands: int, width: int) -> None:
    generator = torch.Generator().manual_seed(operands)
    elements, labels = (torch.randint(5, shape, generator=generator) for shape in ((40, operands), (40,)))
    rows = elements + 5 * torch.arange(operands)
    network = TwoLayer(named_activation(activation))
    energies = Energies(Problem(network, named_loss(loss), Examples(rows, labels), 5, None))
    W = torch.randn(5 * operands, width, generator=generator, dtype=torch.float64, requires_grad=True)
    X, Y = one_hot(rows, len(W)).sum(dim=1).double(), one_hot(labels, 5).double()
    targets = Y - (Y.mean(dim=0) if loss == "mse-centred" else 0.2)
    known = (targets.T @ plain_activation(activation, X @ W)).square().sum(dim=0) / 2
    (slope,) = torch.autograd.grad(known.sum(), W)
    W = W.detach()
    correlations = energies.correlations(W)
    assert torch.allclose(energies.values(W), known.detach(), rtol=1e-11)
    assert torch.allclose(energies.of_correlations(correlations), known.detach(), rtol=1e-11)
    assert torch.allclose(energies.gradient(W, correlations), slope, rtol=1e-10, atol=1e-10)
    assert torch.allclose(energies.gradient(W.mT.contiguous().mT, correlations.mT.contiguous().mT), slope, atol=1e-9)
