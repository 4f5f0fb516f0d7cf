"""``li2 groups`` and runs on non-Abelian groups, through the command line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import li2
from tables import quaternion_table, relabelled

SMALL_RUN = ["width=32", "train_fraction=0.8", "epochs=12", "lr=0.01", "weight_decay=1e-4", "diagnose=every:6"]


def test_show_as_json(call) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = call("groups", "show", "quaternion*cyclic:3", "--json")
    assert code == 0
    values = json.loads(out)
    assert values["order"] == 24
    assert values["abelian"] is False
    assert values["classes"] == len(values["irreps"]) == 15
    assert values["small"] == "small:24.11"
    assert values["structure"] == "C3 x Q8"
    assert {key: values["irreps"][0][key] for key in ("dim", "type", "energy_max", "nullity")} == {
        "dim": 1,
        "type": "real",
        "energy_max": None,
        "nullity": None,
    }
    kinds = [(i["dim"], i["type"], i["energy_max"], i["nullity"]) for i in values["irreps"][1:]]
    assert sorted(set(kinds)) == [(1, "complex", 6.0, 2), (1, "real", 12.0, 0), (2, "complex", 3.0, 8),
                                  (2, "quaternionic", 3.0, 6)]  # fmt: skip
    assert sum(kind[1] == "complex" for kind in kinds) == 10  # both members of each conjugate pair


def test_show_a_page_in_words(call) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = call("groups", "show", "frobenius:7.3")
    assert code == 0
    for words in ("small:21.1", "C7 : C3", "order", "21", "3a and its conjugate", "complex", "1.75", "14",
                  "Character table", "−0.5+1.323i"):  # fmt: skip
        assert words in out


@pytest.mark.parametrize("name", ["cyclic:1", "cyclic:2", "cyclic:40", "symmetric:4", "dihedral:40", "cyclic:301"])
def test_any_group_can_be_shown_and_drawn(call, tmp_path: Path, name: str) -> None:  # type: ignore[no-untyped-def]
    page = tmp_path / "group.html"
    code, out, _ = call("groups", "show", name, "--html", str(page))
    assert code == 0
    assert str(page) in out
    text = page.read_text("utf-8")
    assert "<svg" in text or name == "cyclic:1"
    assert "Cayley table" in text
    assert "Character table" in text
    assert "http://" not in text.split("</script>", 1)[1]
    assert ("Not drawn" in text) == (name == "cyclic:301")
    assert page.stat().st_size < 12e6


def test_a_name_is_escaped_in_its_page(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    np.savetxt(tmp_path / "<b>[red]&.csv", quaternion_table(), fmt="%d", delimiter=",")
    code, out, _ = call("groups", "show", "file:<b>[red]&.csv", "--html", "page.html")
    assert code == 0
    assert "file:<b>[red]&.csv" in out
    assert "<h1>file:&lt;b&gt;[red]&amp;.csv</h1>" in Path("page.html").read_text("utf-8")


def test_groups_are_shown_without_loading_pytorch() -> None:
    script = "import sys; sys.argv = ['li2', 'groups', 'show', 'small:8.3']; from li2.cli import main; main(); " \
             "assert 'torch' not in sys.modules"  # fmt: skip
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.PIPE)


@pytest.mark.parametrize(
    ("options", "count", "first"),
    [
        ([], 1268, "small:1.1"),
        (["--order", "24"], 15, "small:24.1"),
        (["--non-abelian"], 1036, "small:6.1"),
        (["--order", "24", "--non-abelian", "--max-irrep-dim", "2"], 9, "small:24.1"),
        (["--max-irrep-dim", "1"], 232, "small:1.1"),
        (["--order", "5", "--non-abelian"], 0, None),
    ],
)
def test_list(call, options: list[str], count: int, first: str | None) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = call("groups", "list", *options, "--json")
    assert code == 0
    lines = json.loads(out)
    assert len(lines) == count
    assert (lines[0]["name"] if lines else None) == first
    code, out, _ = call("groups", "list", *options)
    assert code == 0
    assert out.rstrip().endswith(f"{count} groups")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "dihedral:x"], "write dihedral:n"),
        (["show", "small:21.3"], "there are 2 groups of order 21"),
        (["show", "cyclic:1000000"], "8,000.0 GB"),
        (["show", "cyclic:3", "--html", "nowhere/page.html"], "not a file in an existing folder"),
        (["show", "cyclic:3", "--html", "."], "not a file in an existing folder"),
        (["list", "--order", "128"], "order 1 to 127"),
        (["list", "--order", "0"], "order 1 to 127"),
        (["list", "--max-irrep-dim", "0"], "1 dimension or more"),
    ],
)
def test_mistakes(call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    code, out, err = call("groups", *arguments)
    assert code == 2
    assert message in err
    assert "Traceback" not in err
    assert not out
    assert not list(tmp_path.iterdir())


HOLES = "0,1,2\n1,,0\n2,0,1\n"
NOT_ASSOCIATIVE = "0,1,2,3,4\n1,0,3,4,2\n2,4,0,1,3\n3,2,4,0,1\n4,3,1,2,0\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [(HOLES, "not a table of whole numbers"), (NOT_ASSOCIATIVE, "associativity fails: (1·1)·"), ("0\n" * 10**6, "GB")],
)
def test_tables_that_are_no_groups(call, tmp_path: Path, content: str, message: str) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "table.csv").write_text(content)
    for arguments in (["groups", "show", f"file:{tmp_path / 'table.csv'}"],
                      ["run", f"group=file:{tmp_path / 'table.csv'}", "--out", str(tmp_path / "run")]):  # fmt: skip
        code, _, err = call(*arguments)
        assert code == 2
        assert message in err
        assert len(err.strip().splitlines()) == 1
    assert not (tmp_path / "run").exists()


def covered_run(tmp_path: Path, call, group: str) -> li2.RunResult:  # type: ignore[no-untyped-def]
    code, out, _ = call("run", f"group={group}", *SMALL_RUN, "--json", "--out", str(tmp_path / "run"))
    assert code == 0
    result = li2.load(tmp_path / "run")
    assert json.loads(out)["irreps_total"] == result.outcome.irreps_total
    assert "irreps" not in result.not_applicable
    page = result.report.read_text("utf-8")
    assert "Coverage by irrep" in page
    assert "spanned, left multiplication" in page
    assert "left phase, first operand" in page
    return result


@pytest.mark.parametrize(
    ("group", "types"),
    [
        ("small:21.1", {"1b": (1, "complex"), "3a": (3, "complex")}),
        ("symmetric:5", {"1b": (1, "real"), "4a": (4, "real"), "4b": (4, "real"), "5a": (5, "real"), "5b": (5, "real"),
                         "6a": (6, "real")}),
        ("quaternion", {"1b": (1, "real"), "1c": (1, "real"), "1d": (1, "real"), "2a": (2, "quaternionic")}),
    ],
)  # fmt: skip
def test_runs_on_non_abelian_groups(  # type: ignore[no-untyped-def]
    call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: str, types: dict[str, tuple[int, str]]
) -> None:
    monkeypatch.chdir(tmp_path)
    if group == "quaternion":
        np.savetxt("q8.csv", relabelled(quaternion_table(), [5, 3, 7, 0, 1, 6, 2, 4]), fmt="%d", delimiter=",")
        group = "file:q8.csv"
    result = covered_run(tmp_path, call, group)
    last = result.irreps[result.irreps["epoch"] == result.irreps["epoch"].max()].set_index("irrep")
    assert {label: (row["dimension"], row["type"]) for label, row in last.iterrows()} == types
    assert last[["mass", "energy", "residual"]].sum().tolist() == pytest.approx([1, 1, 1])
    nodes = result.nodes[result.nodes["epoch"] == 12]
    assert set(nodes["irrep"]) <= set(types)
    larger = nodes["irrep"].map(lambda label: types[label][0] > 1)
    assert nodes["phase_1"].notna().equals(~larger)
    turning = nodes["irrep"].map(lambda label: types[label][0] > 1 and types[label][1] != "quaternionic")
    for name in ("left_phase_1", "right_phase_1", "left_phase_2", "right_phase_2"):
        assert nodes[name].notna().equals(turning)
    assert nodes["rank_1"].between(1, 6 + 1e-9).all()
    assert nodes["coupling"].between(0, 1 + 1e-9).all()
