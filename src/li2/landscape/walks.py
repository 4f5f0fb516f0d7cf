"""Ascents of a fixed number of steps: what is reached in a given time, converged or not."""

from li2.landscape.ascent import Climb
from li2.landscape.energies import Energy, Nodes
from li2.models import unit_nodes
from li2.optim import Optimizer
from li2.optim.optimizers import Adam

ADAM = Adam(0.9, 0.999, couples_decay=True, epsilon=1e-12)
"""Whose steps do not depend on the size of the energy."""


def follow(
    energy: Energy,
    starts: Nodes,
    steps: int,
    optimizer: Optimizer,
    lr: float,
    weight_decay: float = 0.0,
    *,
    on_sphere: bool = True,
) -> Nodes:
    """So many steps of an optimiser up the energy.

    Adam and Muon move by about ``lr`` a step, whatever the gradient's size, so that nodes do not settle: they stay in a
    region of that size.

    Args:
        energy: what to climb.
        starts: (d, S) float64, of length one on the sphere.
        steps: how many.
        optimizer: which takes the nodes for a matrix of hidden weights.
        lr: its learning rate.
        weight_decay: its weight decay.
        on_sphere: whether nodes go back to length one after each step; otherwise they move freely.

    Returns:
        Where the nodes are then, (d, S).
    """
    W = starts.clone()
    parameters = {"W": W}
    state = optimizer.init(parameters)
    for step in range(1, steps + 1):
        _, gradient = energy.value_and_gradient(W)
        optimizer.update(parameters, {"W": gradient.neg_()}, state, step, lr, weight_decay)
        if on_sphere:
            W.copy_(unit_nodes(W))
    return W


def follow_adam(energy: Energy, starts: Nodes, steps: int, lr: float) -> Nodes:
    """So many steps of Adam (β = 0.9, 0.999) up the energy, back to the sphere after each; see :func:`follow`."""
    return follow(energy, starts, steps, ADAM, lr)


def follow_gradient(energy: Energy, starts: Nodes, steps: int) -> Nodes:
    """So many steps along the projected gradient, with the adapting step of :func:`li2.landscape.ascend`."""
    climb = Climb(energy, starts)
    for _ in range(steps):
        climb.step()
    return climb.W
