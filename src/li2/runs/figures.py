"""The columns of a run's diagnosis, one row per diagnosed epoch."""

from li2.diagnostics import GRAM_FIGURES
from li2.theorems import PROPOSITION_1_FIGURES
from li2.training import METRICS

EPOCH_FIGURES = {
    "alignment": "cos(G_F, ỸỸᵀF̃): how far G_F is what independent nodes need (Theorem 1)",
    "unit_energy_median": "median over nodes of E(w_j/‖w_j‖)",
    "unit_energy_q95": "95 % quantile of it",
    "gradient_cosine_median": "median over nodes of cos(−∂J/∂w_j, ∇E(w_j))",
    "update_share_median": "median over nodes of the share of the last step along ∇E(w_j)",
    "purity_median": "median over nodes of the share of mass in one copy of an irrep",
    "purity_q95": "95 % quantile of it",
    "features": "number of nodes that are pure features",
    "irreps_covered": "number of irreps (conjugates together) that some pure node is a feature of",
    "missing_energy": "share of Σ_j E(w_j) in the irreps not covered",
    "missing_residual": "share of ‖R‖² in the irreps not covered",
    "missing_focus": "‖R‖² on missing irreps over that on covered ones, per dimension of their isotypic components",
    **GRAM_FIGURES,
    **PROPOSITION_1_FIGURES,
}
"""Beside ``epoch`` and the METRICS of that epoch; NaN where a figure was not due or does not apply."""

assert not EPOCH_FIGURES.keys() & METRICS.keys()
