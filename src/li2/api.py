"""The Python interface: what the command line does, as functions."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from li2 import runs
from li2.errors import Li2Error
from li2.landscape import Ascents, find_features
from li2.prediction import Advice, Critical, Forecast, Score, advise, predict, predict_boundary, score
from li2.report import write_gallery, write_report, write_sweep_report
from li2.reproduce import Reproduced, default_directory, recipes_of
from li2.reproduce import reproduce as _reproduce
from li2.runs import Failure, Progress, RunResult, load
from li2.specs import BoundarySpec, ExecutorSpec, Plan, RunSpec
from li2.sweeps import Progress as SweepProgress
from li2.sweeps import Store, begin_boundary, begin_sweep, carry_on, open_store
from li2.theorems import Landscape, Verification, explore, verify

__all__ = [
    "Advice",
    "Ascents",
    "Critical",
    "Failure",
    "Forecast",
    "Landscape",
    "Reproduced",
    "RunResult",
    "Score",
    "Store",
    "Verification",
    "advise",
    "boundary",
    "explore",
    "find_features",
    "load",
    "open_sweep",
    "predict",
    "predict_boundary",
    "reproduce_figures",
    "resume",
    "resume_sweep",
    "run",
    "run_many",
    "score_predictions",
    "sweep",
    "verify",
    "write_gallery",
    "write_report",
]


def run(spec: RunSpec, out: Path | str | None = None, progress: Progress | None = None) -> RunResult:
    """Train and diagnose a network, and write its report.

    Args:
        spec: what to run.
        out: the run's directory, new or empty; default ``runs/<group>-<time>-<hash>``.
        progress: called after each epoch with (epoch, last epoch, metrics, stages so far).

    Raises:
        Li2Error: if the specification cannot be met; nothing has been written then.
    """
    return _with_report(runs.start(spec, None if out is None else Path(out), progress))


def run_many(
    specs: Sequence[RunSpec],
    out: Path | str,
    progress: Callable[[int, int], None] | None = None,
    cores: int | None = None,
) -> list[RunResult | Failure]:
    """Train many networks as fast as the machine can; the results are those of single runs.

    They are so to the last bit on a CPU with one thread; several divide operations among them by their size. Small
    networks of one kind are trained side by side, large ones in a process for each core (so a script that calls
    this needs ``if __name__ == "__main__":``). Each run goes to a directory of its own in ``out``. Ctrl-C keeps what
    there is; the same call, made again, finishes the work and trains nothing twice. Reports are not written:
    :func:`write_report` makes one from a result.

    Args:
        specs: what to run.
        out: directory of the runs' directories.
        progress: called now and then with (epochs done, epochs in all), over all runs.
        cores: CPU cores to use; default: all that this process may use.

    Returns:
        For each specification its result, or a :class:`Failure` with the reason why there is none.
    """
    return runs.start_many(specs, Path(out), progress, cores)


def resume(path: Path | str, changes: dict[str, Any] | None = None, progress: Progress | None = None) -> RunResult:
    """Go on with a stopped run to bit-identical results, or extend a finished one to more epochs.

    Args:
        path: the run's directory.
        changes: ``{"epochs": N}`` extends the run; nothing else can be changed.
        progress: as in :func:`run`.

    Raises:
        Li2Error: if there is no run there, or the change is not possible; the run stays as it was then.
    """
    return _with_report(runs.resume(Path(path), changes or {}, progress))


def sweep(
    plan: Plan,
    out: Path | str,
    executor: ExecutorSpec | None = None,
    progress: Callable[[SweepProgress], None] | None = None,
) -> Store:
    """Train the runs of a plan, keep them in a store, and write the report of the sweep.

    Runs are trained in processes, so a script that calls this needs ``if __name__ == "__main__":``. Ctrl-C keeps what
    is done; :func:`resume_sweep` goes on.

    Args:
        plan: what to train.
        out: the sweep's directory, new or empty.
        executor: who trains; default: a process for each core of this machine.
        progress: called about every second.

    Returns:
        The store, open for reading.

    Raises:
        Li2Error: if the plan is not possible; nothing has been written then.
    """
    return _worked_on(begin_sweep(Path(out), plan), executor, progress)


def boundary(
    spec: BoundarySpec,
    out: Path | str,
    executor: ExecutorSpec | None = None,
    progress: Callable[[SweepProgress], None] | None = None,
) -> Store:
    """Search for the least data with which groups generalise; as :func:`sweep`, and :func:`resume_sweep` goes on.

    :func:`li2.sweeps.summary` says what was found.
    """
    return _worked_on(begin_boundary(Path(out), spec), executor, progress)


def resume_sweep(
    path: Path | str,
    executor: ExecutorSpec | None = None,
    progress: Callable[[SweepProgress], None] | None = None,
) -> Store:
    """Go on with a sweep or a boundary that was stopped; runs that are done are not trained again.

    Raises:
        Li2Error: if there is none, or another driver works on it.
    """
    return _worked_on(open_store(Path(path), write=True), executor, progress)


def open_sweep(path: Path | str) -> Store:
    """The store of a sweep or a boundary for reading, also while it is being worked on; raises Li2Error."""
    return open_store(Path(path))


def score_predictions(
    path: Path | str,
    nodes: int = 512,
    stride: int | None = None,
    subsets: int = 3,
    report: Callable[[str, int], None] | None = None,
) -> Score:
    """Predict the runs of a sweep or a boundary, and judge the predictions by what the runs came to.

    Args:
        path: the sweep's directory.
        nodes, stride, subsets: how finely, and on how many training sets, as in :class:`li2.PredictionSpec`.
        report: called before each look with a group's name and a number of training tuples.

    Raises:
        Li2Error: if there is no sweep, none of its runs has ended, or they are of a kind that is not predicted.
    """
    with open_sweep(path) as store:
        found = score(store, nodes, stride, subsets, report)
    if found.runs.empty:
        raise Li2Error(f"{path} has no group whose critical ratio is known both as trained and as predicted.")
    return found


def reproduce_figures(
    figures: Sequence[str],
    scale: str = "quick",
    out: Path | str | None = None,
    executor: ExecutorSpec | None = None,
    progress: Callable[[str, SweepProgress | None], None] | None = None,
) -> list[Reproduced]:
    """Reproduce figures of the paper: train and compute what they need, measure what they claim, and draw them.

    The same call, made again, does nothing twice: it goes on after Ctrl-C, and otherwise measures and draws anew. The
    page, ``index.html`` in the directory, shows all figures that are there; it is not drawn after Ctrl-C. A script that
    calls this needs ``if __name__ == "__main__":``, as for :func:`sweep`.

    Args:
        figures: names such as ``fig5a``, files of recipes, or ``all``.
        scale: ``smoke`` (seconds), ``quick`` (minutes) or ``paper`` (its settings).
        out: directory, new, empty, or of figures at the same scale; default: ``reproduction-<scale>``.
        executor: who trains; default: a process for each core of this machine.
        progress: called about every second with what is worked on and how far its runs are, None where there are none.

    Returns:
        The figures in order; after Ctrl-C those that were measured before it.

    Raises:
        Li2Error: if a recipe is not possible, or the directory holds something else; nothing has been changed then.
    """
    directory = Path(out) if out is not None else default_directory(scale)
    recipes, watch = recipes_of(figures), progress or (lambda what, runs: None)
    with runs.stop_on_signal() as stop:
        made = _reproduce(recipes, scale, directory, executor or ExecutorSpec(), watch, stop)
    if made and len(made) == len(recipes):
        watch("the page", None)
        write_gallery(directory)
    return made


def _worked_on(store: Store, executor: ExecutorSpec | None, progress: Callable[[SweepProgress], None] | None) -> Store:
    with store, runs.stop_on_signal() as stop:
        carry_on(store, executor or ExecutorSpec(), progress or (lambda progress: None), stop)
        write_sweep_report(store, store.directory)
    return open_store(store.directory)


def _with_report(result: RunResult) -> RunResult:
    write_report(result)
    return result
