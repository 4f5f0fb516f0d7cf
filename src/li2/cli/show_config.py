"""``li2 show-config``: every key with its value, default, range and meaning."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from li2.specs import RunSpec, keys_table, overridden, read_config, read_overrides


def show_config_command(
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", show_default=False, help="As for li2 run.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="TOML or YAML file of keys, as for li2 run.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the values as one JSON object.")] = False,
) -> None:
    """Explain every key of a run, and show the values that these settings give it."""
    spec = RunSpec(**overridden(read_config(config) if config else {}, read_overrides(settings or [])))
    if as_json:
        print(json.dumps(spec.explicit(), ensure_ascii=False))
        return
    explicit, changed = spec.explicit(), spec.changed()
    console = Console(highlight=False)
    for name, default, values, meaning in keys_table():
        value = escape(str(explicit.get(name, "–")))
        note = f"default {escape(default)}; " if name in changed else ""
        console.print(f"[bold cyan]{name}[/] = [bold]{value}[/]  [dim]({note}{escape(values)})[/]")
        console.print(Padding(escape(meaning), (0, 0, 0, 4)))
