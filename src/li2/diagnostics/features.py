"""Which irreps the hidden nodes carry: the share of a node's mass in each, its phases, and the rank of its part."""

from dataclasses import dataclass

import torch
from jaxtyping import Complex, Float, Inexact, Int
from torch import Tensor

from li2.groups import RealIrrep, Representations

CONSTANT = 1e-20
"""A node whose non-constant mass is below this share of its squared length is constant but for rounding."""


@dataclass(frozen=True)
class NodeFeatures:
    """The irrep content of K nodes.

    A node has a part u in each operand, with coefficients û = Σ_g u_g C(g) (d × d) in the node's irrep. Left
    multiplication of the operand by a takes û to C(a)û and moves its left singular vectors; right multiplication
    moves the right ones. Only a part of rank one lies in a single copy of the irrep under both (of rank two with equal
    singular values for the quaternionic type, where a real function has them in pairs).

    Attributes:
        mass: (irreps, K) squared length of each node's part in each non-trivial irrep, all operands and copies.
        irrep: (K,) int64, the irrep with the largest mass.
        isotypic_share: (K,) that irrep's share of the node's non-constant mass; NaN for a node that is constant
            to :data:`CONSTANT`.
        purity: (K,) the share of the largest single copy, by the first singular value of û (first two if
            quaternionic): the same for d = 1, less for larger irreps unless û and v̂ have rank one.
        phases: (k, K) radians, for irreps with d = 1, otherwise NaN: operand i's part is ∝ cos(θ(g) − phase), where
            exp(iθ(g)) is the irrep's first character; 0 or π for a real irrep.
        left_phases, right_phases: (k, K) radians, for irreps with d > 1 of real or complex type, otherwise NaN: the
            angle between the first two coordinates of the first left (right) singular vector of û, in
            [−π/2, π/2) for the real type and (−π, π] for the complex one.
        ranks: (k, K) the effective rank (Σσ²)²/Σσ⁴ of û from its singular values σ, 1 to d.
        coupling: (K,) ‖û₁û₂…‖/(‖û₁‖‖û₂‖…): for parts of rank one, 1 if the right space of each operand is the left
            space of the next; for the quaternionic type, whose parts have rank two or more, then 1/√2 at most.

    What describes a part is NaN where that operand has none.
    """

    mass: Float[Tensor, "irreps K"]
    irrep: Tensor
    isotypic_share: Float[Tensor, " K"]
    purity: Float[Tensor, " K"]
    phases: Float[Tensor, "k K"]
    left_phases: Float[Tensor, "k K"]
    right_phases: Float[Tensor, "k K"]
    ranks: Float[Tensor, "k K"]
    coupling: Float[Tensor, " K"]


