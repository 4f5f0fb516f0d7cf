"""``li2 sweep``: many runs by a plan, with a store, on this machine or a cluster."""

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from li2.cli.keys import keys_epilog
from li2.cli.options import AsJson, DryRun
from li2.cli.progress import show_sweep
from li2.cli.words import counted, printed_bytes, printed_seconds
from li2.errors import Li2Error
from li2.specs import EXECUTOR_KEYS, ExecutorSpec, Plan

if TYPE_CHECKING:
    from li2.sweeps import Cost, Store

SWEEP_EPILOG = keys_epilog(EXECUTOR_KEYS) + "\n\n" + "The keys of a run: li2 run --help."

sweep_app = typer.Typer(
    help="Train many runs by a plan, and keep what comes of them in a store.\n\n"
    "li2 sweep KEY=a,b,c KEY=range(0,15) … --out DIR begins one (li2 sweep start --help: all options and keys).",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The sweep's directory.")]


@sweep_app.command("start", epilog=SWEEP_EPILOG)
def start_command(
    settings: Annotated[
        list[str] | None,
        typer.Argument(metavar="[KEY=VALUES]...", show_default=False, help="Keys of a run; keys of the executor."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A plan in TOML or YAML; KEY=VALUES comes after it.")
    ] = None,
    plan_name: Annotated[
        str | None, typer.Option("--plan", metavar="NAME", help="A ready plan; li2 sweep plans lists them.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The sweep's directory, new or empty.")] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Train all combinations of the keys' values.

    Values are lists: lr=1e-4,1e-3 or seed=range(0,15), linspace(0.1,0.5,9), geomspace(1e-5,1e-3,5),
    group=cyclic:primes(11,71). Ctrl-C stops; li2 sweep resume DIR goes on, and trains nothing twice.
    """
    words, executor = split_executor(settings or [])
    if plan_name is not None and config is not None:
        raise Li2Error("--plan and --config each give a plan; leave out one.")
    plan = Plan.ready(plan_name).with_words(words) if plan_name else Plan.from_words(words, config)
    if not words and plan_name is None and config is None:
        raise Li2Error("there is no plan; give KEY=VALUES, --config FILE or --plan NAME.")
    from li2.sweeps import begin_sweep, check, cost_of  # loads PyTorch

    if dry_run:
        check(plan.runs())
        print_cost(cost_of(plan.runs()), executor, as_json)
        return
    if out is None:
        raise Li2Error("where is the sweep to go? Give --out DIR, a new or empty directory.")
    work_on(begin_sweep(out, plan), executor, as_json)


@sweep_app.command("resume")
def resume_command(
    directory: Directory,
    settings: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", show_default=False, help="Keys of the executor.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go on with a sweep or a boundary that was stopped, wherever its store lies now."""
    words, executor = split_executor(settings or [])
    if words:
        raise Li2Error(f"{words[0]!r}: a sweep that was begun keeps its plan; start another one with --out.")
    from li2.sweeps import open_store

    work_on(open_store(directory, write=True), executor, as_json)


@sweep_app.command("retry")
def retry_command(directory: Directory) -> None:
    """Plan failed runs anew; li2 sweep resume then trains them."""
    from li2.sweeps import open_store

    with open_store(directory, write=True) as store:
        print(f"planned again: {counted(store.retry(), 'failed run')}; li2 sweep resume {directory} trains them")


@sweep_app.command("status")
def status_command(directory: Directory, as_json: AsJson = False) -> None:
    """Say how far a sweep is, and what has become of its runs; also while it is being worked on."""
    from li2.sweeps import open_store

    with open_store(directory) as store:
        print_state(store, as_json)


@sweep_app.command("export")
def export_command(
    directory: Directory,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to; default: the sweep's directory.")] = None,
) -> None:
    """Write runs, metrics and diagnosis as Parquet files."""
    from li2.sweeps import open_store

    if to is not None and to.exists() and not to.is_dir():
        raise Li2Error(f"{to} is not a directory; choose another --to.")
    with open_store(directory) as store:
        for path in store.export(to or directory):
            print(path)


@sweep_app.command("report")
def report_command(directory: Directory) -> None:
    """Write the report of a sweep anew; also while it is being worked on."""
    from li2.report import write_sweep_report
    from li2.sweeps import open_store

    with open_store(directory) as store:
        print(write_sweep_report(store, directory))


@sweep_app.command("plans")
def plans_command() -> None:
    """List the plans that come with li2."""
    table = Table(box=None, pad_edge=False)
    for heading in ("plan", "runs", "what it shows"):
        table.add_column(heading, justify="right" if heading == "runs" else "left")
    for name in Plan.ready_names():
        plan = Plan.ready(name)
        table.add_row(name, str(len(plan)), plan.description)
    Console(highlight=False).print(table)


def split_executor(words: Iterable[str]) -> tuple[list[str], ExecutorSpec]:
    """Words that are no keys of an executor, and the executor that the others say."""
    rest, executor = [], {}
    for word in words:
        name, separator, value = word.partition("=")
        if separator and name in EXECUTOR_KEYS:
            executor[name] = value
        else:
            rest.append(word)
    return rest, ExecutorSpec(**executor)


def work_on(store: "Store", executor: ExecutorSpec, as_json: bool) -> None:
    """Train what a store still plans, and write the report; exit codes 130 if stopped, 1 if runs failed."""
    from li2.report import write_sweep_report
    from li2.runs import code_version, stop_on_signal
    from li2.sweeps import Status, carry_on, open_store

    with store:
        others = sorted(set(store.versions()) - {code_version()})
        if others:
            typer.echo(
                f"Runs that are done were trained by li2 {', '.join(others)}; this is {code_version()}.", err=True
            )
        with stop_on_signal() as stop, show_sweep() as progress:
            try:
                carry_on(store, executor, progress, stop)
            except Li2Error as error:
                raise Li2Error(f"{error} The runs stay planned: li2 sweep resume {store.directory} goes on.") from error
    with open_store(store.directory) as store:
        write_sweep_report(store, store.directory)
        print_state(store, as_json)
        if stop.asked:
            raise typer.Exit(130)
        if store.counts()[Status.FAILED]:
            raise typer.Exit(1)


def workers_of(executor: ExecutorSpec) -> int:
    """How many runs or packs it trains at a time; of a dask scheduler's workers nothing is known."""
    from li2.runs import usable_cores

    return executor.jobs * executor.cores if executor.executor == "slurm" else executor.workers or usable_cores()


def print_cost(cost: "Cost", executor: ExecutorSpec, as_json: bool) -> None:
    """Print what a plan is to cost."""
    workers = workers_of(executor)
    values = {
        "runs": cost.runs,
        "workers": workers,
        "seconds": round(cost.core_seconds / workers, 3),
        "core_seconds": round(cost.core_seconds, 3),
        "worker_bytes": round(cost.worker_bytes),
    }
    if as_json:
        print(json.dumps(values))
        return
    print(counted(cost.runs, "run"))
    print(f"about {printed_seconds(values['seconds'])} with {counted(workers, 'worker')}, if none stops early")
    print(f"up to {printed_bytes(cost.worker_bytes)} of memory for each worker")
    if executor.executor == "slurm":
        from li2.sweeps import slurm_script

        print(f"\n{slurm_script(executor)}")


def print_state(store: "Store", as_json: bool) -> None:
    """Print how far a sweep is, what has become of its runs, and where things are."""
    from li2.sweeps import summary

    values = summary(store)
    if as_json:
        print(json.dumps(values, ensure_ascii=False, allow_nan=False))
        return
    console = Console(highlight=False, markup=False)
    total = sum(values["runs"].values())
    parts = [f"{count} {status}" for status, count in values["runs"].items() if count]
    console.print(f"\n{counted(total, 'run')}: {', '.join(parts) or 'none yet'}", style="bold")
    if values["runs"]["running"] and not values["driver_at_work"]:
        console.print("no driver has given a sign of life for a while: what is running was lost, and is trained again")
    if values["end_states"]:
        console.print(", ".join(f"{count} {state}" for state, count in values["end_states"].items()))
    for reason, count in values["failures"].items():
        console.print(f"failed ({count}): {reason}", style="red", soft_wrap=True)
    if "boundary" in values:
        from li2.cli.boundary import print_boundary

        print_boundary(values["boundary"])
    console.print(f"store   {store.directory / 'sweep.sqlite'}", soft_wrap=True)
    if (report := store.directory / "report.html").exists():
        age = time.time() - report.stat().st_mtime
        console.print(f"report  {report}" + (f"  ({printed_seconds(age)} old)" if age > 60 else ""), soft_wrap=True)
    if (values["runs"]["planned"] or values["runs"]["running"]) and not values["driver_at_work"]:
        console.print(f"go on   li2 sweep resume {store.directory}", soft_wrap=True)
