"""What a network did, measured from its weights; and where its stages begin, with the evidence."""

from li2.diagnostics.fate import is_decided
from li2.diagnostics.features import FourierBasis
from li2.diagnostics.grams import GRAM_FIGURES, gram_figures
from li2.diagnostics.layers import LAYER_COLUMNS, LayersSnapshot, layer_figures, learning_epochs
from li2.diagnostics.nodes import (
    NODE_COLUMNS,
    feature_figures,
    irrep_figures,
    node_figures,
    summarise_irreps,
    summarise_nodes,
)
from li2.diagnostics.snapshot import Snapshot
from li2.diagnostics.stages import end_state, find_stages, first_epochs

__all__ = [
    "GRAM_FIGURES",
    "LAYER_COLUMNS",
    "NODE_COLUMNS",
    "FourierBasis",
    "LayersSnapshot",
    "Snapshot",
    "end_state",
    "feature_figures",
    "find_stages",
    "first_epochs",
    "gram_figures",
    "irrep_figures",
    "is_decided",
    "layer_figures",
    "learning_epochs",
    "node_figures",
    "summarise_irreps",
    "summarise_nodes",
]