class FourierBasis:
    """The matrix entries of a group's non-trivial irreps as tensors.

    Of conjugate irreps only the first is kept: a real function has the same part in both. Complex functions have not;
    for them (``is_complex``) every irrep stands on its own, is spanned by copies of rank one whatever its type, and has
    phases as those of complex type do, which are angles of singular vectors known only up to a common factor.
    """

    def __init__(self, representations: Representations, device: torch.device, *, is_complex: bool = False) -> None:
        self.is_complex = is_complex
        self.irreps = representations.characters.real_irreps[1:]
        self._joined = list(range(len(self.irreps)))
        if is_complex:
            joined = self.irreps
            self.irreps = tuple(
                RealIrrep(irrep.label, (row,), irrep.dimension, irrep.type)
                for row, irrep in enumerate(representations.characters.irreps)
            )[1:]
            numbers = {row: number for number, irrep in enumerate(joined) for row in irrep.members}
            self._joined = [numbers[row] for row in sorted(numbers)]
        order = representations.group.order
        entries = [
            torch.as_tensor(representations.matrices(irrep.members[0])).reshape(order, -1).T.to(torch.complex128)
            for irrep in self.irreps
        ]
        self._entries = torch.cat(entries).to(device)
        self._ends = torch.tensor([irrep.dimension**2 for irrep in self.irreps]).cumsum(0).tolist()
        weights = torch.zeros(len(self.irreps), len(self._entries), dtype=torch.float64)
        for number, irrep in enumerate(self.irreps):
            weights[number, self._rows(number)] = irrep.dimension * len(irrep.members) / order
        self._weights = weights.to(device)
        self._forms: dict[tuple[int, str], list[int]] = {}  # irreps of one dimension and, if that is not 1, type
        for number, irrep in enumerate(self.irreps):
            kind = "complex" if is_complex or irrep.dimension == 1 else irrep.type
            self._forms.setdefault((irrep.dimension, kind), []).append(number)

    def _rows(self, number: int) -> slice:
        return slice(self._ends[number] - self.irreps[number].dimension ** 2, self._ends[number])

    @property
    def joined(self) -> list[int]:
        """For each irrep a number from 0 that it shares with its conjugate only."""
        return self._joined

    @property
    def labels(self) -> list[str]:
        """The irreps' labels, in order."""
        return [irrep.label for irrep in self.irreps]

    def coefficients(self, values: Inexact[Tensor, "M r"], number: int | None = None) -> Complex[Tensor, "entries r"]:
        """The coefficients û_k = Σ_g u_g C_k(g) of r functions on the group: those of one irrep, or of all in turn."""
        entries = self._entries if number is None else self._entries[self._rows(number)]
        if values.is_complex():
            return entries @ values.to(torch.complex128)
        values = values.double()
        return torch.complex(entries.real @ values, entries.imag @ values)

    def node_features(self, W: Inexact[Tensor, "d K"]) -> NodeFeatures:
        """The irrep content of the columns of W, k stacked blocks of M rows; complex only if the basis is."""
        lengths = W.abs().double().square().sum(dim=0)
        blocks = W.reshape(-1, self._entries.shape[1], W.shape[1])
        coefficients = torch.stack([self.coefficients(block) for block in blocks])
        mass = self._weights @ _squared(coefficients).sum(dim=0)
        total = mass.sum(dim=0)
        total[total <= CONSTANT * lengths] = torch.nan
        largest, irrep = mass.max(dim=0)
        pure = largest.clone()
        phases, left, right, ranks = (total.new_full((len(blocks), W.shape[1]), torch.nan) for _ in range(4))
        coupling = torch.full_like(total, torch.nan)
        for (dimension, kind), numbers in self._forms.items():
            nodes = torch.isin(irrep, torch.tensor(numbers, device=irrep.device)).nonzero().squeeze(1)
            if not len(nodes):
                continue
            parts = self._own_matrices(coefficients, irrep, nodes, dimension)
            absent = _length(parts) ** 2 <= CONSTANT * lengths[nodes]
            coupling[nodes] = _coupling(parts).masked_fill(absent.any(dim=0), torch.nan)
            if dimension == 1:
                phases[:, nodes] = parts[..., 0, 0].angle().masked_fill(absent, torch.nan)
                ranks[:, nodes] = torch.where(absent, torch.nan, 1.0).double()
                continue
            first, values, second = torch.linalg.svd(parts)
            squares = values.square()
            rank = squares.sum(dim=-1).square() / squares.square().sum(dim=-1)
            ranks[:, nodes] = rank.masked_fill(absent, torch.nan)
            copy = squares[..., : 2 if kind == "quaternionic" else 1].sum(dim=(0, -1))
            pure[nodes] = largest[nodes] * copy / squares.sum(dim=(0, -1))
            if kind != "quaternionic":
                left[:, nodes] = _phase(first[..., :, 0], kind == "real").masked_fill(absent, torch.nan)
                right[:, nodes] = _phase(second[..., 0, :].conj(), kind == "real").masked_fill(absent, torch.nan)
        return NodeFeatures(
            mass=mass,
            irrep=irrep,
            isotypic_share=largest / total,
            purity=pure / total,
            phases=phases,
            left_phases=left,
            right_phases=right,
            ranks=ranks,
            coupling=coupling,
        )

    def spans(self, W: Inexact[Tensor, "d K"], number: int) -> tuple[float, float]:
        """How many of the d dimensions of an irrep the columns of W span together, each node with equal weight.

        Returns:
            Effective ranks of Σ ûûᴴ for the first operand (left multiplication) and of Σ ûᴴû for the last
            operand (right multiplication), both over nodes with ‖û‖ = 1; 0 without nodes.
        """
        order, d = self._entries.shape[1], self.irreps[number].dimension
        first, last = W[:order], W[-order:]
        if d == 1:
            return float(first.any()), float(last.any())
        left, right = (self.coefficients(block, number).T.reshape(-1, d, d) for block in (first, last))
        return _span(left), _span(right.mH)

    def class_shares(self, values: Inexact[Tensor, "r M"]) -> Float[Tensor, " irreps"]:
        """Each irrep's share of the non-constant part of functions of the class, the rows; sums to 1."""
        squares = self._squares(values)
        mass = self._weights @ squares
        return mass / mass.sum()

    def _squares(self, values: Inexact[Tensor, "r M"]) -> Float[Tensor, " entries"]:
        """Σ_rows |û|² = ê·G·ê̄ for every matrix entry ê, G the rows' Gram matrix."""
        if values.is_complex():
            values = values.to(torch.complex128)
            return ((self._entries @ (values.T @ values.conj())) * self._entries.conj()).real.sum(dim=1)
        gram = values.double().T @ values.double()
        real, imaginary = self._entries.real, self._entries.imag
        return ((real @ gram) * real + (imaginary @ gram) * imaginary).sum(dim=1)

    def _own_matrices(
        self, coefficients: Complex[Tensor, "k entries K"], irrep: Int[Tensor, " K"], nodes: Int[Tensor, " m"], d: int
    ) -> Complex[Tensor, "k m d d"]:
        """The coefficients of these nodes in their own irreps, all of dimension d, as matrices."""
        starts = torch.tensor(self._ends, device=nodes.device)[irrep[nodes]] - d * d
        rows = starts[:, None] + torch.arange(d * d, device=nodes.device)
        return coefficients[:, rows, nodes[:, None]].reshape(len(coefficients), len(nodes), d, d)


