"""Figures of each hidden node, and their summaries over the layer."""

import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from li2.diagnostics.features import FourierBasis, NodeFeatures
from li2.diagnostics.layers import LayersSnapshot
from li2.diagnostics.snapshot import Snapshot
from li2.models import Weights, complex_nodes, over_nodes
from li2.models.energy import Energies

ALIVE = 0.01
"""A node shorter than this times the longest counts as dead and carries no feature."""

NODE_COLUMNS = {
    "norm": "‖w_j‖",
    "energy": "E(w_j) = ½‖Ỹᵀσ(Xw_j)‖² on the training pairs",
    "unit_energy": "E(w_j/‖w_j‖), the energy on the unit sphere",
    "gradient_cosine": "cos of the node's backpropagated gradient −∂J/∂w_j with ∇E(w_j)",
    "update_cosine": "cos of the node's last step w_j(t) − w_j(t−1) with ∇E(w_j(t−1))",
    "update_share": "share of the squared length of that step along +∇E(w_j(t−1)): cos² if cos > 0, else 0",
    "irrep": "label of the irrep that holds most of the node's non-constant mass",
    "purity": "share of its non-constant mass in one copy of that irrep, under left and under right multiplication",
    "isotypic_share": "share of its non-constant mass in all copies of that irrep (the same for one dimension)",
    "phase_1": "phase of the first operand's part û in that irrep, radians; irreps of one dimension only",
    "phase_2": "phase of the second operand's part v̂",
    "left_phase_1": "phase of the left singular vector of û, which left multiplication turns; larger irreps only",
    "right_phase_1": "phase of the right singular vector of û, which right multiplication turns",
    "left_phase_2": "phase of the left singular vector of v̂",
    "right_phase_2": "phase of the right singular vector of v̂",
    "rank_1": "effective rank of û, (Σσ²)²/Σσ⁴ of its singular values",
    "rank_2": "effective rank of v̂",
    "coupling": "‖ûv̂‖/(‖û‖‖v̂‖): at the maxima of the energy 1, in quaternionic irreps 1/√2",
}


def node_figures(snapshot: Snapshot, previous: Weights | None) -> pd.DataFrame:
    """The :data:`NODE_COLUMNS` of every node; a complex one counts once, with its real and imaginary parts.

    Args:
        snapshot: the network now; without a basis the figures of irreps are NaN and None.
        previous: its weights one step ago, or None at epoch 0 (then the figures of the step are NaN).
    """
    W, energies = snapshot.weights.W, snapshot.energies
    own_direction = energies.gradient(W, snapshot.correlations)
    update_cosine = _update_cosines(energies, W, previous).double()
    columns = {
        "norm": _lengths(W, energies.columns),
        "energy": energies.of_correlations(snapshot.correlations),
        "unit_energy": energies.unit_values(W),
        "gradient_cosine": -_cosines(snapshot.in_W, own_direction, energies.columns),
        "update_cosine": update_cosine,
        "update_share": update_cosine.clamp_min(0).square(),
    }
    return _table(columns, snapshot)


def feature_figures(snapshot: LayersSnapshot) -> pd.DataFrame:
    """The :data:`NODE_COLUMNS` of the lowest layer's nodes: norms and irreps; all others are NaN."""
    return _table({"norm": _lengths(snapshot.nodes, 1)}, snapshot)


def _table(columns: dict[str, Tensor], snapshot: Snapshot | LayersSnapshot) -> pd.DataFrame:
    table: dict[str, Any] = dict.fromkeys(NODE_COLUMNS, math.nan) | {"irrep": None}
    table |= {name: column.double().cpu().numpy() for name, column in columns.items()}
    if snapshot.basis is not None and snapshot.irreps is not None:
        table |= _irrep_columns(snapshot.irreps, snapshot.basis.labels)
    return pd.DataFrame(table)[list(NODE_COLUMNS)]


def summarise_nodes(nodes: pd.DataFrame, purity_threshold: float) -> dict[str, float]:
    """Medians and upper quantiles of the node figures, and how many nodes are features (see :func:`is_pure`)."""
    pure = nodes["irrep"][is_pure(nodes, purity_threshold)]
    applies = nodes["irrep"].notna().any()
    return {
        "unit_energy_median": _quantile(nodes["unit_energy"], 0.5),
        "unit_energy_q95": _quantile(nodes["unit_energy"], 0.95),
        "gradient_cosine_median": _quantile(nodes["gradient_cosine"], 0.5),
        "update_share_median": _quantile(nodes["update_share"], 0.5),
        "purity_median": _quantile(nodes["purity"], 0.5),
        "purity_q95": _quantile(nodes["purity"], 0.95),
        "features": len(pure) if applies else math.nan,
    }


def is_pure(nodes: pd.DataFrame, purity_threshold: float) -> NDArray[np.bool_]:
    """Which nodes are features: alive, with purity at the threshold or above."""
    norm, purity = nodes["norm"].to_numpy(), nodes["purity"].to_numpy()
    return (norm >= ALIVE * norm.max()) & (purity >= purity_threshold)


