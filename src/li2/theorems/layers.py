"""Section 6 beside a run: the gradient of each layer of a deeper network, and the forms that are predicted for it."""

import math

import torch
from torch import Tensor

from li2.diagnostics import LayersSnapshot
from li2.theory.depth import kernel_gradients, printed_gradients

LAYER_PREDICTIONS = {
    "predicted_cosine": "cos of G_l with the kernel form for random layers above; of the top one with ỸỸᵀF_L",
    "printed_cosine": "cos of G_l with D̃ỸỸᵀD̃F_l, D̃ the mean gates of the layers above",
}

SAMPLES = 4096
"""Operators on more samples than that are not built."""


def compare_layers(snapshot: LayersSnapshot) -> dict[str, list[float]]:
    """The :data:`LAYER_PREDICTIONS` of every layer.

    They are for relu and square without residuals; NaN otherwise, above :data:`SAMPLES` samples, and where one of the
    two is zero or not finite.
    """
    network, activation = snapshot.network, snapshot.network.activation
    features = [layer.features for layer in snapshot.layers]
    nothing = [math.nan] * len(features)
    if network.residual != "none" or activation.name not in ("relu", "square") or len(features[0]) > SAMPLES:
        return dict.fromkeys(LAYER_PREDICTIONS, nothing)
    targets = snapshot.problem.targets.to(features[0].dtype)
    operator = targets @ targets.T
    gates = [activation.derivative(layer.preactivations) for layer in snapshot.layers[1:]]
    forms = (
        kernel_gradients(operator, features, activation.name),
        printed_gradients(operator, features, gates, activation.name),
    )
    return {
        name: [_cosine(*pair) for pair in zip(snapshot.gradients, form, strict=True)]
        for name, form in zip(LAYER_PREDICTIONS, forms, strict=True)
    }


def _cosine(left: Tensor, right: Tensor) -> float:
    left, right = left.double(), right.double()
    lengths = (torch.linalg.vector_norm(left) * torch.linalg.vector_norm(right)).item()
    return (left * right).sum().item() / lengths if 0 < lengths < math.inf else math.nan
