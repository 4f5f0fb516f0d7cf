"""Passes of two-layer networks in compiled code (``fused.cpp``), for CPUs.

Samples are gathered, activated and multiplied a tile at a time, in a core's own cache. What a run's numbers are depends
neither on the other runs beside it nor on the number of threads, to the last bit. The library is built when li2 is
installed, if there is a C++ compiler; without it :class:`li2.models.passes.ClosedForm` does the same, more slowly.
"""

import ctypes
import functools
import importlib.util
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from scipy.linalg import cython_blas
from threadpoolctl import ThreadpoolController
from torch import Tensor

from li2.models.losses import Loss
from li2.models.passes import Batch, Gradients, padded
from li2.models.two_layer import TwoLayer
from li2.models.weights import Weights
from li2.specs.parsing import parse_activation

SAMPLES = {"outputs": 512, "gradients": 1024}
"""Samples of a tile, at most."""

NODES = 256
"""Nodes of a tile, at most; half as many where there are few."""

ACTIVATIONS = {"polynomial": 0, "cube": 1, "relu": 2, "relu2": 3}
"""Those made of sums and products, as the library numbers them. (PyTorch vectorises exponentials; C++ does not.)"""

KINDS = {torch.float32: ("float", "sgemm"), torch.float64: ("double", "dgemm")}
"""By dtype: C++'s name of it, and the product of matrices."""

SMALL = 2**18
"""Samples times nodes, up to which one thread does it all: waking others takes as long."""


class Job(ctypes.Structure):
    """What is gone through; ``fused.cpp`` says what each field is."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("runs", "samples", "operands", "inputs", "width", "classes")),
        ("activation", ctypes.c_int64),
        ("slope", ctypes.c_double),
        ("curvature", ctypes.c_double),
        *((name, ctypes.c_int64) for name in ("samples_at_once", "nodes_at_once", "threads")),
        *((name, ctypes.c_void_p) for name in ("rows", "W", "V", "scratch", "gemm")),
    )


@dataclass(frozen=True, eq=False)
class Library:
    """The compiled code, and the products that it is handed."""

    code: ctypes.CDLL
    products: dict[str, int]
    blas: ThreadpoolController

    def call(self, name: str, dtype: torch.dtype, job: Job, *arrays: Tensor) -> None:
        """One of the library's functions; products within it run in the thread that asks for them."""
        kind, product = KINDS[dtype]
        job.gemm = self.products[product]
        with self.blas.limit(limits=1):
            getattr(self.code, f"{name}_{kind}")(ctypes.byref(job), *(ctypes.c_void_p(a.data_ptr()) for a in arrays))


@functools.cache
def library() -> Library | None:
    """The compiled code; None where it was not built, or SciPy's BLAS counts in 64 bits."""
    found = importlib.util.find_spec("li2.models._fused")
    products = {name: _address(name) for _, name in KINDS.values()}
    if found is None or found.origin is None or None in products.values():
        return None
    blas = ThreadpoolController().select(user_api="blas")
    return Library(ctypes.CDLL(found.origin), {name: at for name, at in products.items() if at is not None}, blas)


def _address(name: str) -> int | None:
    """Where SciPy's function of BLAS lies, from the capsule that Cython's ``cimport`` takes it from."""
    capsule, api = ctypes.py_object(cython_blas.__pyx_capi__[name]), ctypes.pythonapi
    api.PyCapsule_GetName.restype, api.PyCapsule_GetName.argtypes = ctypes.c_char_p, [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    signature = api.PyCapsule_GetName(capsule)
    takes_int = signature.startswith(b"void (char *, char *, int *, int *, int *,")
    return api.PyCapsule_GetPointer(capsule, signature) if takes_int else None


def is_fused(network: TwoLayer, like: Weights) -> bool:
    """Whether the compiled code can go through these networks."""
    known = network.activation.columns == 1 and _coefficients(network.activation.name) is not None
    return known and like.W.device.type == "cpu" and like.W.dtype in KINDS and library() is not None


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
        samples: of a tile, at most, instead of :data:`SAMPLES`.
        nodes: of a tile, at most, instead of :data:`NODES`.
    """

    def __init__(self, network: TwoLayer, loss: Loss, samples: int | None = None, nodes: int = NODES) -> None:
        self.network, self.loss = network, loss
        self._samples, self._nodes = samples, nodes
        self._kept: dict[str, Tensor] = {}

    def batch(self, rows: Int[Tensor, "R n k"], labels: Int[Tensor, "R n"]) -> Batch:
        """Samples made ready."""
        return Batch(rows.contiguous(), labels, [], one_by_one=True)

    def outputs(self, weights: Weights, batch: Batch) -> Float[Tensor, "R n M"]:
        """Every network's outputs on its samples."""
        top = padded(self.network.output_scale * weights.V)
        outputs = top.new_empty(*batch.labels.shape, top.shape[2])
        self._call("outputs", weights.W, top, batch, outputs)
        return outputs[..., : weights.V.shape[-1]]

    def gradients(self, weights: Weights, batch: Batch) -> Gradients:
        """Outputs with the gradients of the loss of each run, which are overwritten by the next call."""
        classes, samples = weights.V.shape[-1], batch.labels.shape[1]
        outputs = self.outputs(weights, batch)
        in_outputs = padded(self.loss.residual(outputs, batch.labels, None).mul_(-2 / samples))
        top = padded(self.network.output_scale * weights.V)
        in_W, in_V = self._buffer("in_W", tuple(weights.W.shape), top), self._buffer("in_V", tuple(top.shape), top)
        self._call("gradients", weights.W, top, batch, in_outputs, in_W, in_V)
        return Gradients(outputs, Weights(in_W, in_V[..., :classes] * self.network.output_scale))

    def _call(self, name: str, W: Tensor, top: Tensor, batch: Batch, *arrays: Tensor) -> None:
        """One of the library's functions."""
        compiled, coefficients = library(), _coefficients(self.network.activation.name)
        assert compiled, "not compiled"
        assert coefficients, "not an activation of sums and products"
        runs, samples, operands = batch.rows.shape
        inputs, width = W.shape[1:]
        threads = torch.get_num_threads() if runs * samples * width > SMALL else 1
        parts = -(-samples // (self._samples or SAMPLES[name]))
        at_once, nodes = -(-samples // parts), self._nodes if width >= 4 * self._nodes else -(-self._nodes // 2)
        scratch = self._buffer("scratch", (threads, (2 * at_once + 1) * nodes), W)
        sizes = (runs, samples, operands, inputs, width, top.shape[2], *coefficients, at_once, nodes, threads)
        places = (tensor.data_ptr() for tensor in (batch.rows, W.contiguous(), top, scratch))
        compiled.call(name, W.dtype, Job(*sizes, *places), *arrays)

    def _buffer(self, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """Memory that is kept, of another tensor's dtype."""
        if name not in self._kept or self._kept[name].shape != shape:
            self._kept[name] = like.new_empty(shape)
        return self._kept[name]
