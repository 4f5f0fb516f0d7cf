"""The optimiser that a specification names."""

from li2.optim.muon import Muon
from li2.optim.optimizers import SGD, Adam, Optimizer
from li2.specs import RunSpec


def make_optimizer(spec: RunSpec) -> Optimizer:
    """The optimiser that a specification names, with its hyper-parameters."""
    if spec.optimizer == "sgd":
        return SGD(spec.momentum)
    adam = Adam(spec.beta1, spec.beta2, couples_decay=spec.optimizer != "adamw")
    return Muon(spec.muon, adam) if spec.optimizer == "muon" else adam
