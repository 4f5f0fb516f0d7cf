"""Figure 4, computed: the energy for a linear σ, for x² on all pairs, and for x² on too few of them."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from li2.errors import Li2Error
from li2.landscape import Ascent, Energy, Hemisphere, random_starts
from li2.specs import LandscapeSpec
from li2.theorems.terrain import Terrain

LINEAR, WHOLE, PART = CASES = ("linear", "all pairs", "too few pairs")
"""σ(x) = x on few pairs, σ(x) = x² on all, and on few."""

KINDS = {"feature": "generalising", "mixed": "mixed", "memorising": "memorising"}
"""What ends of ascents are called here."""


def landscape_slices(
    group: str = "cyclic:11", *, train_fraction: float = 0.25, starts: int = 100, seed: int = 0, side: int = 91
) -> pd.DataFrame:
    """The energies of the three cases on one hemisphere through a generalising and a memorising maximum.

    The generalising one is the purest end of an ascent on all pairs, the memorising one the highest on few. Both lie on
    the horizontal line y = 0; the third direction is random.

    Args:
        group: whose table.
        train_fraction: share of the few pairs.
        starts: ascents from random points, for each case.
        seed: draws the pairs, the starts and the third direction.
        side: points along each side of the slice.

    Returns:
        One row per case and point of the hemisphere, seen from above: ``case`` (see :data:`CASES`), ``x``, ``y``,
        ``energy`` and ``mark``, empty on the slice's grid; in further rows ``generalising`` or ``memorising`` at the
        two maxima, and ``circle`` on the great circle through them, in order of their ``angle`` (radians from the
        generalising one; NaN elsewhere).

    Raises:
        Li2Error: if no ascent ends generalising on all pairs or memorising on few, or pairs cannot be drawn.
    """
    found = _found(group, train_fraction, starts, seed)
    good, bad = found.maxima()
    hemisphere = Hemisphere.through([good, bad], seed)
    x, y, grid = hemisphere.points(side)
    angles = np.linspace(0, 2 * np.pi, 4 * side)
    across = bad - (bad @ good) * good
    circle = np.outer(good, np.cos(angles)) + np.outer(across / np.linalg.norm(across), np.sin(angles))
    nodes = np.concatenate([grid.numpy(), circle, np.stack([good, bad], axis=1)], axis=1)
    places = nodes[:, len(x) :].T @ hemisphere.axes[:, :2]
    shared = {
        "x": np.concatenate([x, places[:, 0]]),
        "y": np.concatenate([y, places[:, 1]]),
        "angle": np.concatenate([np.full(len(x), np.nan), angles, np.full(2, np.nan)]),
        "mark": np.repeat(["", "circle", "generalising", "memorising"], [len(x), len(angles), 1, 1]),
    }
    tables = [
        pd.DataFrame({"case": case, **shared, "energy": _energies(energy, nodes)})
        for case, energy in found.energies.items()
    ]
    return pd.concat(tables, ignore_index=True)


def landscape_ends(
    group: str = "cyclic:11", *, train_fraction: float = 0.25, starts: int = 100, seed: int = 0
) -> pd.DataFrame:
    """Where random ascents end in the three cases; for the arguments and errors see :func:`landscape_slices`.

    Returns:
        One row per case and ascent: ``case``, ``n`` (pairs), ``number``, ``energy``, ``irrep`` (label), ``purity``,
        ``converged`` and ``kind``: ``generalising`` from a purity of 0.9 on, ``memorising`` below 0.5, else ``mixed``.
    """
    found = _found(group, train_fraction, starts, seed)
    tables = []
    for case, table in found.ends.items():
        chosen = table[["energy", "irrep", "purity", "converged"]].assign(kind=table["kind"].map(KINDS))
        chosen.insert(0, "number", np.arange(len(chosen)))
        chosen.insert(0, "n", found.sizes[case])
        chosen.insert(0, "case", case)
        tables.append(chosen)
    return pd.concat(tables, ignore_index=True)


@dataclass(frozen=True, eq=False)
class _Found:
    """What ascents have found, by case."""

    sizes: dict[str, int]
    energies: dict[str, Energy]
    ascents: dict[str, Ascent]
    ends: dict[str, pd.DataFrame]

    def maxima(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A generalising node of length one and a memorising one."""
        pure, lost = self.ends[WHOLE], self.ends[PART]
        pure, lost = pure[pure["kind"] == "feature"], lost[lost["kind"] == "memorising"]
        if not len(pure) or not len(lost):
            what = "memorising on few pairs" if len(pure) else "generalising on all pairs"
            raise Li2Error(f"no ascent ended {what}; take more starts or another train_fraction.")
        good, bad = (part.index.to_numpy()[int(part[by].argmax())] for part, by in ((pure, "purity"), (lost, "energy")))
        return self.ascents[WHOLE].nodes[:, good].numpy(), self.ascents[PART].nodes[:, bad].numpy()


@lru_cache(maxsize=4)
def _found(group: str, train_fraction: float, starts: int, seed: int) -> _Found:
    spec = LandscapeSpec(group=group, train_fraction=train_fraction, starts=starts, seed=seed, device="cpu")
    terrain = Terrain.of(spec)
    pairs = terrain.pairs()
    energies = {LINEAR: terrain.energy(pairs, "x"), WHOLE: terrain.whole_energy(), PART: terrain.energy(pairs)}
    points = random_starts(energies[WHOLE], starts, seed)
    ascents = {case: terrain.climb(energy, points) for case, energy in energies.items()}
    ends = {case: terrain.described(ascent) for case, ascent in ascents.items()}
    sizes = {LINEAR: len(pairs), WHOLE: terrain.task.size, PART: len(pairs)}
    return _Found(sizes, energies, ascents, ends)


def _energies(energy: Energy, nodes: NDArray[np.float64]) -> NDArray[np.float64]:
    parts = torch.split(torch.from_numpy(nodes), 1000, dim=1)
    values: NDArray[np.float64] = torch.cat([energy.value_and_gradient(part)[0] for part in parts]).numpy()
    return values
