"""Nodes on non-Abelian groups: constructed features are read back, and multiplication moves what it should."""

import math

import numpy as np
import pytest
import torch

from li2.diagnostics import FourierBasis
from li2.diagnostics.features import NodeFeatures
from li2.groups import Representations, named_group

CPU = torch.device("cpu")
# A group with a larger irrep of each type, and that irrep's label.
EXAMPLES = {
    "real": ("symmetric:4", "3a"),
    "complex": ("frobenius:7.3", "3a"),
    "quaternionic": ("extraspecial:32-", "4a"),
}


def coefficient_function(matrices: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """g ↦ Re xᴴC(g)y, scaled to length 1: its coefficient is of rank one, of rank two over the quaternions."""
    values = np.einsum("i,gij,j->g", x.conj(), matrices, y).real
    return values / np.linalg.norm(values)


def random_vectors(count: int, dimension: int, is_real: bool, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, dimension)) + (0 if is_real else 1j) * rng.normal(size=(count, dimension))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def features_of(reps: Representations, *nodes: tuple[np.ndarray, np.ndarray]) -> NodeFeatures:
    W = torch.tensor(np.stack([np.concatenate(node) for node in nodes], axis=1))
    return FourierBasis(reps, CPU).node_features(W)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_matrix_coefficient_is_a_pure_feature(kind: str) -> None:
    name, label = EXAMPLES[kind]
    reps = Representations(named_group(name))
    [number] = [k for k, irrep in enumerate(reps.characters.irreps) if irrep.label == label]
    assert reps.characters.irreps[number].type == kind
    matrices = reps.matrices(number)
    x, y, z, other = random_vectors(4, matrices.shape[1], kind == "real")
    u, aligned = (coefficient_function(matrices, a, b) for a, b in ((x, y), (y, z)))
    against = coefficient_function(matrices, other, z)
    rank = 2 if kind == "quaternionic" else 1
    features = features_of(reps, (u, aligned), (u, against), (u + 0.7, 0 * u + 3))
    assert [FourierBasis(reps, CPU).labels[k] for k in features.irrep.tolist()] == [label] * 3
    assert features.purity.tolist() == pytest.approx([1, 1, 1])
    assert features.isotypic_share.tolist() == pytest.approx([1, 1, 1])
    assert features.ranks[:, :2].numpy() == pytest.approx(rank)
    assert features.coupling[0].item() == pytest.approx(1 / math.sqrt(rank))
    if kind != "quaternionic":
        assert features.coupling[1].item() == pytest.approx(abs(np.vdot(y, other)))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_translations_move_one_side_only(kind: str) -> None:
    name, label = EXAMPLES[kind]
    reps = Representations(named_group(name))
    group = reps.group
    [number] = [k for k, irrep in enumerate(reps.characters.irreps) if irrep.label == label]
    x, y = random_vectors(2, reps.characters.irreps[number].dimension, kind == "real")
    u = coefficient_function(reps.matrices(number), x, y)
    nodes = [(u, u)]
    for a in range(group.order):
        nodes.append((u[group.table[a]], u))  # g ↦ u(a·g): left multiplication
        nodes.append((u[group.table[:, a]], u))  # g ↦ u(g·a): right multiplication
    features = features_of(reps, *nodes)
    assert features.purity.numpy() == pytest.approx(1)
    left, right = features.left_phases[0], features.right_phases[0]
    if kind == "quaternionic":
        assert left.isnan().all()
        assert right.isnan().all()
        return

    def moved(phases: torch.Tensor) -> torch.Tensor:
        difference = (phases - phases[0]).abs()
        period = math.pi if kind == "real" else 2 * math.pi
        return torch.minimum(difference, period - difference) > 1e-6

    assert not moved(right)[1::2].any()
    assert not moved(left)[2::2].any()
    assert moved(left)[1::2].sum() > group.order / 2
    assert moved(right)[2::2].sum() > group.order / 2
    assert features.phases.isnan().all()


def test_left_phases_of_a_dihedral_group_turn_with_its_rotations() -> None:
    n = 7
    reps = Representations(named_group(f"dihedral:{n}"))
    matrices = reps.matrices(2)
    turn = math.atan2(matrices[1, 1, 0], matrices[1, 0, 0])
    assert abs(math.remainder(turn, 2 * math.pi)) == pytest.approx(2 * math.pi / n)
    u = coefficient_function(matrices, np.array([1.0, 0.0]), np.array([math.cos(0.3), math.sin(0.3)]))
    features = features_of(reps, *[(u[reps.group.table[a]], u) for a in range(n)])
    assert features.right_phases[0].numpy() == pytest.approx(0.3)
    for a, phase in enumerate(features.left_phases[0].tolist()):
        assert math.remainder(phase + a * turn, math.pi) == pytest.approx(0, abs=1e-9)


