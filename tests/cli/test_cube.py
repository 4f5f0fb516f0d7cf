"""σ(x) = x³ in runs and landscapes."""

import json
import sys
from pathlib import Path

import pytest

from li2.cli import main


def call(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["li2", *arguments])
    return main()


def test_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["group=cyclic:7", "activation=x**3", "width=32", "epochs=30", "lr=0.01"]
    assert call(["run", *options, "--json", "--out", str(tmp_path / "run")], monkeypatch) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["epochs"] == 30
    assert values["final"]["train_loss"] > 0
    assert "activation=cube" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_landscapes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["group=cyclic:5", "activation=cube", "starts=8"]
    assert call(["landscape", *options, "--json", "--out", str(tmp_path / "out")], monkeypatch) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["activation"] == "cube"
    assert values["converged"] == 1
    assert values["unexplained"] is None
    assert sum(row["share"] for row in values["maxima"]) == pytest.approx(1)
