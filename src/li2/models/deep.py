"""Networks with L hidden layers, β·F_L·V with F_1 = σ(XW), and with a trained embedding of the elements.

All functions take the weights of one network or, with a leading axis, those of R networks, each on samples of its own.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from li2.models.activations import Activation
from li2.models.two_layer import one_hot
from li2.models.weights import Weights


class HiddenLayer(NamedTuple):
    """A hidden layer: σ's argument z, and its output F, both (…, n, K)."""

    preactivations: Float[Tensor, "*R n K"]
    features: Float[Tensor, "*R n K"]


@dataclass(frozen=True)
class DeepNetwork:
    """The network's architecture; its weights are W (kM, K), W2 … WL (K, K), V (K, M), and E (M, M) if it embeds.

    Attributes:
        activation: σ.
        layers: L.
        residual: what layers from the second on make of what is below: ``none``, σ(FW_l); ``inside``, σ(F + FW_l);
            ``around``, F + σ(FW_l).
        output_scale: β.
    """

    activation: Activation
    layers: int
    residual: str = "none"
    output_scale: float = 1.0

    def first_layer(self, weights: Weights) -> Float[Tensor, "*R d K"]:
        """The matrix that one-hot inputs meet: W, or with an embedding E·W_i for each operand's block W_i of W."""
        embedding = weights.others.get("E")
        if embedding is None:
            return weights.W
        *runs, inputs, width = weights.W.shape
        blocks = weights.W.reshape(*runs, -1, embedding.shape[-1], width)
        return (embedding.unsqueeze(-3) @ blocks).reshape(*runs, inputs, width)

    def upper(self, weights: Weights) -> list[Float[Tensor, "*R K K"]]:
        """W_2 … W_L."""
        return [weights.others[f"W{layer}"] for layer in range(2, self.layers + 1)]

    def first_features(self, weights: Weights, rows: Int[Tensor, "*R n k"]) -> HiddenLayer:
        """F_1; rows[i] are the rows of the first layer (operand·M + element) that sample i selects."""
        preactivations = _sum_of_rows(self.first_layer(weights), rows)
        return HiddenLayer(preactivations, self.activation.function(preactivations))

    def above(self, weights: Weights, features: Float[Tensor, "*R n K"]) -> list[HiddenLayer]:
        """F_2 … F_L on top of F_1."""
        layers = []
        for W in self.upper(weights):
            preactivations = features @ W
            if self.residual == "inside":
                preactivations = features + preactivations
            new = self.activation.function(preactivations)
            features = features + new if self.residual == "around" else new
            layers.append(HiddenLayer(preactivations, features))
        return layers

    def top_features(self, weights: Weights, rows: Int[Tensor, "*R n k"]) -> Float[Tensor, "*R n K"]:
        """F_L."""
        first = self.first_features(weights, rows)
        return [first, *self.above(weights, first.features)][-1].features

    def forward(self, weights: Weights, rows: Int[Tensor, "*R n k"]) -> Float[Tensor, "*R n M"]:
        """O = β·F_L·V."""
        return self.output_scale * (self.top_features(weights, rows) @ weights.V)


def _sum_of_rows(W: Float[Tensor, "*R d K"], rows: Int[Tensor, "*R n k"]) -> Float[Tensor, "*R n K"]:
    """XW without X; on a GPU with it, where the gradients of chosen rows depend on the order of arrival."""
    if W.is_cuda:
        return one_hot(rows, W, W.shape[-2]) @ W
    if W.dim() > 2:
        rows = rows + W.shape[1] * torch.arange(len(W))[:, None, None]
    stacked, chosen = W.flatten(0, -2), rows.flatten(0, -2)
    total = stacked.index_select(0, chosen[:, 0])  # its gradients are added up in the samples' order
    for operand in chosen.T[1:]:
        total = total + stacked.index_select(0, operand)
    return total.reshape(*rows.shape[:-1], -1)