def test_purity_asks_for_one_copy_of_the_irrep() -> None:
    """A function of full rank lies in one isotypic component but is no feature."""
    reps = Representations(named_group("symmetric:4"))
    character = reps.characters.of_elements(3).real.copy()
    basis = FourierBasis(reps, CPU)
    features = features_of(reps, (character, character))
    assert basis.labels[int(features.irrep[0])] == "3a"
    assert features.isotypic_share.item() == pytest.approx(1)
    assert features.purity.item() == pytest.approx(1 / 3)
    assert features.ranks.numpy() == pytest.approx(3)
    assert features.coupling.item() == pytest.approx(1 / math.sqrt(3))


@pytest.mark.parametrize("name", ["symmetric:4", "frobenius:7.3", "extraspecial:32-", "quaternion*cyclic:3"])
def test_masses_are_the_squared_lengths_of_isotypic_parts(name: str) -> None:
    reps = Representations(named_group(name))
    rng = np.random.default_rng(0)
    W = rng.normal(size=(2, reps.group.order, 5))
    basis = FourierBasis(reps, CPU)
    features = basis.node_features(torch.tensor(W.reshape(-1, 5)))
    for number in range(1, len(reps.characters.real_irreps)):
        parts = np.einsum("gh,ohk->ogk", reps.isotypic_projector(number), W)
        assert features.mass[number - 1].numpy() == pytest.approx((parts**2).sum(axis=(0, 1)))
    shares = basis.class_shares(torch.tensor(W[0].T))
    totals = [(reps.isotypic_projector(k) @ W[0]) ** 2 for k in range(1, len(reps.characters.real_irreps))]
    assert shares.tolist() == pytest.approx([t.sum() / sum(map(np.sum, totals)) for t in totals])
    assert ((features.purity > 0) & (features.purity <= features.isotypic_share + 1e-12)).all()


@pytest.mark.parametrize("kind", ["real", "complex"])
def test_spans_count_the_directions_of_features(kind: str) -> None:
    name, label = EXAMPLES[kind]
    reps = Representations(named_group(name))
    basis = FourierBasis(reps, CPU)
    number = basis.labels.index(label)
    matrices = reps.matrices(reps.characters.real_irreps[number + 1].members[0])
    lefts, rights = random_vectors(3, 3, kind == "real"), random_vectors(400, 3, kind == "real", seed=1)
    nodes = [
        np.concatenate([coefficient_function(matrices, lefts[0], y), coefficient_function(matrices, y, z)])
        for y, z in zip(rights, rights[::-1], strict=True)
    ]
    left, right = basis.spans(torch.tensor(np.stack(nodes, axis=1)), number)
    assert left == pytest.approx(1)
    assert 2.9 < right <= 3
    assert basis.spans(torch.zeros(2 * reps.group.order, 0, dtype=torch.float64), number) == (0.0, 0.0)


def test_one_dimensional_irreps_of_a_non_abelian_group_have_phases() -> None:
    reps = Representations(named_group("frobenius:7.3"))
    character = reps.characters.of_elements(1)
    phase = 0.4
    u = (character * np.exp(-1j * phase)).real  # ∝ cos(θ(g) − phase)
    features = features_of(reps, (u, -u))
    assert features.phases[0].item() == pytest.approx(phase)
    assert features.phases[1].item() == pytest.approx(phase - math.pi)
    assert features.left_phases.isnan().all()


def test_a_node_without_a_part_in_one_operand() -> None:
    reps = Representations(named_group("symmetric:3"))
    u = coefficient_function(reps.matrices(2), np.array([1.0, 0.0]), np.array([0.6, 0.8]))
    zero = np.zeros(6)
    features = features_of(reps, (u, zero), (zero, zero), (u, u))
    assert features.purity[[0, 2]].tolist() == pytest.approx([1, 1])
    assert features.coupling.isnan().tolist() == [True, True, False]
    for values in (features.ranks, features.left_phases, features.right_phases):
        assert values.isnan().tolist() == [[False, True, False], [True, True, False]]
    assert features.purity[1].isnan()
    W = torch.tensor(np.stack([np.concatenate(node) for node in ((u, zero), (zero, u), (u, u))], axis=1))
    assert FourierBasis(reps, CPU).spans(W, 1) == pytest.approx((1, 1))


@pytest.mark.parametrize("name", ["cyclic:7", "cyclic:71", "symmetric:3", "quaternion"])
def test_a_constant_node_has_no_purity(name: str) -> None:
    reps = Representations(named_group(name))
    constant = np.full(reps.group.order, 1.3)
    features = features_of(reps, (constant, constant), (constant, 0 * constant))
    assert features.purity.isnan().all()
    assert features.isotypic_share.isnan().all()
    assert features.ranks.isnan().all()
    assert features.phases.isnan().all()
