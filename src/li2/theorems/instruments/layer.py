"""A random hidden layer on pairs of a group, and the lazy stage's objective as PyTorch differentiates it.

What is measured here uses no formula of li2.theory: gradients are autograd's, minima come from a least-squares
solver or from gradient descent, courses from a Runge–Kutta integrator.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from li2.groups import Group

GROWTH, FIRST, LONGEST = 0.05, 0.25, 2.0
"""Steps of the integrator in units of 1/λ_max: the first, the growth with time, and the longest that is stable."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Training samples.

    Attributes:
        inputs: X, (n, d) float64.
        rows: (n, k) the columns of X that are one in each row.
        labels: (n,) classes.
        targets: Y, (n, M) float64 one-hot.
    """

    inputs: Float[Tensor, "n d"]
    rows: Int[Tensor, "n k"]
    labels: Int[Tensor, " n"]
    targets: Float[Tensor, "n M"]

    def __len__(self) -> int:
        return len(self.labels)


def group_samples(group: Group, most: int, seed: int, fraction: float = 0.6) -> Samples:
    """Random pairs of a group, a share of all but no more than ``most``, with more than one label among them."""
    order = group.order
    count = min(max(round(fraction * order**2), order + 1), most)
    chosen = np.random.default_rng([seed, order, count]).permutation(order**2)[:count]
    left, right = np.divmod(chosen, order)
    labels = torch.from_numpy(np.ascontiguousarray(group.table[left, right]).astype(np.int64))
    rows = torch.from_numpy(np.stack([left, order + right], axis=1))
    inputs = torch.zeros(count, 2 * order, dtype=torch.float64).scatter_(1, rows, 1.0)
    return Samples(inputs, rows, labels, torch.nn.functional.one_hot(labels, order).double())


def normal(generator: torch.Generator, *shape: int) -> Tensor:
    """Standard normal numbers, float64."""
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def square_layer(inputs: Float[Tensor, "n d"], width: int, seed: int) -> Float[Tensor, "n K"]:
    """F = (XW)² with standard normal W."""
    return (inputs @ normal(torch.Generator().manual_seed(seed), inputs.shape[1], width)).square()


def centred(values: Float[Tensor, "n c"]) -> Float[Tensor, "n c"]:
    """P₁·values."""
    return values - values.mean(dim=0)


@dataclass(frozen=True, eq=False)
class Readout:
    """J(V) = ½‖P₁(Y − βFV)‖² + ½η‖V‖² over a resting hidden layer.

    Attributes:
        features: F, (n, K), not centred.
        targets: Y, (n, M), not centred.
        eta: η.
        output_scale: β.
    """

    features: Float[Tensor, "n K"]
    targets: Float[Tensor, "n M"]
    eta: float = 0.0
    output_scale: float = 1.0

    def objective(self, features: Tensor, top: Tensor) -> Tensor:
        """J at some F and V; V may have leading dimensions, over which it sums."""
        residual = self.targets - self.output_scale * features @ top
        residual = residual - residual.mean(dim=-2, keepdim=True)
        return (residual.square().sum() + self.eta * top.square().sum()) / 2

    def backpropagated(self, top: Float[Tensor, "K M"]) -> Float[Tensor, "n K"]:
        """G_F = −∂J/∂F."""
        leaf = self.features.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(self.objective(leaf, top), leaf)
        return -gradient

    def velocity(self, top: Tensor) -> Tensor:
        """−∂J/∂V, of V's shape (*b, K, M); called at every step, so without shape checks."""
        leaf = top.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.objective(self.features, leaf), leaf)
        return -gradient

    @property
    def stiffness(self) -> float:
        """λ_max, the largest curvature of J in V."""
        return (self.output_scale * torch.linalg.matrix_norm(centred(self.features), 2)).item() ** 2 + self.eta

    def minimiser(self) -> Float[Tensor, "K M"]:
        """The V of least J, by least squares with √η·I below βP₁F; η > 0."""
        K = self.features.shape[1]
        penalty = self.eta**0.5 * torch.eye(K, dtype=self.features.dtype)
        stacked = torch.cat([self.output_scale * centred(self.features), penalty])
        right = torch.cat([centred(self.targets), torch.zeros(K, self.targets.shape[1], dtype=self.targets.dtype)])
        return torch.linalg.lstsq(stacked, right).solution

    def dual_minimiser(self) -> Float[Tensor, "K M"]:
        """The same from one solve with n × n, for many nodes; its ∂J/∂V is to be checked."""
        features = self.output_scale * centred(self.features)
        gram = features @ features.T + self.eta * torch.eye(len(features), dtype=features.dtype)
        return features.T @ torch.linalg.solve(gram, centred(self.targets))

    def descend(self, top: Float[Tensor, "K M"], steps: int = 20000) -> Float[Tensor, "K M"]:
        """Gradient descent with momentum, until the gradient is 1e-12 of the first; η > 0 bounds curvatures."""
        stiff, soft = self.stiffness**0.5, self.eta**0.5
        rate, momentum = (2 / (stiff + soft)) ** 2, ((stiff - soft) / (stiff + soft)) ** 2
        step, first = torch.zeros_like(top), self.velocity(top).norm()
        for _ in range(steps):
            gradient = self.velocity(top)
            if gradient.norm() <= 1e-12 * first:
                break
            step = momentum * step + rate * gradient
            top = top + step
        return top

    def flow(self, top: Float[Tensor, "*b K M"], times: Sequence[float]) -> list[Tensor]:
        """Gradient flow V̇ = −∂J/∂V from V(0), at rising times, by the classical Runge–Kutta method."""
        unit, now, course = 1 / self.stiffness, 0.0, []
        for time in times:
            while now < time:
                step = min(unit * max(FIRST, min(LONGEST, GROWTH * now / unit)), time - now)
                first = self.velocity(top)
                second = self.velocity(top + step / 2 * first)
                third = self.velocity(top + step / 2 * second)
                fourth = self.velocity(top + step * third)
                top = top + step / 6 * (first + 2 * second + 2 * third + fourth)
                now = time if time - now <= step else now + step
            course.append(top)
        return course


def wide_covariances(
    samples: Samples, is_gaussian: bool, seed: int, chunk: int, chunks: int
) -> tuple[Float[Tensor, "c n n"], Float[Tensor, "c n n"]]:
    """Covariances over nodes of F = (XW)², and FFᵀ/K, for chunks of nodes with iid weights of variance one.

    Args:
        samples: pairs.
        is_gaussian: weights are normal, or else uniform.
        seed: of the weights.
        chunk: nodes of each.
        chunks: how many.
    """
    generator = torch.Generator().manual_seed(seed)
    covariances, grams = [], []
    for _ in range(chunks):
        if is_gaussian:
            weights = normal(generator, samples.inputs.shape[1], chunk)
        else:
            weights = torch.rand(samples.inputs.shape[1], chunk, generator=generator, dtype=torch.float64)
            weights = (2 * weights - 1) * 3**0.5
        features = weights[samples.rows].sum(dim=1).square()
        covariances.append(torch.cov(features))
        grams.append(features @ features.T / chunk)
    return torch.stack(covariances), torch.stack(grams)


def cosine(left: Tensor, right: Tensor) -> float:
    """The cosine between two matrices as vectors; scaled first, so that small ones do not vanish."""
    return ((left / left.norm()) * (right / right.norm())).sum().item()


def distance(measured: Tensor, predicted: Tensor) -> float:
    """‖measured − predicted‖/‖predicted‖."""
    return ((measured - predicted).norm() / predicted.norm()).item()
