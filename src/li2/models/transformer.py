"""A small transformer encoder as a baseline: its layers are PyTorch's own modules, as functions of their weights."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.func import functional_call

from li2.models.activations import Activation
from li2.models.weights import Weights

ENCODER = "layers/"
"""What names of the encoder's weights begin with; there is / where PyTorch has a dot."""


@dataclass(frozen=True)
class Transformer:
    """The network's architecture.

    Its weights are W (M, D), the embedding of the elements, the same for all operands; positions (k, D); V (D, M); and
    those of L encoder layers, in which layer norms follow the residual sums, without dropout.

    Attributes:
        activation: σ of the feed-forward parts.
        width: D.
        layers: L.
        heads: of the attention.
        feedforward: nodes of the feed-forward parts.
        output_scale: β.
    """

    activation: Activation
    width: int
    layers: int
    heads: int
    feedforward: int
    output_scale: float = 1.0

    @cached_property
    def _encoder(self) -> nn.TransformerEncoder:
        """The encoder's modules, without numbers."""
        return nn.TransformerEncoder(self._layer("meta"), self.layers, enable_nested_tensor=False)

    def _layer(self, device: str) -> nn.TransformerEncoderLayer:
        return nn.TransformerEncoderLayer(
            self.width,
            self.heads,
            self.feedforward,
            dropout=0.0,
            activation=self.activation.function,
            batch_first=True,
            device=device,
            dtype=torch.float64,
        )

    def drawn_encoder(self, seed: int) -> dict[str, Tensor]:
        """Initial weights of the encoder in float64 on the CPU, as PyTorch draws those of a layer, each anew."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            layers = [self._layer("cpu").state_dict() for _ in range(self.layers)]
        return {
            f"{ENCODER}{number}/{name.replace('.', '/')}": tensor
            for number, layer in enumerate(layers)
            for name, tensor in layer.items()
        }

    def top_features(self, weights: Weights, rows: Int[Tensor, "n k"]) -> Float[Tensor, "n D"]:
        """The encoder's output, averaged over the operands."""
        tokens = weights.W[rows % len(weights.W)] + weights.others["positions"]
        encoder = {
            name.replace("/", "."): tensor for name, tensor in weights.others.items() if name.startswith(ENCODER)
        }
        features: Tensor = functional_call(self._encoder, encoder, (tokens,))
        return features.mean(dim=-2)

    def forward(self, weights: Weights, rows: Int[Tensor, "n k"]) -> Float[Tensor, "n M"]:
        """O = β·features·V."""
        return self.output_scale * (self.top_features(weights, rows) @ weights.V)
