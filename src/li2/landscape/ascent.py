"""Ascent of an energy on the unit sphere, from many starts at once, each until it has converged."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from li2.landscape.energies import Energy, Nodes, Values
from li2.models import unit_nodes

TOLERANCE = 1e-9
"""Of the projected gradient, relative to the gradient."""

GRADIENT_STEPS, NEWTON_STEPS, HALVINGS = 1000, 100, 40
"""At most."""

LONGEST_STEP = 0.3
"""Of Newton's method, on the sphere of radius one."""

SMALLEST_STIFFNESS = 1e-12
"""Curvatures below, in units of w·∇E, count as this one."""

FIRST_STEP = 2 / 3
"""In units of 1/(w·∇E): at a maximum of a quartic energy the slow and the fast directions then shrink alike, by 3."""

ROUNDING = 1e-12
"""Of energies, relative."""

SMALLEST = 1e-300
"""Keeps zero out of denominators."""

PATIENCE = 25
"""Steps between two looks at which starts have converged."""

Progress = Callable[[int, int], None]
"""Called with the number of starts that have converged, and of all."""


@dataclass(frozen=True)
class Ascent:
    """Where S ascents have ended.

    Attributes:
        nodes: (d, S), of length one.
        energies: (S,) E there.
        slopes: (S,) length of the projected gradient over that of the gradient.
        converged: (S,) whether the slope is within the tolerance.
    """

    nodes: Nodes
    energies: Values
    slopes: Values
    converged: Bool[Tensor, " S"]


