"""``li2 predict``: will a run generalise, and when; how much data do groups need. With nothing trained."""

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from li2.cli.keys import keys_epilog
from li2.cli.options import AsJson, Config, Settings
from li2.cli.progress import show_count
from li2.errors import Li2Error
from li2.specs import (
    ASCENT_KEYS,
    CRITICAL_KEYS,
    PREDICTION_KEYS,
    AscentSpec,
    CriticalSpec,
    Key,
    PredictionSpec,
    overridden,
    read_config,
    read_overrides,
)

if TYPE_CHECKING:
    from li2.report.prediction_page import PredictionDirectory
    from li2.report.prediction_words import Table as Cells

JUDGED_KEYS = ("subsets", "nodes", "stride")
"""Keys that may stand beside ``--against``: the store has all others."""

MOST_COLUMNS = 200

predict_app = typer.Typer(
    help="Foresee whether a run will generalise, and when, with nothing trained.\n\n"
    "li2 predict KEY=VALUE … foresees a run (li2 predict run --help: all options and keys), "
    "li2 predict boundary groups=… how much data groups need; --against DIR judges predictions by trained runs.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

Against = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Predict the runs of that sweep or boundary, and judge by what they came to."),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write prediction.html and prediction.json there, new or empty."),
]


@predict_app.command("run", epilog=keys_epilog(PREDICTION_KEYS))
def run_command(
    settings: Settings = None,
    config: Config = None,
    against: Against = None,
    out: Out = None,
    advice: Annotated[
        bool,
        typer.Option("--advice/--no-advice", help="Look for what would have to change if it is not to generalise."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Foresee a run: whether it generalises, when, with which features, and what would have to change.

    A few hundred nodes stand for the hidden layer, on some random training sets; probabilities and intervals are over
    these.
    """
    values = _values(settings, config, PREDICTION_KEYS)
    if against is not None:
        _judge("li2 predict", against, values, out, as_json)
        return
    spec = PredictionSpec(**values)
    from li2 import api  # loads PyTorch
    from li2.report import prediction_page as page
    from li2.report import prediction_words as words

    directory = _new(out)
    with show_count("epochs foreseen") as progress:
        forecast = api.predict(spec, progress)
        found = api.advise(forecast, progress) if advice else None
    said = forecast.as_json() | ({} if found is None else {"advice": [one.as_json() for one in found]})
    if directory is not None:
        directory.write(said, page.forecast_page(forecast, found))
    if as_json:
        _print_json(said)
        return
    _print_sentences([words.forecast_sentence(forecast)], bold=True)
    _print_table(words.forecast_table(forecast))
    if found:
        _print_sentences(["", "What would have to change, one thing at a time:", *words.advice_sentences(found)])
    _print_page(directory)


@predict_app.command("boundary", epilog=keys_epilog(CRITICAL_KEYS))
def boundary_command(
    settings: Settings = None,
    config: Config = None,
    against: Against = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Foresee how much data each group needs to generalise.

    The size of the training set is sought with which a run generalises just in time; li2 boundary finds the same with
    networks that are trained.
    """
    values = _values(settings, config, CRITICAL_KEYS)
    if against is not None:
        _judge("li2 predict boundary", against, values, out, as_json)
        return
    spec = CriticalSpec(**values)
    from li2 import api  # loads PyTorch
    from li2.report import prediction_page as page
    from li2.report import prediction_words as words

    directory = _new(out)
    with _show_looks(len(spec.groups)) as report:
        found = api.predict_boundary(spec, report)
    said = {"spec": spec.explicit(), "groups": [one.as_json() for one in found]}
    if directory is not None:
        directory.write(said, page.boundary_page(found, spec))
    if as_json:
        _print_json(said)
        return
    _print_table(words.critical_table(found))
    _print_page(directory)


@predict_app.command("landscape", epilog=keys_epilog(ASCENT_KEYS))
def landscape_command(settings: Settings = None, config: Config = None, as_json: AsJson = False) -> None:
    """Let a few nodes climb the landscape of the lazy stage: do they find features on so much data?

    Each climbs E_η(w) = ½‖ỸᵀP_ησ(Xw)‖² of the initial layer, P_η by its infinitely wide limit, with the optimiser's own
    steps. Other whitenings and geometries show what each part is for.
    """
    spec = AscentSpec(**_values(settings, config, ASCENT_KEYS))
    from li2 import api  # loads PyTorch
    from li2.report import prediction_words as words

    with show_count("training sets climbed") as progress:
        found = api.find_features(spec, progress)
    if as_json:
        _print_json(found.as_json())
        return
    _print_sentences([words.ascents_sentence(found)], bold=True)
    _print_table(words.ascents_table(found))


def _judge(command: str, against: Path, values: dict[str, Any], out: Path | None, as_json: bool) -> None:
    """Predict what a store holds, and say how good that is."""
    refused = next((name for name in values if name not in JUDGED_KEYS), None)
    if refused is not None:
        raise Li2Error(
            f"{refused} cannot be given with --against, which takes the runs as they are in {against}; leave it out "
            f"(only {', '.join(JUDGED_KEYS)} can be given)."
        )
    how = PredictionSpec(**values)
    from li2 import api  # loads PyTorch
    from li2.report import prediction_page as page
    from li2.report import prediction_words as words
    from li2.sweeps import boundary_of

    directory = _new(out)
    with api.open_sweep(against) as store:
        search = boundary_of(store)
    if search is None and command.endswith("boundary"):
        raise Li2Error(f"{against} holds a sweep, not a boundary; li2 predict --against {against} judges it.")
    with _show_looks(None if search is None else len(search.spec.groups)) as report:
        score = api.score_predictions(against, how.nodes, how.stride, how.subsets, report)
    said = {"store": str(against)} | score.as_json()
    if directory is not None:
        given = [f"{name}={value}" for name, value in how.changed().items()]
        repeat = shlex.join([*command.split(), "--against", str(against), *given])
        directory.write(said, page.score_page(score, against.resolve(), repeat))
    if as_json:
        _print_json(said)
        return
    _print_table(words.score_table(score))
    _print_sentences(["", *words.score_sentences(score)])
    _print_page(directory)


def _values(settings: list[str] | None, config: Path | None, keys: Mapping[str, Key]) -> dict[str, Any]:
    return overridden(read_config(config, keys) if config else {}, read_overrides(settings or [], keys))


def _new(out: Path | None) -> "PredictionDirectory | None":
    from li2.report.prediction_page import PredictionDirectory

    return None if out is None else PredictionDirectory.new(out)


@contextmanager
def _show_looks(total: int | None) -> Iterator[Callable[[str, int], None]]:
    """A callback (group, training tuples) that shows what is looked at, and how many groups are done of so many."""
    seen: dict[str, None] = {}
    with show_count() as progress:

        def report(group: str, size: int) -> None:
            seen[group] = None
            progress(len(seen) - 1, total, f"{group} on {size:,} tuples")

        yield report


def _print_json(values: dict[str, Any]) -> None:
    print(json.dumps(values, ensure_ascii=False, allow_nan=False))


def _print_sentences(sentences: list[str], *, bold: bool = False) -> None:
    console = Console(highlight=False, markup=False)
    for sentence in sentences:
        console.print(sentence, style="bold" if bold else None, soft_wrap=True)


def _print_table(cells: "Cells") -> None:
    table = Table(box=None, pad_edge=False)
    for number, heading in enumerate(cells.headings):
        table.add_column(heading, justify="left" if number == 0 or len(cells.headings) == 2 else "right", no_wrap=True)
    for row in cells.rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    console.width = max(console.width, MOST_COLUMNS)  # a terminal that is narrower breaks lines, and nothing is lost
    console.print(table)


def _print_page(directory: "PredictionDirectory | None") -> None:
    if directory is not None:
        print(f"page  {directory.page}")
