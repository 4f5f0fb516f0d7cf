"""Muon: its iterations against the singular value decomposition, its steps against PyTorch's and plain loops."""

import math

import pytest
import torch
from torch import Tensor

from li2.optim import make_optimizer, newton_schulz
from li2.optim.muon import PRESETS, PUBLISHED_COEFFICIENTS, TORCH_COEFFICIENTS, polar_factor
from li2.specs import RunSpec

SHAPES = [(4, 9), (9, 4), (16, 16), (46, 24)]


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def conditioned(rows: int, columns: int, smallest: float = 0.1) -> Tensor:
    """Three matrices with singular values from ``smallest`` to 1."""
    left, _, right = torch.linalg.svd(random(3, rows, columns), full_matrices=False)
    return left * torch.linspace(1, smallest, min(rows, columns), dtype=torch.float64) @ right


@pytest.mark.parametrize("shape", SHAPES)
def test_many_steps_give_the_polar_factor(shape: tuple[int, int]) -> None:
    matrices = conditioned(*shape)
    left, _, right = torch.linalg.svd(matrices, full_matrices=False)
    found = newton_schulz(matrices, [(1.5, -0.5, 0.0)] * 40)
    assert (found - left @ right).abs().max() < 1e-6
    assert (polar_factor(matrices) - left @ right).abs().max() < 1e-12
    assert torch.equal(newton_schulz(matrices[1], [(1.5, -0.5, 0.0)] * 40), found[1])


@pytest.mark.parametrize(("coefficients", "bounds"), [(PUBLISHED_COEFFICIENTS, (0.89, 1.16)),
                                                      (TORCH_COEFFICIENTS, (0.68, 1.14))])  # fmt: skip
@pytest.mark.parametrize("shape", SHAPES)
def test_five_steps_act_on_singular_values_as_their_polynomial(
    coefficients: tuple[tuple[float, float, float], ...], bounds: tuple[float, float], shape: tuple[int, int]
) -> None:
    matrices = conditioned(*shape)
    matrices = matrices / matrices.norm(dim=(1, 2), keepdim=True)
    left, sizes, right = torch.linalg.svd(matrices, full_matrices=False)
    for a, b, c in coefficients:
        sizes = a * sizes + b * sizes**3 + c * sizes**5
    found = newton_schulz(matrices, coefficients)
    assert (found - (left * sizes[:, None]) @ right).abs().max() < 1e-10
    assert bounds[0] < sizes.min() < sizes.max() < bounds[1]


def test_rank_deficient_and_vanishing_matrices() -> None:
    thin = random(2, 12, 2) @ random(2, 2, 7, seed=1)
    thin[1] = 0
    left, _, right = torch.linalg.svd(thin[0], full_matrices=False)
    for dtype, accuracy in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
        found = polar_factor(thin.to(dtype))
        assert found.dtype == dtype
        assert (found[0] - left[:, :2] @ right[:2]).abs().max() < accuracy
        assert not found[1].any()
    thin[1, 3, 3] = math.inf
    assert polar_factor(thin).isfinite().all(dim=(1, 2)).tolist() == [True, False]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_torch_preset_is_torch_optim_muon(shape: tuple[int, int]) -> None:
    """Each run with its own rate and decay, slice by slice; V and a bias as torch.optim.Adam moves them."""
    start = {"W": random(3, *shape).float(), "V": random(3, 5, 6).float(), "bias": random(3, 7).float()}
    rates, decays = (torch.tensor(values, dtype=torch.float64) for values in ([0.05, 0.0, 0.02], [0.0, 0.3, 0.1]))
    ours = {name: p.clone() for name, p in start.items()}
    optimizer = make_optimizer(RunSpec(optimizer="muon", muon="torch"))
    state = stacked_state(optimizer, ours)
    theirs = [{name: p[run].clone().requires_grad_() for name, p in start.items()} for run in range(3)]
    references = []
    for own, lr, decay in zip(theirs, rates.tolist(), decays.tolist(), strict=True):
        references.append(torch.optim.Muon([own["W"]], lr=lr, weight_decay=decay))
        references.append(torch.optim.Adam([own["V"], own["bias"]], lr=lr, weight_decay=decay))
    for step in range(1, 60):
        gradients = {name: torch.sin(step * p) for name, p in start.items()}  # bfloat16 would amplify differences of p
        for run, own in enumerate(theirs):
            for name, p in own.items():
                p.grad = gradients[name][run].clone()
        optimizer.update(ours, gradients, state, step, rates, decays)
        for reference in references:
            reference.step()
    for name, accuracy in (("W", 1e-5), ("V", 1e-5), ("bias", 1e-5)):
        expected = torch.stack([own[name].detach() for own in theirs])
        assert (ours[name] - expected).abs().max() < accuracy
        assert torch.equal(ours[name][1], start[name][1])  # a rate of zero moves nothing
        assert (ours[name][0] - start[name][0]).abs().max() > 0.1


