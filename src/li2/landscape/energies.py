"""The energy E(w) = ½‖Ỹᵀσ(Xw)‖² of a node, for any data, and faster on whole group tables.

Nodes are columns w = [u; v; …]; everything is float64 and batched over S nodes.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from li2.groups import Group, Representations
from li2.models import sum_into_rows
from li2.models.activations import Activation
from li2.models.losses import Labels
from li2.models.two_layer import Rows

Nodes = Float[Tensor, "d S"]
Values = Float[Tensor, " S"]
Spectrum = list[Tensor]


@runtime_checkable
class Energy(Protocol):
    """An energy of nodes."""

    @property
    def size(self) -> int:
        """d, the length of a node."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        ...

    def value_and_gradient(self, W: Nodes) -> tuple[Values, Nodes]:
        """E(w) and ∇E(w) of every column of W."""
        ...

    def hessian(self, w: Float[Tensor, " d"]) -> Float[Tensor, "d d"]:
        """∇²E(w) of one node."""
        ...


@dataclass(frozen=True, eq=False)
class DataEnergy:
    """The energy of any data, from a dense X and Ỹ.

    Attributes:
        inputs: X, (n, d) float64.
        targets: Ỹ, (n, M) float64, centred or not: as given.
        activation: σ.
    """

    inputs: Float[Tensor, "n d"]
    targets: Float[Tensor, "n M"]
    activation: Activation

    @property
    def size(self) -> int:
        """d."""
        return self.inputs.shape[1]

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return self.inputs.device

    def value_and_gradient(self, W: Nodes) -> tuple[Values, Nodes]:
        """E(w) and ∇E(w) = XᵀD Ỹ Ỹᵀσ(Xw), D = diag σ′(Xw), of every column of W."""
        z = self.inputs @ W
        correlations = self.targets.T @ self.activation.function(z)
        signal = (self.targets @ correlations) * self.activation.derivative(z)
        return correlations.square().sum(dim=0) / 2, self.inputs.T @ signal

    def hessian(self, w: Float[Tensor, " d"]) -> Float[Tensor, "d d"]:
        """∇²E(w) = JJᵀ + Xᵀ diag(σ″(Xw)·ỸỸᵀσ(Xw)) X with J = XᵀD Ỹ."""
        z = self.inputs @ w
        jacobian = self.inputs.T @ (self.activation.derivative(z)[:, None] * self.targets)
        signal = self.targets @ (self.targets.T @ self.activation.function(z))
        curvature = _second_derivative(self.activation, z) * signal
        return jacobian @ jacobian.T + self.inputs.T @ (curvature[:, None] * self.inputs)


@dataclass(frozen=True, eq=False)
class SampleEnergy:
    """The energy on labelled tuples of one-hot operands; X and Y are never built.

    Attributes:
        rows: (n, k) int64, the rows of w that each sample selects.
        labels: (n,) int64.
        classes: M.
        activation: σ.
        centring: what Ỹ is: ``samples`` P₁Y, ``classes`` Y − 1/M, ``none`` Y.
    """

    rows: Rows
    labels: Labels
    classes: int
    activation: Activation
    centring: str = "samples"

    @property
    def size(self) -> int:
        """d = kM."""
        return self.rows.shape[1] * self.classes

    @property
    def device(self) -> torch.device:
        """Where it is computed."""
        return self.rows.device

    def value_and_gradient(self, W: Nodes) -> tuple[Values, Nodes]:
        """E(w) and ∇E(w) of every column of W."""
        z = W[self.rows[:, 0]]
        for operand in self.rows.T[1:]:
            z = z + W[operand]
        correlations = self._onto_classes(self.activation.function(z))
        signal = self._onto_samples(correlations) * self.activation.derivative(z)
        return correlations.square().sum(dim=0) / 2, sum_into_rows(signal, self.rows, self.size)

    def hessian(self, w: Float[Tensor, " d"]) -> Float[Tensor, "d d"]:
        """∇²E(w), as :meth:`DataEnergy.hessian`."""
        z = w[self.rows].sum(dim=1)
        identity = torch.eye(self.classes, dtype=w.dtype, device=w.device)
        targets = self._onto_samples(identity)  # Ỹ, (n, M)
        jacobian = sum_into_rows(self.activation.derivative(z)[:, None] * targets, self.rows, self.size)
        signal = targets @ (targets.T @ self.activation.function(z))
        curvature = _second_derivative(self.activation, z) * signal
        result = jacobian @ jacobian.T
        for left in self.rows.T:
            for right in self.rows.T:
                result.view(-1).index_add_(0, left * self.size + right, curvature)
        return result

    def _onto_classes(self, values: Float[Tensor, "n S"]) -> Float[Tensor, "M S"]:
        """Ỹᵀ·values."""
        sums = values.new_zeros(self.classes, values.shape[1]).index_add_(0, self.labels, values)
        if self.centring == "samples":
            counts = torch.bincount(self.labels, minlength=self.classes).to(values.dtype)
            return sums - counts[:, None] / len(values) * values.sum(dim=0)
        return sums - sums.sum(dim=0) / self.classes if self.centring == "classes" else sums

    def _onto_samples(self, values: Float[Tensor, "M S"]) -> Float[Tensor, "n S"]:
        """Ỹ·values."""
        spread = values[self.labels]
        if self.centring == "samples":
            return spread - spread.mean(dim=0)
        return spread - values.mean(dim=0) if self.centring == "classes" else spread


