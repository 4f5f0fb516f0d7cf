"""What tests of the command line share."""

import sys

import pytest

from li2.cli import main


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    """Run the command line: its exit code, stdout and stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["li2", *arguments])
        monkeypatch.setenv("COLUMNS", "120")
        return (main(), *capsys.readouterr())

    return run
