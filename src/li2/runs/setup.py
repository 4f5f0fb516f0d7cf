"""Everything a run needs, built from its specification."""

from dataclasses import dataclass
from functools import cached_property

import torch

from li2.diagnostics import FourierBasis
from li2.errors import Li2Error
from li2.groups import Representations
from li2.models import (
    Problem,
    Samples,
    Transformer,
    TwoLayer,
    Weights,
    initial_weights,
    named_device,
    named_loss,
    named_network,
)
from li2.optim import Optimizer, make_optimizer
from li2.specs import RunSpec
from li2.tasks import Complement, Split, Task, build_split, build_task, examples_of, main_memory, samples_of
from li2.theorems.layers import SAMPLES as OPERATOR_SAMPLES
from li2.training import Trainee


@dataclass(frozen=True, eq=False)
class Setup:
    """A run's specification with its task, split, training problem, test set and optimiser.

    Attributes:
        basis: the irreps of the group, or None with ``no_irreps_reason`` saying why there is none.
    """

    spec: RunSpec
    task: Task
    split: Split
    device: torch.device
    problem: Problem
    test: Samples
    optimizer: Optimizer
    basis: FourierBasis | None
    no_irreps_reason: str | None

    @classmethod
    def of(cls, spec: RunSpec) -> "Setup":
        """The set-up of a run that begins; raises Li2Error as :meth:`build` does, or if its task or split is wrong."""
        task = build_task(spec.group, spec.operands)
        return cls.build(spec, task, build_split(task, spec))

    @classmethod
    def build(cls, spec: RunSpec, task: Task, split: Split) -> "Setup":
        """The set-up of a run.

        Raises:
            Li2Error: if the device is not there, the run does not fit into memory, or a step would take more tuples
                than are trained on.
        """
        device = named_device(spec.device)
        _check_batch_size(spec, len(split.train))
        _check_memory(spec, task, split, device)
        train, test = examples_of(task, split.train, device), samples_of(task, split.test, device)
        optimizer = make_optimizer(spec)
        problem = Problem(
            network=named_network(spec),
            loss=named_loss(spec.loss),
            train=train,
            classes=task.order,
            decay=spec.weight_decay if optimizer.couples_decay else None,
            ridge=_ridge(spec, len(train)),
        )
        reason = _no_irreps_reason(task, problem)
        basis = None
        if reason is None:
            assert task.group is not None
            basis = FourierBasis(Representations(task.group), device, is_complex=spec.weights == "complex")
        return cls(spec, task, split, device, problem, test, optimizer, basis, reason)

    def initial_weights(self) -> Weights:
        """The weights at epoch 0; raises Li2Error if an init file is wrong."""
        return initial_weights(self.spec, self.task.operands, self.task.order, self.device)

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch's steps, by the epochs done before it."""
        return self.spec.lr * self.spec.learning_rates.factor(epoch, self.spec.epochs)

    @property
    def irreps_total(self) -> int | None:
        """How many non-trivial irreps there are to be covered, conjugates together; None where irreps do not apply."""
        return None if self.basis is None else len(set(self.basis.joined))

    @cached_property
    def trainee(self) -> Trainee:
        """What is trained, and how."""
        return Trainee(
            problem=self.problem,
            test=self.test,
            optimizer=self.optimizer,
            weight_decay=self.spec.weight_decay,
            rate=self.rate,
            batch_size=self.spec.batch_size,
            seed=self.spec.seed,
        )

    def not_applicable(self) -> dict[str, str]:
        """What of the diagnosis does not apply to this run, and why."""
        reasons = {}
        if self.no_irreps_reason:
            reasons["irreps"] = self.no_irreps_reason
        if not isinstance(self.problem.network, TwoLayer):
            why = "it is defined for one hidden layer on one-hot inputs"
            return reasons | dict.fromkeys(("energies", "course", "ridge", "repulsion"), why)
        if self.spec.batch_size is not None:
            reasons["course"] = "the predicted course of the lazy stage is that of steps on all training samples"
        if self.problem.ridge is not None:
            reasons["course"] = "V is set to the ridge solution and has no course of its own"
        if self.problem.no_ridge_reason:
            reasons["ridge"] = self.problem.no_ridge_reason
            reasons["repulsion"] = self.problem.no_ridge_reason
        elif not self.problem.eta:
            reasons["repulsion"] = "without weight decay η is 0 and (F̃ᵀF̃ + ηI)⁻¹ need not exist"
        return reasons


