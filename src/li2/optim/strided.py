"""Optimisers that take one long step where a run takes several: the same motion on coarser time."""

from dataclasses import dataclass, replace

from li2.optim.muon import PRESETS, Muon
from li2.optim.optimizers import SGD, Adam, Optimizer


@dataclass(frozen=True)
class Strided:
    """An optimiser for steps of several epochs each.

    Attributes:
        optimizer: with moments that forget in one long step what they forgot in so many.
        rate_factor: what a learning rate is multiplied by.
        decay_factor: what weight decay is multiplied by, where the rate's factor would change it wrongly.
    """

    optimizer: Optimizer
    rate_factor: float
    decay_factor: float = 1.0


def strided(optimizer: Optimizer, epochs: int, inputs: int, width: int, nodes: int) -> Strided:
    """The optimiser of a hidden layer of which some nodes stand for all, for steps of so many epochs.

    A moment with factor β gets β^epochs and the learning rate is multiplied by ``epochs``; for momentum b ← μb + g the
    distance gone in the long run, lr/(1 − μ) an epoch, stays. Elementwise optimisers move a node whatever the others
    are. Muon's direction has singular values of 1 over all K columns of W: over S that are K/S times each it is
    √(S/K) as long.

    Args:
        optimizer: the run's.
        epochs: in a long step, at least 1.
        inputs: d, rows of W.
        width: K.
        nodes: S.
    """
    if isinstance(optimizer, SGD):
        forgotten = optimizer.momentum**epochs
        return Strided(replace(optimizer, momentum=forgotten), epochs * (1 - forgotten) / (1 - optimizer.momentum))
    adam = optimizer.adam if isinstance(optimizer, Muon) else optimizer
    assert isinstance(adam, Adam)
    slow = replace(adam, beta1=adam.beta1**epochs, beta2=adam.beta2**epochs)
    if not isinstance(optimizer, Muon):
        return Strided(slow, epochs)
    share = (nodes / width) ** 0.5
    if PRESETS[optimizer.preset].lengthens:
        share *= (max(1.0, inputs / width) / max(1.0, inputs / nodes)) ** 0.5
    muon = Muon(optimizer.preset, slow, optimizer.factor**epochs)
    return Strided(muon, epochs * share, 1 / share)
