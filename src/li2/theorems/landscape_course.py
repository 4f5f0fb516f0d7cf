"""How the maxima of the energy change when data are taken away: figure 4 of the paper, computed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from li2.errors import Li2Error
from li2.landscape import Ascent, Energy, random_starts
from li2.landscape.energies import Nodes
from li2.specs import LandscapeSpec
from li2.theorems.terrain import Terrain

STEPS = 16
"""Data sizes, from all pairs down to the specification's."""

MOST_TRACKS, FEWEST_TRACKS, WORK = 30, 6, 80_000
"""Maxima that are followed: at most, at least, and between them such that maxima times pairs stay below the last."""

TOLERANCE, GRADIENT_STEPS = 1e-4, 400
"""Slope at which ascents between the first and the last size end, and their steps; those two are as in any landscape.

Nothing goes on by Newton's method: near all pairs many directions are all but flat, and the kind of an end is settled
long before the node has crept along them.
"""

COURSE_STREAM = 7
"""Number of the random stream, beside the seed, that orders the pairs beyond the specification's."""

PATHS = ("tracked", "original", "random")

COURSE_COLUMNS = {
    "n": "number of pairs; those of a smaller size are among those of a larger one",
    "fraction": "n/M²",
    "path": "where the ascent began: tracked, at the end for the next larger size; original, at a maximum on all "
    "pairs; random, at a random point, the same one for every size",
    "number": "of the maximum on all pairs (tracked, original) or of the random start",
    "energy": "E at the end point",
    "slope": "length of the projected gradient over that of the gradient",
    "irrep": "label of the irrep that holds most of the node's non-constant mass",
    "type": "its type",
    "purity": "share of the node's non-constant mass in one copy of that irrep",
    "isotypic_share": "share of it in all copies of that irrep",
    "kind": "feature, memorising or mixed, by purity",
    "cosine": "|cos| with the maximum on all pairs (tracked, original)",
    "is_held": "whether the end point is still a feature of the irrep of the maximum on all pairs, as at all larger "
    "sizes (tracked)",
}

Progress = Callable[[int, int], None]
"""Called with the number of sizes that are done, and of all."""


@dataclass(frozen=True, eq=False)
class Course:
    """The maxima of the energy from all pairs down to a specification's.

    Attributes:
        spec: whose.
        table: one row per size, path and ascent, see :data:`COURSE_COLUMNS`; larger sizes first.
        originals: (e, T) maxima on all pairs, of length one; for complex weights as [Re w; Im w].
        ends: where ascents end for the specification's pairs, by path: (e, T) each.
        whole: the energy on all pairs.
        part: the energy on the specification's pairs.
        linear: the energy on the specification's pairs for σ(x) = x, the quadratic form ½‖ỸᵀXw‖².
        linear_maxima: (d,) the eigenvalues of that form, E at its critical points on the sphere, descending.
        linear_on_all: the largest of them on all pairs, 0 up to rounding where Ỹ is centred.
    """

    spec: LandscapeSpec
    table: pd.DataFrame
    originals: Nodes
    ends: dict[str, Nodes]
    whole: Energy
    part: Energy
    linear: Energy
    linear_maxima: NDArray[np.float64]
    linear_on_all: float

    def summary(self) -> pd.DataFrame:
        """One row per size: columns ``n``, ``fraction``, for each path ``<path>_feature``, ``<path>_mixed`` and
        ``<path>_memorising``, shares of its ascents, ``held`` and ``mean_cosine`` of the tracked ones."""
        by_size = self.table.groupby("n", sort=False)
        columns = {"fraction": by_size["fraction"].first()}
        for path in PATHS:
            ends = self.table[self.table["path"] == path]
            for kind in ("feature", "mixed", "memorising"):
                columns[f"{path}_{kind}"] = (ends["kind"] == kind).groupby(ends["n"], sort=False).mean()
        tracked = self.table[self.table["path"] == "tracked"].groupby("n", sort=False)
        columns |= {"held": tracked["is_held"].mean(), "mean_cosine": tracked["cosine"].mean()}
        return pd.DataFrame(columns).reset_index()

    def lost_at(self) -> Float[np.ndarray, " T"]:
        """The fraction n/M² at which each tracked maximum was first found lost; NaN where it is held to the end."""
        tracked = self.table[(self.table["path"] == "tracked") & ~self.table["is_held"]]
        lost = tracked.groupby("number")["fraction"].max()
        return lost.reindex(range(self.originals.shape[1])).to_numpy(dtype=np.float64)

    def as_json(self) -> list[dict[str, Any]]:
        """The summary for ``--json``: shares of random starts by kind, and of tracked maxima that are features."""
        names = {
            "n": "n", "random_feature": "share_feature", "random_mixed": "share_mixed",
            "random_memorising": "share_memorising", "tracked_feature": "tracked_feature", "mean_cosine": "mean_cosine",
        }  # fmt: skip
        rows = self.summary()[list(names)].rename(columns=names).to_dict("records")
        return [{str(name): value for name, value in row.items()} for row in rows]


