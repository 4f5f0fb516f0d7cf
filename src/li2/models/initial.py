"""Initial weights, by name or from a file."""

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from li2.errors import Li2Error
from li2.models.networks import named_network
from li2.models.transformer import Transformer
from li2.models.weights import Weights
from li2.specs import RunSpec

WEIGHTS_STREAM = 1
"""Number of the random stream, beside the seed, that draws initial weights."""

POSITION_SCALE = 0.02
"""Standard deviation of a transformer's initial positions."""


def initial_weights(spec: RunSpec, operands: int, order: int, device: torch.device) -> Weights:
    """The weights at epoch 0, in the specification's dtype.

    Drawn in float64 on the CPU, so that they do not depend on device or dtype, W and V first:

    - ``published``: W ~ U(±1/√(kM)), V ~ U(±1/√K), PyTorch's default for one layer of fan-in kM;
    - ``published-separate``: W ~ U(±1/√M), one layer of fan-in M for each operand;
    - ``gaussian``: normal with the standard deviations of ``published`` (1/√(3kM) and 1/√(3K));

    times ``hidden_scale`` and ``top_scale``. Hidden layers above, W2 … WL, are like V without its scale, and an
    embedding E ~ N(0, 1). The real and the imaginary parts of complex weights are drawn alike, each divided by √2, so
    that the mean of |w|² is that of real weights; W is (kM, 2K) and V (2K, M) then (see
    :mod:`li2.models.complex_nodes`). A transformer has W ~ N(0, 1) times ``hidden_scale``, V ~ U(±1/√K) times
    ``top_scale``, positions ~ N(0, 0.02²), and PyTorch's encoder layers. ``init_weights`` replaces all of this.

    Args:
        spec: the run.
        operands: k.
        order: M.
        device: where the weights are to be.

    Raises:
        Li2Error: if ``init_weights`` cannot be read or has other shapes.
    """
    dtype = getattr(torch, spec.dtype)
    if spec.init_weights is not None:
        weights = _read(Path(spec.init_weights), _shapes(spec, operands, order), spec)
        return weights.map(lambda tensor: tensor.clone().to(device=device, dtype=dtype))
    generator = np.random.default_rng([spec.seed, WEIGHTS_STREAM])
    drawn = (_transformer if spec.architecture == "transformer" else _mlp)(spec, operands, order, generator)
    return drawn.map(lambda tensor: tensor.to(device=device, dtype=dtype))


def _mlp(spec: RunSpec, operands: int, order: int, generator: np.random.Generator) -> Weights:
    draw = _normal if spec.init == "gaussian" else _uniform
    fan_in = {"W": order if spec.init == "published-separate" else operands * order}
    share = math.sqrt(spec.width / spec.columns)
    scales = {"W": share * spec.hidden_scale, "V": share * spec.top_scale}
    drawn = {}
    for name, shape in _shapes(spec, operands, order).items():
        if name == "E":
            drawn[name] = torch.from_numpy(generator.standard_normal(shape))
        else:
            values = draw(generator, shape, fan_in.get(name, spec.width))
            drawn[name] = torch.from_numpy(scales.get(name, 1.0) * values)
    return Weights.of(drawn)


def _transformer(spec: RunSpec, operands: int, order: int, generator: np.random.Generator) -> Weights:
    network = named_network(spec)
    assert isinstance(network, Transformer)
    W = spec.hidden_scale * generator.standard_normal((order, spec.width))
    V = spec.top_scale * _uniform(generator, (spec.width, order), spec.width)
    positions = POSITION_SCALE * generator.standard_normal((operands, spec.width))
    encoder = network.drawn_encoder(int(generator.integers(2**63)))
    return Weights(torch.from_numpy(W), torch.from_numpy(V), {"positions": torch.from_numpy(positions), **encoder})


def _shapes(spec: RunSpec, operands: int, order: int) -> dict[str, tuple[int, int]]:
    """Those of a multi-layer perceptron's weights, in the order in which they are drawn."""
    shapes = {"W": (operands * order, spec.columns), "V": (spec.columns, order)}
    shapes |= {f"W{layer}": (spec.width, spec.width) for layer in range(2, spec.layers + 1)}
    return shapes | ({"E": (order, order)} if spec.embedding == "trainable" else {})


def _uniform(generator: np.random.Generator, shape: tuple[int, int], fan_in: int) -> NDArray[np.float64]:
    return generator.uniform(-1.0, 1.0, shape) / math.sqrt(fan_in)


def _normal(generator: np.random.Generator, shape: tuple[int, int], fan_in: int) -> NDArray[np.float64]:
    return generator.standard_normal(shape) / math.sqrt(3 * fan_in)


def _read(path: Path, shapes: dict[str, tuple[int, int]], spec: RunSpec) -> Weights:
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise Li2Error(f"cannot read init_weights={path} as safetensors: {reason}.") from error
    if shapes.keys() != tensors.keys():
        *first, last = [f"{name} {list(shape)}" for name, shape in shapes.items()]
        raise Li2Error(
            f"init_weights={path} holds {', '.join(sorted(tensors)) or 'nothing'}, "
            f"but it must hold {', '.join(first)} and {last}."
        )
    for name, shape in shapes.items():
        _check(path, name, tensors[name], shape, spec)
    return Weights.of({name: tensors[name] for name in shapes})


def _check(path: Path, name: str, tensor: Tensor, shape: tuple[int, int], spec: RunSpec) -> None:
    if tuple(tensor.shape) != shape:
        raise Li2Error(
            f"init_weights={path}: {name} is {list(tensor.shape)}, but it must be {list(shape)} for this group and "
            f"width={spec.width}{' complex nodes, real parts first' if spec.weights == 'complex' else ''}."
        )
    if not tensor.is_floating_point() or not bool(torch.isfinite(tensor.double()).all()):
        raise Li2Error(f"init_weights={path}: {name} must hold finite floating-point numbers.")
