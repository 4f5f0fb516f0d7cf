"""Arguments and options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Settings = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", show_default=False, help="See the keys below.")
]
Config = Annotated[
    Path | None, typer.Option(metavar="FILE", help="TOML or YAML file of keys; KEY=VALUE comes after it.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what it would cost, and do nothing.")]

DEFAULT_SUBCOMMANDS = {"sweep": "start", "predict": "run"}
"""Which subcommand is meant where a command is followed by settings."""


def with_subcommand(words: list[str]) -> list[str]:
    """The words of a command line, with the default subcommand put in where settings or options follow a command."""
    if len(words) < 2 or words[0] not in DEFAULT_SUBCOMMANDS or words[1] == "--help":
        return words
    is_setting = "=" in words[1] or words[1].startswith("--")
    return [words[0], DEFAULT_SUBCOMMANDS[words[0]], *words[1:]] if is_setting else words
