"""Passes of two-layer networks, and their nodes' energies, in compiled code (``fused.cpp``), for CPUs.

Samples are gathered, activated and multiplied a tile at a time, in a core's own cache. What a run's numbers are depends
neither on the other runs beside it nor on the number of threads, to the last bit. The library is built when li2 is
installed, if there is a C++ compiler; without it :class:`li2.models.passes.ClosedForm` does the same, more slowly.
"""

import ctypes
import functools
import importlib.util

import torch
from jaxtyping import Float, Int
from torch import Tensor

from li2.models.activations import AnyActivation
from li2.models.losses import Loss
from li2.models.passes import LANES, Batch, Gradients
from li2.models.two_layer import TwoLayer
from li2.models.weights import Weights
from li2.specs.parsing import parse_activation

ACTIVATIONS = {"polynomial": 0, "cube": 1, "relu": 2, "relu2": 3}
"""Those made of sums and products, as the library numbers them. (PyTorch vectorises exponentials; C++ does not.)"""

KINDS = {torch.float32: "float", torch.float64: "double"}
"""C++'s names of the dtypes."""

SMALL = 2**18
"""Samples times nodes, up to which one thread does it all: waking others takes as long."""


class Job(ctypes.Structure):
    """What is gone through; ``fused.cpp`` says what each field is."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("runs", "samples", "operands", "inputs", "width", "classes")),
        ("activation", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("slope", "curvature", "scale")),
        ("threads", ctypes.c_int64),
        *((name, ctypes.c_void_p) for name in ("rows", "W", "V")),
    )


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled code; None where it was not built, or from other sources, or the processor lacks its vectors."""
    found = importlib.util.find_spec("li2.models._fused")
    code = ctypes.CDLL(found.origin) if found is not None and found.origin is not None else None
    return code if code is not None and code.job_size() == ctypes.sizeof(Job) else None


def is_fused(activation: AnyActivation, W: Float[Tensor, "*R d K"]) -> bool:
    """Whether the compiled code can go through networks with these weights."""
    known = activation.columns == 1 and _coefficients(activation.name) is not None
    return known and W.device.type == "cpu" and W.dtype in KINDS and library() is not None


def call(
    name: str,
    activation: AnyActivation,
    rows: Int[Tensor, "R n k"],
    W: Float[Tensor, "R d K"],
    V: Float[Tensor, "R K M"] | None,
    classes: int,
    *arrays: Tensor,
    scale: float = 1.0,
) -> None:
    """One of the library's functions on networks for which :func:`is_fused` says so.

    Args:
        name: as in ``fused.cpp``, without the type.
        activation: σ.
        rows: contiguous, the rows of W that each sample selects.
        W: hidden weights.
        V: top weights; None where the function does not use them.
        classes: M.
        arrays: what else the function takes, contiguous.
        scale: β.
    """
    code, coefficients = library(), _coefficients(activation.name)
    assert code, "not compiled"
    assert coefficients, "not an activation of sums and products"
    assert all(array.is_contiguous() for array in (rows, *arrays)), "not contiguous"
    (runs, samples, operands), (inputs, width) = rows.shape, W.shape[1:]
    threads = torch.get_num_threads() if runs * samples * width > SMALL else 1
    W, V = W.contiguous(), None if V is None else V.contiguous()
    places = rows.data_ptr(), W.data_ptr(), None if V is None else V.data_ptr()
    job = Job(runs, samples, operands, inputs, width, classes, *coefficients, scale, threads, *places)
    function = getattr(code, f"{name}_{KINDS[W.dtype]}")
    function(ctypes.byref(job), *(ctypes.c_void_p(array.data_ptr()) for array in arrays))


@functools.cache
def _coefficients(activation: str) -> tuple[int, float, float] | None:
    """(number in the library, a, b of a polynomial) of an activation, or None."""
    name, a, b = parse_activation(activation)
    if name == "square":
        name, a, b = "polynomial", 0.0, 1.0
    return (ACTIVATIONS[name], a, b) if name in ACTIVATIONS else None


class Fused:
    """Passes of O = β·σ(XW)·V with closed-form gradients, in compiled code; see :class:`li2.models.passes.Passes`.

    Args:
        network: architecture; :func:`is_fused` says whether it can be gone through in this way.
        loss: what is minimised.
    """

    def __init__(self, network: TwoLayer, loss: Loss) -> None:
        self.network, self.loss = network, loss
        self._kept: dict[str, Tensor] = {}

    def batch(self, rows: Int[Tensor, "R n k"], labels: Int[Tensor, "R n"]) -> Batch:
        """Samples made ready."""
        return Batch(rows.contiguous(), labels, [], one_by_one=True)

    def outputs(self, weights: Weights, batch: Batch) -> Float[Tensor, "R n M"]:
        """Every network's outputs on its samples."""
        classes = weights.V.shape[-1]
        outputs = weights.V.new_empty(*batch.labels.shape, classes + -classes % LANES)
        self._call("outputs", weights, batch, outputs)
        return outputs[..., :classes]

    def gradients(self, weights: Weights, batch: Batch) -> Gradients:
        """Outputs with the gradients of the loss of each run, which are overwritten by the next call."""
        outputs = self.outputs(weights, batch)
        in_outputs = self.loss.residual(outputs, batch.labels, None).mul_(-2 / batch.labels.shape[1]).contiguous()
        in_W, in_V = self._buffer("in_W", weights.W), self._buffer("in_V", weights.V)
        self._call("gradients", weights, batch, in_outputs, in_W, in_V)
        return Gradients(outputs, Weights(in_W, in_V))

    def _call(self, name: str, weights: Weights, batch: Batch, *arrays: Tensor) -> None:
        W, V, network = weights.W, weights.V, self.network
        call(name, network.activation, batch.rows, W, V, V.shape[-1], *arrays, scale=network.output_scale)

    def _buffer(self, name: str, like: Tensor) -> Tensor:
        """Memory that is kept, as another tensor's."""
        if name not in self._kept or self._kept[name].shape != like.shape:
            self._kept[name] = torch.empty_like(like, memory_format=torch.contiguous_format)
        return self._kept[name]
