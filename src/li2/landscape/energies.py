"""The energy E(w) = ½‖Ỹᵀσ(Xw)‖² of a node, for any data, and faster on whole group tables.

Nodes are columns w = [u; v; …]; everything is float64 and batched over S nodes. Where σ is a polynomial, nodes may be
complex128, too: E is then half the squared length of the complex vector Ỹᵀσ(Xw), its gradient ∂E/∂Re w + i·∂E/∂Im w,
and its Hessian that in [Re w; Im w]. :class:`li2.landscape.ComplexEnergy` makes real nodes of those.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Inexact
from torch import Tensor

from li2.groups import Group, Representations
from li2.models import sum_into_rows
from li2.models.activations import Activation
from li2.models.losses import Labels
from li2.models.two_layer import Rows

Nodes = Float[Tensor, "d S"]
AnyNodes = Inexact[Tensor, "d S"]
"""Real or complex."""

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

    def value_and_gradient(self, W: AnyNodes) -> tuple[Values, AnyNodes]:
        """E(w) and ∇E(w) = XᵀD Ỹ Ỹᵀσ(Xw), D = diag σ′(Xw), of every column of W."""
        inputs, targets = self.inputs.to(W.dtype), self.targets.to(W.dtype)
        z = inputs @ W
        correlations = targets.T @ self.activation.function(z)
        signal = (targets @ correlations) * self.activation.derivative(z).conj()
        return _half_squares(correlations), inputs.T @ signal

    def hessian(self, w: Inexact[Tensor, " d"]) -> Float[Tensor, "e e"]:
        """∇²E(w) = JJᵀ + Xᵀ diag(σ″(Xw)·ỸỸᵀσ(Xw)) X with J = XᵀD Ỹ, for real w; e = d, or 2d for complex w."""
        inputs, targets = self.inputs.to(w.dtype), self.targets.to(w.dtype)
        z = inputs @ w
        jacobian = inputs.T @ (self.activation.derivative(z)[:, None] * targets)
        signal = targets @ (targets.T @ self.activation.function(z))
        curvature = _second_derivative(self.activation, z) * signal.conj()
        return _real_hessian(jacobian, inputs.T @ (curvature[:, None] * inputs))


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

    def value_and_gradient(self, W: AnyNodes) -> tuple[Values, AnyNodes]:
        """E(w) and ∇E(w) of every column of W."""
        z = W[self.rows[:, 0]]
        for operand in self.rows.T[1:]:
            z = z + W[operand]
        correlations = self.onto_classes(self.activation.function(z))
        signal = self.onto_samples(correlations) * self.activation.derivative(z).conj()
        return _half_squares(correlations), _into_rows(signal, self.rows, self.size)

    def hessian(self, w: Inexact[Tensor, " d"]) -> Float[Tensor, "e e"]:
        """∇²E(w), as :meth:`DataEnergy.hessian`."""
        z = w[self.rows].sum(dim=1)
        identity = torch.eye(self.classes, dtype=w.dtype, device=w.device)
        targets = self.onto_samples(identity)  # Ỹ, (n, M)
        jacobian = _into_rows(self.activation.derivative(z)[:, None] * targets, self.rows, self.size)
        signal = targets @ (targets.T @ self.activation.function(z))
        curvature = _second_derivative(self.activation, z) * signal.conj()
        inner = torch.zeros(self.size, self.size, dtype=w.dtype, device=w.device)
        for left in self.rows.T:
            for right in self.rows.T:
                inner.view(-1).index_add_(0, left * self.size + right, curvature)
        return _real_hessian(jacobian, inner)

    def onto_classes(self, values: Inexact[Tensor, "n S"]) -> Inexact[Tensor, "M S"]:
        """Ỹᵀ·values."""
        sums = values.new_zeros(self.classes, values.shape[1]).index_add_(0, self.labels, values)
        if self.centring == "samples":
            counts = torch.bincount(self.labels, minlength=self.classes).to(values.dtype)
            return sums - counts[:, None] / len(values) * values.sum(dim=0)
        return sums - sums.sum(dim=0) / self.classes if self.centring == "classes" else sums

    def onto_samples(self, values: Inexact[Tensor, "M S"]) -> Inexact[Tensor, "n S"]:
        """Ỹ·values."""
        spread = values[self.labels]
        if self.centring == "samples":
            return spread - spread.mean(dim=0)
        return spread - values.mean(dim=0) if self.centring == "classes" else spread


class TableEnergy:
    """The energy for σ(x) = a·x + b·x² on all M² pairs of a group: E = ½‖c‖², c the centred 2b·(u ∗ v).

    What is not of degree one in both operands does not depend on the class, and so is centred away; a drops out.
    Convolutions are taken by FFT on products of cyclic groups (elements in mixed radix, first factor fastest), by the
    irreps' Fourier transform on others.

    Args:
        group: whose table.
        device: where it is computed.
        coefficient: b.
        is_complex: whether nodes are complex128; otherwise they must be real.
    """

    def __init__(
        self, group: Group, device: torch.device, coefficient: float = 1.0, *, is_complex: bool = False
    ) -> None:
        self.group = group
        self.size = 2 * group.order
        self.device = device
        self.coefficient = coefficient
        self._table = torch.tensor(group.table, device=device)
        shape = cyclic_shape(group)
        self._convolution: _Convolution = (
            _IrrepConvolution(group, device, is_complex) if shape is None else _CyclicConvolution(shape, is_complex)
        )

    def value_and_gradient(self, W: AnyNodes) -> tuple[Values, AnyNodes]:
        """E(w) and ∇E(w) of every column of W."""
        u, v = self._convolution.forward(W[: self.group.order]), self._convolution.forward(W[self.group.order :])
        product = self._convolution.multiply(u, v)
        c = 2 * self.coefficient * self._convolution.backward(product)
        c = c - c.mean(dim=0)
        centred = self._convolution.forward(c)
        left = self._convolution.multiply(centred, self._convolution.adjoint(v))
        right = self._convolution.multiply(self._convolution.adjoint(u), centred)
        gradient = torch.cat([self._convolution.backward(left), self._convolution.backward(right)])
        return _half_squares(c), 2 * self.coefficient * gradient

    def hessian(self, w: Inexact[Tensor, " d"]) -> Float[Tensor, "e e"]:
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
        inner = torch.zeros(self.size, self.size, dtype=w.dtype, device=w.device)
        inner[:M, M:] = cross.conj()
        inner[M:, :M] = cross.mH
        return _real_hessian(jacobian, inner)


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
    """A Fourier transform of functions, (M, S), that turns convolutions into products."""

    def forward(self, values: AnyNodes) -> Spectrum:
        """The transform of functions."""
        ...

    def backward(self, spectrum: Spectrum) -> AnyNodes:
        """The functions with this transform."""
        ...

    def multiply(self, left: Spectrum, right: Spectrum) -> Spectrum:
        """The transform of a convolution, from those of its two sides."""
        ...

    def adjoint(self, spectrum: Spectrum) -> Spectrum:
        """The transform of g ↦ the conjugate of values(g⁻¹)."""
        ...


class _CyclicConvolution:
    """FFTs, real ones of real functions; the last axis varies fastest, so it is the first factor."""

    def __init__(self, shape: tuple[int, ...], is_complex: bool) -> None:
        self._shape = shape[::-1] or (1,)
        self._axes = tuple(range(1, len(self._shape) + 1))
        self._forward, self._backward = (
            (torch.fft.fftn, torch.fft.ifftn) if is_complex else (torch.fft.rfftn, torch.fft.irfftn)
        )

    def forward(self, values: AnyNodes) -> Spectrum:
        """The transform of functions."""
        return [self._forward(values.T.reshape(-1, *self._shape), dim=self._axes)]

    def backward(self, spectrum: Spectrum) -> AnyNodes:
        """The functions with this transform."""
        values = self._backward(spectrum[0], s=self._shape, dim=self._axes)
        return values.reshape(len(values), -1).T

    def multiply(self, left: Spectrum, right: Spectrum) -> Spectrum:
        """The transform of a convolution."""
        return [left[0] * right[0]]

    def adjoint(self, spectrum: Spectrum) -> Spectrum:
        """The transform of g ↦ the conjugate of values(g⁻¹)."""
        return [spectrum[0].conj()]


class _IrrepConvolution:
    """The irreps' Fourier transform; of conjugate irreps only the first is kept for real functions."""

    def __init__(self, group: Group, device: torch.device, is_complex: bool) -> None:
        representations = Representations(group)
        self._matrices, self._weights = [], []
        self._is_complex = is_complex
        for irrep in representations.characters.real_irreps:
            for member in irrep.members if is_complex else irrep.members[:1]:
                matrices = torch.as_tensor(representations.matrices(member)).to(device)
                self._matrices.append(matrices.reshape(group.order, -1))
                self._weights.append(irrep.dimension * (1 if is_complex else len(irrep.members)) / group.order)

    def forward(self, values: AnyNodes) -> Spectrum:
        """The transform of functions."""
        spectrum = []
        for matrices in self._matrices:
            d = round(matrices.shape[1] ** 0.5)
            dtype = torch.promote_types(matrices.dtype, values.dtype)
            spectrum.append((values.T.to(dtype) @ matrices.to(dtype)).reshape(-1, d, d))
        return spectrum

    def backward(self, spectrum: Spectrum) -> AnyNodes:
        """The functions with this transform."""
        dtype = torch.complex128 if self._is_complex else torch.float64
        values = torch.zeros(len(self._matrices[0]), len(spectrum[0]), dtype=dtype, device=spectrum[0].device)
        for matrices, weight, coefficients in zip(self._matrices, self._weights, spectrum, strict=True):
            part = matrices.conj().to(coefficients.dtype) @ coefficients.reshape(len(coefficients), -1).T
            values += weight * (part if self._is_complex else part.real)
        return values

    def multiply(self, left: Spectrum, right: Spectrum) -> Spectrum:
        """The transform of a convolution."""
        return [a @ b for a, b in zip(left, right, strict=True)]

    def adjoint(self, spectrum: Spectrum) -> Spectrum:
        """The transform of g ↦ the conjugate of values(g⁻¹)."""
        return [coefficients.mH for coefficients in spectrum]


