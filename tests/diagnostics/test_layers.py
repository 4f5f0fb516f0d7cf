"""The figures of a deeper network's layers against autograd, projections and brute force on dense matrices."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from li2 import RunSpec
from li2.diagnostics import FourierBasis, LayersSnapshot, feature_figures, layer_figures, learning_epochs
from li2.groups import Representations
from li2.models import Problem, Weights, initial_weights, named_loss, named_network
from li2.tasks import build_task, examples_of
from li2.theorems import compare_layers
from problems import dense_inputs, dense_labels, plain_activation, plain_loss

CPU = torch.device("cpu")
M = 5


def network(**changes: object) -> tuple[Problem, Weights, Weights]:
    """A problem of 20 pairs, its weights, and those at epoch 0."""
    spec = RunSpec(**{"group": f"cyclic:{M}", "width": 12, "dtype": "float64", **changes})
    task = build_task(spec.group)
    train = examples_of(task, np.random.default_rng(0).permutation(task.size)[:20], CPU)
    problem = Problem(named_network(spec), named_loss(spec.loss), train, M, 1e-3)
    now, before = (initial_weights(spec.with_changes(seed=seed), 2, M, CPU) for seed in (1, 0))
    return problem, now, before


def dense_features(problem: Problem, weights: Weights, spec: dict[str, object]) -> list[torch.Tensor]:
    """F_1 … F_L, each a node of the graph."""
    X, named, sigma = dense_inputs(problem), weights.named(), str(spec["activation"])
    if "E" in named:
        X = torch.cat([X[:, :M] @ named["E"], X[:, M:] @ named["E"]], dim=1)
    features = [plain_activation(sigma, X @ weights.W).requires_grad_()]
    for layer in range(2, int(str(spec.get("layers", 1))) + 1):
        F, residual = features[-1], spec.get("residual", "none")
        z = F @ named[f"W{layer}"] + (F if residual == "inside" else 0)
        features.append(plain_activation(sigma, z) + (F if residual == "around" else 0))
    return features


@pytest.mark.parametrize("loss", ["mse", "mse-centred", "cross-entropy"])
@pytest.mark.parametrize(
    "spec",
    [
        {"layers": 3, "activation": "relu"},
        {"layers": 2, "activation": "square", "residual": "inside", "output_scale": 0.5},
        {"layers": 3, "activation": "silu", "residual": "around"},
        {"embedding": "trainable", "activation": "tanh"},
    ],
)
def test_each_layers_gradient_share_and_change(spec: dict[str, object], loss: str) -> None:
    problem, now, before = network(**spec, loss=loss)
    snapshot = LayersSnapshot(problem, now)
    features = dense_features(problem, now, spec)
    Y = dense_labels(problem)
    value = plain_loss(loss, problem.network.output_scale * features[-1] @ now.V, Y)
    gradients = torch.autograd.grad(value, features)
    targets = Y - Y.mean(dim=0) if loss == "mse-centred" else Y - 1 / M
    figures = layer_figures(snapshot, before)
    assert list(figures["layer"]) == list(range(1, len(features) + 1))
    for number, (F, gradient) in enumerate(zip(features, gradients, strict=True)):
        G = -len(Y) / 2 * gradient
        assert torch.allclose(snapshot.layers[number].features, F, rtol=1e-10, atol=1e-13)
        assert torch.allclose(snapshot.gradients[number], G, rtol=1e-9, atol=1e-13)
        assert figures["gradient_norm"][number] == pytest.approx(G.norm().item(), rel=1e-9)
        rest = G - targets @ torch.linalg.lstsq(targets, G, driver="gelsd").solution
        share = 1 - (rest.norm() / G.norm()).item() ** 2
        assert figures["label_share"][number] == pytest.approx(share, abs=1e-9)
        assert 0 < share < 1 + 1e-9
    for number in range(2, len(features) + 1):
        old, new = before.others[f"W{number}"], now.others[f"W{number}"]
        change = ((new - old).square().sum() / old.square().sum()).sqrt().item()
        assert figures["change"][number - 1] == pytest.approx(change, rel=1e-10)


def cosine(left: torch.Tensor, right: torch.Tensor) -> float:
    return torch.nn.functional.cosine_similarity(left.flatten(), right.flatten(), dim=0).item()


@pytest.mark.parametrize("activation", ["relu", "square"])
def test_predictions_of_a_layers_gradient(activation: str) -> None:
    """The kernel form is the mean over layers above that are drawn again and again, each with V in its first steps."""
    spec = {"layers": 2, "activation": activation}
    problem, now, _ = network(**spec, width=40, loss="mse-centred")
    Y = dense_labels(problem)
    targets = Y - Y.mean(dim=0)

    def first_steps(W2: torch.Tensor) -> Weights:
        F = dense_features(problem, Weights(now.W, now.V, {"W2": W2}), spec)[-1].detach()
        return Weights(now.W, 1e-6 * (F - F.mean(dim=0)).T @ targets, {"W2": W2})

    snapshot = LayersSnapshot(problem, first_steps(now.others["W2"]))
    (F, (z, top)), G = (snapshot.layers[0].features, snapshot.layers[1]), snapshot.gradients
    generator, mean = torch.Generator().manual_seed(0), torch.zeros_like(F)
    for _ in range(600):
        drawn = torch.randn(40, 40, generator=generator, dtype=torch.float64)
        mean += LayersSnapshot(problem, first_steps(drawn)).gradients[0] / drawn.square().mean() ** 2
    gates = (z > 0).double().mean(dim=1) if activation == "relu" else (2 * z).square().mean(dim=1).sqrt()
    printed = torch.diag(gates) @ targets @ targets.T @ torch.diag(gates) @ F
    found = compare_layers(snapshot)
    assert found["predicted_cosine"][0] == pytest.approx(cosine(G[0], mean), abs=0.03)
    assert found["printed_cosine"][0] == pytest.approx(cosine(G[0], printed), abs=1e-9)
    for values in found.values():
        assert values[1] == pytest.approx(cosine(G[1], targets @ targets.T @ top), abs=1e-9)
    assert found["printed_cosine"][0] != pytest.approx(found["predicted_cosine"][0], abs=1e-3)


@pytest.mark.parametrize("changes", [{"residual": "around"}, {"activation": "silu"}])
def test_predictions_are_for_homogeneous_activations_without_residuals(changes: dict[str, object]) -> None:
    problem, now, _ = network(**{"layers": 2, "activation": "relu", **changes})
    for values in compare_layers(LayersSnapshot(problem, now)).values():
        assert len(values) == 2
        assert all(math.isnan(value) for value in values)


def test_features_of_the_lowest_layer_are_those_of_the_effective_matrix() -> None:
    """With E = 1 the features are W's; a node whose embedded part is a cosine is pure."""
    problem, now, _ = network(layers=2, embedding="trainable", activation="relu")
    basis = FourierBasis(Representations(build_task(f"cyclic:{M}").group), CPU)
    elements = torch.arange(M).double()
    wave = torch.cos(2 * torch.pi * elements / M)
    E = torch.linalg.inv(torch.eye(M).double() + 0.1 * now.others["E"])
    W = now.W.clone()
    W[:, 0] = torch.cat([torch.linalg.solve(E, wave)] * 2)
    snapshot = LayersSnapshot(problem, Weights(W, now.V, {**now.others, "E": E}), basis)
    nodes = feature_figures(snapshot)
    assert nodes["purity"][0] == pytest.approx(1, abs=1e-12)
    assert nodes["norm"][0] == pytest.approx(math.sqrt(2) * wave.norm().item(), rel=1e-12)
    assert nodes["purity"][1:].max() < 1 - 1e-6
    assert nodes[["energy", "unit_energy", "gradient_cosine", "update_share"]].isna().all().all()


def test_a_layer_learns_from_its_first_change_by_a_tenth() -> None:
    table = pd.DataFrame({"epoch": [0, 0, 5, 5, 9, 9], "layer": [1, 2] * 3, "change": [0.0, 0.0, 0.1, 0.05, 0.3, 0.09]})
    assert learning_epochs(table) == {1: 5, 2: None}
