"""Predicted nodes, counts and kernels against least squares, ranks and projections made here from Cayley tables."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from li2.groups import Representations, named_group
from li2.theory import reconstruction
from li2.theory.maxima import energy_of_coefficients, square_maximum

GROUPS = ["cyclic:2", "cyclic:9", "cyclic:12", "symmetric:3", "quaternion", "dicyclic:3", "alternating:4", "sl:2.3"]


def representations_of(name: str) -> Representations:
    return Representations(named_group(name))


def features(nodes: NDArray[np.generic], table: NDArray[np.int64]) -> NDArray[np.generic]:
    """(u(h₁) + v(h₂))² of every column on all pairs, centred."""
    M = len(table)
    u, v = nodes[:M], nodes[M:]
    values = (u[:, None, :] + v[None, :, :]) ** 2
    return values.reshape(M * M, -1) - values.mean(axis=(0, 1))


def residual(F: NDArray[np.generic], table: NDArray[np.int64]) -> float:
    """‖Ỹ − F̃V‖/‖Ỹ‖ by least squares."""
    Y = np.eye(len(table))[table.ravel()] - 1 / len(table)
    V = np.linalg.lstsq(F, Y.astype(F.dtype), rcond=1e-11)[0]
    return float(np.linalg.norm(Y - F @ V) / np.linalg.norm(Y))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("cyclic:2", 1),
        ("cyclic:9", 16),
        ("cyclic:12", 21),
        ("symmetric:3", 9),
        ("quaternion", 19),
        ("alternating:4", 31),
        ("symmetric:4", 63),
        ("frobenius:7.3", 112),
        ("extraspecial:32-", 143),
    ],
)
def test_constructed_nodes_are_maxima_that_reconstruct(name: str, count: int) -> None:
    representations = representations_of(name)
    group = representations.group
    nodes = reconstruction.constructed_nodes(representations)
    assert nodes.shape == (2 * group.order, count)
    assert reconstruction.constructed_node_count(representations.characters) == count
    assert residual(features(nodes, group.table), group.table) < 1e-12
    for number, irrep in enumerate(representations.characters.real_irreps):
        if number:
            part = reconstruction.constructed_nodes(representations, [number])
            left, right = (representations.transform(half.T) for half in np.split(part, 2))
            energies = energy_of_coefficients(group.order, left, right)
            assert np.allclose(energies, square_maximum(group.order, irrep.dimension, irrep.type).energy, rtol=1e-12)


@pytest.mark.parametrize("name", ["cyclic:7", "symmetric:3", "quaternion"])
def test_no_constructed_node_can_be_left_out(name: str) -> None:
    representations = representations_of(name)
    F = features(reconstruction.constructed_nodes(representations), representations.group.table)
    for number in range(F.shape[1]):
        assert residual(np.delete(F, number, axis=1), representations.group.table) > 0.1


@pytest.mark.parametrize("name", GROUPS)
def test_random_maxima_span_the_predicted_dimension(name: str) -> None:
    """Random u = Re aᴴCb, v = Re bᴴCc, more than enough of them."""
    representations, random = representations_of(name), np.random.default_rng(0)
    nodes = []
    for irrep in representations.characters.real_irreps[1:]:
        C, d = representations.matrices(irrep.members[0]), irrep.dimension
        for _ in range(10 * d**4):
            a, b, c = random.normal(size=(3, d)) + 1j * random.normal(size=(3, d)) * (irrep.type != "real")
            u, v = (C @ b @ a.conj()).real, (C @ c @ b.conj()).real
            nodes.append(np.concatenate([u / np.linalg.norm(u), v / np.linalg.norm(v)]))
    singular = np.linalg.svd(features(np.array(nodes).T, representations.group.table), compute_uv=False)
    assert reconstruction.generic_node_count(representations) == (singular > 1e-10 * singular[0]).sum()


@pytest.mark.parametrize("order", [3, 5, 8, 10, 12, 15])
def test_counts_of_cyclic_groups(order: int) -> None:
    representations = representations_of(f"cyclic:{order}")
    characters = representations.characters
    odd = order % 2
    assert reconstruction.printed_node_count(characters) == 2 * order - 2
    assert reconstruction.printed_node_bound(characters) == 2 * order - 2
    assert reconstruction.constructed_node_count(characters) == (2 * order - 2 if odd else 2 * order - 3)
    assert reconstruction.generic_node_count(representations) == (4 * order - 4 if odd else 3 * order - 5)


def test_counts_of_the_statement_on_other_groups() -> None:
    counts = {"symmetric:3": 34, "quaternion": 38, "alternating:4": 166, "frobenius:7.3": 328}
    for name, count in counts.items():
        characters = representations_of(name).characters
        assert reconstruction.printed_node_count(characters) == count <= reconstruction.printed_node_bound(characters)
    assert counts["alternating:4"] > 12**2  # more than memorisation


@pytest.mark.parametrize("name", GROUPS)
def test_what_nodes_with_the_inverse_miss(name: str) -> None:
    """Real nodes [u; Pu], 200 of each irrep, and complex ones."""
    representations, random = representations_of(name), np.random.default_rng(1)
    group, characters = representations.group, representations.characters
    t = sum(bool(group.table[g, g] == group.identity) for g in range(group.order))
    real, literal = [], []
    for row, irrep in enumerate(characters.irreps[1:], start=1):
        entries = representations.matrices(row).reshape(group.order, -1)
        u = entries @ (
            random.normal(size=(irrep.dimension**2, 200)) + 1j * random.normal(size=(irrep.dimension**2, 200))
        )
        for halves, kept in ((u.real, real), (u, literal)):
            kept += [np.concatenate([halves, sign * halves[group.inverses]]) for sign in (1, -1)]
    floor = residual(features(np.concatenate(real, axis=1), group.table), group.table)
    assert floor == pytest.approx(reconstruction.inversion_floor(group.order, t), abs=1e-9)
    missed = residual(features(np.concatenate(literal, axis=1), group.table), group.table)
    assert missed == pytest.approx(reconstruction.literal_residual(characters), abs=1e-9)
    even = [group.inverses[h] == h for h in range(group.order)]
    assert reconstruction.inversion_accuracy(group.order, t) == pytest.approx(np.mean(np.where(even, 1, 0.5)))


def test_few_pairs() -> None:
    assert [reconstruction.paired_residual(pairs) ** 2 for pairs in range(6)] == pytest.approx(
        [1, 0.75, 0.5, 0.25, 0, 0]
    )


@pytest.mark.parametrize("name", GROUPS)
def test_isotypic_kernels_project_on_matrix_entries(name: str) -> None:
    representations = representations_of(name)
    M, irreps = representations.group.order, representations.characters.real_irreps
    total = np.zeros((M, M))
    for number in range(1, len(irreps)):
        entries = representations.matrices(irreps[number].members[0]).reshape(M, -1)
        basis, singular, _ = np.linalg.svd(np.concatenate([entries.real, entries.imag], axis=1), full_matrices=False)
        basis = basis[:, singular > 1e-9]
        kernel = reconstruction.isotypic_kernel(representations, [number])
        assert np.allclose(kernel, basis @ basis.T, atol=1e-12)
        total += kernel
    assert np.allclose(total, np.eye(M) - 1 / M, atol=1e-12)


@pytest.mark.parametrize("name", GROUPS)
def test_the_printed_kernel_is_isotypic_in_one_dimension_only(name: str) -> None:
    representations = representations_of(name)
    for number, irrep in enumerate(representations.characters.real_irreps[1:], start=1):
        printed, isotypic = (
            kernel(representations, [number])
            for kernel in (reconstruction.printed_kernel, reconstruction.isotypic_kernel)
        )
        assert np.allclose(printed, isotypic, atol=1e-9) == (irrep.dimension == 1)


def test_coupling_and_gain_against_inversion() -> None:
    random = torch.Generator().manual_seed(0)
    for n, K, eta in ((9, 4, 0.1), (6, 8, 1e-3)):
        F = torch.randn(n, K, generator=random, dtype=torch.float64)
        Y = torch.randn(n, 3, generator=random, dtype=torch.float64)
        identity = torch.eye(K, dtype=torch.float64)
        rest = F[:, 2:]
        P = eta * torch.linalg.inv(rest @ rest.T + eta * torch.eye(n, dtype=torch.float64))
        alpha, beta, gamma = (F[:, i] @ P @ F[:, j] for i, j in ((0, 0), (0, 1), (1, 1)))
        B = torch.linalg.inv(F.T @ F + eta * identity)
        coupling = reconstruction.pair_coupling(alpha + eta, beta, gamma + eta)
        assert coupling.item() == pytest.approx(B[0, 1].item(), rel=1e-9)

        def best(columns: torch.Tensor, Y: torch.Tensor = Y, eta: float = eta) -> float:
            A = columns.T @ columns + eta * torch.eye(columns.shape[1], dtype=torch.float64)
            V = torch.linalg.solve(A, columns.T @ Y)
            return ((Y - columns @ V).square().sum() + eta * V.square().sum()).item() / 2

        P = eta * torch.linalg.inv(F[:, 1:] @ F[:, 1:].T + eta * torch.eye(n, dtype=torch.float64))
        energy, whitened = ((Y.T @ P) @ F[:, 0]).square().sum() / 2, F[:, 0] @ P @ F[:, 0]
        gain = reconstruction.gain_of_node(energy, whitened, eta)
        assert gain.item() == pytest.approx(best(F[:, 1:]) - best(F), rel=1e-8)