def stacked_state(optimizer: object, parameters: dict[str, Tensor]) -> dict[str, list[Tensor]]:
    """That of runs side by side, as a training makes it."""
    runs = range(len(next(iter(parameters.values()))))
    states = [optimizer.init({name: p[run] for name, p in parameters.items()}) for run in runs]
    return {
        name: [torch.stack(own) for own in zip(*(state[name] for state in states), strict=True)] for name in states[0]
    }


@pytest.mark.parametrize("preset", ["published", "exact"])
def test_the_other_presets_follow_a_plain_loop(preset: str) -> None:
    """Momentum, decoupled decay and direction of one matrix without an axis of runs, as their definitions say."""
    W, momentum = random(6, 10), torch.zeros(6, 10, dtype=torch.float64)
    ours = {"W": W.clone()}
    optimizer = make_optimizer(RunSpec(optimizer="muon", muon=preset))
    state = optimizer.init(ours)
    for step in range(1, 30):
        lr = 0.1 / step
        optimizer.update(ours, {"W": torch.sin(3 * ours["W"])}, state, step, lr, 0.2)
        momentum = momentum + 0.01 * (torch.sin(3 * W) - momentum)
        left, sizes, right = torch.linalg.svd(momentum / (momentum.norm() + 1e-7), full_matrices=False)
        if preset == "exact":
            sizes = torch.ones_like(sizes)
        else:
            for a, b, c in PUBLISHED_COEFFICIENTS:
                sizes = a * sizes + b * sizes**3 + c * sizes**5
        W = W * (1 - lr * 0.2) - lr * (left * sizes) @ right
        assert (ours["W"] - W).abs().max() < 1e-10


@pytest.mark.parametrize("preset", PRESETS)
def test_runs_side_by_side_are_those_alone_to_the_last_bit(preset: str) -> None:
    start = {"W": random(3, 14, 11).float(), "V": random(3, 11, 7).float(), "middle": random(3, 11, 11).float()}
    start["bias"] = random(3, 11).float()
    rates, decays = (torch.tensor(values, dtype=torch.float64) for values in ([0.1, 0.0, 0.02], [0.0, 0.3, 0.1]))
    optimizer = make_optimizer(RunSpec(optimizer="muon", muon=preset))
    together, state = {name: p.clone() for name, p in start.items()}, stacked_state(optimizer, start)
    for step in range(1, 10):
        gradients = {name: torch.sin(3 * p) for name, p in together.items()}
        optimizer.update(together, gradients, state, step, rates, decays)
    for run in range(3):
        alone = {name: p[run, None].clone() for name, p in start.items()}
        state, chosen = stacked_state(optimizer, alone), slice(run, run + 1)
        for step in range(1, 10):
            gradients = {name: torch.sin(3 * p) for name, p in alone.items()}
            optimizer.update(alone, gradients, state, step, rates[chosen], decays[chosen])
        assert all(torch.equal(alone[name][0], together[name][run]) for name in start)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_vanishing_gradient_moves_nothing(preset: str) -> None:
    parameters = {"W": random(2, 6, 10).float()}
    start, none = parameters["W"].clone(), torch.zeros(2, dtype=torch.float64)
    optimizer = make_optimizer(RunSpec(optimizer="muon", muon=preset))
    state = stacked_state(optimizer, parameters)
    for step in range(1, 4):
        optimizer.update(parameters, {"W": torch.zeros(2, 6, 10)}, state, step, none + 0.1, none)
    assert torch.equal(parameters["W"], start)
