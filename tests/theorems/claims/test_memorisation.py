"""Theorem 5 is measured, and a wrong prediction is noticed."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch

from li2.groups import Representations, named_group
from li2.models import named_activation
from li2.models.activations import Activation
from li2.theorems.claim import Check, Evidence, Setting, Verdict
from li2.theorems.claims import memorisation
from li2.theorems.instruments.one_target import OneTarget, best_division, is_maximum
from li2.theory.memorisation import SHAPES, Memorisation, Shape, focused, global_maximum, local_maxima, spread

(CLAIM,) = memorisation.CLAIMS
ON_Z3 = Setting(Representations(named_group("cyclic:3")))
SMALL = OneTarget(named_group("cyclic:3"), 1, np.array([5, 9, 7]))


def evidence(group: str = "symmetric:3", seed: int = 0) -> Evidence:
    return CLAIM.measure(Setting(Representations(named_group(group)), seed=seed))


def failing(checks: Sequence[Check]) -> str:
    return "\n".join(check.what for check in checks if not check.passed)


@pytest.mark.parametrize("group", ["cyclic:2", "symmetric:3"])
def test_verdicts(group: str) -> None:
    found = evidence(group)
    assert found.verdict == Verdict.CORRECTED
    failed = [check.what.split(":")[0].split(",")[0] for check in found.statement if not check.passed]
    assert failed[1:] == ["square", "cube", "silu", "tanh"]
    assert failed[0].startswith("largest E at the printed maxima with Ỹ centred")
    assert [len(plot.curves) for plot in found.plots] == [12, 2]


def test_the_same_seed_brings_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorisation, "ACTIVATIONS", ("cube",))
    first, second = evidence("cyclic:2", 4), evidence("cyclic:2", 4)
    assert (first.statement, first.correction, first.summary) == (second.statement, second.correction, second.summary)


def wrong_maximum(p: np.ndarray, shape: Shape) -> Memorisation:
    """ReLU's spread for SiLU, as if s ∝ p there, too."""
    return spread(p, SHAPES["relu"]) if shape is SHAPES["silu"] else global_maximum(p, shape)


def test_a_wrong_prediction_changes_the_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorisation, "ACTIVATIONS", ("relu", "silu"))
    monkeypatch.setattr(memorisation, "global_maximum", wrong_maximum)
    found = evidence("cyclic:3")
    assert found.verdict == Verdict.FAILS
    assert "relative error of the predicted energies" in failing(found.correction)
    assert "silu: distance of the highest end point" in failing(found.statement)


@pytest.mark.parametrize(
    ("list_of", "noticed"),
    [
        (lambda p, name: local_maxima(p, name)[:1], "whose end is in the corrected list"),
        (lambda p, name: [*local_maxima(p, name), focused(p, SHAPES[name], int(p.argmin()))], "that are local maxima"),
    ],
)
def test_a_wrong_list_of_maxima_is_noticed(
    list_of: Callable[[np.ndarray, str], list[Memorisation]], noticed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The printed one, with no other maxima, and one with a single pair too many."""
    monkeypatch.setattr(memorisation, "ACTIVATIONS", ("square", "silu"))
    energies = {name: SMALL.energy(named_activation(name)) for name in memorisation.ACTIVATIONS}
    found = {name: memorisation._found(energy, ON_Z3) for name, energy in energies.items()}
    assert not failing(memorisation._local_checks(SMALL, found)[0])
    monkeypatch.setattr(memorisation, "local_maxima", list_of)
    assert noticed in failing(memorisation._local_checks(SMALL, found)[0])


def test_a_wrong_limit_of_relu_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if pairs without activation at the start came in later."""
    monkeypatch.setattr(memorisation, "relu_limit", lambda p, alive: spread(p, SHAPES["relu"]))
    assert "active at the start" in failing(memorisation._relu_checks(SMALL, 0))


def test_a_wrong_trend_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memorisation, "trend", lambda shape: "decreasing")
    assert memorisation._trend_check().measured == "4 of 6"


def test_a_wrong_side_of_two_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if x^1.8 focused."""
    monkeypatch.setattr(memorisation, "global_maximum", lambda p, shape: focused(p, shape, int(p.argmax())))
    checks, _ = memorisation._exponents(SMALL, ON_Z3)
    assert "the one spread maximum" in failing(checks)
    assert "single pair" not in failing(checks)


def test_a_threshold_left_out_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every pair got a share."""
    data = OneTarget(named_group("cyclic:3"), 0, np.array([9, 8, 1]))
    assert memorisation._threshold_check(data, ON_Z3).passed
    monkeypatch.setattr(memorisation, "global_maximum", lambda p, shape: spread(p, SHAPES["relu"]))
    assert not memorisation._threshold_check(data, ON_Z3).passed


def test_the_pairs_of_one_target() -> None:
    group = named_group("symmetric:3")
    data = OneTarget.random(group, 0)
    for g, (first, second) in enumerate(data.pairs.tolist()):
        assert first == g
        assert group.table[first, second - 6] == data.target
    ordered = np.sort(data.counts)
    assert ordered[-1] > ordered[-2]
    node = data.node(Memorisation(np.arange(6.0), 0.0))
    assert (data.inputs @ node).tolist() == pytest.approx(range(6))


def test_divisions_against_brute_force() -> None:
    """Three pairs: all (k1, k2, k3) of 400 parts."""
    p = np.array([0.5, 0.3, 0.2])
    k = np.arange(401)
    rest = 400 - k[:, None] - k
    for name in ("silu", "tanh", "cube"):
        values = named_activation(name).function(torch.sqrt(torch.arange(401, dtype=torch.float64) / 200)).numpy()
        sums = p[0] * values[:, None] + p[1] * values + p[2] * values[np.maximum(rest, 0)]
        expected = np.where(rest >= 0, sums, 0).max() ** 2 / 2
        assert best_division(p, named_activation(name)) == pytest.approx(expected, rel=1e-12)
    falling = Activation("falling", lambda z: -z, lambda z: -torch.ones_like(z))
    assert best_division(p, falling) == pytest.approx(0.38, rel=1e-3)


def test_a_saddle_point_and_a_kink_are_no_maxima() -> None:
    data = OneTarget(named_group("cyclic:3"), 0, np.array([5, 4, 3]))
    energy = data.energy(named_activation("relu"))
    p = data.probabilities
    assert is_maximum(energy, data.node(spread(p, SHAPES["relu"])))
    assert not is_maximum(energy, data.node(focused(p, SHAPES["relu"], 0)))  # E rises beyond the kink
    assert not is_maximum(energy, -data.node(spread(p, SHAPES["relu"])))  # E = 0
    square = data.energy(named_activation("square"))
    assert is_maximum(square, data.node(focused(p, SHAPES["square"], 0)))
    assert not is_maximum(square, data.node(focused(p, SHAPES["square"], 1)))
