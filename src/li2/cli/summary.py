"""The final table of a run on the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from li2.diagnostics import learning_epochs
from li2.report import verdict
from li2.runs import RunResult


def print_summary(result: RunResult) -> None:
    """Print the verdict, the figures and the stages of a run."""
    console = Console()
    console.print(f"\n[bold]{escape(verdict(result))}[/bold]\n")
    console.print(_figures(result))
    console.print(_stages(result))
    console.print(f"run     {result.run_dir}", highlight=False, soft_wrap=True)
    console.print(f"report  {result.report}", highlight=False, soft_wrap=True)
    if result.outcome.interrupted:
        console.print(f"go on   li2 run --resume {result.run_dir}", highlight=False, soft_wrap=True)


def _figures(result: RunResult) -> Table:
    outcome = result.outcome
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    final, first, peak = outcome.final, outcome.first_epoch, outcome.gradient_norm_peak
    table.add_row("epochs", f"{outcome.epochs} in {outcome.seconds:.0f} s")
    table.add_row("training", f"loss {_number(final['train_loss'])}, accuracy {_number(final['train_accuracy'])}")
    table.add_row("test", f"loss {_number(final['test_loss'])}, accuracy {_number(final['test_accuracy'])}")
    table.add_row("training accuracy 1", _epoch(first["train_accuracy_1"]))
    table.add_row(
        "test accuracy 0.5, 0.99", f"{_epoch(first['test_accuracy_50'])}, {_epoch(first['test_accuracy_99'])}"
    )
    table.add_row("peak of ‖G_F‖", f"{_number(peak['value'])} at {_epoch(peak['epoch'])}")
    if len(result.layers):
        begins = (f"{number}: {_epoch(epoch)}" for number, epoch in learning_epochs(result.layers).items())
        table.add_row("layers learn from", ", ".join(begins))
    if outcome.irreps_total is not None and outcome.irreps_covered is not None:
        table.add_row("irreps covered", f"{outcome.irreps_covered} of {outcome.irreps_total}")
    return table


def _stages(result: RunResult) -> Table:
    table = Table(title=None, pad_edge=False)
    table.add_column("stage", style="bold")
    table.add_column("from epoch", justify="right")
    table.add_column("evidence", overflow="fold")
    for stage in result.stages:
        epoch = "–" if stage.first_epoch is None else str(stage.first_epoch)
        table.add_row(stage.name, epoch, escape(stage.evidence))
    return table


def _number(value: float | int | None) -> str:
    return "not finite" if value is None else f"{value:.4g}"


def _epoch(value: float | int | None) -> str:
    return "never" if value is None else f"epoch {int(value)}"
