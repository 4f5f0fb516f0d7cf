"""Complex weights: energies against plain complex arithmetic and autograd, irreps unjoined, maxima where predicted."""

import sys

import numpy as np
import pytest
import torch
from torch import Tensor

import li2
from li2.cli import main
from li2.diagnostics import FourierBasis
from li2.groups import Group, Representations, named_group
from li2.landscape import ComplexEnergy, DataEnergy, SampleEnergy, TableEnergy, sphere_spectrum, stacked
from li2.models import complex_nodes, named_activation
from li2.theory.maxima import complex_maximum
from problems import plain_activation
from tables import quaternion_table, relabelled

CPU = torch.device("cpu")


def pairs(group: Group, n: int) -> tuple[Tensor, Tensor]:
    """Rows and labels of n random pairs."""
    chosen = np.random.default_rng(0).permutation(group.order**2)[:n]
    a, b = np.divmod(chosen, group.order)
    return torch.tensor(np.stack([a, b + group.order], axis=1)), torch.tensor(group.table[a, b])


def plain_energy(rows: Tensor, labels: Tensor, M: int, centring: str, name: str, w: Tensor) -> Tensor:
    """½‖Ỹᵀσ(Xw)‖² of w = w[:2M] + i·w[2M:], sample by sample."""
    node = torch.complex(w[: 2 * M], w[2 * M :])
    Y = torch.eye(M, dtype=torch.float64)[labels]
    targets = Y - {"samples": Y.mean(dim=0), "classes": 1 / M, "none": 0}[centring]
    sums = targets.T.to(torch.complex128) @ plain_activation(name, node[rows[:, 0]] + node[rows[:, 1]])
    return (sums.real**2 + sums.imag**2).sum() / 2


