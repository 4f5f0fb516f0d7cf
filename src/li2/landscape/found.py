"""Whether a few dozen nodes that climb find features on given training sets, with nothing trained."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from li2.diagnostics import FourierBasis
from li2.errors import Li2Error
from li2.groups import Representations
from li2.landscape.ascent import Progress
from li2.landscape.classify import FEATURE, MEMORISING
from li2.landscape.energies import Nodes, SampleEnergy
from li2.landscape.walks import follow, follow_gradient
from li2.landscape.whitened import WideLayer, run_levels, whitened
from li2.models import initial_weights, named_activation, unit_nodes
from li2.optim import make_optimizer
from li2.specs import AscentSpec, RunSpec
from li2.statistics import Interval, median
from li2.tasks import Task, build_split, build_task, examples_of
from li2.theory.kernel import Levels

CPU = torch.device("cpu")


@dataclass(frozen=True, eq=False)
class FoundNodes:
    """Where the nodes of one training set are after their steps.

    Attributes:
        seed: of the training set.
        size: n.
        eta: η.
        nodes: (2M, S) float64.
        purity: (S,) share of each node's non-constant mass in one copy of its best irrep; 0 for a constant node.
        irreps: label of that irrep, for each node.
    """

    seed: int
    size: int
    eta: float
    nodes: Nodes
    purity: Float[np.ndarray, " S"]
    irreps: tuple[str, ...]

    @property
    def median_purity(self) -> float:
        """Over the nodes."""
        return float(np.median(self.purity))

    @property
    def features(self) -> float:
        """The share of nodes that are features."""
        return float((self.purity >= FEATURE).mean())

    @property
    def memorising(self) -> float:
        """The share of nodes that memorise."""
        return float((self.purity < MEMORISING).mean())

    @property
    def found(self) -> dict[str, int]:
        """How many features each irrep has, of those that have some."""
        chosen = (label for label, purity in zip(self.irreps, self.purity, strict=True) if purity >= FEATURE)
        return dict(sorted(Counter(chosen).items()))

    def as_json(self) -> dict[str, Any]:
        """Plain values only; without the nodes."""
        return {
            "seed": self.seed,
            "n": self.size,
            "eta": self.eta,
            "purity": self.median_purity,
            "features": self.features,
            "memorising": self.memorising,
            "irreps": self.found,
        }


@dataclass(frozen=True, eq=False)
class Ascents:
    """What nodes found on several training sets of one size.

    Attributes:
        spec: what was asked for.
        order: M.
        ratio: n/M².
        levels: of the initial layer's kernel, with the error of their quadrature.
        subsets: one for each training set.
    """

    spec: AscentSpec
    order: int
    ratio: float
    levels: Levels
    subsets: tuple[FoundNodes, ...]

    @property
    def purity(self) -> Interval:
        """The median over training sets of the median over nodes, with its interval."""
        return median([subset.median_purity for subset in self.subsets])

    @property
    def features(self) -> Interval:
        """The median share of nodes that are features."""
        return median([subset.features for subset in self.subsets])

    @property
    def memorising(self) -> Interval:
        """The median share of nodes that memorise."""
        return median([subset.memorising for subset in self.subsets])

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        return {
            "group": self.spec.group,
            "order": self.order,
            "ratio": self.ratio,
            "kernel": {name: getattr(self.levels, name) for name in ("both", "one", "none", "error")},
            **{name: getattr(self, name).as_json() for name in ("purity", "features", "memorising")},
            "subsets": [subset.as_json() for subset in self.subsets],
        }


class Population:
    """A few nodes of an initial layer, ready to climb on training sets of any size.

    Args:
        spec: which nodes climb what; its amount of data is that of :meth:`found` without a size.

    Raises:
        Li2Error: if the task is no group of order 2 or more, or the kernel of its initial layer is not known.
    """

    def __init__(self, spec: AscentSpec) -> None:
        self.spec = spec
        self.task: Task = build_task(spec.group)
        if self.task.group is None or self.task.order == 1:
            what = "the trivial group has no features" if self.task.group else f"{self.task.name} is not a group's law"
            raise Li2Error(f"features are those of the irreps of a group, but {what}.")
        self.basis = FourierBasis(Representations(self.task.group), CPU)
        self.levels = run_levels(spec.run(0), self.task.order)

    def found(self, subset: int, size: int | None = None) -> FoundNodes:
        """Where the nodes of a training set, numbered from 0, climb to; larger ones contain the smaller.

        Args:
            subset: which.
            size: n, if it is not that of the specification.

        Raises:
            Li2Error: if the training set cannot be drawn.
        """
        run = self.spec.run(subset)
        if size is not None:
            run = run.with_changes(train_size=size)
        energy, eta = self.energy(run)
        ends = self._climbed(energy, run)
        features = self.basis.node_features(ends)
        labels = self.basis.labels
        return FoundNodes(
            run.seed,
            len(energy.labels),
            eta,
            ends,
            features.purity.nan_to_num(0.0).numpy(),
            tuple(labels[number] for number in features.irrep.tolist()),
        )

    def energy(self, run: RunSpec) -> tuple[SampleEnergy, float]:
        """What the nodes climb on a run's training set, and η.

        It is scaled so that its gradient is −∂loss/∂w of a node whose top weights are the ridge solution's: E_η by
        2/(nη), and where P_η is left out by what P_η makes of functions with no additive part.
        """
        samples = examples_of(self.task, build_split(self.task, run).train, CPU)
        n, spec = len(samples), self.spec
        eta = n * spec.weight_decay / 2 if spec.eta is None else spec.eta
        layer = WideLayer(self.levels, spec.width, eta)
        centring = "samples" if spec.loss == "mse-centred" else "classes"
        plain = SampleEnergy(samples.rows, samples.labels, self.task.order, named_activation(spec.activation), centring)
        sides = {"both": 2, "one-sided": 1}.get(spec.whitening, 0)
        scale = 2 / (n * eta) * layer.damping ** (2 - sides)
        return whitened(plain, spec.whitening, layer, scale), eta

    def _climbed(self, energy: SampleEnergy, run: RunSpec) -> Nodes:
        spec = self.spec
        starts = initial_weights(run, 2, self.task.order, CPU).W[:, : spec.nodes].contiguous()
        on_sphere = spec.walk == "sphere"
        if on_sphere:
            starts = unit_nodes(starts)
        if spec.geometry == "gradient":
            return follow_gradient(energy, starts, spec.steps)
        optimizer = make_optimizer(run)
        decay = 0.0 if on_sphere else spec.weight_decay
        return follow(energy, starts, spec.steps, optimizer, spec.lr, decay, on_sphere=on_sphere)


def find_features(spec: AscentSpec, progress: Progress | None = None) -> Ascents:
    """Let nodes climb on every training set of a specification.

    Args:
        spec: which nodes, on which training sets, and how.
        progress: called with the number of training sets that are done, and of all.

    Raises:
        Li2Error: if the specification cannot be met.
    """
    population = Population(spec)
    subsets = []
    for number in range(spec.subsets):
        subsets.append(population.found(number))
        if progress is not None:
            progress(number + 1, spec.subsets)
    ratio = subsets[0].size / population.task.size
    return Ascents(spec, population.task.order, ratio, population.levels, tuple(subsets))
