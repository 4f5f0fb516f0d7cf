"""The gallery shows what the findings say, and nothing else decides what it looks like."""

import json
from pathlib import Path
from typing import Any

import pytest

from li2.errors import Li2Error
from li2.report.gallery import write_gallery
from li2.reproduce import Check, Finding, Heat, Line, Panel, Verdict

CONFIRMED = Finding(
    (
        Panel("Accuracy", "epoch", "accuracy", (Line("decay", (1.0, 10.0), (0.2, 1.0)),), log_x=True),
        Panel("Map", "M", "p", heat=Heat((2.0, 3.0), (0.1, 0.2), ((0.0, float("nan")), (1.0, 1.0)), "accuracy")),
    ),
    (Check("share of runs | all seeds", "≥ 0.9", "0.95 <of 20>", Verdict.CONFIRMED),),
    "All runs generalise.",
)


def write(directory: Path, name: str, finding: Finding | None, **changes: Any) -> Path:
    values = {
        "recipe": name,
        "title": f"Title of {name}",
        "claim": "Decay & data matter.",
        "source": "Adam",
        "chosen": "rate 1e-3",
        "scale": "smoke",
        "command": f"li2 reproduce {name} --scale smoke",
        "finding": finding and finding.as_json(),
        "error": None if finding else "no run was done",
        "notes": ["1 run diverged."],
        "parts": [
            {
                "name": "runs",
                "kind": "sweep",
                "settings": {"lr": [0.1]},
                "command": f"li2 sweep seed=0:3 out={name}",
                "runs": 3,
            },
            {"name": "ascent", "kind": "computation", "settings": {"nodes": 9}, "command": None, "runs": 0},
        ],
        "runs": 3,
        "failed": 1,
        "training_seconds": 300.0,
        "wall_seconds": 12,
        "versions": {"li2": "0.1.0"},
    }
    path = directory / name / "finding.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(values | changes), "utf-8")
    return path


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("gallery")
    write(directory, "fig12", None)
    write(directory, "fig5a", CONFIRMED)
    assert write_gallery(directory) == directory / "index.html"
    return directory


def test_the_page_has_figures_in_the_papers_order_with_checks_and_commands(gallery: Path) -> None:
    page = (gallery / "index.html").read_text("utf-8")
    assert page.index('id="fig5a"') < page.index('id="fig12"')
    assert page.count("Plotly.newPlot(") == page.count('id="figure-fig5a-') == 2
    for words in (
        "Decay &amp; data matter.",
        "0.95 &lt;of 20&gt;",
        "no run was done",
        "Grey cells have no value.",
        "<pre>li2 reproduce fig5a --scale smoke</pre>",
        "<pre>li2 sweep seed=0:3 out=fig5a</pre>",
        "3 runs, of which 1 failed",
        "5 min of training, 12 s in all",
    ):
        assert words in page
    assert "<script src" not in page
    assert "None" not in page.split("</script>", 1)[1].split("Plotly.newPlot(")[0]


def test_markdown_has_all_checks_at_the_top_and_the_pictures(gallery: Path) -> None:
    text = (gallery / "gallery.md").read_text("utf-8")
    top = text.split("<a id=")[0]
    assert "| [fig5a](#fig5a) | share of runs \\| all seeds | ≥ 0.9 | 0.95 &lt;of 20> | **confirmed** |\n" in top
    assert "| [fig12](#fig12) | – | – | – | **not measured** |\n" in top
    assert "Decay & data matter." in text
    assert "![Title of fig5a](fig5a/fig5a.png)" in text
    assert "fig12.png" not in text
    assert "```sh\nli2 sweep seed=0:3 out=fig12\n```" in text
    assert {path.name for path in (gallery / "fig5a").iterdir()} == {"finding.json", "fig5a.png", "fig5a.svg"}
    assert {path.name for path in (gallery / "fig12").iterdir()} == {"finding.json"}


def test_the_same_findings_give_the_same_bytes(gallery: Path) -> None:
    files = [path for path in gallery.rglob("*") if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    write_gallery(gallery)
    assert {path: path.read_bytes() for path in gallery.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:100],
        lambda text: "[]",
        lambda text: text.replace('"title"', '"name"'),
        lambda text: text.replace('"runs": 3', '"runs": "three"'),
        lambda text: text.replace('"parts"', '"part"'),
        lambda text: text.replace('"verdict": "confirmed"', '"verdict": "perhaps"'),
    ],
)
def test_a_damaged_finding_is_named_and_nothing_is_written(tmp_path: Path, damage: Any) -> None:
    path = write(tmp_path, "fig6", CONFIRMED)
    path.write_text(damage(path.read_text("utf-8")), "utf-8")
    with pytest.raises(Li2Error, match=r"fig6/finding\.json is damaged .*; delete it, and li2 reproduce fig6 "):
        write_gallery(tmp_path)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]


def test_a_directory_without_findings_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Li2Error, match="holds no finding"):
        write_gallery(tmp_path)
