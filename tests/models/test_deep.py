"""Deeper networks and the transformer against plain modules, alone and side by side."""

from operator import itemgetter
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from li2 import Li2Error, RunSpec
from li2.models import Network, NetworkModule, Weights, initial_weights, named_loss, named_network, passes_of
from li2.models.autograd import Autograd
from li2.models.weights import stacked
from problems import LOSSES, plain_loss

CPU = torch.device("cpu")
M = 5
MLPS = [
    {"layers": 3, "activation": "relu"},
    {"layers": 3, "residual": "inside", "activation": "square", "init": "gaussian"},
    {"layers": 2, "residual": "around", "activation": "silu", "output_scale": 1.5},
    {"layers": 2, "embedding": "trainable", "activation": "tanh"},
    {"layers": 1, "embedding": "trainable", "activation": "square"},
]
TRANSFORMER = {"architecture": "transformer", "layers": 2, "heads": 2, "feedforward": 12, "activation": "relu"}


class PlainMLP(nn.Module):
    """The network as one writes it in PyTorch, on one-hot inputs or embeddings."""

    def __init__(self, spec: RunSpec, weights: Weights) -> None:
        super().__init__()
        self.spec = spec
        self.sigma = {"relu": torch.relu, "square": torch.square, "silu": nn.functional.silu, "tanh": torch.tanh}
        named = weights.named()
        self.embedding = nn.Embedding.from_pretrained(named.get("E", torch.eye(M, dtype=torch.float64)), freeze=False)
        names = ["W", *(f"W{layer}" for layer in range(2, spec.layers + 1)), "V"]
        self.linear = nn.ModuleList(nn.Linear(*named[name].shape, bias=False) for name in names)
        for linear, name in zip(self.linear, names, strict=True):
            linear.weight = nn.Parameter(named[name].T.clone())

    def forward(self, operands: Tensor) -> Tensor:
        sigma = self.sigma[self.spec.activation]
        first, *between, top = self.linear
        x = sigma(first(torch.cat([self.embedding(column) for column in operands.T], dim=1)))
        for layer in between:
            match self.spec.residual:
                case "none":
                    x = sigma(layer(x))
                case "inside":
                    x = sigma(x + layer(x))
                case "around":
                    x = x + sigma(layer(x))
        return self.spec.output_scale * top(x)


