"""Claims on Muon and the collection of features: verdicts, and that wrong predictions are noticed."""

import math

import numpy as np
import pytest

from li2.groups import Representations, named_group
from li2.theorems.claim import Setting, Verdict
from li2.theorems.claims import muon, rebalancing, selection
from li2.theorems.instruments import collecting
from li2.theory.collection import polar_column_printed

CLAIMS = {claim.statement.name: claim for claim in muon.CLAIMS}

ALONE = Setting(None)


def test_all_statements_are_there() -> None:
    assert list(CLAIMS) == ["lemma-2", "lemma-7", "lemma-8", "lemma-10", "lemma-9", "theorem-8"]


@pytest.mark.parametrize("group", ["cyclic:2", "cyclic:7", "symmetric:3", "product:2x2"])
def test_muon_ascends_free_weights(group: str) -> None:
    evidence = CLAIMS["lemma-2"].measure(Setting(Representations(named_group(group))))
    assert evidence.verdict is Verdict.HOLDS
    assert all(check.passed for check in evidence.correction)


def test_a_wrong_slope_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "muon_slope", lambda gradient: float(np.linalg.norm(gradient)))
    setting = Setting(Representations(named_group("symmetric:3")))
    assert CLAIMS["lemma-2"].measure(setting).verdict is Verdict.FAILS


def test_a_wrong_condition_on_the_sphere_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(muon, "rests_on_the_sphere", lambda nodes, tolerance: True)
    evidence = CLAIMS["lemma-2"].measure(Setting(Representations(named_group("cyclic:7"))))
    assert not all(check.passed for check in evidence.correction)


def test_selection_holds_and_a_wrong_exponent_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CLAIMS["lemma-7"].measure(ALONE).verdict is Verdict.HOLDS
    right = selection.selection_probabilities
    monkeypatch.setattr(selection, "selection_probabilities", lambda w, a: right(w, a + 0.2))
    assert CLAIMS["lemma-7"].measure(ALONE).verdict is Verdict.FAILS


def test_the_leader_wins_from_positive_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "STARTS", (200, 200))
    evidence = CLAIMS["lemma-8"].measure(ALONE)
    assert evidence.verdict is Verdict.CORRECTED
    assert [check.passed for check in evidence.statement] == [True, True, True, False]


def test_the_dynamics_are_those_of_the_exact_solution() -> None:
    """α(t) = α/(1 − μαt) inside the ball, and its direction on the sphere."""
    mu, start = np.array([1.0, 0.7, 0.4]), np.array([[0.3, 0.5, 0.5]])
    for points in (start, start / np.linalg.norm(start)):
        moved = points
        for _ in range(5):
            moved = collecting._runge_kutta(moved, mu)
        # 1/α_l falls by μ_l·t, up to one factor of all α where the sphere bounds them.
        system = np.column_stack([1 / moved[0], mu])
        solution, _, _, _ = np.linalg.lstsq(system, 1 / points[0], rcond=None)
        assert np.abs(system @ solution - 1 / points[0]).max() < 1e-5
    assert collecting.arrived(collecting.follow(start, mu)).tolist() == [int((mu * start).argmax())]


def test_the_lemma_of_the_polar_column(monkeypatch: pytest.MonkeyPatch) -> None:
    assert CLAIMS["lemma-9"].measure(ALONE).verdict is Verdict.CORRECTED
    monkeypatch.setattr(muon, "polar_column", polar_column_printed)
    assert CLAIMS["lemma-9"].measure(ALONE).verdict is Verdict.FAILS


def test_the_bound_holds_and_a_wrong_integral_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    evidence = CLAIMS["lemma-10"].measure(ALONE)
    assert evidence.verdict is Verdict.HOLDS
    assert all(check.passed for check in evidence.correction)
    monkeypatch.setattr(selection, "collection_time", lambda p: len(p) * math.log(len(p)))
    assert CLAIMS["lemma-10"].measure(ALONE).verdict is Verdict.FAILS


def test_muon_takes_fewer_nodes_than_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebalancing, "EXPONENTS", (2.0,))
    monkeypatch.setattr(rebalancing, "QUICK", (3_000, 8))
    evidence = CLAIMS["theorem-8"].measure(ALONE)
    assert evidence.verdict is Verdict.CORRECTED
    assert [check.passed for check in evidence.statement] == [True, True, False, True]
    monkeypatch.setattr(rebalancing, "guided_time", lambda count, largest: count + 1)
    assert CLAIMS["theorem-8"].measure(ALONE).verdict is Verdict.FAILS


def test_wrong_probabilities_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = rebalancing.selection_probabilities
    monkeypatch.setattr(rebalancing, "EXPONENTS", (2.0,))
    monkeypatch.setattr(rebalancing, "QUICK", (3_000, 8))
    monkeypatch.setattr(rebalancing, "selection_probabilities", lambda w, a: right(w, 1.0))
    assert CLAIMS["theorem-8"].measure(ALONE).verdict is Verdict.FAILS


def test_collections_count_draws() -> None:
    draws = iter([0, 0, 1, 2, 1, 0, 2])
    found = collecting.collect(lambda sets: np.array([next(draws)]), 1, 3)
    assert found.counts.tolist() == [4]
    assert collecting.runs_of(np.array([0, 0, 1, 2, 1, 0, 2, 2]), 3).counts.tolist() == [4, 3]