def _into_rows(values: Inexact[Tensor, "n S"], rows: Rows, count: int) -> Inexact[Tensor, "d S"]:
    """Xᵀ·values."""
    if not values.is_complex():
        return sum_into_rows(values, rows, count)
    parts = sum_into_rows(torch.view_as_real(values).flatten(start_dim=1), rows, count)
    return torch.view_as_complex(parts.reshape(count, -1, 2))


def _half_squares(values: Inexact[Tensor, "M S"]) -> Values:
    """½‖·‖² of every column."""
    if values.is_complex():
        return (values.real.square() + values.imag.square()).sum(dim=0) / 2
    return values.square().sum(dim=0) / 2


def _real_hessian(jacobian: Inexact[Tensor, "d M"], inner: Inexact[Tensor, "d d"]) -> Float[Tensor, "e e"]:
    """The Hessian of ½Σ_h|c_h|² from J = (∂c_h/∂w_i) and Σ_h c̄_h ∂²c_h.

    Where c is holomorphic, it takes x + iy to Re Σ_h |J_h·(x + iy)|² + Re (x + iy)ᵀ·inner·(x + iy), (2d, 2d) in
    [x; y].
    """
    if not jacobian.is_complex():
        return jacobian @ jacobian.T + inner
    outer = jacobian.conj() @ jacobian.T
    across = -outer.imag - inner.imag
    return torch.cat(
        [torch.cat([outer.real + inner.real, across], dim=1), torch.cat([across.T, outer.real - inner.real], dim=1)]
    )


def _second_derivative(activation: Activation, z: Tensor) -> Tensor:
    """σ″(z), by autograd through σ′."""
    leaf = z.detach().clone().requires_grad_()
    slope = activation.derivative(leaf)
    if not slope.requires_grad:
        return torch.zeros_like(z)
    (curvature,) = torch.autograd.grad(slope, leaf, torch.ones_like(slope))
    return curvature.conj()
