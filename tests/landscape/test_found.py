"""What a few nodes find on random training sets, and from how many pairs on."""

import json
import math

import numpy as np
import pytest
import torch

from li2.errors import Li2Error
from li2.landscape import found
from li2.landscape.critical import critical_sizes
from li2.landscape.found import Population, find_features
from li2.landscape.whitened import WideLayer
from li2.models import Problem, TwoLayer, Weights, initial_weights, named_activation, named_loss
from li2.specs import AscentSpec, RunSpec
from li2.tasks import build_split, examples_of

QUICK = {"group": "cyclic:11", "nodes": 12, "steps": 150, "lr": 2e-2, "width": 512, "subsets": 2}


def test_enough_pairs_give_features_and_few_do_not() -> None:
    much, little = (find_features(AscentSpec(**QUICK, train_fraction=p)) for p in (0.9, 0.15))
    assert much.features.low > 0.3 > little.features.high == 0
    assert much.purity.low > 0.8 > 0.5 > little.purity.high
    assert much.memorising.high < 0.1 < 0.7 < little.memorising.low
    assert much.ratio == pytest.approx(0.9, abs=0.01)
    subset = much.subsets[0]
    assert subset.eta == pytest.approx(subset.size * 1e-4)
    assert sum(subset.found.values()) == round(subset.features * 12)
    parts = torch.fft.fft(subset.nodes.reshape(2, 11, 12), dim=1).abs().square().sum(dim=0)[1:6]
    assert np.allclose(parts.max(dim=0).values / parts.sum(dim=0), subset.purity)
    assert {subset.seed for subset in much.subsets} == {0, 1}
    values = json.loads(json.dumps(much.as_json(), allow_nan=False))
    assert values["purity"]["value"] == much.purity.value
    assert values["kernel"]["error"] == 0


def test_same_seed_same_result_and_each_subset_its_own() -> None:
    spec = AscentSpec(**{**QUICK, "steps": 20}, train_fraction=0.3)
    first, second = find_features(spec), find_features(spec)
    assert all(torch.equal(a.nodes, b.nodes) for a, b in zip(first.subsets, second.subsets, strict=True))
    later = find_features(AscentSpec(**{**QUICK, "steps": 20, "subsets": 1, "seed": 1}, train_fraction=0.3))
    assert torch.equal(first.subsets[1].nodes, later.subsets[0].nodes)
    assert not torch.equal(first.subsets[0].nodes, later.subsets[0].nodes)


@pytest.mark.parametrize("loss", ["mse", "mse-centred"])
@pytest.mark.parametrize("whitening", ["both", "none"])
def test_nodes_feel_the_slope_of_the_loss_at_the_ridge_solution(whitening: str, loss: str) -> None:
    """−∂loss/∂W of a wide network whose V is the ridge solution, by autograd. On average over many nodes: none of E."""
    width = 30_000
    run = RunSpec(
        group="cyclic:5", train_size=14, width=width, weight_decay=2e-3, dtype="float64", loss=loss, init="gaussian"
    )
    spec = AscentSpec.of_run(run, whitening=whitening)
    population = Population(spec)
    energy, eta = population.energy(run)
    assert eta == pytest.approx(14e-3)
    train = examples_of(population.task, build_split(population.task, run).train, torch.device("cpu"))
    W = initial_weights(run, 2, 5, torch.device("cpu")).W
    problem = Problem(TwoLayer(named_activation("square")), named_loss(loss), train, 5, run.weight_decay)
    F = problem.two_layer.features(W, train.rows)
    if loss == "mse-centred":
        F = F - F.mean(dim=0)
    V = F.T @ torch.linalg.solve(F @ F.T + eta * torch.eye(14, dtype=torch.float64), problem.targets)
    leaf = W.clone().requires_grad_()
    outputs = problem.network.forward(Weights(leaf, V), train.rows)
    problem.loss.value(outputs, train.labels, None).backward()
    _, gradient = energy.value_and_gradient(W)
    error = (gradient + leaf.grad).norm() / leaf.grad.norm()
    assert error < 0.1 if whitening == "both" else error > 0.5


def test_a_run_and_the_ascent_on_its_training_set_share_pairs_and_weights() -> None:
    run = RunSpec(group="cyclic:11", train_size=50, width=64, seed=7, optimizer="muon", muon="exact", lr=0.1)
    spec = AscentSpec.of_run(run, nodes=5, walk="free", steps=0)
    assert (spec.geometry, spec.muon, spec.lr, spec.subsets) == ("muon", "exact", 2e-3, 1)
    (subset,) = find_features(spec).subsets
    assert torch.allclose(subset.nodes, initial_weights(run, 2, 11, torch.device("cpu")).W[:, :5].double())
    on_sphere = find_features(AscentSpec.of_run(run, nodes=5, steps=0)).subsets[0].nodes
    assert torch.allclose(on_sphere, subset.nodes / subset.nodes.norm(dim=0))
    assert (subset.seed, subset.size) == (7, 50)
    assert spec.command().startswith("li2 predict landscape group=cyclic:11 train_size=50 seed=7 subsets=1 width=64 ")


