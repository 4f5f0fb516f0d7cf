"""The layers of a deeper network at one epoch: what each receives from above, and how far it has moved."""

from functools import cached_property

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from li2.diagnostics.features import FourierBasis, NodeFeatures
from li2.models import CentredLabels, DeepNetwork, Problem, Weights
from li2.models.deep import HiddenLayer

LEARNING = 0.1
"""A layer has begun to learn once it has changed by this share of its initial norm."""

LAYER_COLUMNS = {
    "layer": "l, from 1 for the lowest hidden layer",
    "gradient_norm": "‖G_l‖, G_l = −(n/2)·∂loss/∂F_l",
    "label_share": "share of ‖G_l‖² in the column span of Ỹ",
    "change": "‖W_l − W_l(0)‖/‖W_l(0)‖; of the lowest layer with its embedding",
}


class LayersSnapshot:
    """A network with several hidden layers or an embedding at one epoch, on its training problem.

    Args:
        problem: training problem of a :class:`DeepNetwork`.
        weights: now; not to be changed while the snapshot is used.
        basis: Fourier basis of the group; None where irreps do not apply.
    """

    correlations = None
    """Ỹᵀσ(XW) says what single nodes send to the labels only in a two-layer network."""

    def __init__(self, problem: Problem, weights: Weights, basis: FourierBasis | None = None) -> None:
        assert isinstance(problem.network, DeepNetwork)
        self.problem, self.weights, self.basis, self.network = problem, weights, basis, problem.network

    @cached_property
    def nodes(self) -> Float[Tensor, "d K"]:
        """The nodes of the lowest layer as columns: the matrix that one-hot inputs are multiplied by."""
        return self.network.first_layer(self.weights)

    @cached_property
    def irreps(self) -> NodeFeatures | None:
        """What the nodes of the lowest layer hold of each irrep; None where irreps do not apply."""
        return self.basis.node_features(self.nodes) if self.basis is not None and self.basis.irreps else None

    @cached_property
    def _differentiated(self) -> tuple[list[HiddenLayer], Tensor, list[Tensor]]:
        """The hidden layers, R, and G_1 … G_L, by autograd from F_1 on."""
        with torch.no_grad():
            first = self.network.first_features(self.weights, self.problem.train.rows)
        first.features.requires_grad_()
        layers = [first, *self.network.above(self.weights, first.features)]
        outputs = self.network.output_scale * layers[-1].features @ self.weights.V
        residual = self.problem.loss.residual(outputs.detach(), self.problem.train.labels, None)
        gradients = torch.autograd.grad(outputs, [layer.features for layer in layers], residual)
        return [HiddenLayer(*(part.detach() for part in layer)) for layer in layers], residual, list(gradients)

    @property
    def layers(self) -> list[HiddenLayer]:
        """σ's arguments and F_l of every hidden layer on the training samples."""
        return self._differentiated[0]

    @property
    def residual(self) -> Float[Tensor, "n M"]:
        """R = −(n/2)·∂loss/∂O."""
        return self._differentiated[1]

    @property
    def gradients(self) -> list[Float[Tensor, "n K"]]:
        """G_1 … G_L."""
        return self._differentiated[2]


def layer_figures(snapshot: LayersSnapshot, initial: Weights) -> pd.DataFrame:
    """The :data:`LAYER_COLUMNS`, a row for each hidden layer; NaN where a norm to divide by is zero.

    Args:
        snapshot: the network now.
        initial: its weights at epoch 0.
    """
    network, labels = snapshot.network, CentredLabels.of(snapshot.problem)
    inverse = torch.linalg.pinv(labels.gram(), hermitian=True)
    before = [network.first_layer(initial), *network.upper(initial)]
    now = [snapshot.nodes, *network.upper(snapshot.weights)]
    rows = []
    for number, (G, W, old) in enumerate(zip(snapshot.gradients, now, before, strict=True), start=1):
        sums, norm = labels.transposed(G.double()), torch.linalg.vector_norm(G.double())
        inside = ((inverse @ sums) * sums).sum()  # ‖P·G‖², P = Ỹ(ỸᵀỸ)⁺Ỹᵀ
        change = torch.linalg.vector_norm((W - old).double()) / torch.linalg.vector_norm(old.double())
        rows.append((number, norm.item(), (inside / norm.square()).item(), change.item()))
    return pd.DataFrame(rows, columns=list(LAYER_COLUMNS))


def learning_epochs(layers: pd.DataFrame) -> dict[int, int | None]:
    """For each layer the first diagnosed epoch at which it has changed by :data:`LEARNING`, None if it never has.

    Args:
        layers: rows of :data:`LAYER_COLUMNS` with their ``epoch``.
    """
    found: dict[int, int | None] = {}
    for number, rows in layers.groupby("layer"):
        epochs = rows.loc[rows["change"] >= LEARNING, "epoch"]
        found[int(str(number))] = int(epochs.min()) if len(epochs) else None
    return found
