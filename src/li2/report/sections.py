"""The report's figures in their order, with the words that say how to read them."""

from collections.abc import Callable
from dataclasses import dataclass

import plotly.graph_objects as go

from li2.report import figures, irreps, layers
from li2.runs import RunResult


@dataclass(frozen=True)
class Section:
    """A figure of the report with the words around it.

    Attributes:
        title: heading.
        text: how to read it.
        draw: result ↦ figure, or None if the run holds nothing to draw.
        reason: key of ``RunResult.not_applicable`` that explains a missing figure, or None.
        optional: whether it is left out where there is nothing to draw.
    """

    title: str
    text: str
    draw: Callable[[RunResult], go.Figure | None]
    reason: str | None = None
    optional: bool = False


SECTIONS = (
    Section(
        "Accuracy and loss",
        "Grokking is the gap between the two accuracy curves: the training pairs are known long before the rule is. "
        "The shaded bands are the stages, the dotted line the moment of generalisation.",
        figures.accuracy_and_loss,
    ),
    Section(
        "The gradient that reaches the hidden layer",
        "G_F is what the top layer sends back to the hidden layer. While the top layer is small or wrong it carries "
        "little; it rises as V grows, and falls once the labels are fitted. The dashed line is what it would do if the "
        "hidden layer stayed at rest; the gap is the work of the hidden layer's learning. The dots are Proposition "
        "1's limit, the value it would settle at with the features of that epoch.",
        figures.gradient_norm,
    ),
    Section(
        "What the gradient points to",
        "ỸỸᵀF̃ is the direction in which every node would climb its own energy E, unaware of the others. Near 1 the "
        "nodes learn independently; when it falls with features learned, they interact, and the exact formula of "
        "Proposition 1, which knows of the other nodes, describes G_F better.",
        figures.alignment,
        "energies",
    ),
    Section(
        "Layers",
        "Above: the gradient that reaches each hidden layer, ‖G_l‖, from the top one down to the lowest, layer 1. "
        "Below: how far the layer's weights are from where they began. From 10 % on (dotted) a layer counts as "
        "learning; the legend has the first diagnosed epoch of that.",
        layers.layers,
        optional=True,
    ),
    Section(
        "The hidden nodes",
        "Median and spread (half and nine tenths of the nodes) of the energy of each node on the unit sphere, of its "
        "purity (share of its mass in one copy of an irrep: 1 is a pure feature of the group), and of the share of its "
        "last step that goes along its own ∇E.",
        figures.nodes,
        "energies",
    ),
    Section(
        "Coverage by irrep",
        "How many hidden nodes are features of each irrep (conjugates together) at the last diagnosed epoch. A network "
        "that knows the group needs all of them. An irrep of d dimensions needs features in all its directions: the "
        "triangles count the dimensions that its features span, under left multiplication of the first operand and "
        "under right multiplication of the second.",
        irreps.coverage,
        "irreps",
    ),
    Section(
        "Map of the learned features",
        "Each dot is a hidden node at the last diagnosed epoch: which irrep (for a cyclic group: frequency) it "
        "carries, at which phase, how purely (colour) and how large it is (size). A network that knows the group "
        "covers every irrep at several phases. For irreps of more than one dimension, left and right multiplication "
        "have phases of their own; quaternionic irreps have none.",
        irreps.feature_map,
        "irreps",
    ),
    Section(
        "Irreps over time",
        "Left: how the nodes' mass is shared among the irreps. Right: how what is not yet fitted, and so the gradient, "
        "is shared among them; 1 is an equal share for each dimension. The theory says that the residual turns to the "
        "irreps that are missing.",
        irreps.irrep_course,
        "irreps",
    ),
    Section(
        "Repulsion",
        "For each node, the node whose activations are most like its own. Through B = (F̃ᵀF̃ + ηI)⁻¹ they push each "
        "other apart where −b_jl > 0 (Theorem 6). Above: how many such pairs repel; below: how strongly.",
        figures.repulsion,
        "repulsion",
    ),
    Section(
        "How the layers move",
        "Above: how far each layer turns in one step. Below: how far the Gram matrices of the features are from "
        "diagonal; the theory of the first stage takes them as nearly so.",
        figures.movement,
    ),
    Section(
        "The lazy stage under gradient flow",
        "Had the hidden layer rested and the top layer followed its gradient exactly, G_F and the loss would have gone "
        "like this, in closed form. Flow time has no common clock with Adam's epochs; the shape is what to compare.",
        figures.flow,
        "ridge",
    ),
)
