"""The examples run, and say what they promise."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_first_run(capsys: pytest.CaptureFixture[str]) -> None:
    names = runpy.run_path(str(EXAMPLES / "first_run.py"))
    out = capsys.readouterr().out
    assert "17 + 19 mod 23 = 13" in out
    assert names["result"].status == "generalised"
    assert names["longer"].outcome.epochs == 500


def test_weight_decay_sweep(tmp_path: Path) -> None:
    words = [sys.executable, str(EXAMPLES / "weight_decay_sweep.py"), str(tmp_path / "sweep")]
    out = subprocess.run(words, capture_output=True, text=True, check=True, timeout=200).stdout
    assert "to the power -" in out
    assert (tmp_path / "sweep" / "report.html").is_file()
