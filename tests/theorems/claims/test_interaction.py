"""Theorems 6 and 7: verdicts, and that wrong predictions are noticed."""

import pytest

from li2.groups import Representations, named_group
from li2.theorems.claim import NotApplicable, Setting, Verdict
from li2.theorems.claims import CLAIMS
from li2.theory import reconstruction as theory


def setting(name: str, seed: int = 0) -> Setting:
    return Setting(Representations(named_group(name)), seed=seed)


@pytest.mark.parametrize("name", ["cyclic:2", "symmetric:3", "cyclic:23"])
def test_repulsion_holds_with_a_correction(name: str) -> None:
    evidence = CLAIMS["theorem-6"].measure(setting(name))
    assert evidence.verdict == Verdict.CORRECTED, evidence.correction
    sign, printed, projection = evidence.statement
    assert (sign.passed, printed.passed, projection.passed) == (True, False, False)
    assert ("In training" in evidence.summary) == (name == "cyclic:23") == (len(evidence.plots) == 2)
    assert evidence.summary.count(". ") - evidence.summary.count("eq. ") == 1


def test_a_wrong_coupling_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theory, "pair_coupling", lambda alpha, beta, gamma: -beta / (alpha * gamma))
    assert CLAIMS["theorem-6"].measure(setting("symmetric:3")).verdict == Verdict.FAILS


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("cyclic:5", Verdict.HOLDS),
        ("symmetric:3", Verdict.CORRECTED),
        ("quaternion", Verdict.CORRECTED),
        ("alternating:4", Verdict.CORRECTED),
    ],
)
def test_modulation(name: str, verdict: Verdict) -> None:
    evidence = CLAIMS["theorem-7"].measure(setting(name, seed=1))
    assert evidence.verdict == verdict
    assert all(check.passed for check in evidence.correction)
    assert evidence.summary.count(". ") == 1


def test_modulation_needs_two_irreps() -> None:
    for name in ("cyclic:2", "cyclic:3"):
        with pytest.raises(NotApplicable, match="single non-trivial irrep"):
            CLAIMS["theorem-7"].measure(setting(name))


@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        ("isotypic_kernel", theory.printed_kernel),
        ("gain_of_node", lambda energy, whitened, eta: energy / eta),
    ],
)
def test_wrong_predictions_are_noticed(monkeypatch, function, wrong) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(theory, function, wrong)
    assert CLAIMS["theorem-7"].measure(setting("symmetric:3")).verdict == Verdict.FAILS


def test_a_forgotten_irrep_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """If nodes that are said to be learned are not there, ascents end on their irrep."""
    right = theory.constructed_nodes
    monkeypatch.setattr(theory, "constructed_nodes", lambda representations, numbers: right(representations, [1]))
    assert CLAIMS["theorem-7"].measure(setting("cyclic:5")).verdict == Verdict.FAILS
