"""Networks as pure functions of their weights: activations, losses, initial weights, the energy."""

from li2.models.activations import Activation, PairedActivation, named_activation, paired_activation
from li2.models.complex_nodes import complex_nodes, over_nodes
from li2.models.deep import DeepNetwork
from li2.models.device import named_device
from li2.models.energy import CentredLabels, Energies, unit_nodes
from li2.models.examples import Examples, Samples, StreamedExamples
from li2.models.initial import initial_weights
from li2.models.losses import Loss, named_loss
from li2.models.module import NetworkModule
from li2.models.networks import Network, named_network, passes_of
from li2.models.problem import Problem
from li2.models.transformer import Transformer
from li2.models.two_layer import TwoLayer, sum_into_rows
from li2.models.weights import Weights

__all__ = [
    "Activation",
    "CentredLabels",
    "DeepNetwork",
    "Energies",
    "Examples",
    "Loss",
    "Network",
    "NetworkModule",
    "PairedActivation",
    "Problem",
    "Samples",
    "StreamedExamples",
    "Transformer",
    "TwoLayer",
    "Weights",
    "complex_nodes",
    "initial_weights",
    "named_activation",
    "named_device",
    "named_loss",
    "named_network",
    "over_nodes",
    "paired_activation",
    "passes_of",
    "sum_into_rows",
    "unit_nodes",
]
