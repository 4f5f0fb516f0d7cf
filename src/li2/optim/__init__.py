"""Optimisers as ``init`` and ``update`` on tuples of tensors."""

from li2.optim.optimizers import Optimizer, State, make_optimizer

__all__ = ["Optimizer", "State", "make_optimizer"]