def test_eta_of_a_run() -> None:
    assert AscentSpec.of_run(RunSpec(group="cyclic:5", top_layer="ridge", ridge=0.3)).eta == 0.3
    with pytest.raises(Li2Error, match="so that η = n·weight_decay/2 does not hold; give eta"):
        AscentSpec.of_run(RunSpec(group="cyclic:5", optimizer="adamw"))
    assert AscentSpec.of_run(RunSpec(group="cyclic:5", optimizer="adamw"), eta=1.0).geometry == "adam"
    with pytest.raises(Li2Error, match="not known for operands=3"):
        AscentSpec.of_run(RunSpec(group="cyclic:5", operands=3))


@pytest.mark.parametrize(
    ("geometry", "activation"), [("adam", "relu"), ("sgd", "square"), ("muon", "tanh"), ("gradient", "square")]
)
def test_every_geometry_climbs(geometry: str, activation: str) -> None:
    lr = 300 if geometry == "sgd" else 5e-3
    spec = AscentSpec(
        group="symmetric:3", train_fraction=0.7, geometry=geometry, activation=activation, steps=25, lr=lr, nodes=20
    )
    population = Population(spec)
    energy, _ = population.energy(spec.run(0))
    ends = population.found(0).nodes
    starts = Population(AscentSpec(**{**spec.explicit(), "steps": 0})).found(0).nodes
    before, after = (energy.value_and_gradient(nodes)[0].mean() for nodes in (starts, ends))
    assert after > 1.01 * before
    assert torch.allclose(ends.norm(dim=0), torch.ones(20, dtype=torch.float64))


def test_the_critical_size_parts_what_was_measured() -> None:
    spec = AscentSpec(**{**QUICK, "steps": 100, "subsets": 1})
    found_sizes = critical_sizes(spec, level=0.7, tolerance=0.4)
    for crossing in found_sizes.crossings:
        assert 11 < crossing.size < 120
        below = [purity for n, purity in crossing.measured if n < crossing.size]
        above = [purity for n, purity in crossing.measured if n > crossing.size]
        assert below[-1] < 0.7 <= above[0]
    assert found_sizes.constant.value == pytest.approx(found_sizes.ratio.value * 11 / math.log(11))
    assert json.loads(json.dumps(found_sizes.as_json(), allow_nan=False))["order"] == 11


def test_where_no_data_are_enough_the_critical_size_is_infinite() -> None:
    spec = AscentSpec(**{**QUICK, "steps": 0, "subsets": 1})
    never = critical_sizes(spec, level=0.9, tolerance=1.0)
    assert math.isinf(never.ratio.value)
    assert never.as_json()["seeds"][0]["n"] is None
    assert critical_sizes(spec, level=0.0, tolerance=1.0).crossings[0].size == 11


def test_loss_scale_is_that_of_p_eta() -> None:
    spec = AscentSpec(**QUICK, train_fraction=0.5)
    for whitening, powers in (("none", 2), ("one-sided", 1), ("both", 0), ("additive-free", 2)):
        population = Population(AscentSpec(**{**spec.explicit(), "whitening": whitening}))
        energy, eta = population.energy(spec.run(0))
        layer = WideLayer(population.levels, 512, eta)
        plain = found.whitened(energy, whitening, layer, 2 / (len(energy.labels) * eta) * layer.damping**powers)
        W = torch.randn(22, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        assert torch.allclose(energy.value_and_gradient(W)[1], plain.value_and_gradient(W)[1])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"loss": "cross-entropy"}, "loss=cross-entropy has no ridge solution to climb by; take mse or mse-centred."),
        ({"weight_decay": 0}, "give eta or a weight_decay > 0."),
        ({"geometry": "gradient", "whitening": "one-sided"}, "but whitening=one-sided was given"),
        ({"geometry": "gradient", "walk": "free"}, "but walk=free was given"),
        ({"geometry": "newton"}, "geometry='newton' is not valid; geometry must be adam, sgd, muon or gradient."),
        ({"train_size": 3, "train_fraction": 0.5}, "train_fraction and train_size were both given"),
        ({"seed": 2**32 - 1}, "goes beyond the last seed"),
        ({"epochs": 3}, "epochs"),
    ],
)
def test_impossible_ascents(values: dict[str, object], message: str) -> None:
    with pytest.raises(Li2Error, match=message):
        AscentSpec(**values)


@pytest.mark.parametrize(
    ("group", "message"),
    [("cyclic:1", "the trivial group has no features"), ("expression:x*y mod 6", "is not a group's law")],
)
def test_tasks_without_irreps(group: str, message: str) -> None:
    with pytest.raises(Li2Error, match=message):
        find_features(AscentSpec(group=group))
