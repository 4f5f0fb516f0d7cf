"""Ascents of a fixed number of steps against PyTorch's own optimisers."""

import pytest
import torch

from li2.groups import named_group
from li2.landscape import DataEnergy, TableEnergy
from li2.landscape.walks import ADAM, follow, follow_adam
from li2.models import named_activation, unit_nodes
from li2.optim import make_optimizer
from li2.specs import RunSpec


def problem(seed: int = 0) -> tuple[DataEnergy, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    X, Y, W = (torch.randn(*shape, dtype=torch.float64, generator=generator) for shape in ((20, 6), (20, 3), (6, 4)))
    return DataEnergy(X, Y, named_activation("square")), unit_nodes(W)


@pytest.mark.parametrize("on_sphere", [True, False])
@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "muon"])
def test_as_pytorch_steps(name: str, on_sphere: bool) -> None:
    energy, starts = problem()
    W = starts.clone().requires_grad_()
    lr, decay = 1e-3, 0.1
    theirs = {
        "adam": lambda: torch.optim.Adam([W], lr, (0.8, 0.99), weight_decay=decay),
        "adamw": lambda: torch.optim.AdamW([W], lr, (0.8, 0.99), weight_decay=decay),
        "sgd": lambda: torch.optim.SGD([W], lr, 0.7, weight_decay=decay),
        "muon": lambda: torch.optim.Muon([W], lr, weight_decay=decay),
    }[name]()
    for _ in range(5):
        theirs.zero_grad()
        (-(energy.targets.T @ (energy.inputs @ W).square()).square().sum() / 2).backward()
        theirs.step()
        if on_sphere:
            W.data = W.data / W.data.norm(dim=0)
    spec = RunSpec(optimizer=name, beta1=0.8, beta2=0.99, momentum=0.7, muon="torch")
    ours = follow(energy, starts, 5, make_optimizer(spec), lr, decay, on_sphere=on_sphere)
    assert torch.allclose(ours, W, atol=2e-5 if name == "muon" else 1e-10)  # Muon rounds to bfloat16
    assert (ours - starts).norm() > 1e-3


def test_adam_climbs_by_its_rate_whatever_the_size_of_the_energy() -> None:
    energy, starts = problem()
    tiny = DataEnergy(energy.inputs, 1e-3 * energy.targets, energy.activation)
    ends = follow_adam(energy, starts, 30, 1e-2)
    assert torch.equal(ends, follow(energy, starts, 30, ADAM, 1e-2))
    assert torch.allclose(ends, follow_adam(tiny, starts, 30, 1e-2), atol=1e-5)
    assert (energy.value_and_gradient(ends)[0] > energy.value_and_gradient(starts)[0]).all()


def test_free_nodes_keep_their_lengths_no_longer() -> None:
    energy = TableEnergy(named_group("cyclic:5"), torch.device("cpu"))
    starts = unit_nodes(torch.randn(10, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)))
    free = follow(energy, starts, 100, ADAM, 1e-2, on_sphere=False)
    assert (free.norm(dim=0) > 1.5).all()
    decayed = follow(energy, starts, 100, ADAM, 1e-2, 1e3, on_sphere=False)
    assert (decayed.norm(dim=0) < 1).all()
