"""All pairs of a group as samples, and the centred features of nodes on them."""

import torch
from jaxtyping import Float
from torch import Tensor

from li2.groups import Representations
from li2.models import Examples, TwoLayer, named_activation


def all_pairs(representations: Representations) -> Examples:
    """The M² pairs of a group, the first operand major, with their products as labels."""
    order = representations.group.order
    operands = torch.cartesian_prod(torch.arange(order), torch.arange(order))
    labels = torch.tensor(representations.group.table).flatten()
    return Examples.of_operands(operands, labels, order, torch.device("cpu"))


def centred_features(W: Float[Tensor, "d K"], examples: Examples) -> Float[Tensor, "n K"]:
    """F̃ of the nodes in the columns of W, for σ(x) = x²."""
    features = TwoLayer(named_activation("square")).features(W, examples.rows)
    return features - features.mean(dim=0)
