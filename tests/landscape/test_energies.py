"""Energies, gradients and Hessians: every form against dense data and autograd."""

import numpy as np
import pytest
import torch
from torch import Tensor

from li2.groups import Group, named_group
from li2.landscape import DataEnergy, SampleEnergy, TableEnergy, cyclic_shape
from li2.models import named_activation
from problems import ACTIVATIONS, plain_activation
from tables import quaternion_table, relabelled

CPU = torch.device("cpu")


def pairs(group: Group, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Rows and labels of n random pairs."""
    chosen = np.random.default_rng(seed).permutation(group.order**2)[:n]
    a, b = np.divmod(chosen, group.order)
    return torch.tensor(np.stack([a, b + group.order], axis=1)), torch.tensor(group.table[a, b])


def dense(rows: Tensor, labels: Tensor, M: int, centring: str) -> tuple[Tensor, Tensor]:
    """X and Ỹ."""
    X = torch.eye(2 * M, dtype=torch.float64)[rows].sum(dim=1)
    Y = torch.eye(M, dtype=torch.float64)[labels]
    return X, Y - {"samples": Y.mean(dim=0), "classes": 1 / M, "none": 0}[centring]


def plain_energy(X: Tensor, targets: Tensor, name: str, w: Tensor) -> Tensor:
    return (targets.T @ plain_activation(name, X @ w)).square().sum() / 2


def check(energy: SampleEnergy | DataEnergy | TableEnergy, X: Tensor, targets: Tensor, name: str) -> None:
    W = torch.randn(X.shape[1], 4, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    values, gradients = energy.value_and_gradient(W)
    assert energy.size == len(W)
    for w, value, gradient in zip(W.T, values, gradients.T, strict=True):
        assert value.item() == pytest.approx(plain_energy(X, targets, name, w).item())
        slope = torch.autograd.functional.jacobian(lambda v: plain_energy(X, targets, name, v), w)
        assert torch.allclose(gradient, slope, rtol=1e-9, atol=1e-10)
        curvature = torch.autograd.functional.hessian(lambda v: plain_energy(X, targets, name, v), w)
        assert torch.allclose(energy.hessian(w), curvature, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("centring", ["samples", "classes", "none"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_energies_of_samples(name: str, centring: str) -> None:
    group = named_group("symmetric:3")
    rows, labels = pairs(group, 20)
    X, targets = dense(rows, labels, 6, centring)
    check(SampleEnergy(rows, labels, 6, named_activation(name), centring), X, targets, name)
    check(DataEnergy(X, targets, named_activation(name)), X, targets, name)


def test_energies_of_any_data() -> None:
    generator = torch.Generator().manual_seed(0)
    X, targets = (torch.randn(30, k, dtype=torch.float64, generator=generator) for k in (5, 3))
    check(DataEnergy(X, targets, named_activation("tanh")), X, targets, "tanh")


@pytest.mark.parametrize(
    "name", ["cyclic:1", "cyclic:2", "cyclic:7", "product:4x3x2", "small:8.2", "symmetric:3", "frobenius:7.3", "q8"]
)
@pytest.mark.parametrize("activation", ["square", "0.7*x-1.3*x**2"])
def test_energies_of_whole_tables(name: str, activation: str) -> None:
    if name == "q8":  # its identity is not element 0
        group = Group.from_table("Q8", relabelled(quaternion_table(), [5, 3, 7, 0, 1, 6, 2, 4]))
    else:
        group = named_group(name)
    rows, labels = pairs(group, group.order**2)
    X, targets = dense(rows, labels, group.order, "samples")
    check(TableEnergy(group, CPU, 1.0 if activation == "square" else -1.3), X, targets, activation)


@pytest.mark.parametrize(
    ("name", "shape"),
    [("cyclic:6", (6,)), ("product:4x3x2", (4, 3, 2)), ("cyclic:4*cyclic:3", (4, 3)), ("cyclic:1", ()),
     ("symmetric:3", None), ("small:16.2", None)],
)  # fmt: skip
def test_products_of_cyclic_groups_are_known_by_their_numbering(name: str, shape: tuple[int, ...] | None) -> None:
    found = cyclic_shape(named_group(name))
    assert found == shape or (shape is None and found is None)


def test_plancherel() -> None:
    """E = (2/M) Σ_{k≠0} d_k ‖û_k v̂_k‖² on all pairs."""
    from li2.groups import Representations

    reps = Representations(named_group("sl:2.3"))
    u, v = np.random.default_rng(0).normal(size=(2, 24))
    expected = sum(
        d * np.linalg.norm(a @ b) ** 2
        for d, a, b in list(zip(reps.characters.dimensions, reps.transform(u), reps.transform(v), strict=True))[1:]
    )
    values, _ = TableEnergy(reps.group, CPU).value_and_gradient(torch.tensor(np.concatenate([u, v]))[:, None])
    assert values.item() == pytest.approx(2 / 24 * expected)
