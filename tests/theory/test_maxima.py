"""Predicted maxima of the energy against ascents of it, and against its Hessian, both by autograd from dense data."""

import numpy as np
import pytest
import torch
from torch import Tensor

from li2.groups import Representations, named_group
from li2.theory.maxima import square_maximum

ASCENTS = 60


def energy_of(table: np.ndarray):  # type: ignore[no-untyped-def]
    """E(w) = ½‖Ỹᵀσ(Xw)‖² with σ(x) = x² on all pairs, from one-hot X and centred one-hot Y."""
    M = len(table)
    a, b = np.divmod(np.arange(M * M), M)
    X = torch.tensor(np.concatenate([np.eye(M)[a], np.eye(M)[b]], axis=1))
    Y = torch.tensor(np.eye(M)[table[a, b]])
    Y = Y - Y.mean(dim=0)
    return lambda w: (Y.T @ (X @ w) ** 2).square().sum(dim=0) / 2


def ascended(energy, M: int) -> Tensor:  # type: ignore[no-untyped-def]
    """Maxima on the unit sphere from random starts, (2M, ASCENTS), by w ← ∇E + 4M·w, scaled to length 1.

    With the second term the function is convex, so that every step climbs.
    """
    w = torch.randn(2 * M, ASCENTS, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    w = w / w.norm(dim=0)
    for _ in range(20_000):
        leaf = w.clone().requires_grad_()
        (slope,) = torch.autograd.grad(energy(leaf).sum(), leaf)
        w = slope + 4 * M * leaf.detach()
        w = w / w.norm(dim=0)
        if (w - leaf.detach()).norm(dim=0).max() < 1e-9:
            return w
    raise AssertionError("an ascent has not converged")


def hessian_on_the_sphere(energy, w: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
    """Eigenvalues of P(∇²E − (w·∇E))P on the tangent space at w."""
    slope = torch.autograd.functional.jacobian(lambda v: energy(v[:, None])[0], w)
    hessian = torch.autograd.functional.hessian(lambda v: energy(v[:, None])[0], w)
    tangent = torch.linalg.svd(w[:, None]).U[:, 1:]
    return torch.linalg.eigvalsh(tangent.T @ (hessian - (w @ slope) * torch.eye(len(w), dtype=w.dtype)) @ tangent)


@pytest.mark.parametrize(
    "name", ["cyclic:5", "cyclic:6", "product:2x2", "symmetric:3", "quaternion", "alternating:4", "frobenius:7.3"]
)
def test_every_ascent_ends_on_a_predicted_maximum(name: str) -> None:
    group = named_group(name)
    energy, characters = energy_of(group.table), Representations(group).characters
    predicted = {square_maximum(group.order, i.dimension, i.type) for i in characters.real_irreps[1:]}
    found = set()
    for w in ascended(energy, group.order).T:
        value = energy(w[:, None]).item()
        spectrum = hessian_on_the_sphere(energy, w)
        nullity = int((spectrum.abs() < 1e-5 * value).sum())
        [match] = [m for m in predicted if abs(m.energy - value) < 1e-6 and m.nullity == nullity]
        assert spectrum.max() < 1e-5 * value
        # The spectrum is 0, −4E*, −8E* and nothing else.
        levels = torch.tensor([0, -4, -8], dtype=torch.float64)[:, None]
        assert ((spectrum / value - levels).abs().amin(dim=0) < 1e-4).all()
        found.add(match)
    assert found == predicted


@pytest.mark.parametrize(
    ("name", "label", "nullity", "energy"),
    [("extraspecial:32+", "4a", 9, 4.0), ("extraspecial:32-", "4a", 18, 2.0)],
)
def test_maxima_of_larger_irreps(name: str, label: str, nullity: int, energy: float) -> None:
    """A matrix coefficient with aligned spaces is such a maximum; figures as measured by ascents elsewhere."""
    reps = Representations(named_group(name))
    [row] = [k for k, irrep in enumerate(reps.characters.irreps) if irrep.label == label]
    predicted = square_maximum(32, 4, reps.characters.irreps[row].type)
    assert (predicted.energy, predicted.nullity) == (energy, nullity)
    measured = energy_of(reps.group.table)
    x, y, z = (np.eye(4)[0], np.eye(4)[1], np.eye(4)[2])
    u, v = (np.einsum("i,gij,j->g", a, reps.matrices(row), b).real for a, b in ((x, y), (y, z)))
    w = torch.tensor(np.concatenate([u / np.linalg.norm(u), v / np.linalg.norm(v)]) / np.sqrt(2))
    assert measured(w[:, None]).item() == pytest.approx(energy)
    spectrum = hessian_on_the_sphere(measured, w)
    assert int((spectrum.abs() < 1e-8).sum()) == nullity
    assert spectrum.max() < 1e-8


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(ValueError, match="must be real, complex or quaternionic"):
        square_maximum(8, 2, "imaginary")
