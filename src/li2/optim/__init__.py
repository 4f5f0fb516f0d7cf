"""Optimisers as ``init`` and ``update`` on tensors by name."""

from li2.optim.make import make_optimizer
from li2.optim.muon import newton_schulz
from li2.optim.optimizers import Optimizer, State

__all__ = ["Optimizer", "State", "make_optimizer", "newton_schulz"]
