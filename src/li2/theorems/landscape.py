"""The maxima of the energy that ascents find, beside those that Theorem 2, corrected, predicts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from li2.landscape import Energy, merged, random_starts
from li2.landscape.ascent import Progress
from li2.models import complex_nodes
from li2.specs import LandscapeSpec
from li2.theorems.terrain import Terrain

TOLERANCE = 1e-8
"""Relative difference of energies up to which a maximum is the predicted one."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """What ascents have found.

    Attributes:
        spec: what was asked for.
        order: M.
        points: one row per start, see :data:`li2.landscape.END_POINT_COLUMNS`.
        nodes: (2M, starts) float64, or complex128 for complex weights, the end points, of length one.
        maxima: one row per distinct maximum, as :func:`li2.landscape.merged` has them, with ``predicted``: the energy
            that the theory gives for the irrep, NaN where it says nothing (some pairs only, other activations).
        energy: what was climbed; for complex weights a function of [Re w; Im w].
        unexplained: converged starts whose end is no predicted maximum, by energy, rank or nullity; None where the
            theory says nothing.
    """

    spec: LandscapeSpec
    order: int
    points: pd.DataFrame
    nodes: NDArray[np.inexact]
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
    terrain = Terrain.of(spec)
    energy = terrain.whole_energy() if spec.has_all_pairs else terrain.energy(terrain.pairs())
    ascent = terrain.climb(energy, random_starts(energy, spec.starts, spec.seed), progress)
    points = terrain.described(ascent)
    maxima = merged(points, ascent, energy)
    unexplained = None
    if not (spec.has_all_pairs and terrain.coefficient):
        maxima["predicted"] = np.nan
    else:
        kinds = zip(maxima["dimension"], maxima["type"], strict=True)
        predicted = [terrain.predicted(dimension, kind) for dimension, kind in kinds]
        maxima["predicted"] = [maximum.energy for maximum in predicted]
        explained = (
            ((maxima["energy"] - maxima["predicted"]).abs() <= TOLERANCE * maxima["predicted"])
            & (maxima["rank"] == [maximum.rank for maximum in predicted])
            & (maxima["nullity"] == [maximum.nullity for maximum in predicted])
            & (maxima["rising"] == 0)
            & (maxima["kind"] == "feature")
        )
        unexplained = int(maxima.loc[~explained, "starts"].sum())
    nodes = complex_nodes(ascent.nodes, dim=0) if terrain.is_complex else ascent.nodes
    return Landscape(spec, terrain.task.order, points, nodes.cpu().numpy(), maxima, energy, unexplained)
