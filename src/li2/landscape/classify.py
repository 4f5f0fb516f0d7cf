"""What lies where ascents have ended: the irrep, the rank, the shape of the energy around it."""

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from li2.diagnostics import FourierBasis
from li2.groups import Group
from li2.landscape.ascent import Ascent, sphere_spectrum
from li2.landscape.energies import Energy
from li2.models import complex_nodes

FEATURE, MEMORISING = 0.9, 0.5
"""A node is a feature from this purity on, memorising below that one, and mixed in between."""

SAME_ENERGY = 1e-7
"""Relative difference up to which end points of the same kind count as one maximum."""

FLAT = 1e-6
"""An eigenvalue of the Hessian on the sphere below this times w·∇E is zero."""

END_POINT_COLUMNS = {
    "energy": "E at the end point",
    "slope": "length of the projected gradient over that of the gradient",
    "converged": "whether the ascent has converged",
    "irrep": "label of the irrep (with its conjugate) that holds most of the node's non-constant mass",
    "dimension": "d of that irrep",
    "type": "its type: real, complex or quaternionic",
    "purity": "share of the node's non-constant mass in one copy of that irrep",
    "isotypic_share": "share of its non-constant mass in all copies of that irrep",
    "rank_1": "effective rank of û",
    "rank_2": "effective rank of v̂",
    "coupling": "‖ûv̂‖/(‖û‖‖v̂‖)",
    "inversion": "|cos| of v with (the conjugate of) u(g⁻¹): 1 for nodes [u; ±Pu]",
    "kind": "feature, memorising or mixed, by purity",
}


def end_points(ascent: Ascent, basis: FourierBasis, group: Group) -> pd.DataFrame:
    """The :data:`END_POINT_COLUMNS` of every ascent, on two operands of a group.

    For a complex basis nodes are [Re w; Im w].
    """
    nodes = complex_nodes(ascent.nodes, dim=0) if basis.is_complex else ascent.nodes
    features = basis.node_features(nodes)
    irreps = [basis.irreps[number] for number in features.irrep.tolist()]
    table = pd.DataFrame(
        {
            "energy": _numbers(ascent.energies),
            "slope": _numbers(ascent.slopes),
            "converged": _numbers(ascent.converged),
            "irrep": [irrep.label for irrep in irreps],
            "dimension": [irrep.dimension for irrep in irreps],
            "type": [irrep.type for irrep in irreps],
            "purity": _numbers(features.purity),
            "isotypic_share": _numbers(features.isotypic_share),
            "rank_1": _numbers(features.ranks[0]),
            "rank_2": _numbers(features.ranks[1]),
            "coupling": _numbers(features.coupling),
            "inversion": _numbers(_inversion(nodes, group)),
        }
    )
    table["kind"] = np.select(
        [table["purity"] >= FEATURE, table["purity"] < MEMORISING], ["feature", "memorising"], "mixed"
    )
    return table[list(END_POINT_COLUMNS)]


def merged(points: pd.DataFrame, ascent: Ascent, energy: Energy) -> pd.DataFrame:
    """The distinct maxima among converged end points, by share of starts.

    End points of one kind, in irreps of one dimension and type, with the same ranks and energy count as one: they
    differ by symmetries of the group, by conjugation of irreps, or along flat directions.

    Returns:
        Columns ``energy``, ``dimension``, ``type``, ``rank`` (of û and v̂, the larger; 0 for a constant node),
        ``kind``, ``share`` of all starts, ``starts``; and, at the end point of least slope, of the Hessian on the
        sphere: ``nullity``, the number of zero eigenvalues, and ``rising``, that of positive ones, 0 unless it is a
        saddle point.
    """
    table = points[points["converged"]].assign(rank=points[["rank_1", "rank_2"]].max(axis=1).round().fillna(0))
    table = table.sort_values("energy")
    rows = []
    for _, part in table.groupby(["kind", "dimension", "type", "rank"]):
        gaps = part["energy"].diff() > SAME_ENERGY * part["energy"]
        for _, same in part.groupby(gaps.cumsum()):
            best = int(same.index[int(same["slope"].argmin())])
            nullity, rising = _curvature(energy, ascent.nodes[:, best])
            row = {name: same[name][best] for name in ("energy", "dimension", "type", "rank", "kind")}
            row |= {"share": len(same) / len(points), "starts": len(same), "nullity": nullity, "rising": rising}
            rows.append(row)
    columns = ["energy", "dimension", "type", "rank", "kind", "share", "starts", "nullity", "rising"]
    found = pd.DataFrame(rows, columns=columns).astype({"rank": int, "dimension": int, "energy": float})
    return found.sort_values(["share", "energy"], ascending=False, ignore_index=True)


def _curvature(energy: Energy, node: Tensor) -> tuple[int, int]:
    """Zero and positive eigenvalues of the Hessian on the sphere."""
    spectrum = sphere_spectrum(energy, node)
    _, gradient = energy.value_and_gradient(node[:, None])
    scale = FLAT * (node @ gradient[:, 0]).abs()
    return int((spectrum.abs() <= scale).sum()), int((spectrum > scale).sum())


def _inversion(nodes: Tensor, group: Group) -> Tensor:
    """|cos| of v with the conjugate of u(g⁻¹)."""
    u, v = nodes[: group.order], nodes[group.order :]
    inverses = torch.tensor(group.inverses, device=nodes.device)
    lengths = u.norm(dim=0) * v.norm(dim=0)
    return (u[inverses] * v).sum(dim=0).abs() / lengths.clamp_min(1e-300)


def _numbers(values: Tensor) -> NDArray[np.generic]:
    return values.cpu().numpy()