class TableEnergy:
    """The energy for σ(x) = a·x + b·x² on all M² pairs of a group: E = ½‖c‖², c the centred 2b·(u ∗ v).

    What is not of degree one in both operands does not depend on the class, and so is centred away; a drops out.
    Convolutions are taken by real FFT on products of cyclic groups (elements in mixed radix, first factor fastest),
    by the irreps' Fourier transform on others.
    """

    def __init__(self, group: Group, device: torch.device, coefficient: float = 1.0) -> None:
        self.group = group
        self.size = 2 * group.order
        self.device = device
        self.coefficient = coefficient
        self._table = torch.tensor(group.table, device=device)
        shape = cyclic_shape(group)
        self._convolution: _Convolution = (
            _IrrepConvolution(group, device) if shape is None else _CyclicConvolution(shape)
        )

    def value_and_gradient(self, W: Nodes) -> tuple[Values, Nodes]:
        """E(w) and ∇E(w) of every column of W."""
        u, v = self._convolution.forward(W[: self.group.order]), self._convolution.forward(W[self.group.order :])
        product = self._convolution.multiply(u, v)
        c = 2 * self.coefficient * self._convolution.backward(product)
        c = c - c.mean(dim=0)
        centred = self._convolution.forward(c)
        left = self._convolution.multiply(centred, self._convolution.adjoint(v))
        right = self._convolution.multiply(self._convolution.adjoint(u), centred)
        gradient = torch.cat([self._convolution.backward(left), self._convolution.backward(right)])
        return c.square().sum(dim=0) / 2, 2 * self.coefficient * gradient

    def hessian(self, w: Float[Tensor, " d"]) -> Float[Tensor, "d d"]:
        """∇²E(w): c_h = wᵀA_h w, so it is Σ_h (2A_h w)(2A_h w)ᵀ + 2Σ_h c_h A_h, both centred over h."""
        M, table = self.group.order, self._table
        u, v = w[:M], w[M:]
        jacobian = torch.zeros(self.size, M, dtype=w.dtype, device=w.device)
        elements = torch.arange(M, device=w.device)
        jacobian[elements[:, None], table] = v.expand(M, M)  # ∂(u ∗ v)(gk)/∂u_g = v_k
        jacobian[M + elements[None, :], table] = u[:, None].expand(M, M)
        c = 2 * self.coefficient * jacobian[:M].T @ u
        jacobian = 2 * self.coefficient * (jacobian - jacobian.mean(dim=1, keepdim=True))
        cross = 2 * self.coefficient * (c - c.mean())[table]
        result = jacobian @ jacobian.T
        result[:M, M:] += cross
        result[M:, :M] += cross.T
        return result


