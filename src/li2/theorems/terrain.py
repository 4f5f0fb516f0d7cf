"""What a landscape's specification stands for: the group, the pairs, the energies on them, and their ascents."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from li2.diagnostics import FourierBasis
from li2.errors import Li2Error
from li2.groups import Group, Representations
from li2.landscape import Ascent, ComplexEnergy, Energy, SampleEnergy, TableEnergy, ascend, end_points
from li2.landscape.ascent import Progress
from li2.landscape.energies import Nodes
from li2.models import named_activation, named_device
from li2.specs import LandscapeSpec
from li2.specs.parsing import parse_activation
from li2.tasks import Task, build_split, build_task, examples_of
from li2.theory.maxima import Maximum, complex_maximum, square_maximum

BLOCK = 20_000_000
"""Activations held at once; more starts go one block after the other."""


@dataclass(frozen=True, eq=False)
class Terrain:
    """Where the nodes of a specification climb.

    Attributes:
        spec: the specification.
        task: its pairs and labels.
        group: their group.
        device: where energies are computed.
    """

    spec: LandscapeSpec
    task: Task
    group: Group
    device: torch.device

    @classmethod
    def of(cls, spec: LandscapeSpec) -> "Terrain":
        """That of a specification; raises Li2Error if its labels are no law of a group."""
        task = build_task(spec.group)
        if task.group is None or task.order == 1:
            what = "the trivial group has no features" if task.group else f"{task.name} is not the law of a group"
            raise Li2Error(f"a landscape is described by the irreps of a group, but {what}.")
        return cls(spec, task, task.group, named_device(spec.device))

    @property
    def is_complex(self) -> bool:
        """Whether weights are complex; nodes are [Re w; Im w] then."""
        return self.spec.weights == "complex"

    @cached_property
    def basis(self) -> FourierBasis:
        """The irreps that end points are described by."""
        return FourierBasis(Representations(self.group), self.device, is_complex=self.is_complex)

    def pairs(self) -> NDArray[np.int64]:
        """The numbers of the specification's pairs; raises Li2Error if they cannot be drawn."""
        if self.spec.has_all_pairs:
            return np.arange(self.task.size)
        return build_split(self.task, self.spec, needs_test=False).train

    @property
    def coefficient(self) -> float:
        """b if σ(x) = a·x + b·x² and Ỹ is centred, where the theory knows the maxima on all pairs; otherwise 0."""
        kind, _, b = parse_activation(self.spec.activation)
        return {"square": 1.0, "polynomial": b}.get(kind, 0.0) if self.spec.centring != "none" else 0.0

    def whole_energy(self) -> Energy:
        """The energy on all pairs."""
        if not self.coefficient:
            return self.energy(np.arange(self.task.size))
        table = TableEnergy(self.group, self.device, self.coefficient, is_complex=self.is_complex)
        return ComplexEnergy(table) if self.is_complex else table

    def energy(self, chosen: NDArray[np.int64], activation: str | None = None) -> Energy:
        """The energy on some pairs, by their numbers; with another σ, if given."""
        samples = examples_of(self.task, chosen, self.device)
        sigma = named_activation(activation or self.spec.activation)
        energy = SampleEnergy(samples.rows, samples.labels, self.task.order, sigma, self.spec.centring)
        return ComplexEnergy(energy) if self.is_complex else energy

    def predicted(self, dimension: int, kind: str) -> Maximum:
        """The maxima in irreps of a dimension and type on all pairs, where :attr:`coefficient` is not 0."""
        order = self.task.order
        maximum = complex_maximum(order, dimension) if self.is_complex else square_maximum(order, dimension, kind)
        return replace(maximum, energy=self.coefficient**2 * maximum.energy)

    def climb(
        self,
        energy: Energy,
        starts: Nodes,
        progress: Progress | None = None,
        **options: Any,
    ) -> Ascent:
        """All ascents, in blocks that fit into memory; see :func:`li2.landscape.ascend`, also for the options."""
        inner = energy.inner if isinstance(energy, ComplexEnergy) else energy
        height = len(inner.rows) if isinstance(inner, SampleEnergy) else self.task.order
        ascents: list[Ascent] = []
        done, total = 0, starts.shape[1]
        for block in torch.split(starts, max(1, BLOCK // height), dim=1):
            shown = None if progress is None else _shifted(progress, done, total)
            ascents.append(ascend(energy, block, shown, **options))
            done += block.shape[1]
        return Ascent(
            torch.cat([a.nodes for a in ascents], dim=1),
            torch.cat([a.energies for a in ascents]),
            torch.cat([a.slopes for a in ascents]),
            torch.cat([a.converged for a in ascents]),
        )

    def described(self, ascent: Ascent) -> pd.DataFrame:
        """The end points by irrep, see :data:`li2.landscape.END_POINT_COLUMNS`."""
        return end_points(ascent, self.basis, self.group)


def _shifted(progress: Progress, before: int, total: int) -> Callable[[int, int], None]:
    return lambda converged, _: progress(before + converged, total)
