"""Whether a run will generalise, and when: courses on several training sets, as probabilities and intervals."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaincinv, ndtr

from li2.prediction.course import Course, Progress, follow
from li2.specs import EndState, PredictionSpec
from li2.statistics import Interval, median

SPREAD = 0.071
"""Root mean square of ln(epoch of generalisation), trained over predicted: of 22 runs of the groups in CALIBRATED."""

CALIBRATED = ("cyclic:13", "cyclic:31", "dihedral:11")
"""The groups whose trained networks, at the boundary's default settings, gave SPREAD. No other constant is fitted."""

HORIZON = 1.5
"""Courses are followed for so many times the epochs of the run: what is later cannot count."""


@dataclass(frozen=True, eq=False)
class Forecast:
    """What is foreseen of a run.

    Attributes:
        spec: what was asked.
        courses: on each training set.
        seconds: of process time that it took.
    """

    spec: PredictionSpec
    courses: Sequence[Course]
    seconds: float

    @property
    def probability(self) -> Interval:
        """That a run generalises within its epochs, with Jeffreys' 95 % interval over training sets."""
        return _jeffreys([chance(course) for course in self.courses])

    @property
    def state(self) -> EndState:
        """The end state of most training sets."""
        return Counter(course.state for course in self.courses).most_common(1)[0][0]

    def epoch(self, event: str) -> Interval | None:
        """The median epoch of ``memorised``, ``peak`` or ``generalised``; None if it was not reached on most sets."""
        reached = [getattr(course, event) for course in self.courses]
        epochs = median([math.inf if epoch is None else epoch for epoch in reached])
        return epochs if math.isfinite(epochs.value) else None

    def as_json(self) -> dict[str, Any]:
        """Plain values only; what is not known is None."""
        first = self.courses[0]
        irreps = Counter(label for course in self.courses for label in course.irreps or ())
        return {
            "spec": self.spec.explicit(),
            "probability": self.probability.as_json(),
            "end_state": self.state.value,
            "end_states": dict(Counter(course.state.value for course in self.courses)),
            "epochs": {
                event: None if (epoch := self.epoch(event)) is None else epoch.as_json()
                for event in ("memorised", "peak", "generalised")
            },
            "irreps": None if first.irreps is None else {label: irreps[label] / len(self.courses) for label in irreps},
            "irreps_covered": None if first.irreps is None else _median([len(c.irreps or ()) for c in self.courses]),
            "irreps_total": first.irreps_total,
            "features": _median([course.features for course in self.courses]),
            "purity": _median([course.purity for course in self.courses]),
            "subsets": [_course_json(course) for course in self.courses],
            "seconds": round(self.seconds, 3),
        }


def predict(spec: PredictionSpec, progress: Progress | None = None) -> Forecast:
    """Foresee a run on several random training sets, with nothing trained.

    Args:
        spec: what is asked.
        progress: called now and then with (epochs done, last one).

    Raises:
        Li2Error: if the specification cannot be met.
    """
    begun = time.process_time()
    courses = follow(spec.runs(), spec.nodes, spec.stride, HORIZON, progress)
    return Forecast(spec, courses, time.process_time() - begun)


def chance(course: Course) -> float:
    """The probability that the run of a course generalises: that a time with the model's error is within its epochs."""
    if course.generalised is None or course.state is EndState.DIVERGED:
        return 0.0
    return float(ndtr(math.log(max(course.spec.epochs, 1) / course.generalised) / SPREAD))


def _jeffreys(chances: Sequence[float]) -> Interval:
    """The mean of probabilities with the interval for so many successes of so many trials."""
    mean, count = float(np.mean(chances)), len(chances)
    ends = betaincinv(mean * count + 0.5, (1 - mean) * count + 0.5, [0.025, 0.975])
    return Interval(mean, min(mean, float(ends[0])), max(mean, float(ends[1])))


def _median(values: Sequence[float]) -> dict[str, Any] | None:
    known = [value for value in values if not math.isnan(value)]
    return median(known).as_json() if known else None


def _course_json(course: Course) -> dict[str, Any]:
    return {
        "seed": course.spec.seed,
        "probability": chance(course),
        "end_state": course.state.value,
        "memorised": course.memorised,
        "peak": course.peak,
        "generalised": course.generalised,
        "irreps_covered": None if course.irreps is None else len(course.irreps),
        "features": None if math.isnan(course.features) else course.features,
        "purity": None if math.isnan(course.purity) else course.purity,
        "test_accuracy": float(course.figures["test_accuracy"].iloc[-1]),
    }
