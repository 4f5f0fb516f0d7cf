"""Ascents of a fixed number of steps on the unit sphere: what is reached in a given time, converged or not."""

import torch

from li2.landscape.ascent import Climb
from li2.landscape.energies import Energy, Nodes
from li2.models import unit_nodes

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-12
"""Of Adam."""


def follow_gradient(energy: Energy, starts: Nodes, steps: int) -> Nodes:
    """So many steps along the projected gradient, with the adapting step of :func:`li2.landscape.ascend`."""
    climb = Climb(energy, starts)
    for _ in range(steps):
        climb.step()
    return climb.W


def follow_adam(energy: Energy, starts: Nodes, steps: int, lr: float) -> Nodes:
    """So many steps of Adam (β = 0.9, 0.999) up the energy, back to the sphere after each.

    Adam moves every entry by about ``lr`` a step, whatever the gradient's size, so that it does not settle: it stays
    in a region of that size.
    """
    W = starts.clone()
    first, second = torch.zeros_like(W), torch.zeros_like(W)
    for step in range(1, steps + 1):
        _, gradient = energy.value_and_gradient(W)
        first.lerp_(gradient, 1 - BETA_1)
        second.mul_(BETA_2).addcmul_(gradient, gradient, value=1 - BETA_2)
        size = (second / (1 - BETA_2**step)).sqrt() + EPSILON
        W = unit_nodes(W + lr / (1 - BETA_1**step) * first / size)
    return W
