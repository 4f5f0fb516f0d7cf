"""What is trained on what: architecture, loss and data together, with the formulas' η."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from li2.models.examples import Examples
from li2.models.losses import Loss
from li2.models.networks import Network
from li2.models.two_layer import TwoLayer
from li2.models.weights import Weights


@dataclass(frozen=True, eq=False)
class Problem:
    """A network's training problem.

    Attributes:
        network: architecture.
        loss: what is minimised.
        train: training examples, n of them.
        classes: M.
        decay: weight decay, if it is coupled (added to the gradient), else None.
        ridge: η, if V is set to the ridge solution of the features before every step; None where V is trained. The
            loss must have a ridge solution.
    """

    network: Network
    loss: Loss
    train: Examples
    classes: int
    decay: float | None
    ridge: float | None = None

    @property
    def two_layer(self) -> TwoLayer:
        """The network, for what there is for one hidden layer on one-hot inputs only."""
        assert isinstance(self.network, TwoLayer), "not a two-layer network"
        return self.network

    @property
    def eta(self) -> float | None:
        """η of the formulas: that with which V is set, or n·wd/2 where it is trained.

        None where V has no ridge solution (see :meth:`no_ridge_reason`).
        """
        if self.ridge is not None:
            return self.ridge
        if self.decay is None or not self.loss.has_ridge:
            return None
        return len(self.train) * self.decay / 2

    @property
    def no_ridge_reason(self) -> str | None:
        """Why V has no ridge solution, or None if it has one."""
        if not self.loss.has_ridge:
            return f"the loss {self.loss.name} has no ridge solution"
        if self.decay is None and self.ridge is None:
            return "decoupled weight decay has no ridge solution"
        return None

    @cached_property
    def targets(self) -> Float[Tensor, "n M"]:
        """Ỹ of the formulas in float64: Y − 1/M, or P₁Y for a loss centred over samples."""
        return self.loss.targets(self.train.labels, self.classes, torch.float64)

    @cached_property
    def zero_output_loss(self) -> float:
        """The training loss of a network whose outputs are all zero: 1 − 1/M for ``mse``."""
        zeros = torch.zeros(len(self.train), self.classes, dtype=torch.float64, device=self.train.labels.device)
        return self.loss.value(zeros, self.train.labels, None).item()

    def ridge_features(self, weights: Weights) -> Float[Tensor, "n K"]:
        """βF in float64, centred over samples if the loss is: F̃ (or F) of the formulas, of the top hidden layer."""
        features = self.network.top_features(weights.map(Tensor.double), self.train.rows) * self.network.output_scale
        return features - features.mean(dim=0) if self.loss.centres_samples else features

    def residual(self, weights: Weights) -> Float[Tensor, "n M"]:
        """R = −(n/2)·∂loss/∂O on the training examples, in the weights' dtype."""
        outputs = self.network.forward(weights, self.train.rows)
        return self.loss.residual(outputs, self.train.labels, None)

    def backpropagated_gradient(self, weights: Weights) -> Float[Tensor, "n K"]:
        """G_F = −(n/2)·∂loss/∂F = β·R·Vᵀ."""
        return self.network.output_scale * self.residual(weights) @ weights.V.T
