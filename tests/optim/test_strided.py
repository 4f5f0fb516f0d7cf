"""Long steps against as many short ones of the run's own optimiser."""

from typing import Any

import pytest
import torch
from torch import Tensor

from li2.optim import Optimizer, make_optimizer, strided
from li2.optim.muon import PRESETS
from li2.specs import RunSpec

LR, DECAY = 1e-3, 0.1
KINDS: list[dict[str, Any]] = [{"optimizer": "adam"}, {"optimizer": "adamw"}, {"optimizer": "sgd"},
                               *({"optimizer": "muon", "muon": name} for name in PRESETS)]  # fmt: skip


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moved(
    optimizer: Optimizer, start: Tensor, slope: Tensor, steps: int, every: int, lr: float, decay: float
) -> Tensor:
    """W after steps on a gradient that changes linearly with time; each step sees that of its middle."""
    W = start.clone()
    state = optimizer.init({"W": W})
    fixed = random(*start.shape[-2:], seed=7)
    for number in range(steps):
        time = (number + 0.5) * every
        optimizer.update({"W": W}, {"W": fixed + time * slope}, state, number + 1, lr, decay)
    return W


@pytest.mark.parametrize("kind", KINDS)
def test_a_stride_of_one_epoch_is_the_optimiser_itself(kind: dict[str, Any]) -> None:
    optimizer = make_optimizer(RunSpec(**kind))
    long = strided(optimizer, 1, inputs=6, width=10, nodes=10)
    start, slope = random(6, 10), random(6, 10, seed=1) / 50
    own = moved(optimizer, start, slope, 20, 1, LR, DECAY)
    assert long.rate_factor == long.decay_factor == 1
    assert torch.equal(moved(long.optimizer, start, slope, 20, 1, LR, DECAY), own)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stride", [2, 8])
def test_long_steps_go_as_far_as_short_ones(kind: dict[str, Any], stride: int) -> None:
    optimizer = make_optimizer(RunSpec(**kind))
    long = strided(optimizer, stride, inputs=6, width=10, nodes=10)
    start, slope = random(6, 10), random(6, 10, seed=1) / 120
    own = moved(optimizer, start, slope, 120, 1, LR, DECAY) - start
    coarse = moved(
        long.optimizer, start, slope, 120 // stride, stride, LR * long.rate_factor, DECAY * long.decay_factor
    )
    assert (coarse - start - own).norm() < 0.05 * own.norm()
    unscaled = moved(long.optimizer, start, slope, 120 // stride, stride, LR, DECAY) - start
    assert (unscaled - own).norm() > 0.3 * own.norm()


@pytest.mark.parametrize("stride", [3, 10])
def test_sgd_goes_the_same_distance_in_the_long_run(stride: int) -> None:
    """On a constant gradient both buffers settle, and from then on an epoch is lr/(1 − μ) of it, exactly."""
    optimizer = make_optimizer(RunSpec(optimizer="sgd", momentum=0.8))
    long = strided(optimizer, stride, inputs=6, width=10, nodes=10)
    nothing = torch.zeros(6, 10, dtype=torch.float64)
    ends = [moved(long.optimizer, nothing, nothing, steps, stride, LR * long.rate_factor, 0.0) for steps in (200, 201)]
    distance = (ends[1] - ends[0]) / stride
    assert (distance + LR / 0.2 * random(6, 10, seed=7)).abs().max() < 1e-14


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(("inputs", "nodes", "copies"), [(12, 16, 4), (30, 8, 2), (30, 8, 8)])
def test_nodes_that_stand_for_copies_step_as_the_whole_matrix(
    preset: str, inputs: int, nodes: int, copies: int
) -> None:
    """Also where d > K, d < S, and between."""
    optimizer = make_optimizer(RunSpec(optimizer="muon", muon=preset))
    width = copies * nodes
    long = strided(optimizer, 1, inputs, width, nodes)
    few = random(inputs, nodes)
    whole = few.repeat(1, copies)
    states = optimizer.init({"W": few}), optimizer.init({"W": whole})
    for step in range(1, 6):
        gradient = random(inputs, nodes, seed=step)
        long.optimizer.update(
            {"W": few}, {"W": gradient.clone()}, states[0], step, LR * long.rate_factor, DECAY * long.decay_factor
        )
        optimizer.update({"W": whole}, {"W": gradient.repeat(1, copies)}, states[1], step, LR, DECAY)
    accuracy = 1e-4 if preset == "torch" else 1e-10  # it rounds to bfloat16
    assert (few.repeat(1, copies) - whole).norm() < accuracy * whole.norm()