def cyclic_shape(group: Group) -> tuple[int, ...] | None:
    """The orders of the cyclic factors of a group whose elements are numbered in mixed radix, first factor fastest."""
    orders = tuple(int(group.element_orders[g]) for g in group.generators)
    strides = [1]
    for order in orders:
        strides.append(strides[-1] * order)
    if strides[-1] != group.order or not group.is_abelian or group.identity:
        return None
    elements = torch.arange(group.order)
    table = torch.zeros(group.order, group.order, dtype=torch.int64)
    for order, stride in zip(orders, strides, strict=False):
        digit = elements // stride % order
        table += stride * ((digit[:, None] + digit) % order)
    return orders if torch.equal(table, torch.tensor(group.table)) else None


@runtime_checkable
class _Convolution(Protocol):
    """A Fourier transform of real functions, (M, S), that turns convolutions into products."""

    def forward(self, values: Nodes) -> Spectrum:
        """The transform of functions."""
        ...

    def backward(self, spectrum: Spectrum) -> Nodes:
        """The functions with this transform."""
        ...

    def multiply(self, left: Spectrum, right: Spectrum) -> Spectrum:
        """The transform of a convolution, from those of its two sides."""
        ...

    def adjoint(self, spectrum: Spectrum) -> Spectrum:
        """The transform of g ↦ values(g⁻¹)."""
        ...


class _CyclicConvolution:
    """Real FFTs; the last axis varies fastest, so it is the first factor."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._shape = shape[::-1] or (1,)
        self._axes = tuple(range(1, len(self._shape) + 1))

    def forward(self, values: Nodes) -> Spectrum:
        """The transform of functions."""
        return [torch.fft.rfftn(values.T.reshape(-1, *self._shape), dim=self._axes)]

    def backward(self, spectrum: Spectrum) -> Nodes:
        """The functions with this transform."""
        values = torch.fft.irfftn(spectrum[0], s=self._shape, dim=self._axes)
        return values.reshape(len(values), -1).T

    def multiply(self, left: Spectrum, right: Spectrum) -> Spectrum:
        """The transform of a convolution."""
        return [left[0] * right[0]]

    def adjoint(self, spectrum: Spectrum) -> Spectrum:
        """The transform of g ↦ values(g⁻¹)."""
        return [spectrum[0].conj()]


class _IrrepConvolution:
    """The irreps' Fourier transform; of conjugate irreps only the first is kept."""

    def __init__(self, group: Group, device: torch.device) -> None:
        representations = Representations(group)
        self._matrices, self._weights = [], []
        for irrep in representations.characters.real_irreps:
            matrices = torch.as_tensor(representations.matrices(irrep.members[0])).to(device)
            self._matrices.append(matrices.reshape(group.order, -1))
            self._weights.append(irrep.dimension * len(irrep.members) / group.order)

    def forward(self, values: Nodes) -> Spectrum:
        """The transform of functions."""
        spectrum = []
        for matrices in self._matrices:
            d = round(matrices.shape[1] ** 0.5)
            spectrum.append((values.T.to(matrices.dtype) @ matrices).reshape(-1, d, d))
        return spectrum

    def backward(self, spectrum: Spectrum) -> Nodes:
        """The functions with this transform."""
        values = torch.zeros(len(self._matrices[0]), len(spectrum[0]), dtype=torch.float64, device=spectrum[0].device)
        for matrices, weight, coefficients in zip(self._matrices, self._weights, spectrum, strict=True):
            flat = coefficients.reshape(len(coefficients), -1)
            values += weight * (matrices.conj() @ flat.T).real
        return values

    def multiply(self, left: Spectrum, right: Spectrum) -> Spectrum:
        """The transform of a convolution."""
        return [a @ b for a, b in zip(left, right, strict=True)]

    def adjoint(self, spectrum: Spectrum) -> Spectrum:
        """The transform of g ↦ values(g⁻¹)."""
        return [coefficients.mH for coefficients in spectrum]


def _second_derivative(activation: Activation, z: Tensor) -> Tensor:
    """σ″(z), by autograd through σ′."""
    leaf = z.detach().clone().requires_grad_()
    slope = activation.derivative(leaf)
    if not slope.requires_grad:
        return torch.zeros_like(z)
    (curvature,) = torch.autograd.grad(slope.sum(), leaf)
    return curvature
