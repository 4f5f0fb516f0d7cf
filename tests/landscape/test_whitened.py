"""Whitened energies against dense inverses, autograd, and layers that are really very wide."""

import numpy as np
import pytest
import torch
from torch import Tensor

from li2.errors import Li2Error
from li2.groups import named_group
from li2.landscape import SampleEnergy
from li2.landscape.whitened import WhitenedEnergy, WideLayer, run_levels, whitened
from li2.models import initial_weights, named_activation
from li2.specs import RunSpec
from li2.theory.kernel import Levels, pair_kernel
from problems import plain_activation

M, N, WIDTH, ETA = 6, 22, 50, 3.0
CENTRINGS = ["classes", "samples", "none"]


def layer() -> WideLayer:
    return WideLayer(Levels(1.3, 0.7, 0.2), WIDTH, ETA)


def pairs(name: str, centring: str) -> SampleEnergy:
    group = named_group("symmetric:3")
    a, b = np.divmod(np.random.default_rng(1).permutation(M * M)[:N], M)
    rows = torch.tensor(np.stack([a, b + M], axis=1))
    return SampleEnergy(rows, torch.tensor(group.table[a, b]), M, named_activation(name), centring)


def dense(energy: SampleEnergy) -> tuple[Tensor, Tensor]:
    """X and Ỹ."""
    X = torch.eye(2 * M, dtype=torch.float64)[energy.rows].sum(dim=1)
    Y = torch.eye(M, dtype=torch.float64)[energy.labels]
    return X, Y - {"samples": Y.mean(dim=0), "classes": 1 / M, "none": 0}[energy.centring]


def whitening(X: Tensor, is_centred: bool) -> Tensor:
    """P_η, inverted."""
    identity = torch.eye(N, dtype=torch.float64)
    kernel = WIDTH * pair_kernel(X, layer().levels)
    if is_centred:
        projector = identity - 1 / N
        kernel = projector @ kernel @ projector
    return ETA * torch.linalg.inv(kernel + ETA * identity)


@pytest.mark.parametrize("centring", CENTRINGS)
@pytest.mark.parametrize("kind", ["none", "one-sided", "both", "additive-free"])
@pytest.mark.parametrize("name", ["square", "silu"])
def test_against_dense_inverses_and_autograd(name: str, kind: str, centring: str) -> None:
    plain = pairs(name, centring)
    X, Y = dense(plain)
    P = whitening(X, centring == "samples")
    energy = whitened(plain, kind, layer(), scale=1.7)
    additive = X @ torch.linalg.pinv(X)
    target = {"none": Y, "one-sided": Y, "both": P @ Y, "additive-free": Y - additive @ Y}[kind]
    if centring == "samples" and kind == "both":
        assert target.sum(dim=0).abs().max() < 1e-12
    signal = P @ Y if kind == "one-sided" else target
    W = torch.randn(2 * M, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    values, gradients = energy.value_and_gradient(W)
    for w, value, gradient in zip(W.T, values, gradients.T, strict=True):
        leaf = w.clone().requires_grad_()
        features = plain_activation(name, X @ leaf)
        assert value.item() == pytest.approx(1.7 / 2 * (target.T @ features).square().sum().item())
        (slope,) = torch.autograd.grad(features, leaf, 1.7 * signal @ (target.T @ features).detach())
        assert torch.allclose(gradient, slope, rtol=1e-9, atol=1e-11)
        if kind != "one-sided":
            true = 1.7 / 2 * (target.T @ plain_activation(name, X @ leaf)).square().sum()
            assert torch.allclose(gradient, torch.autograd.grad(true, leaf)[0], rtol=1e-9, atol=1e-11)
            if name != "square":
                continue
            curvature = torch.autograd.functional.hessian(
                lambda v: 1.7 / 2 * (target.T @ plain_activation(name, X @ v)).square().sum(), w
            )
            assert torch.allclose(energy.hessian(w), curvature, rtol=1e-9, atol=1e-9)


def test_one_side_has_no_energy() -> None:
    energy = whitened(pairs("square", "classes"), "one-sided", layer())
    assert isinstance(energy, WhitenedEnergy)
    w = torch.randn(2 * M, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    step = 1e-5 * torch.eye(2 * M, dtype=torch.float64)
    up, down = (energy.value_and_gradient(w[:, None] + sign * step)[1] for sign in (1, -1))
    jacobian = (up - down) / 2e-5
    assert (jacobian - jacobian.T).norm() > 1e-3 * jacobian.norm()
    with pytest.raises(Li2Error, match="no Hessian; take both"):
        energy.hessian(w)


def test_pairs_only() -> None:
    plain = pairs("square", "classes")
    three = SampleEnergy(torch.cat([plain.rows, plain.rows[:, :1]], dim=1), plain.labels, M, plain.activation)
    with pytest.raises(Li2Error, match="not for 3 operands"):
        whitened(three, "none")


@pytest.mark.parametrize(
    ("init", "centring", "name"),
    [
        ("published", "classes", "square"),
        ("published", "samples", "relu"),
        ("published-separate", "classes", "relu"),
        ("gaussian", "samples", "square"),
        ("gaussian", "classes", "tanh"),
    ],
)
def test_the_ridge_gradient_of_a_very_wide_random_layer(init: str, centring: str, name: str) -> None:
    """η·G_F at the minimum of the loss, by the normal equations of sampled features, is S·Tᵀσ of the infinite layer."""
    width, chunks = 30_000, 4
    plain = pairs(name, centring)
    X, Y = dense(plain)
    gram = torch.zeros(N, N, dtype=torch.float64)
    run = RunSpec(group="symmetric:3", width=width, init=init, activation=name, hidden_scale=1.5, dtype="float64")
    for seed in range(chunks):
        W = initial_weights(run.with_changes(seed=seed), 2, M, torch.device("cpu")).W
        features = named_activation(name).function(X @ W)
        if centring == "samples":
            features = features - features.mean(dim=0)
        gram += features @ features.T / (width * chunks)
    levels = run_levels(run, M)
    eta = 0.3 * levels.own * WIDTH
    measured = eta * torch.linalg.solve(WIDTH * gram + eta * torch.eye(N, dtype=torch.float64), Y)
    energy = whitened(plain, "both", WideLayer(levels, WIDTH, eta))
    predicted = energy.onto_samples(torch.eye(M, dtype=torch.float64))
    assert (predicted - measured).norm() < 0.05 * measured.norm()
    without_additive_part = WideLayer(levels, WIDTH, eta).damping * Y
    assert (without_additive_part - measured).norm() > 0.1 * measured.norm()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"operands": 3}, "not known for operands=3; leave it out or take operands=2."),
        ({"architecture": "transformer"}, "not known for architecture=transformer"),
        ({"layers": 2}, "not known for layers=2"),
        ({"embedding": "trainable"}, "not known for embedding=trainable"),
        ({"weights": "complex"}, "not known for weights=complex"),
        ({"init_weights": "w.safetensors"}, "not known for init_weights=w.safetensors; leave it out."),
        ({"hidden_scale": 0}, "no kernel with hidden_scale=0"),
    ],
)
def test_layers_without_a_known_kernel(values: dict[str, object], message: str) -> None:
    with pytest.raises(Li2Error, match=message):
        run_levels(RunSpec(group="cyclic:5", **values), 5)
