"""What the nodes of a trained network hold of each irrep, for figure 7."""

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load

from li2.errors import Li2Error
from li2.models import Energies, complex_nodes
from li2.runs.setup import Setup
from li2.specs import RunSpec


def spectra(weights: bytes, spec: RunSpec) -> pd.DataFrame:
    """The spectrum of every hidden node of a run, and its energy on the pairs that the run has trained on.

    Args:
        weights: of a run, as :meth:`li2.Store.weights` returns them.
        spec: the run's specification.

    Returns:
        One row per node and irrep: ``node``, ``irrep`` (label), ``share`` of the node's non-constant mass (adds up to 1
        over the irreps; NaN for constant nodes), and of the node ``norm``, ``purity``, ``main_irrep``, ``energy`` E(w)
        and ``unit_energy`` E(w/‖w‖).

    Raises:
        Li2Error: if the weights cannot be read or are not those of such a run, or its labels are no law of a group.
    """
    try:
        found = load(weights)
    except SafetensorError as error:
        raise Li2Error(f"the weights cannot be read as safetensors: {error}.") from error
    setup = Setup.of(spec.with_changes(device="cpu"))
    if setup.basis is None:
        raise Li2Error(f"nodes of group={spec.group} have no spectra: {setup.no_irreps_reason}.")
    expected = [setup.task.operands * setup.task.order, spec.columns]
    if "W" not in found or list(found["W"].shape) != expected:
        raise Li2Error(f"the weights are not those of this run, which has W {expected}.")
    W, energies = found["W"], Energies(setup.problem)
    nodes = complex_nodes(W) if energies.columns == 2 else W
    features = setup.basis.node_features(nodes)
    labels = np.array(setup.basis.labels, dtype=object)
    count, irreps = nodes.shape[1], len(labels)
    columns = {
        "norm": nodes.abs().square().sum(dim=0).sqrt(),
        "purity": features.purity,
        "energy": energies.values(W),
        "unit_energy": energies.unit_values(W),
    }
    table = {name: np.repeat(column.double().numpy(), irreps) for name, column in columns.items()}
    total = features.mass.sum(dim=0)
    return pd.DataFrame(
        {
            "node": np.repeat(np.arange(count), irreps),
            "irrep": np.tile(labels, count),
            "share": (features.mass / total.masked_fill(features.purity.isnan(), float("nan"))).T.flatten().numpy(),
            "main_irrep": np.repeat(labels[features.irrep.numpy()], irreps),
            **table,
        }
    )
