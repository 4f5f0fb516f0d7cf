"""The maxima of the energy that ascents find, beside those that Theorem 2, corrected, predicts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from li2.diagnostics import FourierBasis
from li2.errors import Li2Error
from li2.groups import Group, Representations
from li2.landscape import Ascent, Energy, SampleEnergy, TableEnergy, ascend, end_points, merged, random_starts
from li2.landscape.ascent import Progress
from li2.models import Examples, named_activation, named_device
from li2.specs import LandscapeSpec
from li2.specs.parsing import parse_activation
from li2.tasks import Task, build_split, build_task
from li2.theory.maxima import square_maximum

TOLERANCE = 1e-8
"""Relative difference of energies up to which a maximum is the predicted one."""

BLOCK = 20_000_000
"""Activations held at once; more starts go one block after the other."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """What ascents have found.

    Attributes:
        spec: what was asked for.
        order: M.
        points: one row per start, see :data:`li2.landscape.END_POINT_COLUMNS`.
        nodes: (2M, starts) float64, the end points, of length one.
        maxima: one row per distinct maximum, as :func:`li2.landscape.merged` has them, with ``predicted``: the energy
            that the theory gives for the irrep, NaN where it says nothing (some pairs only, other activations).
        energy: what was climbed.
        unexplained: converged starts whose end is no predicted maximum, by energy, rank or nullity; None where the
            theory says nothing.
    """

    spec: LandscapeSpec
    order: int
    points: pd.DataFrame
    nodes: NDArray[np.float64]
    maxima: pd.DataFrame
    energy: Energy
    unexplained: int | None

    @property
    def converged(self) -> float:
        """The share of starts that have converged."""
        return float(self.points["converged"].mean())

    def as_json(self) -> dict[str, Any]:
        """The landscape for ``--json``."""
        names = {"dimension": "irrep_dim", "type": "irrep_type"}
        columns = ["energy", "predicted", "dimension", "type", "rank", "nullity", "share", "kind"]
        rows = self.maxima[columns].rename(columns=names).to_dict("records")
        return {
            "group": self.spec.group,
            "order": self.order,
            "activation": self.spec.activation,
            "starts": self.spec.starts,
            "converged": self.converged,
            "unexplained": self.unexplained,
            "maxima": [{str(k): None if v != v else v for k, v in row.items()} for row in rows],
        }


def explore(spec: LandscapeSpec, progress: Progress | None = None) -> Landscape:
    """Climb the energy from random starts and compare where the ascents end with what the theory predicts.

    Args:
        spec: whose energy, on which pairs, how many starts.
        progress: called with the number of starts that have converged, and of all.

    Raises:
        Li2Error: if the specification cannot be met.
    """
    task = build_task(spec.group)
    if task.group is None or task.order == 1:
        what = "the trivial group has no features" if task.group else f"{task.name} is not the law of a group"
        raise Li2Error(f"a landscape is described by the irreps of a group, but {what}.")
    device = named_device(spec.device)
    energy, scale = _energy(spec, task, task.group, device)
    height = len(energy.rows) if isinstance(energy, SampleEnergy) else task.order
    ascent = _ascended(energy, spec, height, progress)
    points = end_points(ascent, FourierBasis(Representations(task.group), device), task.group)
    maxima = merged(points, ascent, energy)
    unexplained = None
    if scale is None:
        maxima["predicted"] = np.nan
    else:
        kinds = zip(maxima["dimension"], maxima["type"], strict=True)
        predicted = [square_maximum(task.order, dimension, kind) for dimension, kind in kinds]
        maxima["predicted"] = [scale * maximum.energy for maximum in predicted]
        explained = (
            ((maxima["energy"] - maxima["predicted"]).abs() <= TOLERANCE * maxima["predicted"])
            & (maxima["rank"] == [maximum.rank for maximum in predicted])
            & (maxima["nullity"] == [maximum.nullity for maximum in predicted])
            & (maxima["rising"] == 0)
            & (maxima["kind"] == "feature")
        )
        unexplained = int(maxima.loc[~explained, "starts"].sum())
    return Landscape(spec, task.order, points, ascent.nodes.cpu().numpy(), maxima, energy, unexplained)


def _energy(spec: LandscapeSpec, task: Task, group: Group, device: torch.device) -> tuple[Energy, float | None]:
    """The energy, and what predictions for σ(x) = x² are to be multiplied by; None where they do not hold."""
    kind, _, b = parse_activation(spec.activation)
    coefficient = {"square": 1.0, "polynomial": b}.get(kind, 0.0)
    if spec.has_all_pairs and coefficient and spec.centring != "none":
        return TableEnergy(group, device, coefficient), coefficient**2
    chosen = np.arange(task.size) if spec.has_all_pairs else build_split(task, spec, needs_test=False).train
    operands, labels = torch.tensor(task.operands[chosen]), torch.tensor(task.labels[chosen])
    samples = Examples.of_operands(operands, labels, task.order, device)
    activation = named_activation(spec.activation)
    return SampleEnergy(samples.rows, samples.labels, task.order, activation, spec.centring), None


def _ascended(energy: Energy, spec: LandscapeSpec, height: int, progress: Progress | None) -> Ascent:
    """All ascents, in blocks that fit into memory; height is that of the largest array of one start."""
    starts = random_starts(energy, spec.starts, spec.seed)
    ascents: list[Ascent] = []
    done = 0
    for block in torch.split(starts, max(1, BLOCK // height), dim=1):

        def shown(converged: int, _: int, before: int = done) -> None:
            if progress is not None:
                progress(before + converged, spec.starts)

        ascents.append(ascend(energy, block, progress=shown))
        done += block.shape[1]
    return Ascent(
        torch.cat([a.nodes for a in ascents], dim=1),
        torch.cat([a.energies for a in ascents]),
        torch.cat([a.slopes for a in ascents]),
        torch.cat([a.converged for a in ascents]),
    )
