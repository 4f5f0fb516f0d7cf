"""Initial weights, by name or from a file."""

import math
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from li2.errors import Li2Error
from li2.models.weights import Weights
from li2.specs import RunSpec

WEIGHTS_STREAM = 1
"""Number of the random stream, beside the seed, that draws initial weights."""


def initial_weights(spec: RunSpec, operands: int, order: int, device: torch.device) -> Weights:
    """The weights at epoch 0, in the specification's dtype.

    Drawn in float64 on the CPU, so that they do not depend on device or dtype:

    - ``published``: W ~ U(±1/√(kM)), V ~ U(±1/√K), PyTorch's default for one layer of fan-in kM;
    - ``published-separate``: W ~ U(±1/√M), one layer of fan-in M for each operand;
    - ``gaussian``: normal with the standard deviations of ``published`` (1/√(3kM) and 1/√(3K));

    times ``hidden_scale`` and ``top_scale``. ``init_weights`` replaces all of this. The real and the imaginary parts of
    complex weights are drawn alike, each divided by √2, so that the mean of |w|² is that of real weights; W is
    (kM, 2K) and V (2K, M) then (see :mod:`li2.models.complex_nodes`).

    Args:
        spec: the run.
        operands: k.
        order: M.
        device: where the weights are to be.

    Raises:
        Li2Error: if ``init_weights`` cannot be read or has other shapes.
    """
    inputs = operands * order
    dtype = getattr(torch, spec.dtype)
    if spec.init_weights is not None:
        weights = _read(Path(spec.init_weights), spec, inputs, order)
        return weights.map(lambda tensor: tensor.clone().to(device=device, dtype=dtype))
    generator = np.random.default_rng([spec.seed, WEIGHTS_STREAM])
    fan_in = order if spec.init == "published-separate" else inputs
    draw = _normal if spec.init == "gaussian" else _uniform
    share = math.sqrt(spec.width / spec.columns)
    hidden = share * spec.hidden_scale * draw(generator, (inputs, spec.columns), fan_in)
    top = share * spec.top_scale * draw(generator, (spec.columns, order), spec.width)
    return Weights(
        torch.from_numpy(hidden).to(device=device, dtype=dtype),
        torch.from_numpy(top).to(device=device, dtype=dtype),
    )


def _uniform(generator: np.random.Generator, shape: tuple[int, int], fan_in: int) -> NDArray[np.float64]:
    return generator.uniform(-1.0, 1.0, shape) / math.sqrt(fan_in)


def _normal(generator: np.random.Generator, shape: tuple[int, int], fan_in: int) -> NDArray[np.float64]:
    return generator.standard_normal(shape) / math.sqrt(3 * fan_in)


def _read(path: Path, spec: RunSpec, inputs: int, order: int) -> Weights:
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise Li2Error(f"cannot read init_weights={path} as safetensors: {reason}.") from error
    columns = spec.columns
    expected = {"W": (inputs, columns), "V": (columns, order)}
    size = f"width={spec.width}" + (" complex nodes, real parts first" if spec.weights == "complex" else "")
    for name, shape in expected.items():
        if name not in tensors:
            raise Li2Error(
                f"init_weights={path} holds {', '.join(sorted(tensors)) or 'nothing'}, "
                f"but it must hold W [{inputs}, {columns}] and V [{columns}, {order}]."
            )
        if tuple(tensors[name].shape) != shape:
            found = list(tensors[name].shape)
            raise Li2Error(
                f"init_weights={path}: {name} is {found}, but it must be {list(shape)} for this group and {size}."
            )
        if not tensors[name].is_floating_point() or not bool(torch.isfinite(tensors[name].double()).all()):
            raise Li2Error(f"init_weights={path}: {name} must hold finite floating-point numbers.")
    return Weights(tensors["W"], tensors["V"])
