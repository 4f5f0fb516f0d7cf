"""What would have to change for a run that is not to generalise: more data, decay, rate or time, one at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from li2.prediction.course import Course, follow
from li2.prediction.forecast import Forecast
from li2.specs import EndState, RunSpec
from li2.tasks import build_split, build_task

DATA, OTHERS = (1.1, 1.25, 1.5, 2.0), (1.5, 2.0, 4.0)
"""Factors that are tried, from the smallest on."""

DOUBTFUL = 0.5
"""Probability below which there is something to advise."""

Value = int | float

AdviceProgress = Callable[[int, int, str], None]
"""Called with epochs done, the last one, and what is tried."""


@dataclass(frozen=True)
class Advice:
    """One thing to change, the others staying as they are.

    Attributes:
        lever: what it is, in words.
        key: of the run.
        factor: the smallest of those tried with which the run is to generalise in time; None if it is with none.
        value: of the key then.
        epoch: of generalisation then.
        most: the factor farthest from 1 that was tried.
    """

    lever: str
    key: str
    factor: float | None
    value: Value | None
    epoch: float | None
    most: float

    def as_json(self) -> dict[str, Any]:
        """Plain values only."""
        return asdict(self)


def advise(forecast: Forecast, progress: AdviceProgress | None = None) -> list[Advice]:
    """How much more of one thing would do, for each thing: data, weight decay, learning rate, epochs.

    Courses are followed on the first training set that does not do as it is, factor by factor until one generalises in
    time. Where the run is to diverge, a smaller learning rate is tried instead of a larger one; where it is to
    collapse, less weight decay. Data are left out where an index file says which they are or where there are no more,
    weight decay where there is none.

    Args:
        forecast: of the run.
        progress: called now and then with (epochs done, last one, what is tried).

    Returns:
        Nothing where the run is as likely as not to generalise, or better.

    Raises:
        Li2Error: if a changed run cannot be set up.
    """
    if forecast.probability.value >= DOUBTFUL:
        return []
    failing = next(course for course in forecast.courses if course.state is not EndState.GENERALISED)
    found = []
    for lever, key, ladder in _levers(failing):
        advice = Advice(lever, key, None, None, None, ladder[-1][0])
        for factor, value, course in _tried(forecast, failing, lever, key, ladder, progress):
            if course.generalised is not None and course.generalised <= course.spec.epochs:
                advice = Advice(lever, key, factor, value, course.generalised, ladder[-1][0])
                break
        found.append(advice)
    return found


def _levers(failing: Course) -> Iterator[tuple[str, str, Sequence[tuple[float, Value]]]]:
    """In words, key, and factors with the values that they give."""
    run, state = failing.spec, failing.state
    if ladder := _data(run):
        yield "more data", "train_size", ladder
    if run.weight_decay:
        less = state is EndState.COLLAPSED
        yield f"{'less' if less else 'more'} weight decay", "weight_decay", _scaled(run.weight_decay, less)
    less = state is EndState.DIVERGED
    yield f"a {'smaller' if less else 'larger'} learning rate", "lr", _scaled(run.lr, less)
    if run.epochs:
        yield "more epochs", "epochs", [(factor, round(factor * run.epochs)) for factor in OTHERS]


def _data(run: RunSpec) -> list[tuple[float, Value]]:
    """Sizes of training sets that leave something to test."""
    if run.train_index is not None:
        return []
    task = build_task(run.group, run.operands)
    size, most = len(build_split(task, run).train), task.size - (run.test_size or 1)
    return [(factor, round(factor * size)) for factor in DATA if size < round(factor * size) <= most]


def _scaled(value: float, less: bool) -> list[tuple[float, Value]]:
    factors = [1 / factor if less else factor for factor in OTHERS]
    return [(factor, float(f"{factor * value:.4g}")) for factor in factors]


def _tried(
    forecast: Forecast,
    failing: Course,
    lever: str,
    key: str,
    ladder: Sequence[tuple[float, Value]],
    progress: AdviceProgress | None,
) -> Iterator[tuple[float, Value, Course]]:
    """A course for each factor; one for all if they differ in how long they are followed only."""

    def course(value: Value, what: str) -> Course:
        run = failing.spec.with_changes(**{key: value})
        watch = None if progress is None else lambda done, last: progress(done, last, what)
        return follow([run], forecast.spec.nodes, forecast.spec.stride, 1.0, watch)[0]

    if key == "epochs" and failing.spec.schedule != "cosine":
        longest = course(ladder[-1][1], lever)
        if longest.generalised is not None:
            yield next((*step, longest) for step in ladder if longest.generalised <= step[1])
        return
    for factor, value in ladder:
        yield factor, value, course(value, f"{lever}, times {factor:.3g}")
