"""Theorem 4: the energy of its proof, thresholds from both sides, the verdict."""

import numpy as np
import pytest
import torch

from li2.groups import Representations, named_group
from li2.landscape.walks import follow_adam, follow_gradient
from li2.theorems import CLAIMS, Setting, Verdict
from li2.theorems.claims import sampling
from li2.theorems.claims.sampling import ADAM, CROSS, GRADIENT, RANDOM, boundary, sampled
from li2.theorems.instruments.cross_energy import CrossEnergy


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shape checks make each step slow in tests."""
    shorter = {"STEPS": 80, "ADAM_STEPS": 100, "LONGER": 2, "NODES": 4, "RESOLUTION": 0.2, "SEEDS": (1, 1)}
    for name, value in {**shorter, "SOFTENED": "cyclic:11"}.items():
        monkeypatch.setattr(sampling, name, value)


def representations(name: str) -> Representations:
    return Representations(named_group(name))


def test_the_energy_of_the_proof_by_brute_force() -> None:
    reps = representations("symmetric:3")
    table, pairs = reps.group.table, np.random.default_rng(0).permutation(36)[:20]
    energy = CrossEnergy(sampled(reps, pairs))
    w = torch.randn(12, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    products = torch.stack([2 * w[p // 6] * w[6 + p % 6] for p in pairs.tolist()])
    one_hot = torch.eye(6, dtype=torch.float64)[[int(table[p // 6, p % 6]) for p in pairs.tolist()]]
    brute = ((one_hot - one_hot.mean(dim=0)).T @ products).square().sum() / 2
    (slope,) = torch.autograd.grad(brute, w)
    values, gradient = energy.value_and_gradient(w.detach()[:, None])
    assert values.item() == pytest.approx(brute.item())
    assert torch.allclose(gradient[:, 0], slope)
    hessian = energy.hessian(w.detach())
    step = 1e-5 * torch.eye(12, dtype=torch.float64)
    up, down = (energy.value_and_gradient(w.detach()[:, None] + sign * step)[1] for sign in (1, -1))
    assert torch.allclose(hessian, (up - down) / 2e-5, atol=1e-6)


def test_on_all_pairs_the_squares_do_not_count() -> None:
    reps = representations("quaternion")
    full = sampled(reps, np.arange(64))
    W = torch.randn(16, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(full.value_and_gradient(W)[0], CrossEnergy(full).value_and_gradient(W)[0])


@pytest.mark.parametrize("climb", [lambda e, w: follow_gradient(e, w, 60), lambda e, w: follow_adam(e, w, 200, 0.01)])
def test_walks_climb_on_the_sphere(climb) -> None:  # type: ignore[no-untyped-def]
    energy = sampled(representations("cyclic:7"), np.arange(49))
    starts = torch.randn(14, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    starts = starts / starts.norm(dim=0)
    end = climb(energy, starts)
    assert torch.allclose(end.norm(dim=0), torch.ones(6, dtype=torch.float64))
    assert (energy.value_and_gradient(end)[0] > 0.7 * 7 / 4).all()
    assert (energy.value_and_gradient(starts)[0] < 0.7 * 7 / 4).all()


def test_the_threshold_has_two_sides() -> None:
    found = boundary(representations("cyclic:11"), 1, GRADIENT, [0, 1])
    assert all(11 < n < 121 for n in found.critical)
    assert all(share < 0.5 for n, share in found.shares if n < 0.9 * min(found.critical))
    assert all(share >= 0.5 for n, share in found.shares if n > 1.1 * max(found.critical))
    assert boundary(representations("cyclic:11"), 1, GRADIENT, [0, 1]) == found


def test_squares_cost_data_and_adam_needs_less() -> None:
    reps = representations("cyclic:23")
    plain, cross, adam = (boundary(reps, 1, method, [0]).mean for method in (GRADIENT, CROSS, ADAM))
    assert cross < 0.7 * plain
    assert adam < 0.8 * plain
    assert boundary(reps, 1, RANDOM, [0]).mean >= 0.9 * plain


def test_irreps_of_higher_dimension() -> None:
    assert 24 < boundary(representations("symmetric:4"), 3, CROSS, [0]).mean < 576


def test_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a smaller family the threshold still grows under gradient ascent."""
    monkeypatch.setattr(sampling, "ORDERS", ((11, 17, 29), ()))
    monkeypatch.setattr(sampling, "LARGER", ((("dihedral:25", 2),), ()))
    evidence = CLAIMS["theorem-4"].measure(Setting(None))
    assert evidence.verdict in {Verdict.FAILS, Verdict.CORRECTED}
    assert not evidence.statement[0].passed
    assert [plot.curves != () for plot in evidence.plots] == [True, True, True]
    assert any("gradient ascent: n* ∝ d^a" in note for note in evidence.notes)


def test_on_one_group_there_are_figures_and_no_verdict() -> None:
    evidence = CLAIMS["theorem-4"].measure(Setting(representations("symmetric:3")))
    assert evidence.verdict == Verdict.NOT_APPLICABLE
    assert len(evidence.notes) == 6  # two dimensions, three ways to climb
    assert "symmetric:3" in evidence.summary
