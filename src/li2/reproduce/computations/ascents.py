"""Direct ascents of the empirical energy with Adam, for figures 6 and 7: no network, no interaction between nodes."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from li2.errors import Li2Error
from li2.landscape import Energy, random_starts
from li2.landscape.energies import Nodes
from li2.landscape.walks import follow_adam
from li2.specs import LandscapeSpec
from li2.theorems.terrain import Terrain


def ascents(
    group: str,
    lrs: Sequence[float],
    nodes: int,
    steps: int,
    *,
    train_fraction: float | None = None,
    train_size: int | None = None,
    activation: str = "square",
    centring: str = "classes",
    split: str = "li2",
    seeds: Sequence[int] = (0,),
) -> pd.DataFrame:
    """Where so many steps of Adam lead random nodes on the unit sphere, on a random part of the pairs.

    For each seed the pairs are those that a run with this seed, split and size trains on; starts are the same for all
    rates.

    Args:
        group: whose table.
        lrs: learning rates of Adam.
        nodes: number of starts.
        steps: of Adam.
        train_fraction: share of the pairs; or
        train_size: their number. One of both.
        activation: σ.
        centring: of Ỹ; that of runs with ``loss=mse`` is ``classes``.
        split: how pairs are drawn.
        seeds: each draws pairs and starts.

    Returns:
        One row per seed, learning rate and node: ``group``, ``seed``, ``n``, ``ratio`` (n/M²), ``lr``, ``node``,
        ``start_energy``, ``energy``, ``irrep`` (label), ``purity``, and ``slope``, the length of the projected gradient
        over that of the gradient.

    Raises:
        Li2Error: if the pairs cannot be drawn, or labels are no law of a group.
    """
    if nodes < 1 or steps < 0 or not lrs or min(lrs) <= 0:
        raise Li2Error("ascents need nodes=1 or more, steps=0 or more, and learning rates above 0.")
    if (train_fraction is None) == (train_size is None):
        raise Li2Error("ascents need either train_fraction or train_size, and not both.")
    spec = LandscapeSpec(
        group=group, train_fraction=train_fraction, train_size=train_size, activation=activation, centring=centring,
        split=split, device="cpu",
    )  # fmt: skip
    tables = [_climbed(spec.model_copy(update={"seed": seed}), lrs, nodes, steps) for seed in seeds]
    return pd.concat(tables, ignore_index=True)


def _climbed(spec: LandscapeSpec, lrs: Sequence[float], nodes: int, steps: int) -> pd.DataFrame:
    """Of one seed."""
    terrain = Terrain.of(spec)
    pairs = terrain.pairs()
    energy = terrain.energy(pairs)
    starts = random_starts(energy, nodes, spec.seed)
    tables = [_table(terrain, energy, starts, follow_adam(energy, starts, steps, lr), lr) for lr in lrs]
    table = pd.concat(tables, ignore_index=True)
    given: dict[str, str | float] = {
        "group": spec.group,
        "seed": spec.seed,
        "n": len(pairs),
        "ratio": len(pairs) / terrain.task.size,
    }
    for place, (name, value) in enumerate(given.items()):
        table.insert(place, name, value)
    return table


def _table(terrain: Terrain, energy: Energy, starts: Nodes, ends: Nodes, lr: float) -> pd.DataFrame:
    features = terrain.basis.node_features(ends)
    values, gradient = energy.value_and_gradient(ends)
    tangent = gradient - (ends * gradient).sum(dim=0) * ends
    return pd.DataFrame(
        {
            "lr": lr,
            "node": np.arange(ends.shape[1]),
            "start_energy": energy.value_and_gradient(starts)[0].numpy(),
            "energy": values.numpy(),
            "irrep": [terrain.basis.labels[number] for number in features.irrep.tolist()],
            "purity": features.purity.numpy(),
            "slope": (tangent.norm(dim=0) / gradient.norm(dim=0)).numpy(),
        }
    )
