"""A network at one epoch, with what several of its figures are computed from, each once."""

import math
from functools import cached_property

import torch
from jaxtyping import Float, Inexact
from torch import Tensor

from li2.diagnostics.features import FourierBasis, NodeFeatures
from li2.diagnostics.ridge_gram import RidgeGram
from li2.models import Problem, Weights, complex_nodes, passes_of
from li2.models.energy import Energies


class Snapshot:
    """A two-layer network at one epoch, on its training problem.

    Args:
        problem: training problem.
        weights: now; not to be changed while the snapshot is used.
        outputs: O on the training samples.
        in_W: ∂loss/∂W.
        basis: Fourier basis of the group; None where irreps do not apply.
    """

    def __init__(
        self,
        problem: Problem,
        weights: Weights,
        outputs: Float[Tensor, "n M"],
        in_W: Float[Tensor, "d K"],
        basis: FourierBasis | None = None,
    ) -> None:
        self.problem = problem
        self.weights = weights
        self.residual = problem.loss.residual(outputs, problem.train.labels, None)
        self.in_W = in_W
        self.basis = basis
        self.energies = Energies(problem)

    @classmethod
    def of(cls, problem: Problem, weights: Weights, basis: FourierBasis | None = None) -> "Snapshot":
        """A snapshot of weights alone; where they are in training, outputs and gradient are known already."""
        passes = passes_of(problem.two_layer, problem.loss, weights)
        batch = passes.batch(problem.train.rows[None], problem.train.labels[None])
        gradients = passes.gradients(Weights(weights.W[None], weights.V[None]), batch)
        return cls(problem, weights, gradients.outputs[0], gradients.of_loss.W[0], basis)

    @cached_property
    def correlations(self) -> Float[Tensor, "M K"]:
        """Ỹᵀσ(XW)."""
        return self.energies.correlations(self.weights.W)

    @property
    def nodes(self) -> Inexact[Tensor, "d nodes"]:
        """The hidden nodes as columns: those of W, or the complex ones that its columns are in pairs."""
        W = self.weights.W
        return complex_nodes(W) if self.energies.columns == 2 else W

    @cached_property
    def irreps(self) -> NodeFeatures | None:
        """What the nodes hold of each irrep; None where irreps do not apply."""
        return self.basis.node_features(self.nodes) if self.basis is not None and self.basis.irreps else None

    @cached_property
    def features(self) -> Float[Tensor, "n K"]:
        """F = σ(XW), in the weights' dtype."""
        return self.energies.features(self.weights.W)

    @cached_property
    def is_finite(self) -> bool:
        """Whether the features are."""
        return math.isfinite(torch.linalg.vector_norm(self.features).item())

    @cached_property
    def ridge_gram(self) -> RidgeGram | None:
        """The matrix of the top layer's ridge problem; None without η > 0 or if the features are not finite."""
        if not self.problem.eta or not self.is_finite:
            return None
        return RidgeGram(self.problem, self.features)

    @cached_property
    def alignment(self) -> float:
        """cos(G_F, ỸỸᵀF̃), from traces of M × M matrices; NaN if one of them is zero."""
        correlations, V, residual = (tensor.double() for tensor in (self.correlations, self.weights.V, self.residual))
        targets = self.energies.targets
        product = (targets.transposed(residual) * (correlations @ V)).sum()  # tr (RVᵀ)ᵀỸ(ỸᵀF̃)
        gradient = ((residual.T @ residual) * (V.T @ V)).sum().clamp_min(0)  # ‖RVᵀ‖²
        signal = (targets.gram() * (correlations @ correlations.T)).sum().clamp_min(0)  # ‖Ỹ(ỸᵀF̃)‖²
        lengths = (gradient * signal).sqrt() * self.problem.network.output_scale
        return (self.problem.network.output_scale * product / lengths.abs()).item() if lengths else math.nan
