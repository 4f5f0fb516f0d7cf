"""Everything a run needs, built from its specification."""

import os
from dataclasses import dataclass

import torch

from li2.diagnostics import FourierBasis
from li2.errors import Li2Error
from li2.groups import Representations
from li2.models import (
    Examples,
    Problem,
    TwoLayer,
    Weights,
    initial_weights,
    named_activation,
    named_device,
    named_loss,
)
from li2.optim import Optimizer, make_optimizer
from li2.specs import RunSpec
from li2.tasks import Split, Task


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
    test: Examples
    optimizer: Optimizer
    basis: FourierBasis | None
    no_irreps_reason: str | None

    @classmethod
    def build(cls, spec: RunSpec, task: Task, split: Split) -> "Setup":
        """The set-up of a run.

        Raises:
            Li2Error: if the device is not there or the run does not fit into memory.
        """
        device = named_device(spec.device)
        _check_memory(spec, task, len(split.train), device)
        operands, labels = torch.tensor(task.operands), torch.tensor(task.labels)
        train, test = (
            Examples.of_operands(operands[torch.tensor(part)], labels[torch.tensor(part)], task.order, device)
            for part in (split.train, split.test)
        )
        optimizer = make_optimizer(spec)
        problem = Problem(
            network=TwoLayer(named_activation(spec.activation), spec.output_scale),
            loss=named_loss(spec.loss),
            train=train,
            classes=task.order,
            decay=spec.weight_decay if optimizer.couples_decay else None,
        )
        reason = _no_irreps_reason(task)
        basis = None
        if reason is None:
            assert task.group is not None
            basis = FourierBasis(Representations(task.group), device)
        return cls(spec, task, split, device, problem, test, optimizer, basis, reason)

    def initial_weights(self) -> Weights:
        """The weights at epoch 0; raises Li2Error if an init file is wrong."""
        return initial_weights(self.spec, self.task.operands.shape[1], self.task.order, self.device)

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.spec.lr * self.spec.learning_rates.factor(step, self.spec.epochs)

    def not_applicable(self) -> dict[str, str]:
        """What of the diagnosis does not apply to this run, and why."""
        reasons = {}
        if self.no_irreps_reason:
            reasons["irreps"] = self.no_irreps_reason
        if self.problem.no_ridge_reason:
            reasons["ridge"] = self.problem.no_ridge_reason
            reasons["repulsion"] = self.problem.no_ridge_reason
        elif not self.problem.eta:
            reasons["repulsion"] = "without weight decay η is 0 and (F̃ᵀF̃ + ηI)⁻¹ need not exist"
        return reasons


def _check_memory(spec: RunSpec, task: Task, n: int, device: torch.device) -> None:
    """Refuse a run whose largest arrays cannot fit, before anything is written."""
    size = 8 if spec.dtype == "float64" else 4
    pairs, inputs = task.size, task.operands.shape[1] * task.order
    needed = size * spec.width * (4 * pairs + 8 * (inputs + task.order))  # activations; weights and optimiser
    needed += size * task.order * 4 * pairs  # outputs, residuals and targets
    if spec.diagnose != "off":  # Gram matrices in float64, their factors and inverses
        needed += 8 * (6 * spec.width**2 + 3 * min(n, spec.width) ** 2)
    if device.type == "cuda":
        there = torch.cuda.get_device_properties(device).total_memory
    elif hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    else:
        return
    if needed > there:
        raise Li2Error(
            f"group={spec.group} with width={spec.width} needs about {needed / 1e9:,.0f} GB of memory, but there are "
            f"{there / 1e9:,.0f} GB; take a smaller width or group, or diagnose=off."
        )


def _no_irreps_reason(task: Task) -> str | None:
    if task.group is None:
        return f"{task.name} is not the law of a group"
    if task.order == 1:
        return "the trivial group has no non-trivial irreps"
    return None
