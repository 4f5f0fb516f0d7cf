"""Forward and backward passes of a two-layer network over fixed samples: block by block, in buffers that are kept.

No array of all samples times all nodes is ever held, and nothing of that size is allocated in a pass: on a CPU,
fresh memory costs more than what is computed in it.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from li2.models.two_layer import Rows, TwoLayer, Weights, add_into_rows

BLOCK = 256
"""Samples that are gone through at a time."""

LANES = 8
"""Numbers of classes are rounded up to a multiple of it in products: libraries are slow at others."""


class Workspace:
    """Buffers for one block of samples; passes that do not run at the same time share them."""

    def __init__(self, like: Weights, block: int = BLOCK) -> None:
        self.block = block
        self._shape = (block, like.W.shape[1])
        self._like = like.W
        self._buffers: list[Tensor] = []

    def buffers(self, samples: int) -> tuple[Float[Tensor, "n K"], Float[Tensor, "n K"]]:
        """Two arrays for so many samples of a block, of the weights' dtype and device; their content is lost."""
        if not self._buffers:
            self._buffers = [self._like.new_empty(self._shape) for _ in range(2)]
        first, second = self._buffers
        return first[:samples], second[:samples]


class Passes:
    """Passes over one set of samples.

    Args:
        network: architecture.
        rows: (n, k) int64, the rows of W that each sample selects.
        workspace: its buffers.
    """

    def __init__(self, network: TwoLayer, rows: Rows, workspace: Workspace) -> None:
        self.network = network
        self.samples = len(rows)
        self._workspace = workspace
        self._blocks = [block.T.contiguous() for block in torch.split(rows, workspace.block)]

    def outputs(self, weights: Weights) -> Float[Tensor, "n M"]:
        """O = β·σ(XW)·V."""
        V = _padded(weights.V)
        outputs = V.new_empty(self.samples, V.shape[1])
        for block, part in zip(self._blocks, torch.split(outputs, self._workspace.block), strict=True):
            _, features = self._features(weights.W, block)
            torch.mm(features, V, out=part)
        return outputs[:, : weights.V.shape[1]].mul_(self.network.output_scale)

    def gradients(
        self, weights: Weights, in_outputs: Float[Tensor, "n M"]
    ) -> tuple[Float[Tensor, "d K"], Float[Tensor, "K M"]]:
        """What a gradient in the outputs O is in W and in V, by the chain rule."""
        V, scaled = _padded(weights.V), _padded(in_outputs * self.network.output_scale)
        in_W, in_V = torch.zeros_like(weights.W), torch.zeros_like(V)
        for block, part in zip(self._blocks, torch.split(scaled, self._workspace.block), strict=True):
            preactivations, features = self._features(weights.W, block)
            in_V.addmm_(features.T, part)
            in_features = torch.mm(part, V.T, out=features)
            self.network.activation.backpropagate(in_features, preactivations)
            add_into_rows(in_W, in_features, block.T)
        return in_W, in_V[:, : weights.V.shape[1]].contiguous()

    def _features(self, W: Float[Tensor, "d K"], operands: Tensor) -> tuple[Float[Tensor, "m K"], Float[Tensor, "m K"]]:
        """XW and σ(XW) of a block, in the workspace."""
        preactivations, features = self._workspace.buffers(operands.shape[1])
        torch.index_select(W, 0, operands[0], out=preactivations)
        for operand in operands[1:]:
            preactivations.add_(torch.index_select(W, 0, operand, out=features))
        return preactivations, self.network.activation.into(preactivations, features)


def _padded(matrix: Float[Tensor, "m M"]) -> Float[Tensor, "m padded"]:
    """With columns of zeros up to a multiple of :data:`LANES`."""
    missing = -matrix.shape[1] % LANES
    return torch.nn.functional.pad(matrix, (0, missing)) if missing else matrix
