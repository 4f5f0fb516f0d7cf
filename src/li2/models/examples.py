"""Samples as the network takes them: held in memory, or computed batch by batch."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Int, Int64
from torch import Tensor

from li2.models.two_layer import Rows

CHUNK = 8192
"""Streamed samples are computed at least so many at a time: calls cost little then, and the cache still holds them."""

Tuples = tuple[Int64[np.ndarray, "n k"], Int64[np.ndarray, " n"]]
"""Operands and labels of n samples."""

Labelled = tuple[Rows, Int[Tensor, " n"]]
"""Rows and labels of some samples."""


@runtime_checkable
class Samples(Protocol):
    """Labelled samples that can be gone through in batches, always in the same order."""

    def __len__(self) -> int:
        """How many there are."""
        ...

    def batches(self, limit: int) -> Iterator[Labelled]:
        """All samples in turn, ``limit`` at a time and fewer in the last batch.

        Yields:
            ((m, k) int64 rows of W, (m,) int64 labels) on the device.
        """
        ...


@dataclass(frozen=True, eq=False)
class Examples:
    """Samples in memory.

    Attributes:
        rows: (n, k) int64, the rows of W that each sample selects.
        labels: (n,) int64.
    """

    rows: Rows
    labels: Int[Tensor, " n"]

    @classmethod
    def of_operands(
        cls, operands: Int[Tensor, "n k"], labels: Int[Tensor, " n"], order: int, device: torch.device
    ) -> "Examples":
        """Examples from tuples of elements 0 … M−1; operand i selects from rows i·M to (i+1)·M − 1."""
        starts = torch.arange(operands.shape[1]) * order
        return cls((operands + starts).to(device), labels.to(device))

    def __len__(self) -> int:
        return len(self.labels)

    def batches(self, limit: int) -> Iterator[Labelled]:
        """See :class:`Samples`; slices, without a copy."""
        return zip(torch.split(self.rows, limit), torch.split(self.labels, limit), strict=True)


@dataclass(frozen=True, eq=False)
class StreamedExamples:
    """Samples that are computed when they are asked for, and never held.

    Attributes:
        count: how many there are.
        tuples: (start, stop) ↦ the operands and labels of samples start … stop − 1, elements and classes 0 … M−1.
        order: M.
        device: where they are wanted.
    """

    count: int
    tuples: Callable[[int, int], Tuples]
    order: int
    device: torch.device

    def __len__(self) -> int:
        return self.count

    def batches(self, limit: int) -> Iterator[Labelled]:
        """See :class:`Samples`."""
        chunk = limit * max(1, CHUNK // limit)
        for start in range(0, self.count, chunk):
            operands, labels = map(torch.from_numpy, self.tuples(start, min(start + chunk, self.count)))
            yield from Examples.of_operands(operands, labels, self.order, self.device).batches(limit)
