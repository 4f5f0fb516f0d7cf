"""Figures of each hidden node, and their summaries over the layer."""

import math

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import cosine_similarity

from li2.diagnostics.features import FourierBasis
from li2.models import Problem, Weights, energy, energy_and_gradient, sum_into_rows, unit_nodes

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


def node_figures(
    problem: Problem, weights: Weights, previous: Weights | None, basis: FourierBasis | None
) -> tuple[pd.DataFrame, float]:
    """The :data:`NODE_COLUMNS` of every node, and the alignment cos(G_F, ỸỸᵀF̃).

    Args:
        problem: training problem.
        weights: now.
        previous: one step ago, or None at epoch 0 (then the figures of the step are NaN).
        basis: Fourier basis of the group, or None where irreps do not apply (then NaN and None).
    """
    W, rows, activation = weights.W, problem.train.rows, problem.network.activation
    targets = problem.targets.to(W.dtype)
    preactivations = problem.network.preactivations(W, rows)
    features = activation.function(preactivations)
    derivative = activation.derivative(preactivations)
    correlations = targets.T @ features
    signal = targets @ correlations  # ỸỸᵀF̃
    gradient = problem.backpropagated_gradient(weights)
    alignment = _cosine(gradient, signal)
    own_direction = sum_into_rows(signal.mul_(derivative), rows, len(W))  # ∇E
    direction = sum_into_rows(gradient.mul_(derivative), rows, len(W))  # −∂J/∂W
    columns = {
        "norm": W.norm(dim=0),
        "energy": correlations.square().sum(dim=0) / 2,
        "unit_energy": energy(unit_nodes(W), rows, targets, activation),
        "gradient_cosine": _column_cosines(direction, own_direction),
        "update_cosine": _update_cosines(problem, targets, weights, previous),
    }
    table = pd.DataFrame({name: column.double().cpu().numpy() for name, column in columns.items()})
    table["update_share"] = table["update_cosine"].clip(lower=0) ** 2
    _add_features(table, W, basis)
    return table[list(NODE_COLUMNS)], alignment


def summarise_nodes(nodes: pd.DataFrame, purity_threshold: float) -> dict[str, float]:
    """Medians and upper quantiles of the node figures, and how many irreps are covered.

    An irrep is covered if a node that is not dead (see :data:`ALIVE`) has at least the threshold's purity in it.
    """
    pure = pure_nodes(nodes, purity_threshold)
    applies = nodes["irrep"].notna().any()
    return {
        "unit_energy_median": nodes["unit_energy"].median(),
        "unit_energy_q95": float(nodes["unit_energy"].quantile(0.95)),
        "gradient_cosine_median": nodes["gradient_cosine"].median(),
        "update_share_median": nodes["update_share"].median(),
        "purity_median": nodes["purity"].median(),
        "purity_q95": float(nodes["purity"].quantile(0.95)),
        "features": len(pure) if applies else math.nan,
        "irreps_covered": pure["irrep"].nunique() if applies else math.nan,
    }


def pure_nodes(nodes: pd.DataFrame, purity_threshold: float) -> pd.DataFrame:
    """The nodes that are features: alive, with purity at the threshold or above."""
    alive = nodes["norm"] >= ALIVE * nodes["norm"].max()
    return nodes[alive & (nodes["purity"] >= purity_threshold)]


def irrep_figures(
    nodes: pd.DataFrame, basis: FourierBasis, problem: Problem, weights: Weights, purity_threshold: float
) -> pd.DataFrame:
    """One row per non-trivial irrep (with its conjugate): what the nodes hold of it, what the residual still asks for.

    Columns: ``irrep``, its ``dimension`` d and ``type``; ``functions``, the dimension of its isotypic component, d²
    (twice that with a conjugate); ``features`` (pure nodes); ``left_span`` and ``right_span``, how many of the d
    dimensions these nodes span under left and right multiplication (see :meth:`FourierBasis.spans`); shares, each
    adding up to 1 over the irreps: ``mass`` of the layer's non-constant mass, ``energy`` of Σ_j E(w_j) and
    ``residual`` of ‖R‖², both along the class axis.
    """
    mass = basis.node_features(weights.W).mass.sum(dim=1)
    features = problem.network.features(weights.W, problem.train.rows)
    correlations = features.T @ problem.targets.to(features.dtype)  # E(w_j) = ½‖row j‖²
    pure = pure_nodes(nodes, purity_threshold)
    members = [torch.tensor(pure.index[pure["irrep"] == label].to_numpy(copy=True)) for label in basis.labels]
    spans = [basis.spans(weights.W[:, columns], number) for number, columns in enumerate(members)]
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
            "energy": basis.class_shares(correlations).cpu().numpy(),
            "residual": basis.class_shares(problem.residual(weights)).cpu().numpy(),
        }
    )


def summarise_irreps(irreps: pd.DataFrame) -> dict[str, float]:
    """How far the residual, and so G_F, has turned to the irreps that no node is a feature of.

    ``missing_energy`` and ``missing_residual`` are their shares of Σ_j E(w_j) and of ‖R‖²; ``missing_focus``
    the residual per dimension of the missing irreps over that of the covered ones (1: no preference; Theorem 7
    wants it large), NaN if all or none are covered.
    """
    missing = irreps["features"] == 0
    totals = irreps.groupby(missing)[["energy", "residual", "functions"]].sum().reindex([False, True])
    densities = totals["residual"] / totals["functions"]
    return {
        "missing_energy": irreps.loc[missing, "energy"].sum(),
        "missing_residual": irreps.loc[missing, "residual"].sum(),
        "missing_focus": densities[True] / densities[False],
    }


def _update_cosines(
    problem: Problem, targets: Tensor, weights: Weights, previous: Weights | None
) -> Float[Tensor, " K"]:
    if previous is None:
        return torch.full_like(weights.W[0], torch.nan)
    _, own_direction = energy_and_gradient(previous.W, problem.train.rows, targets, problem.network.activation)
    return _column_cosines(weights.W - previous.W, own_direction)


def _add_features(table: pd.DataFrame, W: Tensor, basis: FourierBasis | None) -> None:
    if basis is None or not basis.irreps:
        table["irrep"] = None
        table[list(NODE_COLUMNS)[list(NODE_COLUMNS).index("irrep") + 1 :]] = math.nan
        return
    features = basis.node_features(W)
    labels = basis.labels
    table["irrep"] = [labels[number] for number in features.irrep.tolist()]
    columns = {"purity": features.purity, "isotypic_share": features.isotypic_share, "coupling": features.coupling}
    for name, values in (
        ("phase", features.phases),
        ("left_phase", features.left_phases),
        ("right_phase", features.right_phases),
        ("rank", features.ranks),
    ):
        columns |= {f"{name}_{operand}": row for operand, row in enumerate(values, start=1)}
    for name, column in columns.items():
        table[name] = column.cpu().numpy()


def _column_cosines(left: Tensor, right: Tensor) -> Float[Tensor, " K"]:
    """cos of each pair of columns; NaN where one is zero."""
    lengths = left.norm(dim=0) * right.norm(dim=0)
    return torch.where(lengths > 0, cosine_similarity(left, right, dim=0, eps=0.0), torch.nan)


def _cosine(left: Tensor, right: Tensor) -> float:
    lengths = left.norm() * right.norm()
    return ((left * right).sum() / lengths).item() if lengths > 0 else math.nan
