"""The losses, all averaged over samples, with the residual that they backpropagate.

For outputs O = βFV (n × M) and one-hot labels Y the residual is R = −(n/2)·∂loss/∂O, so that
G_F = −(n/2)·∂loss/∂F = β·R·Vᵀ for every loss.

==============  ==========================================  =======================
name            loss                                        R
==============  ==========================================  =======================
mse             ‖(Y − 1/M) − (O − class mean of O)‖²/n      the bracket
mse-centred     ‖P₁(Y − O)‖²/n, P₁ centres over samples     P₁(Y − O)
cross-entropy   mean of −log softmax(O)[label]              ½(Y − softmax(O))
stablemax       mean of −log(s(O)/Σs(O))[label]             ½(Y − s/Σs)/(1 + |O|)
==============  ==========================================  =======================

s(x) = x + 1 for x ≥ 0, 1/(1 − x) for x < 0 (StableMax; Prieto et al., arXiv:2501.04697).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

Outputs = Float[Tensor, "*R n M"]
Labels = Int[Tensor, "*R n"]


@dataclass(frozen=True)
class Loss:
    """A loss with all that the theory needs to know of it, for one run or, along leading axes, for many.

    Attributes:
        name: as in a specification.
        centres_samples: whether formulas use F̃ = P₁F and Ỹ = P₁Y (else F and Y − 1/M).
        centres_classes: whether the loss ignores what V adds to all classes alike.
        has_ridge: whether V has a ridge solution under coupled weight decay.
        value: (outputs, labels, offset) ↦ loss of each run.
        residual: (outputs, labels, offset) ↦ R on training data, (…, n, M); offset: that of all the training samples
            where these are only some of them, else None.
    """

    name: str
    centres_samples: bool
    centres_classes: bool
    has_ridge: bool
    value: Callable[[Outputs, Labels, Tensor | None], Tensor]
    residual: Callable[[Outputs, Labels, Tensor | None], Outputs]

    def offset(self, outputs: Outputs, labels: Labels) -> Float[Tensor, "*R M"] | None:
        """What must be added to a network's outputs to make them its predictions, or None.

        A loss that is centred over samples leaves a constant per class undetermined; the prediction takes
        it from the training set: mean(Y − O).
        """
        return _from_one_hot(outputs, labels).mean(dim=-2) if self.centres_samples else None

    def targets(self, labels: Int[Tensor, " n"], classes: int, dtype: torch.dtype) -> Float[Tensor, "n M"]:
        """Ỹ of the formulas: P₁Y for a loss centred over samples, else Y − 1/M."""
        one_hot = functional.one_hot(labels, classes).to(dtype)
        return one_hot - (one_hot.mean(dim=0) if self.centres_samples else 1 / classes)


def _from_one_hot(outputs: Outputs, labels: Labels) -> Outputs:
    """Y − outputs."""
    return outputs.neg().scatter_add_(-1, labels[..., None], outputs.new_ones(*labels.shape, 1))


def _class_centred_residual(outputs: Outputs, labels: Labels, offset: Tensor | None) -> Outputs:
    difference = _from_one_hot(outputs, labels)
    return difference.sub_(difference.mean(dim=-1, keepdim=True))


def _class_centred_value(outputs: Outputs, labels: Labels, offset: Tensor | None) -> Tensor:
    return _class_centred_residual(outputs, labels, None).square().sum(dim=(-2, -1)) / labels.shape[-1]


def _sample_centred_residual(outputs: Outputs, labels: Labels, offset: Tensor | None) -> Outputs:
    difference = _from_one_hot(outputs, labels)
    centre = difference.mean(dim=-2) if offset is None else offset
    return difference.sub_(centre[..., None, :])


def _sample_centred_value(outputs: Outputs, labels: Labels, offset: Tensor | None) -> Tensor:
    return _sample_centred_residual(outputs, labels, offset).square().sum(dim=(-2, -1)) / labels.shape[-1]


def _cross_entropy_value(outputs: Outputs, labels: Labels, offset: Tensor | None) -> Tensor:
    return -outputs.log_softmax(dim=-1).gather(-1, labels[..., None]).mean(dim=(-2, -1))


def _cross_entropy_residual(outputs: Outputs, labels: Labels, offset: Tensor | None) -> Outputs:
    return _from_one_hot(outputs.softmax(dim=-1), labels).mul_(0.5)


def _logarithm(outputs: Outputs) -> Outputs:
    """log s(x) = sign(x)·log(1 + |x|), whose slope is 1/(1 + |x|): StableMax is a softmax of it."""
    return outputs.sign() * outputs.abs().log1p()


def _stablemax_value(outputs: Outputs, labels: Labels, offset: Tensor | None) -> Tensor:
    return _cross_entropy_value(_logarithm(outputs), labels, None)


def _stablemax_residual(outputs: Outputs, labels: Labels, offset: Tensor | None) -> Outputs:
    return _cross_entropy_residual(_logarithm(outputs), labels, None).div_(1 + outputs.abs())


_LOSSES = {
    loss.name: loss
    for loss in (
        Loss("mse", False, True, True, _class_centred_value, _class_centred_residual),
        Loss("mse-centred", True, False, True, _sample_centred_value, _sample_centred_residual),
        Loss("cross-entropy", False, True, False, _cross_entropy_value, _cross_entropy_residual),
        Loss("stablemax", False, False, False, _stablemax_value, _stablemax_residual),
    )
}


def named_loss(name: str) -> Loss:
    """The loss of that name: mse, mse-centred, cross-entropy or stablemax."""
    return _LOSSES[name]
