"""The losses, all averaged over samples, with the residual that they backpropagate.

For outputs O = βFV (n × M) and one-hot labels Y the residual is R = −(n/2)·∂loss/∂O, so that
G_F = −(n/2)·∂loss/∂F = β·R·Vᵀ for every loss.

==============  ==========================================  =======================
name            loss                                        R
==============  ==========================================  =======================
mse             ‖(Y − 1/M) − (O − class mean of O)‖²/n      the bracket
mse-centred     ‖P₁(Y − O)‖²/n, P₁ centres over samples     P₁(Y − O)
cross-entropy   mean of −log softmax(O)[label]              ½(Y − softmax(O))
==============  ==========================================  =======================
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

Outputs = Float[Tensor, "n M"]
Labels = Int[Tensor, " n"]


@dataclass(frozen=True)
class Loss:
    """A loss with all that the theory needs to know of it.

    Attributes:
        name: as in a specification.
        centres_samples: whether formulas use F̃ = P₁F and Ỹ = P₁Y (else F and Y − 1/M).
        centres_classes: whether the loss ignores what V adds to all classes alike.
        has_ridge: whether V has a ridge solution under coupled weight decay.
        value: (outputs, labels, offset) ↦ loss, a scalar tensor.
        residual: (outputs, labels) ↦ R on training data, (n, M).
    """

    name: str
    centres_samples: bool
    centres_classes: bool
    has_ridge: bool
    value: Callable[[Outputs, Labels, Tensor | None], Tensor]
    residual: Callable[[Outputs, Labels], Outputs]

    def offset(self, outputs: Outputs, labels: Labels) -> Tensor | None:
        """What must be added to a network's outputs to make them its predictions, (M,), or None.

        A loss that is centred over samples leaves a constant per class undetermined; the prediction takes
        it from the training set: mean(Y − O).
        """
        if not self.centres_samples:
            return None
        return _one_hot(outputs, labels).sub_(outputs).mean(dim=0)

    def targets(self, labels: Labels, classes: int, dtype: torch.dtype) -> Float[Tensor, "n M"]:
        """Ỹ of the formulas: P₁Y for a loss centred over samples, else Y − 1/M."""
        one_hot = functional.one_hot(labels, classes).to(dtype)
        return one_hot - (one_hot.mean(dim=0) if self.centres_samples else 1 / classes)


def _one_hot(outputs: Outputs, labels: Labels) -> Outputs:
    return functional.one_hot(labels, outputs.shape[1]).to(outputs.dtype)


def _class_centred_residual(outputs: Outputs, labels: Labels) -> Outputs:
    residual = outputs.mean(dim=1, keepdim=True) - outputs
    residual -= 1 / outputs.shape[1]
    rows = torch.arange(len(labels), device=labels.device)
    residual[rows, labels] += 1
    return residual


def _class_centred_value(outputs: Outputs, labels: Labels, offset: Tensor | None) -> Tensor:
    return _class_centred_residual(outputs, labels).square().sum() / len(labels)


def _sample_centred_residual(outputs: Outputs, labels: Labels) -> Outputs:
    difference = _one_hot(outputs, labels) - outputs
    return difference - difference.mean(dim=0)


def _sample_centred_value(outputs: Outputs, labels: Labels, offset: Tensor | None) -> Tensor:
    difference = _one_hot(outputs, labels) - outputs
    centre = difference.mean(dim=0) if offset is None else offset
    return (difference - centre).square().sum() / len(labels)


def _cross_entropy_residual(outputs: Outputs, labels: Labels) -> Outputs:
    return (_one_hot(outputs, labels) - outputs.softmax(dim=1)) / 2


_LOSSES = {
    loss.name: loss
    for loss in (
        Loss("mse", False, True, True, _class_centred_value, _class_centred_residual),
        Loss("mse-centred", True, False, True, _sample_centred_value, _sample_centred_residual),
        Loss(
            "cross-entropy",
            False,
            True,
            False,
            lambda outputs, labels, offset: functional.cross_entropy(outputs, labels),
            _cross_entropy_residual,
        ),
    )
}


def named_loss(name: str) -> Loss:
    """The loss of that name: mse, mse-centred or cross-entropy."""
    return _LOSSES[name]
