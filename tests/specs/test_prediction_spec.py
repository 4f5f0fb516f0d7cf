"""What can be foreseen, and the sentence that says what cannot."""

from typing import Any

import pytest

from li2.errors import Li2Error
from li2.specs import CriticalSpec, PredictionSpec, RunSpec, read_overrides
from li2.specs.prediction_spec import CRITICAL_KEYS, PREDICTION_KEYS

UNFORESEEABLE: list[tuple[dict[str, Any], str]] = [
    ({"layers": 2}, "only networks with one hidden layer of real weights on one-hot operands are predicted."),
    ({"architecture": "transformer"}, "only networks with one hidden layer"),
    ({"embedding": "trainable"}, "only networks with one hidden layer"),
    ({"weights": "complex"}, "only networks with one hidden layer of real weights"),
    ({"loss": "cross-entropy"}, "loss=cross-entropy has no top layer in closed form; only loss=mse and"),
    ({"loss": "stablemax"}, "loss=stablemax has no top layer in closed form"),
    ({"batch_size": 8}, "only full batches are predicted; leave out batch_size."),
    ({"init_weights": "w.safetensors"}, "only random initial weights are predicted; leave out init_weights."),
]


@pytest.mark.parametrize(("values", "message"), UNFORESEEABLE)
def test_what_cannot_be_foreseen_is_refused_in_one_sentence(values: dict[str, Any], message: str) -> None:
    for make in (PredictionSpec, lambda **keys: CriticalSpec(groups="cyclic:5", **keys)):
        with pytest.raises(Li2Error) as caught:
            make(**values)
        assert str(caught.value).startswith(message)
        assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nodes": 0}, "nodes must be a whole number ≥ 1"),
        ({"stride": 0}, "stride must be a whole number ≥ 1"),
        ({"subsets": 0}, "subsets must be a whole number from 1 to 1,000"),
        ({"subsets": 1001}, "subsets must be a whole number from 1 to 1,000"),
        ({"node": 3}, "did you mean 'nodes'"),
        ({"width": 0}, "width must be a whole number ≥ 1"),
    ],
)
def test_wrong_values(values: dict[str, Any], message: str) -> None:
    for make in (PredictionSpec, lambda **keys: CriticalSpec(groups="cyclic:5", **keys)):
        with pytest.raises(Li2Error, match=message):
            make(**values)


def test_runs_have_consecutive_seeds_and_the_keys_of_the_prediction() -> None:
    spec = PredictionSpec(group="cyclic:11", train_size=50, seed=3, subsets=2, nodes=7, stride=2, lr=0.01)
    assert spec.runs() == [RunSpec(group="cyclic:11", train_size=50, seed=seed, lr=0.01) for seed in (3, 4)]


def test_a_boundary_asks_for_the_runs_that_it_would_train() -> None:
    spec = CriticalSpec(groups="cyclic:11,dihedral:5", subsets=2, nodes=32, width=100)
    asked = spec.prediction("dihedral:5", 40)
    assert (asked.group, asked.train_size, asked.subsets, asked.nodes, asked.width) == ("dihedral:5", 40, 2, 32, 100)
    assert (asked.lr, asked.weight_decay, asked.epochs) == (5e-4, 2e-4, 3000)
    assert [run.seed for run in asked.runs()] == [0, 1]


def test_keys_and_defaults() -> None:
    assert not {"seeds", "tolerance", "seed", "group", "train_size"} & set(CRITICAL_KEYS)
    prediction, boundary = PredictionSpec(), CriticalSpec(groups="cyclic:5")
    for spec, keys in ((prediction, PREDICTION_KEYS), (boundary, CRITICAL_KEYS)):
        for name, key in keys.items():
            if name != "groups":
                assert getattr(spec, name) == key.default, name


def test_commands_repeat_them() -> None:
    spec = PredictionSpec(group="cyclic:5", nodes=32, subsets=1)
    assert spec.command() == "li2 predict subsets=1 nodes=32 group=cyclic:5"
    boundary = CriticalSpec(groups="cyclic:5,cyclic:7", nodes=32)
    words = boundary.command().removeprefix("li2 predict boundary ").split()  # none needs quotes
    assert CriticalSpec(**read_overrides(words, CRITICAL_KEYS)) == boundary