def check(energy: ComplexEnergy, rows: Tensor, labels: Tensor, M: int, centring: str, name: str) -> None:
    W = torch.randn(4 * M, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    assert energy.size == 4 * M
    values, gradients = energy.value_and_gradient(W)
    for w, value, gradient in zip(W.T, values, gradients.T, strict=True):

        def plain(v: Tensor) -> Tensor:
            return plain_energy(rows, labels, M, centring, name, v)

        assert value.item() == pytest.approx(plain(w).item())
        assert torch.allclose(gradient, torch.autograd.functional.jacobian(plain, w), rtol=1e-9, atol=1e-10)
        assert torch.allclose(energy.hessian(w), torch.autograd.functional.hessian(plain, w), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("centring", ["samples", "classes", "none"])
@pytest.mark.parametrize("name", ["square", "0.7*x-1.3*x**2"])
def test_energies_of_samples(name: str, centring: str) -> None:
    group = named_group("symmetric:3")
    rows, labels = pairs(group, 20)
    samples = SampleEnergy(rows, labels, 6, named_activation(name), centring)
    check(ComplexEnergy(samples), rows, labels, 6, centring, name)
    X = torch.eye(12, dtype=torch.float64)[rows].sum(dim=1)
    Y = torch.eye(6, dtype=torch.float64)[labels]
    targets = Y - {"samples": Y.mean(dim=0), "classes": 1 / 6, "none": 0}[centring]
    check(ComplexEnergy(DataEnergy(X, targets, named_activation(name))), rows, labels, 6, centring, name)


@pytest.mark.parametrize("name", ["cyclic:2", "cyclic:7", "product:4x2", "symmetric:3", "alternating:4", "q8"])
def test_energies_of_whole_tables(name: str) -> None:
    if name == "q8":  # its identity is not element 0
        group = Group.from_table("Q8", relabelled(quaternion_table(), [5, 3, 7, 0, 1, 6, 2, 4]))
    else:
        group = named_group(name)
    rows, labels = pairs(group, group.order**2)
    energy = ComplexEnergy(TableEnergy(group, CPU, -1.3, is_complex=True))
    check(energy, rows, labels, group.order, "samples", "0.7*x-1.3*x**2")


def test_complex_nodes_and_real_ones_of_twice_the_length_are_the_same() -> None:
    nodes = torch.randn(14, 5, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    assert torch.equal(complex_nodes(stacked(nodes), dim=0), nodes)
    assert torch.equal(stacked(nodes.real), nodes.real)


@pytest.mark.parametrize("name", ["cyclic:6", "quaternion", "frobenius:7.3"])
def test_irreps_of_complex_functions_are_apart_from_their_conjugates(name: str) -> None:
    reps = Representations(named_group(name))
    M, basis = reps.group.order, FourierBasis(reps, CPU, is_complex=True)
    random = torch.randn(2 * M, 4, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    constant = (random[:M].mean(dim=0).abs() ** 2 + random[M:].mean(dim=0).abs() ** 2) * M
    mass = basis.node_features(random).mass.sum(dim=0) + constant
    assert torch.allclose(mass, random.abs().square().sum(dim=0))
    for number, irrep in enumerate(reps.characters.irreps[1:]):
        matrices = torch.as_tensor(reps.matrices(number + 1)).to(torch.complex128)
        entry = matrices[:, 0, irrep.dimension - 1].conj()  # û is a matrix with one entry
        features = basis.node_features(torch.cat([entry, 2j * entry])[:, None])
        assert basis.labels[int(features.irrep)] == irrep.label
        assert features.purity.item() == pytest.approx(1)
        assert features.ranks[:, 0].tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize(
    "name", ["cyclic:2", "cyclic:9", "product:2x2", "symmetric:3", "quaternion", "dicyclic:3", "alternating:4",
             "frobenius:7.3", "small:16.3"]
)  # fmt: skip
def test_every_start_ends_on_a_predicted_maximum(name: str) -> None:
    landscape = li2.explore(li2.LandscapeSpec(group=name, starts=40, weights="complex"))
    M = landscape.order
    assert landscape.converged == 1
    assert landscape.unexplained == 0
    assert landscape.nodes.dtype == np.complex128
    assert landscape.nodes.shape == (2 * M, 40)
    assert np.allclose(np.linalg.norm(landscape.nodes, axis=0), 1)
    nodes = stacked(torch.from_numpy(landscape.nodes))
    for _, same in landscape.points.groupby("dimension"):
        first = same.index[0]
        maximum = complex_maximum(M, int(same["dimension"][first]))
        assert same["energy"].tolist() == pytest.approx([maximum.energy] * len(same))
        spectrum = (sphere_spectrum(landscape.energy, nodes[:, first]) / maximum.energy).round(decimals=4)
        counts = {value: int((spectrum == value).sum()) for value in (-8, -4, 0)}
        assert counts == {-8: maximum.steepest, 0: maximum.nullity, -4: 4 * M - 1 - maximum.steepest - maximum.nullity}


@pytest.mark.parametrize("d", [1, 2, 3, 4])
def test_the_set_of_maxima_has_the_dimension_that_its_parameters_say(d: int) -> None:
    """(x, y, z) ↦ (xyᴴ, yzᴴ) on the unit vectors of ℂᵈ: the rank of its derivative."""

    def pair(values: Tensor) -> Tensor:
        parts = torch.complex(values[:, 0], values[:, 1])
        x, y, z = parts / parts.abs().square().sum(dim=1, keepdim=True).sqrt()
        both = torch.stack([torch.outer(x, y.conj()), torch.outer(y, z.conj())])
        return torch.view_as_real(both).flatten()

    values = torch.randn(3, 2, d, dtype=torch.float64, generator=torch.Generator().manual_seed(d))
    derivative = torch.autograd.functional.jacobian(pair, values).reshape(-1, 6 * d)
    assert int(torch.linalg.matrix_rank(derivative, rtol=1e-9)) == complex_maximum(12, d).nullity


def test_real_weights_are_not_of_these_maxima(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table for real weights explains no complex node in a pair of complex irreps."""
    from li2.theorems import terrain
    from li2.theory.maxima import square_maximum

    monkeypatch.setattr(terrain, "complex_maximum", lambda order, d: square_maximum(order, d, "complex"))
    assert li2.explore(li2.LandscapeSpec(group="cyclic:5", starts=10, weights="complex")).unexplained == 10


@pytest.mark.parametrize("activation", ["relu", "silu", "relu2", "tanh", "sigmoid"])
def test_other_activations_are_refused(
    activation: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["li2", "landscape", "group=cyclic:5", "weights=complex", f"activation={activation}"]
    monkeypatch.setattr(sys, "argv", words)
    assert main() == 2
    err = capsys.readouterr().err
    assert "holomorphic" in err
    assert len(err.strip().splitlines()) == 1


def test_weights_are_real_or_complex() -> None:
    with pytest.raises(li2.Li2Error, match="real or complex"):
        li2.LandscapeSpec(weights="quaternionic")
    assert "weights=complex" in li2.LandscapeSpec(group="cyclic:5", weights="Complex").command()
