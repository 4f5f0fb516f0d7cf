"""The command ``li2``: one thin file per command."""

from li2.cli.main import main

__all__ = ["main"]
