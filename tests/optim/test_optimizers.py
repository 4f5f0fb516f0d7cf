"""Our optimisers against PyTorch's, step by step."""

import pytest
import torch

from li2.optim import make_optimizer
from li2.specs import RunSpec


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(("name", "extra"), [("sgd", {"momentum": 0.9}), ("sgd", {"momentum": 0.0}), ("adam", {}),
                                             ("adam", {"beta1": 0.8, "beta2": 0.95}), ("adamw", {})])  # fmt: skip
def test_same_steps_as_torch(name: str, extra: dict[str, float], decay: float) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = {"W": (3, 4), "V": (5,)}
    ours = {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}
    theirs = [p.clone().requires_grad_() for p in ours.values()]
    optimizer = make_optimizer(RunSpec(optimizer=name, weight_decay=decay, **extra))
    state = optimizer.init(ours)
    betas = {} if name == "sgd" else {"betas": (extra.get("beta1", 0.9), extra.get("beta2", 0.999))}
    kind = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    momentum = {"momentum": extra["momentum"]} if name == "sgd" else betas
    reference = kind(theirs, lr=0.05, weight_decay=decay, **momentum)
    for step in range(1, 60):
        for group in reference.param_groups:
            group["lr"] = 0.05 / step
        for p in theirs:
            p.grad = torch.sin(3 * p.detach())
        gradients = {name: torch.sin(3 * p) for name, p in ours.items()}
        reference.step()
        optimizer.update(ours, gradients, state, step, 0.05 / step, decay)
        for p, q in zip(ours.values(), theirs, strict=True):
            assert (p - q.detach()).abs().max() < 1e-13


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_runs_side_by_side_have_their_own_rates_and_decays(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    start = torch.randn(3, 4, 5, generator=generator, dtype=torch.float64)
    rates, decays = (torch.tensor(values, dtype=torch.float64) for values in ([0.1, 0.0, 0.02], [0.0, 0.3, 0.1]))
    optimizer = make_optimizer(RunSpec(optimizer=name))
    together, alone = start.clone(), [run.clone() for run in start]
    state, states = optimizer.init({"W": together}), [optimizer.init({"W": run}) for run in alone]
    for step in range(1, 20):
        optimizer.update({"W": together}, {"W": torch.sin(3 * together)}, state, step, rates, decays)
        for run, own, lr, decay in zip(alone, states, rates.tolist(), decays.tolist(), strict=True):
            optimizer.update({"W": run}, {"W": torch.sin(3 * run)}, own, step, lr, decay)
    assert (together - torch.stack(alone)).abs().max() < 1e-13
    assert torch.equal(together[1], start[1])  # a rate of zero moves nothing


def test_which_optimisers_couple_decay() -> None:
    coupled = {name: make_optimizer(RunSpec(optimizer=name)).couples_decay for name in ("sgd", "adam", "adamw", "muon")}
    assert coupled == {"sgd": True, "adam": True, "adamw": False, "muon": True}
