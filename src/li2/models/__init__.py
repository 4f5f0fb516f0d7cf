"""Networks as pure functions of their weights: activations, losses, initial weights, the energy."""

from li2.models.activations import Activation, PairedActivation, named_activation, paired_activation
from li2.models.complex_nodes import complex_nodes, over_nodes
from li2.models.device import named_device
from li2.models.energy import CentredLabels, Energies, unit_nodes
from li2.models.examples import Examples, Samples, StreamedExamples
from li2.models.initial import initial_weights
from li2.models.losses import Loss, named_loss
from li2.models.module import TwoLayerModule
from li2.models.problem import Problem
from li2.models.two_layer import TwoLayer, sum_into_rows
from li2.models.weights import Weights

__all__ = [
    "Activation",
    "CentredLabels",
    "Energies",
    "Examples",
    "Loss",
    "PairedActivation",
    "Problem",
    "Samples",
    "StreamedExamples",
    "TwoLayer",
    "TwoLayerModule",
    "Weights",
    "complex_nodes",
    "initial_weights",
    "named_activation",
    "named_device",
    "named_loss",
    "over_nodes",
    "paired_activation",
    "sum_into_rows",
    "unit_nodes",
]
