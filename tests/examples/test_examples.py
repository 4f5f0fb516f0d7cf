"""The examples run, and say what they promise."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_first_run(capsys: pytest.CaptureFixture[str]) -> None:
    names = runpy.run_path(str(EXAMPLES / "first_run.py"))
    out = capsys.readouterr().out
    assert "17 + 19 mod 23 = 13" in out
    assert names["result"].status == "generalised"
    assert names["longer"].outcome.epochs == 500
