"""Passes of many two-layer networks at once: chunk by chunk, in buffers that are kept.

Weights have a leading axis of runs: W (R, d, K), V (R, K, M). A chunk is some runs with all of their samples, or some
samples of one run, such that its hidden layer fits into a cache. No array of all samples times all nodes is ever
held, and nothing of that size is allocated in a pass: on a CPU, fresh memory costs more than what is computed in it.

What a run's numbers are does not depend on the other runs beside it, to the last bit on one core of a CPU: chunks
depend on the sizes of one run only, and every product is one of a batch of products. (Several cores divide operations
among them by their size; then last bits may differ.)
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from li2.models.losses import Loss
from li2.models.two_layer import TwoLayer, add_into_rows, one_hot
from li2.models.weights import Weights

CHUNK = {"cpu": 2**20, "cuda": 2**26}
"""Samples times nodes that are gone through at a time, by type of device."""

ALIGNED = 64
"""Runs lie side by side in a chunk if a multiple of so many numbers is between them: products round by alignment, and
exponentials by whether a number is in a full vector."""

LANES = 8
"""Numbers of classes are rounded up to a multiple of it in products: libraries are slow at others."""


class Chunk(NamedTuple):
    """Some runs, some of their samples, and for each operand the rows of W that they select, all runs' stacked."""

    runs: slice
    samples: slice
    shape: tuple[int, int]
    operands: list[Tensor]


@dataclass(frozen=True, eq=False)
class Batch:
    """Samples of R runs, n of each.

    Attributes:
        rows: (R, n, k) int64, the rows of W that each sample selects.
        labels: (R, n) int64.
        chunks: what is gone through at a time.
        one_by_one: whether runs are so large that no chunk has more than one of them, however many there are.
    """

    rows: Int[Tensor, "R n k"]
    labels: Int[Tensor, "R n"]
    chunks: list[Chunk]
    one_by_one: bool


class Gradients(NamedTuple):
    """Outputs (R, n, M) with the loss's gradients in the weights."""

    outputs: Float[Tensor, "R n M"]
    of_loss: Weights


@runtime_checkable
class Passes(Protocol):
    """How the networks of a training are gone through."""

    def batch(self, rows: Int[Tensor, "R n k"], labels: Int[Tensor, "R n"]) -> Batch:
        """Samples made ready."""
        ...

    def outputs(self, weights: Weights, batch: Batch) -> Float[Tensor, "R n M"]:
        """Every network's outputs on its samples."""
        ...

    def gradients(self, weights: Weights, batch: Batch) -> Gradients:
        """Outputs with the gradients of the loss of each run, which are overwritten by the next call."""
        ...


