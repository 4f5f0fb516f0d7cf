"""Ascents: they never fall, they end where the projected gradient vanishes, and what they find is told apart."""

import math

import numpy as np
import pytest
import torch

from li2.diagnostics import FourierBasis
from li2.groups import Representations, named_group
from li2.landscape import SampleEnergy, TableEnergy, ascend, end_points, merged, random_starts, sphere_spectrum
from li2.landscape.ascent import TOLERANCE, Ascent, Climb
from li2.models import named_activation

CPU = torch.device("cpu")


def sampled(name: str, fraction: float, activation: str = "square") -> SampleEnergy:
    """The energy on a random part of a group's pairs."""
    group = named_group(name)
    M = group.order
    a, b = np.divmod(np.random.default_rng(0).permutation(M * M)[: round(fraction * M * M)], M)
    rows, labels = torch.tensor(np.stack([a, b + M], axis=1)), torch.tensor(group.table[a, b])
    return SampleEnergy(rows, labels, M, named_activation(activation))


@pytest.mark.parametrize(("name", "fraction", "activation"), [("cyclic:7", 0.6, "square"), ("symmetric:3", 0.9, "relu"),
                                                              ("cyclic:5", 1.0, "tanh")])  # fmt: skip
def test_the_energy_never_falls_and_nodes_stay_on_the_sphere(name: str, fraction: float, activation: str) -> None:
    energy = sampled(name, fraction, activation)
    climb = Climb(energy, random_starts(energy, 30, seed=1))
    before = climb.values.clone()
    for _ in range(200):
        climb.step()
        assert (climb.values >= before - 1e-11 * before.abs()).all()
        assert torch.allclose(climb.W.norm(dim=0), torch.ones(30, dtype=torch.float64))
        before = climb.values.clone()


@pytest.mark.parametrize(
    ("name", "fraction", "activation"),
    [
        ("cyclic:23", 0.6, "square"),
        ("cyclic:23", 0.3, "square"),
        ("cyclic:7", 1.0, "silu"),
        ("symmetric:4", 0.8, "square"),
    ],
)
def test_ascents_converge_by_an_independent_measure(name: str, fraction: float, activation: str) -> None:
    energy = sampled(name, fraction, activation)
    ascent = ascend(energy, random_starts(energy, 20, seed=0))
    assert ascent.converged.double().mean() >= 0.9
    for w, value, converged in zip(ascent.nodes.T, ascent.energies, ascent.converged, strict=True):
        leaf = w.clone().requires_grad_()
        z = leaf[energy.rows].sum(dim=1)
        features = z * z if activation == "square" else z * torch.sigmoid(z)
        Y = torch.eye(energy.classes, dtype=torch.float64)[energy.labels]
        plain = ((Y - Y.mean(dim=0)).T @ features).square().sum() / 2
        assert value.item() == pytest.approx(plain.item())
        (slope,) = torch.autograd.grad(plain, leaf)
        tangent = slope - (w @ slope) * w
        assert (tangent.norm() <= 2 * TOLERANCE * slope.norm()) == bool(converged)


def test_the_same_seed_gives_the_same_ends() -> None:
    energy = TableEnergy(named_group("symmetric:4"), CPU)
    first, second = (ascend(energy, random_starts(energy, 10, seed=4)) for _ in range(2))
    assert torch.equal(first.nodes, second.nodes)
    assert not torch.equal(random_starts(energy, 10, seed=4), random_starts(energy, 10, seed=5))


def test_progress_counts_the_starts() -> None:
    energy, seen = sampled("cyclic:7", 1.0, "silu"), []
    ascend(energy, random_starts(energy, 5, seed=0), lambda done, total: seen.append((done, total)))
    assert seen[-1] == (5, 5)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_the_spectrum_on_the_sphere_is_that_of_the_projected_hessian() -> None:
    energy = sampled("cyclic:5", 0.8)
    w = random_starts(energy, 1, seed=0)[:, 0]
    _, gradient = energy.value_and_gradient(w[:, None])
    projector = torch.eye(10, dtype=torch.float64) - torch.outer(w, w)
    inner = energy.hessian(w) - (w @ gradient[:, 0]) * torch.eye(10, dtype=torch.float64)
    expected = torch.linalg.eigvalsh(projector @ inner @ projector).tolist()
    expected.remove(min(expected, key=abs))  # the direction of w itself
    assert sphere_spectrum(energy, w).tolist() == pytest.approx(expected, abs=1e-10)


def test_saddle_points_are_told_from_maxima() -> None:
    """All mass in one irrep of S3 with û of full rank is a critical point of half the energy, and no maximum."""
    reps = Representations(named_group("symmetric:3"))
    energy = TableEnergy(reps.group, CPU)
    character = reps.characters.of_elements(2).real
    w = torch.tensor(np.concatenate([character, character]))
    w = (w / w.norm())[:, None]
    values, gradient = energy.value_and_gradient(w)
    assert (gradient - (w * gradient).sum() * w).norm() < 1e-12
    ascent = Ascent(w, values, torch.zeros(1, dtype=torch.float64), torch.tensor([True]))
    points = end_points(ascent, FourierBasis(reps, CPU), reps.group)
    [row] = merged(points, ascent, energy).to_dict("records")
    assert row["energy"] == pytest.approx(6 / 4 / 2)
    assert row["rank"] == 2
    assert row["rising"] > 0
    assert ascend(energy, w + 1e-6 * random_starts(energy, 1, seed=0)).energies.item() == pytest.approx(6 / 4)


def test_end_points_are_described() -> None:
    group = named_group("cyclic:7")
    energy = TableEnergy(group, CPU)
    angles = 2 * math.pi * np.arange(7) / 7
    inverted = np.concatenate([np.cos(2 * angles - 0.4), np.cos(2 * angles + 0.4)])
    turned = np.concatenate([np.cos(angles), np.cos(angles - math.pi / 3)])
    constant = np.ones(14)
    nodes = torch.tensor(np.stack([inverted, turned, constant], axis=1))
    nodes = nodes / nodes.norm(dim=0)
    values, _ = energy.value_and_gradient(nodes)
    zeros = torch.zeros(3, dtype=torch.float64)
    ascent = Ascent(nodes, values, zeros, torch.tensor([True, True, True]))
    table = end_points(ascent, FourierBasis(Representations(group), CPU), group)
    assert table["irrep"][:2].tolist() == ["2", "1"]
    assert table["kind"].tolist() == ["feature", "feature", "mixed"]
    assert table["inversion"][:2].tolist() == pytest.approx([1, 0.5])
    found = merged(table, ascent, energy)
    assert found["starts"].tolist() == [2, 1]
    assert found["energy"][0] == pytest.approx(7 / 4)
    assert found["nullity"][0] == 2