def _ridge(spec: RunSpec, n: int) -> float | None:
    """η with which V is set; None where it is trained."""
    if spec.top_layer != "ridge":
        return None
    return n * spec.weight_decay / 2 if spec.ridge is None else spec.ridge


def _check_batch_size(spec: RunSpec, n: int) -> None:
    if spec.batch_size is not None and spec.batch_size > n:
        raise Li2Error(
            f"batch_size={spec.batch_size}, but the training set has {n} samples; take at most {n}, "
            "or leave it out for one step on all of them."
        )
    if spec.batch_size == 1 and named_loss(spec.loss).centres_samples:
        raise Li2Error(f"loss={spec.loss} centres over a step's samples, so batch_size must be 2 or more, not 1.")


def is_deep(spec: RunSpec) -> bool:
    """Whether the network is another than one hidden layer on one-hot inputs."""
    return spec.architecture != "mlp" or spec.layers > 1 or spec.embedding != "one-hot"


def weights_of(spec: RunSpec, operands: int, order: int) -> int:
    """Numbers in a network's weights, roughly."""
    if spec.architecture == "transformer":
        own = 4 * spec.width**2 + 2 * spec.width * spec.feedforward
        return 2 * spec.width * order + spec.layers * own
    embedding = order**2 if spec.embedding == "trainable" else 0
    return spec.columns * (operands + 1) * order + (spec.layers - 1) * spec.width**2 + embedding


def memory_needed(spec: RunSpec, task: Task, samples: int, held: int) -> int:
    """Bytes of a run's largest arrays, roughly.

    Activations of the hidden layer are held for a block of samples at a time, and for the diagnosis of all training
    samples.

    Args:
        spec: the run.
        task: its task.
        samples: training tuples.
        held: test tuples that are held; a streamed test set is not.
    """
    size = 8 if spec.dtype == "float64" else 4
    needed = 8 * (task.operands + 1) * (samples + held)  # rows and labels
    needed += size * 8 * weights_of(spec, task.operands, task.order)  # weights, gradients and optimiser
    needed += size * task.order * 4 * samples  # outputs, residuals and targets
    if spec.top_layer == "ridge":  # features, also in float64 and padded; a Gram matrix with its factor
        needed += (size + 16) * spec.columns * samples + 8 * 3 * min(samples, spec.columns) ** 2
    if is_deep(spec):  # features and gradients of all layers, and operators on samples
        if spec.diagnose != "off" and spec.architecture == "mlp":
            needed += size * (4 * spec.layers * spec.width * samples + 8 * min(samples, OPERATOR_SAMPLES) ** 2)
    elif spec.diagnose != "off":  # features and their gradients; Gram matrices in float64, factors and inverses
        needed += size * spec.columns * 5 * samples
        needed += 8 * (2 * spec.columns * samples + 6 * spec.columns**2 + 3 * min(samples, spec.columns) ** 2)
    return needed


def _check_memory(spec: RunSpec, task: Task, split: Split, device: torch.device) -> None:
    """Refuse a run whose largest arrays cannot fit, before anything is written."""
    held = 0 if isinstance(split.test, Complement) else len(split.test)
    needed = memory_needed(spec, task, len(split.train), held)
    there = torch.cuda.get_device_properties(device).total_memory if device.type == "cuda" else main_memory()
    if there is not None and needed > there:
        raise Li2Error(
            f"group={spec.group} with width={spec.width} needs about {needed / 1e9:,.0f} GB of memory, but there are "
            f"{there / 1e9:,.0f} GB; take a smaller width, group or training set, or diagnose=off."
        )


def _no_irreps_reason(task: Task, problem: Problem) -> str | None:
    if isinstance(problem.network, Transformer):
        return "a transformer has no nodes on one-hot inputs that could carry irreps"
    if task.table is None:
        return "a polynomial in more than two operands is not taken for the law of a group; group=NAME has irreps"
    if task.group is None:
        return f"{task.name} is not the law of a group"
    if task.order == 1:
        return "the trivial group has no non-trivial irreps"
    return None