class ClosedForm:
    """Passes of O = β·σ(XW)·V with closed-form gradients.

    Args:
        network: architecture.
        loss: what is minimised.
        like: weights of one run or of many, for dtype, device and sizes.
        chunk: samples times nodes to go through at a time, instead of :data:`CHUNK`.
    """

    def __init__(self, network: TwoLayer, loss: Loss, like: Weights, chunk: int | None = None) -> None:
        self.network, self.loss = network, loss
        self._inputs, self._width = like.W.shape[-2:]
        self._chunk = max(chunk or CHUNK[like.W.device.type], self._width)
        self._kept: dict[str, Tensor] = {}

    def batch(self, rows: Int[Tensor, "R n k"], labels: Int[Tensor, "R n"]) -> Batch:
        """See :class:`Passes`."""
        runs, samples, _ = rows.shape
        size = samples * self._width
        at_once = max(1, self._chunk // max(1, size)) if size % ALIGNED == 0 and self._width > 1 else 1
        most = min(samples, self._chunk // self._width)
        stacked = rows + self._inputs * torch.arange(runs, device=rows.device)[:, None, None]
        chunks = []
        for first in range(0, runs, at_once):
            for start in range(0, samples, most):
                part = slice(first, min(first + at_once, runs)), slice(start, min(start + most, samples))
                chosen = stacked[part]
                operands = [operand.flatten() for operand in chosen.unbind(dim=-1)]
                chunks.append(Chunk(*part, (chosen.shape[0], chosen.shape[1]), operands))
        return Batch(rows, labels, chunks, at_once == 1)

    def outputs(self, weights: Weights, batch: Batch) -> Float[Tensor, "R n M"]:
        """See :class:`Passes`."""
        top = self._scaled_top(weights.V)
        outputs = top.new_empty(*batch.labels.shape, top.shape[2])
        multiply = _one_product if batch.one_by_one else torch.bmm
        for chunk in batch.chunks:
            _, features = self._features(weights.W, chunk)
            multiply(features, top[chunk.runs], out=outputs[chunk.runs, chunk.samples])
        return outputs[..., : weights.V.shape[-1]]

    def gradients(self, weights: Weights, batch: Batch) -> Gradients:
        """See :class:`Passes`: one way through the samples, there and back for each chunk."""
        classes, samples = weights.V.shape[-1], batch.labels.shape[1]
        top = self._scaled_top(weights.V)
        in_W, in_V = self._buffer("in_W", weights.W).zero_(), self._buffer("in_V", top.mT).zero_()
        offset = self._offset(weights.W, top, batch, classes) if self.loss.centres_samples else None
        outputs = top.new_empty(*batch.labels.shape, top.shape[2])
        multiply, add = (_one_product, _add_one_product) if batch.one_by_one else (torch.bmm, Tensor.baddbmm_)
        for chunk in batch.chunks:
            runs = chunk.runs
            preactivations, features = self._features(weights.W, chunk)
            own = multiply(features, top[runs], out=outputs[runs, chunk.samples])[..., :classes]
            centre = None if offset is None else offset[runs]
            residual = self.loss.residual(own, batch.labels[runs, chunk.samples], centre)
            in_outputs = padded(residual.mul_(-2 / samples))
            add(in_V[runs], in_outputs.mT, features)
            in_features = multiply(in_outputs, top[runs].mT, out=features)
            self.network.activation.backpropagate(in_features, preactivations)
            if in_features.is_cuda:  # there scattered sums depend on the order of arrival
                selection = one_hot(batch.rows[runs, chunk.samples], in_features, self._inputs)
                in_W[runs].baddbmm_(selection.mT, in_features)
            else:
                add_into_rows(in_W.flatten(0, 1), in_features.flatten(0, 1), chunk.operands)
        scaled = torch.mul(in_V[:, :classes].mT, self.network.output_scale, out=torch.empty_like(weights.V))
        return Gradients(outputs[..., :classes], Weights(in_W, scaled))

    def _features(self, W: Float[Tensor, "R d K"], chunk: Chunk) -> tuple[Tensor, Tensor]:
        """XW and σ(XW) of a chunk, (runs, samples, K), in the buffers."""
        shape, size = (self._chunk // self._width, self._width), chunk.shape[0] * chunk.shape[1]
        preactivations, features = (self._buffer(name, W, shape)[:size] for name in ("XW", "features"))
        stacked = W.flatten(0, 1)
        torch.index_select(stacked, 0, chunk.operands[0], out=preactivations)
        for operand in chunk.operands[1:]:
            preactivations.add_(torch.index_select(stacked, 0, operand, out=features))
        self.network.activation.into(preactivations, features)
        return preactivations.view(*chunk.shape, -1), features.view(*chunk.shape, -1)

    def _offset(self, W: Tensor, top: Tensor, batch: Batch, classes: int) -> Float[Tensor, "R M"]:
        """mean(Y − O) over each run's samples, from the mean of its features: O itself needs no second way through."""
        samples, means = batch.labels.shape[1], W.new_zeros(len(W), 1, W.shape[-1])
        for chunk in batch.chunks:
            _, features = self._features(W, chunk)
            means[chunk.runs] += features.sum(dim=1, keepdim=True) / samples
        offset = -torch.bmm(means, top)[:, 0, :classes]
        return offset.scatter_add_(1, batch.labels, offset.new_full(batch.labels.shape, 1 / samples))

    def _scaled_top(self, V: Float[Tensor, "R K M"]) -> Float[Tensor, "R K padded"]:
        """β·V."""
        return padded(self.network.output_scale * V)

    def _buffer(self, name: str, like: Tensor, shape: tuple[int, ...] | None = None) -> Tensor:
        """Memory that is kept, as another tensor's or of its dtype and device."""
        shape = shape or tuple(like.shape)
        if name not in self._kept or self._kept[name].shape != shape:
            self._kept[name] = like.new_empty(shape)
        return self._kept[name]


def _one_product(left: Float[Tensor, "1 m r"], right: Float[Tensor, "1 r s"], out: Tensor) -> Float[Tensor, "1 m s"]:
    """What bmm gives for one pair; a product of its own uses several threads better."""
    torch.mm(left[0], right[0], out=out[0])
    return out


def _add_one_product(
    total: Float[Tensor, "1 m s"], left: Float[Tensor, "1 m r"], right: Float[Tensor, "1 r s"]
) -> None:
    """total += left·right."""
    total[0].addmm_(left[0], right[0])


def padded(matrix: Float[Tensor, "*m M"]) -> Float[Tensor, "*m padded"]:
    """With columns of zeros up to a multiple of :data:`LANES`."""
    missing = -matrix.shape[-1] % LANES
    return torch.nn.functional.pad(matrix, (0, missing)) if missing else matrix