def irrep_figures(snapshot: Snapshot | LayersSnapshot, nodes: pd.DataFrame, purity_threshold: float) -> pd.DataFrame:
    """One row per non-trivial irrep: what the nodes hold of it, what the residual still asks for.

    For real weights conjugate irreps are one, for complex ones each has its row.

    Columns: ``irrep``, its ``dimension`` d and ``type``; ``functions``, the dimension of its isotypic component, d²
    (twice that with a conjugate); ``features`` (pure nodes); ``left_span`` and ``right_span``, how many of the d
    dimensions these nodes span under left and right multiplication (see :meth:`FourierBasis.spans`); shares, each
    adding up to 1 over the irreps: ``mass`` of the layer's non-constant mass, ``energy`` of Σ_j E(w_j) (NaN in
    deeper networks) and ``residual`` of ‖R‖², both along the class axis. The residual is real and has the same part in
    an irrep and its conjugate; of complex nodes, what is counted in the energy are the vectors Ỹᵀσ(Xw_j), which need
    not.

    Args:
        snapshot: with a basis.
        nodes: its node figures.
        purity_threshold: of pure nodes.
    """
    basis, irreps, nodes_of = snapshot.basis, snapshot.irreps, snapshot.nodes
    assert basis is not None
    assert irreps is not None
    mass, own = irreps.mass.sum(dim=1), irreps.irrep.cpu().numpy()
    pure = np.flatnonzero(is_pure(nodes, purity_threshold))
    members = [torch.from_numpy(pure[own[pure] == number]).to(nodes_of.device) for number in range(len(basis.irreps))]
    spans = [basis.spans(nodes_of[:, columns], number) for number, columns in enumerate(members)]
    return pd.DataFrame(
        {
            "irrep": basis.labels,
            "dimension": [irrep.dimension for irrep in basis.irreps],
            "type": [irrep.type for irrep in basis.irreps],
            "functions": [len(irrep.members) * irrep.dimension**2 for irrep in basis.irreps],
            "features": [len(columns) for columns in members],
            "left_span": [left for left, _ in spans],
            "right_span": [right for _, right in spans],
            "mass": (mass / mass.sum()).cpu().numpy(),
            "energy": math.nan if isinstance(snapshot, LayersSnapshot) else _energy_shares(snapshot, basis),
            "residual": basis.class_shares(snapshot.residual).cpu().numpy(),
        }
    )


def _energy_shares(snapshot: Snapshot, basis: FourierBasis) -> NDArray[np.float64]:
    """Each irrep's share of Σ_j E(w_j), E(w_j) = ½‖Ỹᵀσ(Xw_j)‖²."""
    correlations: Tensor = snapshot.correlations
    if snapshot.energies.columns == 2:
        correlations = complex_nodes(correlations).conj()  # features are [Re σ, −Im σ]
    shares: NDArray[np.float64] = basis.class_shares(correlations.mT).cpu().numpy()
    return shares


def summarise_irreps(irreps: pd.DataFrame, basis: FourierBasis) -> dict[str, float]:
    """How many irreps are covered, and how far the residual, and so G_F, has turned to those that no node covers.

    An irrep is covered if a node that is not dead (see :data:`ALIVE`) has at least the threshold's purity in it or in
    its conjugate: an output is real, so that who gives it one gives it the other. ``irreps_covered`` counts both once.
    ``missing_energy`` and ``missing_residual`` are their shares of Σ_j E(w_j) and of ‖R‖²; ``missing_focus``
    the residual per dimension of the missing irreps over that of the covered ones (1: no preference; Theorem 7
    wants it large), NaN if all or none are covered.
    """
    energy, residual, functions = (irreps[name].to_numpy() for name in ("energy", "residual", "functions"))
    features = np.bincount(basis.joined, weights=irreps["features"])
    missing = features[basis.joined] == 0
    focus = math.nan
    if missing.any() and not missing.all() and residual[~missing].sum() > 0:
        densities = [residual[part].sum() / functions[part].sum() for part in (missing, ~missing)]
        focus = densities[0] / densities[1]
    return {
        "irreps_covered": float((features > 0).sum()),
        "missing_energy": float(energy[missing].sum()) if np.isfinite(energy).any() else math.nan,
        "missing_residual": float(residual[missing].sum()),
        "missing_focus": float(focus),
    }


def _quantile(values: "pd.Series[float]", share: float) -> float:
    """A quantile of the values that are there; NaN without any."""
    there = values.to_numpy()
    there = there[~np.isnan(there)]
    return float(np.quantile(there, share)) if len(there) else math.nan


def _update_cosines(energies: Energies, W: Float[Tensor, "d K"], previous: Weights | None) -> Float[Tensor, " nodes"]:
    if previous is None:
        return W.new_full((W.shape[1] // energies.columns,), torch.nan)
    gradient = energies.gradient(previous.W, energies.correlations(previous.W))
    return _cosines(W - previous.W, gradient, energies.columns)


def _irrep_columns(irreps: NodeFeatures, labels: list[str]) -> dict[str, Any]:
    columns: dict[str, Any] = {"irrep": np.array(labels, dtype=object)[irreps.irrep.cpu().numpy()]}
    values = {"purity": irreps.purity, "isotypic_share": irreps.isotypic_share, "coupling": irreps.coupling}
    for name, rows in (
        ("phase", irreps.phases),
        ("left_phase", irreps.left_phases),
        ("right_phase", irreps.right_phases),
        ("rank", irreps.ranks),
    ):
        values |= {f"{name}_{operand}": row for operand, row in enumerate(rows, start=1)}
    return columns | {name: column.cpu().numpy() for name, column in values.items()}


def _cosines(left: Float[Tensor, "d K"], right: Float[Tensor, "d K"], columns: int) -> Float[Tensor, " nodes"]:
    """cos of each pair of nodes; NaN where one is zero."""
    lengths = _lengths(left, columns) * _lengths(right, columns)
    return torch.where(lengths > 0, over_nodes((left * right).sum(dim=0), columns) / lengths, torch.nan)


def _lengths(W: Float[Tensor, "d K"], columns: int) -> Float[Tensor, " nodes"]:
    """The nodes' lengths; norm over the first axis is many times slower."""
    return over_nodes(W.square().sum(dim=0), columns).sqrt()
