"""The network and the energy against dense one-hot products and autograd."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from li2.errors import Li2Error
from li2.models import (
    Energies,
    NetworkModule,
    TwoLayer,
    initial_weights,
    named_activation,
    sum_into_rows,
    unit_nodes,
)
from li2.specs import RunSpec
from problems import ACTIVATIONS, dense_inputs, plain_activation, small_problem, small_weights

CPU = torch.device("cpu")


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_and_derivative(name: str) -> None:
    z = torch.linspace(-3, 3, 41, dtype=torch.float64).requires_grad_()
    plain = plain_activation(name, z)
    (slope,) = torch.autograd.grad(plain.sum(), z)
    activation = named_activation(name)
    assert torch.allclose(activation.function(z.detach()), plain.detach(), rtol=1e-13, atol=1e-15)
    away_from_kink = z.detach() != 0
    difference = (activation.derivative(z.detach()) - slope).abs()[away_from_kink]
    assert difference.max() < 1e-13


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_forward_is_the_dense_product(name: str) -> None:
    problem, weights = small_problem(name, output_scale=1.7), small_weights(width=12)
    dense = 1.7 * plain_activation(name, dense_inputs(problem) @ weights.W) @ weights.V
    assert (problem.network.forward(weights, problem.train.rows, block=7) - dense).abs().max() < 1e-13


def test_sum_into_rows_is_the_transposed_one_hot_product() -> None:
    problem = small_problem()
    values = torch.randn(30, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert (sum_into_rows(values, problem.train.rows, 14) - dense_inputs(problem).T @ values).abs().max() < 1e-14


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_energy_and_gradient_against_autograd(name: str) -> None:
    problem, W = small_problem(name), small_weights(width=6).W
    X, targets = dense_inputs(problem), problem.targets
    leaf = W.clone().requires_grad_()
    brute = torch.stack([(targets.T @ plain_activation(name, X @ leaf[:, j])).norm() ** 2 / 2 for j in range(6)])
    (slope,) = torch.autograd.grad(brute.sum(), leaf)
    energies = Energies(problem)
    values, gradient = energies.values(W), energies.gradient(W, energies.correlations(W))
    assert torch.allclose(values, brute.detach(), rtol=1e-12)
    assert (gradient - slope).abs().max() < 1e-12


def test_energy_of_a_pure_frequency_on_full_data_is_the_corrected_maximum() -> None:
    # Z_M, σ = x², all pairs: E* = M/4 for a complex pair (the paper prints M/16).
    problem = small_problem(order=7, n=49)
    g = torch.arange(7, dtype=torch.float64)
    wave = torch.cos(2 * torch.pi * 3 * g / 7 + 0.4)
    other = torch.cos(2 * torch.pi * 3 * g / 7 - 1.1)
    w = torch.cat([wave / wave.norm(), other / other.norm()])[:, None]
    value = Energies(problem).values(unit_nodes(w))
    assert value.item() == pytest.approx(7 / 4)


def test_initial_weights_have_the_published_distributions() -> None:
    def draw(**values: object) -> tuple[np.ndarray, np.ndarray]:
        spec = RunSpec(width=3000, dtype="float64", **values)
        weights = initial_weights(spec, 2, 50, CPU)
        assert (weights.W.shape, weights.V.shape) == ((100, 3000), (3000, 50))
        return weights.W.numpy(), weights.V.numpy()

    W, V = draw()
    assert np.abs(W).max() == pytest.approx(1 / np.sqrt(100), rel=1e-3)
    assert np.abs(V).max() == pytest.approx(1 / np.sqrt(3000), rel=1e-3)
    assert W.std() == pytest.approx(1 / np.sqrt(300), rel=1e-2)
    separate, _ = draw(init="published-separate")
    assert np.allclose(separate, W * np.sqrt(2))
    normal, normal_top = draw(init="gaussian")
    assert normal.std() == pytest.approx(1 / np.sqrt(300), rel=1e-2)
    assert normal_top.std() == pytest.approx(1 / np.sqrt(9000), rel=1e-2)
    assert (normal**4).mean() / (normal**2).mean() ** 2 == pytest.approx(3, rel=0.02)
    scaled, zero = draw(hidden_scale=0.1, top_scale=0)
    assert np.allclose(scaled, 0.1 * W)
    assert not zero.any()
    assert not np.allclose(draw(seed=1)[0], W)


def test_initial_weights_do_not_depend_on_dtype_and_repeat() -> None:
    single = initial_weights(RunSpec(width=8), 2, 5, CPU)
    double = initial_weights(RunSpec(width=8, dtype="float64"), 2, 5, CPU)
    assert single.W.dtype == torch.float32
    assert torch.equal(double.W.float(), single.W)


def test_initial_weights_from_a_file(tmp_path: pytest.TempPathFactory) -> None:
    weights = small_weights(width=8)
    save_file(weights.named(), tmp_path / "w.safetensors")
    spec = RunSpec(group="cyclic:7", width=8, dtype="float64", init_weights=str(tmp_path / "w.safetensors"))
    assert torch.equal(initial_weights(spec, 2, 7, CPU).W, weights.W)
    assert torch.equal(initial_weights(spec, 2, 7, CPU).V, weights.V)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"W": torch.zeros(14, 8)}, r"holds W, but it must hold W \[14, 8\] and V \[8, 7\]"),
        ({"W": torch.zeros(8, 14), "V": torch.zeros(8, 7)}, r"W is \[8, 14\], but it must be \[14, 8\]"),
        ({"W": torch.zeros(14, 8), "V": torch.zeros(8, 8)}, r"V is \[8, 8\], but it must be \[8, 7\]"),
        ({"W": torch.zeros(14, 8, dtype=torch.int64), "V": torch.zeros(8, 7)}, "W must hold finite floating-point"),
        ({"W": torch.full((14, 8), torch.nan), "V": torch.zeros(8, 7)}, "W must hold finite floating-point"),
    ],
)
def test_wrong_init_files(tmp_path: pytest.TempPathFactory, tensors: dict[str, torch.Tensor], message: str) -> None:
    save_file(tensors, tmp_path / "w.safetensors")
    with pytest.raises(Li2Error, match=message):
        initial_weights(RunSpec(width=8, init_weights=str(tmp_path / "w.safetensors")), 2, 7, CPU)


def test_unreadable_init_files(tmp_path: pytest.TempPathFactory) -> None:
    (tmp_path / "w.safetensors").write_bytes(b"no tensors here")
    for path in (tmp_path / "w.safetensors", tmp_path / "nowhere.safetensors", tmp_path):
        with pytest.raises(Li2Error, match="cannot read init_weights"):
            initial_weights(RunSpec(width=8, init_weights=str(path)), 2, 7, CPU)


def test_the_module_is_the_network() -> None:
    problem, weights = small_problem(output_scale=2.0), small_weights(width=5)
    module = NetworkModule(TwoLayer(named_activation("square"), 2.0), weights, torch.arange(7.0).double())
    operands = problem.train.rows - torch.tensor([0, 7])
    expected = problem.network.forward(weights, problem.train.rows) + torch.arange(7.0)
    assert torch.allclose(module(operands), expected)
    module(operands).sum().backward()
    assert module.W.grad is not None
    assert set(module.state_dict()) == {"W", "V", "offset"}
