"""What nodes climb once the top layer fits the labels: the energy as P_η = η(FFᵀ + ηI)⁻¹ of all nodes whitens it.

At the ridge solution V, G_F is η⁻¹P_ηỸỸᵀP_ησ(XW): every node climbs E_η(w) = ½‖ỸᵀP_ησ(Xw)‖² as long as it moves P_η
little itself. P_η is that of the infinitely wide initial layer, whose kernel depends only on how many operands two
pairs share. It leaves the span of the columns of [X, Y], so that no n × n matrix is formed.
"""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float, Inexact, Int
from torch import Tensor
from torch.nn import functional

from li2.errors import Li2Error
from li2.landscape.energies import AnyNodes, SampleEnergy
from li2.models import named_activation, sum_into_rows
from li2.specs import RunSpec
from li2.specs.ascent_spec import check_hidden_layer
from li2.theory.kernel import Law, Levels, additive_part, damping, initial_levels


@dataclass(frozen=True)
class WideLayer:
    """An infinitely wide layer in place of K hidden nodes.

    Attributes:
        levels: averages over the weights of products of two activations.
        width: K.
        eta: η > 0.
    """

    levels: Levels
    width: int
    eta: float

    @property
    def damping(self) -> float:
        """η/(Kκ + η): what P_η makes of functions with no additive part."""
        return damping(self.levels, self.width, self.eta)


def run_levels(spec: RunSpec, order: int) -> Levels:
    """The levels of a run's initial hidden layer on pairs of M elements; closed, or by quadrature with its error.

    Raises:
        Li2Error: if the layer is none of independent real weights of a known law on one-hot pairs.
    """
    check_hidden_layer(spec)
    return initial_levels(spec.activation, named_activation(spec.activation).function, Law.of_run(spec, order))


@dataclass(frozen=True, eq=False)
class WhitenedEnergy(SampleEnergy):
    """The energy ½‖Tᵀσ(Xw)‖² of targets T = [X, Y]·G, and the field XᵀD·STᵀσ(Xw) of signals S = [X, Y]·H.

    The field is the gradient of the energy if S = T (``both``, ``additive-free``); with P_ηỸ for S and Ỹ for T
    (``one-sided``) it is the gradient of no energy, and the value is that of E.

    Attributes:
        signal, target: H and G, (d + M, M) float64.
    """

    signal: Float[Tensor, "rows M"] = field(kw_only=True)
    target: Float[Tensor, "rows M"] = field(kw_only=True)

    @property
    def is_gradient(self) -> bool:
        """Whether the field is the gradient of the value."""
        return self.signal is self.target

    def onto_classes(self, values: Inexact[Tensor, "n S"]) -> Inexact[Tensor, "M S"]:
        """Tᵀ·values."""
        sums = values.new_zeros(len(self.target), values.shape[1])
        for column in self._selected:
            sums.index_add_(0, column, values)
        return self.target.T.to(values.dtype) @ sums

    def onto_samples(self, values: Inexact[Tensor, "M S"]) -> Inexact[Tensor, "n S"]:
        """S·values."""
        parts = self.signal.to(values.dtype) @ values
        first, second, label = self._selected
        return parts[first] + parts[second] + parts[label]

    def hessian(self, w: Inexact[Tensor, " d"]) -> Float[Tensor, "e e"]:
        """∇²E(w), as :meth:`SampleEnergy.hessian`; raises Li2Error where the field is no gradient."""
        if not self.is_gradient:
            raise Li2Error("a one-sided whitening has no energy and so no Hessian; take both.")
        return super().hessian(w)

    @cached_property
    def _selected(self) -> tuple[Int[Tensor, " n"], ...]:
        """The rows of [X, Y]ᵀ that the samples select: by first operand, second operand, label."""
        first, second = self.rows.T.contiguous()
        return first, second, self.size + self.labels


def whitened(energy: SampleEnergy, whitening: str, layer: WideLayer | None = None, scale: float = 1.0) -> SampleEnergy:
    """The energy of labelled pairs, whitened.

    - ``none``: E = ½‖Ỹᵀσ‖² itself;
    - ``one-sided``: nodes climb XᵀD·P_ηỸỸᵀσ, which is the gradient of no energy;
    - ``both``: E_η = ½‖ỸᵀP_ησ‖²;
    - ``additive-free``: ½‖Ỹᵀ(I − Π)σ‖², Π on the span of the columns of X.

    Args:
        energy: of distinct pairs. Where it centres over samples P_η is that of F̃ = P₁F, otherwise that of F.
        whitening: which of these.
        layer: for P_η; needed for ``one-sided`` and ``both``.
        scale: factor on the value and the field.
    """
    if energy.rows.shape[1] != 2:
        raise Li2Error(f"the kernel of the initial layer is known for pairs, not for {energy.rows.shape[1]} operands.")
    labels = _centred_labels(energy)
    if whitening == "none":
        target = signal = labels
    elif whitening == "additive-free":
        gram = _gram(energy)
        target = signal = _less(labels, torch.linalg.pinv(gram, hermitian=True) @ _moments(energy, labels))
    else:
        assert layer is not None, "P_η is that of a layer"
        part = additive_part(
            _gram(energy),
            _moments(energy, labels),
            layer.levels,
            layer.width,
            layer.eta,
            is_centred=energy.centring == "samples",
        )
        signal = layer.damping * _less(labels, part)
        target = signal if whitening == "both" else labels
    root = scale**0.5
    scaled = root * target
    other = scaled if signal is target else root * signal
    return WhitenedEnergy(
        energy.rows, energy.labels, energy.classes, energy.activation, energy.centring, signal=other, target=scaled
    )


def _centred_labels(energy: SampleEnergy) -> Float[Tensor, "rows M"]:
    """G of Ỹ = [X, Y]·G; the constant function is X·1/2."""
    M = energy.classes
    counts = torch.bincount(energy.labels, minlength=M).double()
    means = {"samples": counts / len(energy.labels), "classes": torch.full_like(counts, 1 / M)}
    mean = means.get(energy.centring, torch.zeros_like(counts))
    identity = torch.eye(M, dtype=torch.float64, device=energy.device)
    return torch.cat([(-mean / 2).expand(energy.size, M), identity])


def _less(coefficients: Float[Tensor, "rows M"], part: Float[Tensor, "d M"]) -> Float[Tensor, "rows M"]:
    """G of [X, Y]·G − X·part."""
    return coefficients - functional.pad(part, (0, 0, 0, len(coefficients) - len(part)))


def _gram(energy: SampleEnergy) -> Float[Tensor, "d d"]:
    """XᵀX."""
    counts = torch.zeros(energy.size**2, dtype=torch.float64, device=energy.device)
    for left in energy.rows.T:
        for right in energy.rows.T:
            counts.index_add_(0, left * energy.size + right, counts.new_ones(len(left)))
    return counts.reshape(energy.size, energy.size)


def _moments(energy: SampleEnergy, labels: Float[Tensor, "rows M"]) -> AnyNodes:
    """XᵀỸ."""
    one_hot = functional.one_hot(energy.labels, energy.classes).double()
    return _gram(energy) @ labels[: energy.size] + sum_into_rows(one_hot, energy.rows, energy.size)
