"""``li2 run``: train a network, find its stages, write its report."""

import json
from pathlib import Path
from typing import Annotated

import typer

from li2.cli.keys import keys_epilog
from li2.cli.options import AsJson, Config, Settings
from li2.cli.progress import show_progress
from li2.errors import Li2Error
from li2.specs import RunSpec, overridden, read_config, read_overrides

RUN_EPILOG = keys_epilog()


def run_command(
    settings: Settings = None,
    config: Config = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the run goes, new or empty. Default: runs/<group>-<time>-<hash>."),
    ] = None,
    as_json: AsJson = False,
    resume: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Go on with the run there; with epochs=N, extend it to N epochs."),
    ] = None,
) -> None:
    """Train a two-layer network on a group task, find its three stages, and write a report.

    Without any KEY=VALUE this is figure 3 of the paper: addition mod 71 at 40 % of the pairs. Ctrl-C keeps what
    there is; --resume goes on from there.
    """
    values = overridden(read_config(config) if config else {}, read_overrides(settings or []))
    if resume is None:
        spec = RunSpec(**values)
    elif out is not None:
        raise Li2Error("--resume DIR goes on in DIR; leave out --out.")
    from li2 import api  # both load PyTorch
    from li2.cli.summary import print_summary

    with show_progress() as progress:
        result = api.run(spec, out, progress) if resume is None else api.resume(resume, values, progress)
    if as_json:
        print(json.dumps(result.as_json(), ensure_ascii=False, allow_nan=False))
    else:
        print_summary(result)
    if result.outcome.interrupted:
        raise typer.Exit(130)
