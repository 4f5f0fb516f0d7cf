"""Hemispheres through some nodes, seen from above."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Hemisphere:
    """Half of a two-dimensional sphere of nodes.

    Attributes:
        axes: (e, 3) orthonormal: to the right, upwards and towards the eye.
    """

    axes: Float[np.ndarray, "e 3"]

    @classmethod
    def through(cls, points: list[NDArray[np.float64]], seed: int) -> "Hemisphere":
        """One with two or three nodes on it, the middle between them at its top; of two, with a random direction."""
        top = np.sum(points, axis=0)
        extra = np.random.default_rng(seed).normal(size=len(top))
        third = points[2] if len(points) > 2 else extra
        axes = np.linalg.qr(np.stack([top, points[0] - points[1], third], axis=1))[0]
        signs = np.sign(np.einsum("ea,ea->a", axes, np.stack([top, points[0] - points[1], third], axis=1)))
        return cls((axes * signs)[:, [1, 2, 0]])

    def place(self, node: NDArray[np.float64]) -> tuple[float, float]:
        """Where a node stands from above."""
        return float(node @ self.axes[:, 0]), float(node @ self.axes[:, 1])

    def points(self, side: int) -> tuple[Float[np.ndarray, " S"], Float[np.ndarray, " S"], Float[Tensor, "e S"]]:
        """x, y and the nodes of those points of a square grid, ``side`` × ``side``, that are on it."""
        line = np.linspace(-1, 1, side)
        x, y = np.meshgrid(line, line)
        inside = x**2 + y**2 <= 1
        x, y = x[inside], y[inside]
        height = np.sqrt(np.clip(1 - x**2 - y**2, 0, None))
        return x, y, torch.from_numpy(self.axes @ np.stack([x, y, height]))