def random_starts(energy: Energy, count: int, seed: int) -> Nodes:
    """Uniform on the unit sphere, (d, count) float64; the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    nodes = torch.randn(count, energy.size, generator=generator, dtype=torch.float64).T
    return unit_nodes(nodes).to(energy.device)


def ascend(
    energy: Energy,
    starts: Nodes,
    progress: Progress | None = None,
    *,
    tolerance: float = TOLERANCE,
    steps: int = GRADIENT_STEPS,
    newton: bool = True,
) -> Ascent:
    """Climb from every column of ``starts`` until its projected gradient vanishes.

    Steps go along the projected gradient r = ∇E − (w·∇E)w and back to the sphere, all starts at once; those that have
    not converged in so many, because some direction is nearly flat, go on one by one with Newton's
    method. A step that would lower the energy is not taken but shortened, so that the energy never falls.

    Args:
        energy: what to climb.
        starts: (d, S), of length one.
        progress: called from time to time.
        tolerance: the slope from which an ascent counts as converged.
        steps: along the projected gradient, at most.
        newton: whether those that have not converged go on; otherwise they end where they are.
    """
    nodes = starts.clone()
    energies, slopes = (starts.new_zeros(starts.shape[1]) for _ in range(2))
    running = torch.arange(starts.shape[1], device=starts.device)
    climb = Climb(energy, nodes)
    for _ in range(0, steps, PATIENCE):
        for _ in range(PATIENCE):
            climb.step()
        nodes[:, running], energies[running], slopes[running] = climb.W, climb.values, climb.slopes()
        going = climb.slopes() > tolerance
        running = running[going]
        if progress is not None:
            progress(starts.shape[1] - len(running), starts.shape[1])
        if not len(running):
            break
        climb.keep(going)
    for done, number in enumerate(running.tolist() if newton else [], start=1):
        nodes[:, number], energies[number], slopes[number] = _newton(energy, nodes[:, number], tolerance)
        if progress is not None:
            progress(starts.shape[1] - len(running) + done, starts.shape[1])
    return Ascent(nodes, energies, slopes, slopes <= tolerance)


def _newton(energy: Energy, w: Float[Tensor, " d"], tolerance: float) -> tuple[Float[Tensor, " d"], Tensor, Tensor]:
    """The end of an ascent by Newton steps, with its energy and slope.

    Each eigenvalue of the Hessian on the sphere counts by its absolute value, so that steps lead away from saddle
    points, too; they are halved until the energy does not fall and, where it hardly changes, the slope does.
    """
    value, gradient = _at(energy, w)
    for _ in range(NEWTON_STEPS):
        tangent = _tangent(w, gradient)
        if tangent.norm() <= tolerance * gradient.norm():
            break
        basis = _tangent_basis(w)
        eigenvalues, vectors = torch.linalg.eigh(_sphere_hessian(energy, w, gradient, basis))
        stiffness = eigenvalues.abs().clamp_min(SMALLEST_STIFFNESS * (w @ gradient).abs())
        step = basis @ (vectors @ ((vectors.T @ (basis.T @ tangent)) / stiffness))
        step = step * (LONGEST_STEP / step.norm().clamp_min(LONGEST_STEP))
        for _ in range(HALVINGS):
            moved = w + step
            moved = moved / moved.norm()
            moved_value, moved_gradient = _at(energy, moved)
            gain = moved_value - value
            rounding = ROUNDING * value.abs()
            flatter = _tangent(moved, moved_gradient).norm() < tangent.norm()
            if gain > rounding or (gain >= -rounding and flatter):
                break
            step = step / 2
        else:
            break
        w, value, gradient = moved, moved_value, moved_gradient
    return w, value, _tangent(w, gradient).norm() / gradient.norm().clamp_min(SMALLEST)


def _at(energy: Energy, w: Float[Tensor, " d"]) -> tuple[Tensor, Float[Tensor, " d"]]:
    values, gradients = energy.value_and_gradient(w[:, None])
    return values[0], gradients[:, 0]


class Climb:
    """The ascents that go on."""

    def __init__(self, energy: Energy, W: Nodes) -> None:
        self._energy = energy
        self.W = W.clone()
        self.values, self._gradient = energy.value_and_gradient(self.W)
        self._size = torch.full_like(self.values, FIRST_STEP)

    def slopes(self) -> Values:
        """‖r‖/‖∇E‖; 0 where the gradient is."""
        return _tangent(self.W, self._gradient).norm(dim=0) / self._gradient.norm(dim=0).clamp_min(SMALLEST)

    def step(self) -> None:
        """One step of every node; those that it would lower stay, and try half of it next time.

        Where the gain to be expected is lost in rounding, the projected gradient has to fall instead.
        """
        tangent = _tangent(self.W, self._gradient)
        radial = (self.W * self._gradient).sum(dim=0).abs()
        length = torch.where(radial > 0, self._size / radial.clamp_min(SMALLEST), 0)
        moved = unit_nodes(self.W + length * tangent)
        values, gradient = self._energy.value_and_gradient(moved)
        expected, gain = length * tangent.square().sum(dim=0), values - self.values
        lost = expected <= ROUNDING * self.values.abs()
        flatter = _tangent(moved, gradient).norm(dim=0) < tangent.norm(dim=0)
        better = torch.where(lost, flatter, gain >= 0.25 * expected)
        plenty = ~lost & (gain >= 0.6 * expected)
        self._size = torch.where(plenty, 1.5 * self._size, torch.where(better, self._size, self._size / 2))
        self.W = torch.where(better, moved, self.W)
        self._gradient = torch.where(better, gradient, self._gradient)
        self.values = torch.where(better, values, self.values)

    def keep(self, chosen: Bool[Tensor, " S"]) -> None:
        """Go on with some of the nodes only."""
        self.W, self._gradient = self.W[:, chosen], self._gradient[:, chosen]
        self.values, self._size = self.values[chosen], self._size[chosen]


def _tangent(W: Float[Tensor, "d ..."], gradient: Float[Tensor, "d ..."]) -> Float[Tensor, "d ..."]:
    """r = ∇E − (w·∇E)w."""
    return gradient - (W * gradient).sum(dim=0) * W


def sphere_spectrum(energy: Energy, w: Float[Tensor, " d"]) -> Float[Tensor, " tangent"]:
    """The d − 1 eigenvalues of the Hessian on the sphere, P(∇²E − w·∇E)P on the tangent space at w, ascending."""
    _, gradient = _at(energy, w)
    return torch.linalg.eigvalsh(_sphere_hessian(energy, w, gradient, _tangent_basis(w)))


def softest_direction(energy: Energy, w: Float[Tensor, " d"]) -> Float[Tensor, " d"]:
    """The unit tangent vector in which the energy on the sphere falls least, or rises most."""
    _, gradient = _at(energy, w)
    basis = _tangent_basis(w)
    return basis @ torch.linalg.eigh(_sphere_hessian(energy, w, gradient, basis)).eigenvectors[:, -1]


def _sphere_hessian(
    energy: Energy, w: Float[Tensor, " d"], gradient: Float[Tensor, " d"], basis: Float[Tensor, "d tangent"]
) -> Float[Tensor, "tangent tangent"]:
    hessian = basis.T @ energy.hessian(w) @ basis
    hessian.diagonal().sub_(w @ gradient)
    return hessian


def _tangent_basis(w: Float[Tensor, " d"]) -> Float[Tensor, "d tangent"]:
    """Orthonormal columns orthogonal to w: those of the reflection that takes w to the first axis, but the first."""
    mirror = w.clone()
    mirror[0] += torch.where(w[0] >= 0, 1.0, -1.0)
    mirror = mirror / mirror.norm()
    identity = torch.eye(len(w), dtype=w.dtype, device=w.device)
    return (identity - 2 * torch.outer(mirror, mirror))[:, 1:]