def _squared(values: Inexact[Tensor, "*k m"]) -> Float[Tensor, "*k m"]:
    """|values|², without the root that abs takes."""
    return values.real.square() + values.imag.square() if values.is_complex() else values.square()


def _coupling(parts: Complex[Tensor, "k K e e"]) -> Float[Tensor, " K"]:
    product, lengths = parts[0], _length(parts[0])
    for part in parts[1:]:
        product, lengths = product @ part, lengths * _length(part)
    return _length(product) / lengths


def _length(matrices: Complex[Tensor, "*k e e"]) -> Float[Tensor, "*k"]:
    return matrices.abs().square().sum(dim=(-2, -1)).sqrt()


def _span(matrices: Complex[Tensor, "K e e"]) -> float:
    matrices = matrices[_length(matrices) > 0]
    if not len(matrices):
        return 0.0
    unit = matrices / _length(matrices)[:, None, None]
    gram = (unit @ unit.mH).sum(dim=0)
    return (gram.diagonal().real.sum().square() / gram.abs().square().sum()).item()


def _phase(vectors: Complex[Tensor, "*k K e"], is_real: bool) -> Float[Tensor, "*k K"]:
    """The angle between the first two coordinates; of a real vector known up to its sign."""
    first, second = vectors[..., 0], vectors[..., 1]
    if is_real:
        angle = torch.atan2(second.real, first.real)
        return torch.remainder(angle + torch.pi / 2, torch.pi) - torch.pi / 2
    return (second * first.conj()).angle()
