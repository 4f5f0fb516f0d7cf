"""Passes of networks without a closed form: some runs or some samples at a time, gradients by autograd."""

from collections.abc import Iterator
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from li2.models.losses import Loss
from li2.models.passes import ALIGNED, CHUNK, Batch, Gradients
from li2.models.weights import Weights


@runtime_checkable
class Forward(Protocol):
    """A network."""

    def __call__(self, weights: Weights, rows: Tensor) -> Tensor:
        """Outputs on samples: rows (n, k) ↦ (n, M)."""
        ...


class Autograd:
    """Passes of any differentiable network.

    What a run's numbers are does not depend on the other runs beside it, to the last bit on one core of a CPU: chunks
    of samples depend on the sizes of one run only, and where runs go side by side, all of a run's arrays are aligned as
    if it were alone, as samples are filled up to a multiple of :data:`ALIGNED`.

    Args:
        network: of one run; if ``side_by_side``, with a leading axis of runs on everything.
        loss: what is minimised.
        held: numbers that a sample takes in the network, roughly, for the size of chunks.
        side_by_side: whether the network takes several runs at once; their weights must have multiples of
            :data:`ALIGNED` entries then.
        chunk: numbers to hold at a time, instead of :data:`CHUNK`.
    """

    def __init__(
        self, network: Forward, loss: Loss, held: int = 1, *, side_by_side: bool = False, chunk: int | None = None
    ) -> None:
        self.network, self.loss, self.held, self.side_by_side = network, loss, held, side_by_side
        self._chunk = chunk

    def batch(self, rows: Int[Tensor, "R n k"], labels: Int[Tensor, "R n"]) -> Batch:
        """See :class:`li2.models.passes.Passes`."""
        return Batch(rows, labels, [], one_by_one=not self.side_by_side)

    def outputs(self, weights: Weights, batch: Batch) -> Float[Tensor, "R n M"]:
        """See :class:`li2.models.passes.Passes`."""
        outputs = weights.V.new_empty(*batch.labels.shape, weights.V.shape[-1])
        with torch.no_grad():
            for runs, samples in self._chunks(batch):
                own = self._forward(_part(weights, runs), batch.rows[runs, samples])
                outputs[runs, samples] = own
        return outputs

    def gradients(self, weights: Weights, batch: Batch) -> Gradients:
        """See :class:`li2.models.passes.Passes`."""
        outputs = weights.V.new_empty(*batch.labels.shape, weights.V.shape[-1])
        total, count = weights.map(torch.zeros_like), batch.labels.shape[1]
        offset = self.loss.offset(self.outputs(weights, batch), batch.labels) if self._needs_offset(batch) else None
        for runs, samples in self._chunks(batch):
            leaves = _part(weights, runs).map(Tensor.requires_grad_)
            own = self._forward(leaves, batch.rows[runs, samples])
            centre = None if offset is None else offset[runs]
            in_outputs = self.loss.residual(own.detach(), batch.labels[runs, samples], centre).mul_(-2 / count)
            found = torch.autograd.grad(own, list(leaves), in_outputs)
            for sums, gradient in zip(total, found, strict=True):
                sums[runs] += gradient
            outputs[runs, samples] = own.detach()
        return Gradients(outputs, total)

    def _needs_offset(self, batch: Batch) -> bool:
        return self.loss.centres_samples and self._sizes(batch)[1] < batch.labels.shape[1]

    def _sizes(self, batch: Batch) -> tuple[int, int]:
        """Runs, and samples of each, that are gone through at a time."""
        samples = batch.labels.shape[1]
        limit = self._chunk or CHUNK[batch.rows.device.type]
        most = max(ALIGNED, limit // self.held // ALIGNED * ALIGNED)
        if not self.side_by_side or samples > most:
            return 1, most
        return max(1, limit // (self.held * (samples + -samples % ALIGNED))), most

    def _chunks(self, batch: Batch) -> Iterator[tuple[slice, slice]]:
        runs, samples = batch.labels.shape
        at_once, most = self._sizes(batch)
        for first in range(0, runs, at_once):
            for start in range(0, samples, most):
                yield slice(first, min(first + at_once, runs)), slice(start, min(start + most, samples))

    def _forward(self, weights: Weights, rows: Int[Tensor, "R n k"]) -> Float[Tensor, "R n M"]:
        if not self.side_by_side:
            return self.network(weights.map(lambda tensor: tensor[0]), rows[0])[None]
        filled = functional.pad(rows, (0, 0, 0, -rows.shape[1] % ALIGNED))
        return self.network(weights, filled)[:, : rows.shape[1]]


def _part(weights: Weights, runs: slice) -> Weights:
    """A copy of some runs' weights: memory of its own is aligned alike, whichever runs they are."""
    return weights.map(lambda tensor: tensor[runs].clone())
