"""Theorem 3: verdicts, from both sides, and that wrong predictions are noticed."""

import math

import pytest

from li2.groups import Representations, named_group
from li2.theorems.claim import NotApplicable, Setting, Verdict
from li2.theorems.claims import CLAIMS
from li2.theory import reconstruction as theory

CLAIM = CLAIMS["theorem-3"]


def setting(name: str, seed: int = 0) -> Setting:
    return Setting(Representations(named_group(name)), seed=seed)


@pytest.mark.parametrize("name", CLAIM.groups)
def test_it_holds_with_a_correction(name: str) -> None:
    evidence = CLAIM.measure(setting(name))
    assert evidence.verdict == Verdict.CORRECTED, [check for check in evidence.correction if not check.passed]
    failed = [check.what for check in evidence.statement if not check.passed]
    assert "residual of complex nodes [u; ±Pu], 2d⁴ in every complex irrep" in failed
    assert ("nodes that suffice, against M² for memorisation" in failed) == (name == "alternating:4")
    assert evidence.summary.count(". ") == 1


@pytest.mark.parametrize("name", ["cyclic:2", "product:2x2", "product:2x2x2"])
def test_it_holds_as_printed_where_every_element_is_its_own_inverse(name: str) -> None:
    assert CLAIM.measure(setting(name)).verdict == Verdict.HOLDS


@pytest.mark.parametrize("name", ["cyclic:3", "cyclic:4", "product:3x3", "dicyclic:3"])
@pytest.mark.parametrize("seed", [1])
def test_other_groups_and_seeds(name: str, seed: int) -> None:
    assert CLAIM.measure(setting(name, seed)).verdict == Verdict.CORRECTED


@pytest.mark.parametrize(
    ("function", "wrong", "group"),
    [
        ("inversion_floor", lambda order, involutions: math.sqrt(0.5), "cyclic:6"),
        ("inversion_accuracy", lambda order, involutions: 0.5, "cyclic:7"),
        ("generic_node_count", lambda representations: 4 * (representations.group.order - 1), "cyclic:6"),
        ("constructed_node_count", theory.printed_node_count, "symmetric:3"),
        ("literal_residual", lambda characters: 0.0, "symmetric:3"),
        ("paired_residual", lambda pairs: 0.0, "cyclic:7"),
    ],
)
def test_wrong_predictions_are_noticed(monkeypatch, function, wrong, group) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(theory, function, wrong)
    assert CLAIM.measure(setting(group)).verdict == Verdict.FAILS


def test_wrong_nodes_are_noticed(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    right = theory.constructed_nodes
    monkeypatch.setattr(theory, "constructed_nodes", lambda *arguments: right(*arguments)[:, :-1])
    assert CLAIM.measure(setting("cyclic:7")).verdict == Verdict.FAILS


def test_the_same_seed_gives_the_same_evidence() -> None:
    assert CLAIM.measure(setting("cyclic:7", 5)) == CLAIM.measure(setting("cyclic:7", 5))


def test_groups_that_take_too_long_are_refused_in_a_sentence() -> None:
    with pytest.raises(NotApplicable, match=r"takes a minute or more; ask for --scale paper\.$"):
        CLAIM.measure(setting("frobenius:11.5"))
