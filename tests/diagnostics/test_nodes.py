"""Node figures, features and Gram figures against constructed networks and brute force."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from li2.diagnostics import (
    FourierBasis,
    Snapshot,
    gram_figures,
    irrep_figures,
    node_figures,
    summarise_irreps,
    summarise_nodes,
)
from li2.groups import Representations, named_group
from li2.models import Weights
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

CPU = torch.device("cpu")


def basis(name: str) -> FourierBasis:
    return FourierBasis(Representations(named_group(name)), CPU)


def wave(M: int, k: int, phase: float) -> np.ndarray:
    return np.cos(2 * np.pi * k * np.arange(M) / M - phase)


def test_constructed_nodes_are_read_back() -> None:
    # Node 0: frequency 2 with phases 0.5 and -1; node 1: the sign of Z_8; node 2: 0.36 + 0.64 of mass; 3: constant.
    M = 8
    nodes = [
        np.concatenate([3 * wave(M, 2, 0.5), wave(M, 2, -1.0)]),
        np.concatenate([wave(M, 4, 0.0), wave(M, 4, math.pi)]),
        np.concatenate([0.6 * wave(M, 1, 0.1), 0.8 * wave(M, 3, 2.0)]) + 5.0,
        np.ones(2 * M),
    ]
    features = basis("cyclic:8").node_features(torch.tensor(np.stack(nodes, axis=1)))
    labels = [basis("cyclic:8").labels[i] for i in features.irrep[:3]]
    assert labels == ["2", "4", "3"]
    assert features.purity[:3].tolist() == pytest.approx([1.0, 1.0, 0.64])
    assert features.phases[:, 0].tolist() == pytest.approx([0.5, -1.0])
    assert features.phases[0, 1].item() == pytest.approx(0.0, abs=1e-12)
    assert abs(features.phases[1, 1].item()) == pytest.approx(math.pi)
    assert features.phases[1, 2].item() == pytest.approx(2.0)


def test_masses_add_up_to_the_squared_length_without_the_mean() -> None:
    W = small_weights(width=9, order=24).W
    centred = W.reshape(2, 24, 9) - W.reshape(2, 24, 9).mean(dim=1, keepdim=True)
    mass = basis("product:4x3x2").node_features(W).mass
    assert torch.allclose(mass.sum(dim=0), centred.square().sum(dim=(0, 1)))


def test_a_cyclic_groups_masses_are_numpys_spectrum() -> None:
    W = small_weights(width=5, order=7).W
    spectrum = np.abs(np.fft.rfft(W.numpy().reshape(2, 7, 5), axis=1)) ** 2
    expected = 2 * spectrum[:, 1:].sum(axis=0) / 7
    assert np.allclose(basis("cyclic:7").node_features(W).mass.numpy(), expected)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_node_figures_against_autograd(activation: str, loss: str) -> None:
    problem, weights = small_problem(activation, loss, output_scale=1.3), small_weights(width=6)
    previous = small_weights(width=6, seed=1)
    snapshot = Snapshot.of(problem, weights)
    table = node_figures(snapshot, previous)
    X, Y, T = dense_inputs(problem), dense_labels(problem), problem.targets

    def energies(W: torch.Tensor) -> torch.Tensor:
        return (T.T @ plain_activation(activation, X @ W)).square().sum(dim=0) / 2

    def slope(W: torch.Tensor) -> torch.Tensor:
        leaf = W.clone().requires_grad_()
        return torch.autograd.grad(energies(leaf).sum(), leaf)[0]

    W = weights.W.clone().requires_grad_()
    F = plain_activation(activation, X @ W)
    down = torch.autograd.grad(plain_loss(loss, 1.3 * F @ weights.V, Y), (W, F))
    cosine = torch.nn.functional.cosine_similarity
    assert np.allclose(table["norm"], weights.W.norm(dim=0))
    assert np.allclose(table["energy"], energies(weights.W))
    assert np.allclose(table["unit_energy"], energies(weights.W / weights.W.norm(dim=0)))
    assert np.allclose(table["gradient_cosine"], cosine(-down[0], slope(weights.W), dim=0))
    turn = cosine(weights.W - previous.W, slope(previous.W), dim=0)
    assert np.allclose(table["update_cosine"], turn)
    assert np.allclose(table["update_share"], turn.clamp_min(0) ** 2)
    signal = T @ T.T @ F.detach()
    assert snapshot.alignment == pytest.approx(cosine(-down[1].ravel(), signal.ravel(), dim=0).item())
    assert table["purity"].isna().all()
    assert table["irrep"].isna().all()


def test_zero_nodes_give_no_number_instead_of_a_wrong_one() -> None:
    problem, weights = small_problem(), small_weights(width=3)
    weights.W[:, 1] = 0
    table = node_figures(Snapshot.of(problem, weights, basis("cyclic:7")), weights)
    assert math.isnan(table["gradient_cosine"][1])
    assert math.isnan(table["purity"][1])
    assert table["update_cosine"].isna().all()
    assert math.isnan(Snapshot.of(problem, Weights(weights.W, 0 * weights.V)).alignment)


def test_coverage_counts_pure_living_nodes() -> None:
    nodes = pd.DataFrame(
        {
            "norm": [1.0, 1.0, 0.5, 0.001, 1.0],
            "irrep": ["1", "1", "2", "3", "3"],
            "purity": [0.95, 0.91, 0.9, 1.0, 0.5],
            **{name: np.zeros(5) for name in ("unit_energy", "gradient_cosine", "update_share")},
        }
    )
    summary = summarise_nodes(nodes, 0.9)
    assert summary["features"] == 3
    assert summary["purity_median"] == pytest.approx(0.91)


def test_class_shares_of_a_constructed_residual() -> None:
    residual = torch.tensor(np.outer([1.0, -2.0], wave(7, 1, 0.3) + 4) + 2 * np.outer([2.0, 1.0], wave(7, 3, 1.0)))
    assert basis("cyclic:7").class_shares(residual).tolist() == pytest.approx([0.2, 0, 0.8], abs=1e-12)


def test_irrep_figures_of_constructed_nodes() -> None:
    # On all pairs a pure node's energy lies in its own irrep (Plancherel), mixed ones' in the irreps u and v share.
    problem = small_problem(loss="mse", order=7, n=49)
    nodes = [
        np.concatenate([wave(7, 1, 0.2), wave(7, 1, 1.0)]),
        np.concatenate([wave(7, 1, 0.5) + 2 * wave(7, 2, 0.1), wave(7, 3, 1.0) + 2 * wave(7, 2, 0.4)]),
    ]
    weights = Weights(torch.tensor(np.stack(nodes, axis=1)), small_weights(width=2).V)
    snapshot = Snapshot.of(problem, weights, basis("cyclic:7"))
    figures = irrep_figures(snapshot, node_figures(snapshot, None), 0.9)
    assert figures["features"].tolist() == [1, 0, 0]
    assert figures["mass"].tolist() == pytest.approx([3 / 12, 8 / 12, 1 / 12])
    assert figures["energy"].tolist() == pytest.approx([1 / 17, 16 / 17, 0], abs=1e-12)
    residual = problem.residual(weights)
    spectrum = (torch.fft.rfft(residual, dim=1).abs() ** 2).sum(dim=0)[1:]
    assert figures["residual"].tolist() == pytest.approx((spectrum / spectrum.sum()).tolist())
    summary = summarise_irreps(figures, basis("cyclic:7"))
    assert summary["irreps_covered"] == 1
    assert summary["missing_energy"] == pytest.approx(16 / 17)
    assert summary["missing_residual"] == pytest.approx(figures["residual"][1:].sum())
    assert summary["missing_focus"] == pytest.approx(figures["residual"][1:].mean() / figures["residual"][0])


@pytest.mark.parametrize("K", [11, 60])
@pytest.mark.parametrize("loss", ["mse", "mse-centred"])
def test_gram_figures_against_brute_force(loss: str, K: int) -> None:
    problem, weights = small_problem(loss=loss, decay=0.02, output_scale=1.3), small_weights(width=K)
    n, eta = 30, 30 * 0.02 / 2
    F = (dense_inputs(problem) @ weights.W) ** 2
    P = torch.eye(n, dtype=F.dtype) - 1 / n
    figures = gram_figures(Snapshot.of(problem, weights))

    def offdiagonal(gram: torch.Tensor) -> float:
        rest = gram.abs() - torch.diag(gram.abs().diagonal())
        size = len(gram)
        return (rest.sum() / (size * (size - 1)) / gram.abs().diagonal().mean()).item()

    assert figures["node_offdiagonal"] == pytest.approx(offdiagonal((P @ F).T @ (P @ F)))
    assert figures["sample_offdiagonal"] == pytest.approx(offdiagonal(P @ F @ F.T))

    features = 1.3 * (P @ F if loss == "mse-centred" else F)
    B = torch.linalg.inv(features.T @ features + eta * torch.eye(K, dtype=F.dtype))
    strengths = []
    for j in range(K):
        similarity = [
            -math.inf if l == j else torch.nn.functional.cosine_similarity(features[:, j], features[:, l], dim=0).item()
            for l in range(K)
        ]
        nearest = int(np.argmax(similarity))
        strengths.append(-(B[j, nearest] / (B[j, j] * B[nearest, nearest]).sqrt()).item())
        # Theorem 6: b_jl has the opposite sign of f_j'P f_l, P without the two columns.
        kept = [m for m in range(K) if m not in (j, nearest)]
        others = features[:, kept]
        inner = torch.linalg.inv(others.T @ others + eta * torch.eye(K - 2, dtype=F.dtype))
        projector = torch.eye(n, dtype=F.dtype) - others @ inner @ others.T
        beta = features[:, j] @ projector @ features[:, nearest]
        assert torch.sign(beta) == -torch.sign(B[j, nearest])
    assert figures["repelling_share"] == pytest.approx(np.mean(np.array(strengths) > 0))
    assert figures["repulsion_strongest"] == pytest.approx(max(strengths))
    assert figures["repulsion_weakest"] == pytest.approx(min(strengths))


def test_no_repulsion_where_decay_is_lost_in_rounding() -> None:
    problem, weights = small_problem(decay=1e-18), small_weights(width=60)
    assert "repelling_share" not in gram_figures(Snapshot.of(problem, weights))
    assert "repelling_share" not in gram_figures(Snapshot.of(problem, small_weights(width=60, scale=1e200)))


@pytest.mark.parametrize(("loss", "decay"), [("cross-entropy", 0.1), ("mse", None), ("mse", 0.0)])
def test_no_repulsion_where_there_is_no_ridge_strength(loss: str, decay: float | None) -> None:
    figures = gram_figures(Snapshot.of(small_problem(loss=loss, decay=decay), small_weights(width=4)))
    assert set(figures) == {"node_offdiagonal", "sample_offdiagonal"}
