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