class PlainTransformer(nn.Module):
    """Attention, sums and norms written out."""

    def __init__(self, spec: RunSpec, weights: Weights) -> None:
        super().__init__()
        self.spec, self.tensors = spec, nn.ParameterDict({n.replace("/", "_"): t for n, t in weights.named().items()})

    def forward(self, operands: Tensor) -> Tensor:
        t, heads = self.tensors, self.spec.heads
        x = t["W"][operands] + t["positions"]
        for number in range(self.spec.layers):
            own = {n.removeprefix(f"layers_{number}_"): p for n, p in t.items() if n.startswith(f"layers_{number}_")}
            qkv = x @ own["self_attn_in_proj_weight"].T + own["self_attn_in_proj_bias"]
            q, k, v = (part.unflatten(-1, (heads, -1)).transpose(1, 2) for part in qkv.chunk(3, dim=-1))
            attention = (q @ k.mT / q.shape[-1] ** 0.5).softmax(dim=-1) @ v
            attended = attention.transpose(1, 2).flatten(2)
            x = self.norm(x + attended @ own["self_attn_out_proj_weight"].T + own["self_attn_out_proj_bias"], own, 1)
            hidden = torch.relu(x @ own["linear1_weight"].T + own["linear1_bias"])
            x = self.norm(x + hidden @ own["linear2_weight"].T + own["linear2_bias"], own, 2)
        return self.spec.output_scale * x.mean(dim=1) @ t["V"]

    def norm(self, x: Tensor, own: dict[str, Tensor], number: int) -> Tensor:
        x = x - x.mean(dim=-1, keepdim=True)
        x = x / (x.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
        return x * own[f"norm{number}_weight"] + own[f"norm{number}_bias"]


def drawn(changes: dict[str, object], width: int, seeds: range) -> tuple[RunSpec, Network, Weights]:
    """A network and the weights of some runs of it."""
    spec = RunSpec(**{"width": width, "dtype": "float64", **changes})
    own = [initial_weights(spec.with_changes(seed=seed), 2, M, CPU) for seed in seeds]
    return spec, named_network(spec), stacked(own)


def samples(runs: int, n: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(n)
    return torch.randint(M, (runs, n, 2), generator=generator), torch.randint(M, (runs, n), generator=generator)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("changes", [*MLPS, TRANSFORMER])
@pytest.mark.parametrize(("width", "chunk"), [(64, None), (64, 64 * 64), (10, None)])
def test_outputs_and_gradients_are_those_of_a_plain_module(
    changes: dict[str, object], loss: str, width: int, chunk: int | None
) -> None:
    spec, network, weights = drawn(changes, width, range(2))
    operands, labels = samples(2, 150)
    passes = passes_of(network, named_loss(loss), weights)
    assert isinstance(passes, Autograd)
    if chunk is not None:
        passes = Autograd(passes.network, passes.loss, passes.held, side_by_side=passes.side_by_side, chunk=chunk)
    batch = passes.batch(operands + M * torch.arange(2), labels)
    found = passes.gradients(weights, batch)
    assert torch.allclose(passes.outputs(weights, batch), found.outputs, rtol=1e-12, atol=1e-13)
    for run in range(2):
        own = weights.map(itemgetter(run))
        plain = (PlainTransformer if spec.architecture == "transformer" else PlainMLP)(spec, own)
        outputs = plain(operands[run])
        assert torch.allclose(found.outputs[run], outputs, rtol=1e-9, atol=1e-11)
        plain_loss(loss, outputs, torch.eye(M, dtype=torch.float64)[labels[run]]).backward()
        if isinstance(plain, PlainTransformer):
            expected = {name: plain.tensors[name.replace("/", "_")].grad for name in own.named()}
        else:
            names = ["W", *(f"W{layer}" for layer in range(2, spec.layers + 1)), "V"]
            expected = {n: linear.weight.grad.T for n, linear in zip(names, plain.linear, strict=True)}
            expected |= {"E": plain.embedding.weight.grad} if "E" in own.named() else {}
        assert expected.keys() == own.named().keys()
        for name, gradient in found.of_loss.named().items():
            assert torch.allclose(gradient[run], expected[name], rtol=1e-8, atol=1e-10), name


@pytest.mark.parametrize("changes", MLPS)
@pytest.mark.parametrize(("n", "width"), [(30, 64), (211, 128), (64, 13), (100, 192)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_is_the_same_to_the_last_bit_beside_others(
    changes: dict[str, object], n: int, width: int, dtype: str
) -> None:
    _, network, weights = drawn({**changes, "dtype": dtype}, width, range(5))
    operands, labels = samples(5, n)
    rows, loss = operands + M * torch.arange(2), named_loss("mse-centred")
    together = passes_of(network, loss, weights)
    of_all = together.gradients(weights, together.batch(rows, labels))
    for runs in (slice(3, 4), slice(1, 3)):
        some = weights.map(itemgetter(runs)).clone()
        fewer = passes_of(network, loss, some)
        own = fewer.gradients(some, fewer.batch(rows[runs], labels[runs]))
        assert torch.equal(of_all.outputs[runs], own.outputs)
        for five, alone in zip(of_all.of_loss, own.of_loss, strict=True):
            assert torch.equal(five[runs], alone)


@pytest.mark.parametrize("init", ["published", "published-separate", "gaussian"])
def test_layers_above_are_drawn_after_those_of_a_two_layer_network(init: str) -> None:
    spec = RunSpec(width=200, init=init, seed=3, hidden_scale=2, top_scale=3)
    shallow = initial_weights(spec, 2, M, CPU)
    deep = initial_weights(spec.with_changes(layers=3, embedding="trainable"), 2, M, CPU)
    assert torch.equal(shallow.W, deep.W)
    assert torch.equal(shallow.V, deep.V)
    assert deep.others.keys() == {"W2", "W3", "E"}
    for name in ("W2", "W3"):
        assert deep.others[name].std().item() == pytest.approx((1 / 600) ** 0.5, rel=0.02)
        assert (deep.others[name].abs().max() <= 200**-0.5) == (init != "gaussian")
    assert not torch.equal(deep.others["W2"], deep.others["W3"])
    assert deep.others["E"].shape == (M, M)


def test_a_transformer_begins_as_pytorch_begins_its_layers() -> None:
    spec = RunSpec(**{**TRANSFORMER, "width": 64, "heads": 4, "feedforward": 256})
    state = torch.random.get_rng_state()
    weights, again = (initial_weights(spec, 2, M, CPU).named() for _ in range(2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(weights[name], again[name]) for name in weights)
    assert weights["W"].shape == (M, 64)
    assert weights["V"].abs().max().item() <= 1 / 8
    assert weights["positions"].std().item() == pytest.approx(0.02, rel=0.2)
    bounds = {"self_attn/in_proj_weight": (6 / 256) ** 0.5, "linear1/weight": 1 / 8, "linear2/bias": 1 / 16}
    for layer in range(2):
        for name, bound in bounds.items():
            values = weights[f"layers/{layer}/{name}"]
            assert bound * 0.8 < values.abs().max().item() <= bound
        assert torch.equal(weights[f"layers/{layer}/norm1/weight"], torch.ones(64))
    assert not torch.equal(weights["layers/0/linear1/weight"], weights["layers/1/linear1/weight"])


def test_initial_weights_of_every_layer_come_from_a_file(tmp_path: Path) -> None:
    spec = RunSpec(width=8, layers=2, embedding="trainable")
    weights, path = initial_weights(spec, 2, M, CPU), tmp_path / "w.safetensors"
    asked = RunSpec(width=8, layers=2, embedding="trainable", init_weights=str(path))
    save_file(weights.map(lambda tensor: 2 * tensor).named(), path)
    for one, other in zip(weights, initial_weights(asked, 2, M, CPU), strict=True):
        assert torch.equal(2 * one, other)
    save_file({"W": weights.W, "V": weights.V}, path)
    with pytest.raises(Li2Error, match=r"holds V, W, but it must hold W .*, W2 \[8, 8\] and E \[5, 5\]\.$"):
        initial_weights(asked, 2, M, CPU)
    save_file({**weights.named(), "W2": torch.zeros(8, 7)}, path)
    with pytest.raises(Li2Error, match=r"W2 is \[8, 7\], but it must be \[8, 8\]"):
        initial_weights(asked, 2, M, CPU)


@pytest.mark.parametrize("changes", [MLPS[3], TRANSFORMER])
def test_the_module_is_the_network(changes: dict[str, object]) -> None:
    spec, network, weights = drawn(changes, 10, range(1))
    own = weights.map(lambda tensor: tensor[0])
    operands = samples(1, 20)[0][0]
    module = NetworkModule(network, own, torch.ones(M).double())
    plain = (PlainTransformer if spec.architecture == "transformer" else PlainMLP)(spec, own)
    assert torch.allclose(module(operands), plain(operands) + 1, rtol=1e-9, atol=1e-11)
    assert module.state_dict().keys() == {*own.named(), "offset"}
