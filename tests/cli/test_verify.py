"""``li2 verify`` through the command line and the Python interface."""

import json
import shlex
from pathlib import Path

import numpy as np
import pytest

import li2
from li2.theorems import CLAIMS, Claim, Setting, Verdict
from li2.theory.statements import STATEMENTS
from tables import quaternion_table, relabelled


def test_every_statement_has_its_claim() -> None:
    """Prop. 1; Lemmas 1, 2, 7 to 10; Theorems 1 to 8; Corollaries 1, 2; appendix C.3; section 6."""
    assert set(CLAIMS) == set(STATEMENTS)
    lemmas, theorems = ([f"lemma-{k}" for k in (1, 2, 7, 8, 9, 10)], [f"theorem-{k}" for k in range(1, 9)])
    others = ["proposition-1", "corollary-1", "corollary-2", "output-scale", "section-6"]
    assert set(CLAIMS) == {*lemmas, *theorems, *others}
    assert all(claim.statement is STATEMENTS[name] for name, claim in CLAIMS.items())


def test_json_and_page(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    page = tmp_path / "claims.html"
    code, out, _ = call("verify", "theorem-2", "corollary-1", "lemma-9", "group=symmetric:3,cyclic:5", "--json",
                        "--html", str(page))  # fmt: skip
    assert code == 0
    values = json.loads(out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert values["command"] == "li2 verify theorem-2 corollary-1 lemma-9 group=symmetric:3,cyclic:5"
    assert values["rest"] is None
    assert [claim["claim"] for claim in values["claims"]] == ["theorem-2", "corollary-1", "lemma-9"]
    theorem, corollary, lemma = values["claims"]
    assert [finding["group"] for finding in theorem["findings"]] == ["symmetric:3", "cyclic:5"]
    assert theorem["verdict"] == "holds with a correction"
    assert [finding["verdict"] for finding in corollary["findings"]] == ["holds with a correction", "holds"]
    assert [finding["group"] for finding in lemma["findings"]] == [None]
    for check in theorem["findings"][0]["statement"]:
        assert set(check) == {"what", "predicted", "measured", "tolerance", "passed"}
    assert theorem["findings"][0]["statement"][0]["measured"] == pytest.approx(4)
    text = page.read_text("utf-8")
    for words in ("Theorem 2: local maxima of the energy", "What the paper states", "symmetric:3"):
        assert words in text
    assert "http://" not in text.split("</script>", 1)[1].split("<script", 1)[0]


def test_words_on_the_terminal(call) -> None:  # type: ignore[no-untyped-def]
    code, out, err = call("verify", "corollary-2", "corollary-1", "group=symmetric:3")
    assert code == 0
    for words in ("Corollary 1: flat maxima", "not applicable", "symmetric:3 is not cyclic", "Verdicts"):
        assert words in out
    assert "corollary-1 symmetric:3" in err


def test_a_relabelled_group_from_a_file(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    """The identity is not element 0."""
    np.savetxt(tmp_path / "q8.csv", relabelled(quaternion_table(), [3, 7, 0, 5, 1, 2, 6, 4]), fmt="%d", delimiter=",")
    code, out, _ = call("verify", "theorem-2", "theorem-3", "theorem-7", "theorem-5", "theorem-6", "theorem-1",
                        f"group=file:{tmp_path / 'q8.csv'}", "--json")  # fmt: skip
    assert code == 0
    for claim in json.loads(out)["claims"]:
        assert claim["verdict"] in {"holds", "holds with a correction"}, claim


def test_names_of_groups_are_told_apart_by_commas(tmp_path: Path) -> None:
    spec = li2.VerifySpec(group=f"cyclic:5, quaternion,file:{tmp_path}/a,b.csv,small:8.3*cyclic:2")
    assert spec.group == ("cyclic:5", "quaternion", f"file:{tmp_path}/a,b.csv", "small:8.3*cyclic:2")
    word = shlex.split(spec.command())[-1]
    assert li2.VerifySpec(group=word.removeprefix("group=")).group == spec.group


def test_groups_given_one_by_one_and_a_link_to_the_page(call, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "link.html").symlink_to(tmp_path / "page.html")
    code, out, _ = call("verify", "corollary-1", "group=cyclic:5", "group=cyclic:7", "group=cyclic:5",
                        "--html", str(tmp_path / "link.html"))  # fmt: skip
    assert code == 0
    assert "cyclic:5" in out
    assert "cyclic:7" in out
    assert f"page  {tmp_path / 'link.html'}" in out
    assert (tmp_path / "link.html").is_symlink()
    assert "Corollary 1" in (tmp_path / "page.html").read_text("utf-8")


def test_all_small_groups(call) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = call("verify", "theorem-2", "corollary-1", "--all-small-groups", "6", "--json")
    assert code == 0
    theorem, corollary = json.loads(out)["claims"]
    assert len(theorem["findings"]) == 1 + 1 + 2 + 1 + 2  # orders 2 to 6
    assert {finding["verdict"] for finding in theorem["findings"]} == {"holds with a correction"}
    assert corollary["findings"][0]["verdict"] == "not applicable"


def test_the_same_seed_gives_the_same_figures(call) -> None:  # type: ignore[no-untyped-def]
    first, second, other = (
        json.loads(call("verify", "theorem-2", "lemma-7", "group=cyclic:6", f"seed={seed}", "--json")[1])["claims"]
        for seed in (3, 3, 4)
    )
    for claims in (first, second, other):
        for claim in claims:
            for finding in claim["findings"]:
                del finding["seconds"]
    assert first == second
    assert first != other


def test_an_interruption_keeps_what_was_found(call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    def interrupted(setting: Setting) -> None:
        raise KeyboardInterrupt

    claim = CLAIMS["corollary-1"]
    monkeypatch.setitem(CLAIMS, "corollary-1", Claim(claim.statement, claim.method, interrupted, claim.groups, True))  # type: ignore[arg-type]
    page = tmp_path / "page.html"
    code, out, _ = call("verify", "theorem-2", "corollary-1", "corollary-2", "group=cyclic:5", "--html", str(page))
    assert code == 130
    assert "Theorem 2" in out
    assert "interrupted; the rest: li2 verify corollary-1 corollary-2 group=cyclic:5" in out
    assert "Interrupted." in page.read_text("utf-8")


def test_a_failed_measurement_does_not_lose_the_others(call, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    def failing(setting: Setting) -> None:
        raise np.linalg.LinAlgError("singular")

    claim = CLAIMS["theorem-2"]
    monkeypatch.setitem(CLAIMS, "theorem-2", Claim(claim.statement, claim.method, failing, claim.groups, True))  # type: ignore[arg-type]
    found = li2.verify(li2.VerifySpec(claims=("theorem-2", "corollary-1"), group=("cyclic:5",)))
    assert [result.verdict for result in found.results] == [Verdict.UNMEASURED, Verdict.HOLDS]
    assert "could not be measured: LinAlgError, singular" in found.results[0].findings[0].text
    assert call("verify", "theorem-2", "corollary-1", "group=cyclic:5")[0] == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["theorem-9"], "unknown claim 'theorem-9'; known are proposition-1"),
        (["gruop=cyclic:5"], "did you mean 'group'"),
        (["width=5"], "unknown key 'width'"),
        (["group=cyclic:x"], "cyclic"),
        (["group=cyclic:1"], "cyclic:1 is trivial"),
        (["seed=-1"], "seed must be a whole number"),
        (["--scale", "huge"], "scale must be quick or paper"),
        (["--all-small-groups", "1"], "all_small_groups must be a whole number from 2 to 127"),
        (["--all-small-groups", "5", "group=cyclic:5"], "leave out one"),
        (["theorem-4", "--all-small-groups", "5"], "theorem-4 is none of them"),
        (["theorem-2", "--html", "/no/such/folder/x.html"], "not a file in an existing folder"),
        (["theorem-2", "--html", "/dev/null"], "not a file in an existing folder"),
        (["theorem-2", "--html", "/proc/x.html"], "cannot write --html /proc/x.html"),
        (["theorem-2", "--html", "x" * 252], "cannot write --html"),
    ],
)
def test_mistakes(call, words: list[str], message: str) -> None:  # type: ignore[no-untyped-def]
    code, out, err = call("verify", *words)
    assert code == 2
    assert out == ""
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_help_lists_the_claims(call) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = call("verify", "--help")
    assert code == 0
    assert "corollary-2" in out
    assert "section-6" in out
