"""Optimisers as ``init`` and ``update`` on tensors by name."""

from li2.optim.make import make_optimizer
from li2.optim.muon import Muon, newton_schulz
from li2.optim.optimizers import SGD, Adam, Optimizer, State
from li2.optim.strided import Strided, strided

__all__ = ["SGD", "Adam", "Muon", "Optimizer", "State", "Strided", "make_optimizer", "newton_schulz", "strided"]