def course(
    spec: LandscapeSpec, steps: int = STEPS, tracks: int | None = None, progress: Progress | None = None
) -> Course:
    """Follow the maxima of the energy from all pairs down to a specification's.

    The sizes are evenly spaced; the specification's pairs are the smallest set, and the others join it in random order.
    At each size ascents begin at the ends for the next larger one (tracked), at the maxima on all pairs (original), and
    at random points.

    Args:
        spec: with part of the pairs; its ``starts`` are not used.
        steps: number of sizes, at least 2.
        tracks: maxima to be followed, as many random starts as well; default: by the number of pairs.
        progress: called with the number of sizes done.

    Raises:
        Li2Error: if the specification takes all pairs, or σ is linear, or it cannot be met.
    """
    if not spec.has_course:
        raise Li2Error(
            "a course leads from all pairs to a part of them for a σ that is not linear; give one of train_fraction, "
            "train_size and train_index."
        )
    terrain = Terrain.of(spec)
    nested = _nested(terrain)
    least = len(terrain.pairs())
    sizes = np.unique(np.linspace(least, len(nested), steps).round().astype(int))[::-1]
    if tracks is None:
        tracks = min(MOST_TRACKS, max(FEWEST_TRACKS, WORK // len(nested)))
    whole = terrain.whole_energy()
    starts = random_starts(whole, tracks, spec.seed)
    originals = _ascended(terrain, whole, starts, is_end=True).nodes
    ends = {"tracked": originals, "original": originals, "random": starts}
    tables = []
    for done, n in enumerate(sizes):
        if progress is not None:
            progress(done, len(sizes))
        energy = whole if n == len(nested) else terrain.energy(nested[:n])
        ascent = _ascended(terrain, energy, torch.cat([ends["tracked"], originals, starts], dim=1), n in sizes[[0, -1]])
        ends = dict(zip(PATHS, torch.split(ascent.nodes, tracks, dim=1), strict=True))
        tables.append(_described(terrain, ascent, originals, int(n)))
    if progress is not None:
        progress(len(sizes), len(sizes))
    table = pd.concat(tables, ignore_index=True)
    table["is_held"] = _held(table)
    part, linear = terrain.energy(nested[:least]), terrain.energy(nested[:least], "x")
    spectrum = _form(linear)[:: 2 if terrain.is_complex else 1]  # i·w has the energy of w
    on_all = float(_form(terrain.energy(nested, "x")).max())
    return Course(spec, table, originals, ends, whole, part, linear, spectrum, on_all)


def _nested(terrain: Terrain) -> NDArray[np.int64]:
    """All pairs by number, the specification's first, the others in random order."""
    first = terrain.pairs()
    others = np.setdiff1d(np.arange(terrain.task.size), first)
    return np.concatenate([first, np.random.default_rng([terrain.spec.seed, COURSE_STREAM]).permutation(others)])


def _ascended(terrain: Terrain, energy: Energy, starts: Nodes, is_end: bool) -> Ascent:
    if is_end:
        return terrain.climb(energy, starts, newton=False)
    return terrain.climb(energy, starts, tolerance=TOLERANCE, steps=GRADIENT_STEPS, newton=False)


def _described(terrain: Terrain, ascent: Ascent, originals: Nodes, n: int) -> pd.DataFrame:
    """The rows of one size, but for ``is_held``."""
    tracks = originals.shape[1]
    table = terrain.described(ascent)
    table["n"], table["fraction"] = n, n / terrain.task.size
    table["path"], table["number"] = np.repeat(PATHS, tracks), np.tile(np.arange(tracks), len(PATHS))
    table["cosine"] = _cosines(ascent.nodes, originals.repeat(1, len(PATHS)), terrain.is_complex).cpu().numpy()
    table.loc[table["path"] == "random", "cosine"] = math.nan
    return table[[name for name in COURSE_COLUMNS if name != "is_held"]]


def _cosines(left: Nodes, right: Nodes, is_complex: bool) -> Float[Tensor, " S"]:
    """|cos| of the columns of two sets of nodes, complex ones up to a phase."""
    cosines = (left * right).sum(dim=0)
    if not is_complex:
        return cosines.abs()
    half = len(left) // 2
    return torch.hypot(cosines, (left[:half] * right[half:] - left[half:] * right[:half]).sum(dim=0))


def _held(table: pd.DataFrame) -> pd.Series:
    """Whether tracked ends are features of their first irrep, there and at all larger sizes; False for other paths."""
    tracked = table[table["path"] == "tracked"]
    by_number = tracked.groupby("number")
    same = (tracked["kind"] == "feature") & (tracked["irrep"] == by_number["irrep"].transform("first"))
    return same.groupby(tracked["number"]).cummin().reindex(table.index, fill_value=False)


def _form(linear: Energy) -> NDArray[np.float64]:
    """The eigenvalues of a quadratic energy wᵀAw, descending."""
    hessian = linear.hessian(torch.zeros(linear.size, dtype=torch.float64, device=linear.device))
    return torch.linalg.eigvalsh(hessian / 2).flip(0).cpu().numpy()
