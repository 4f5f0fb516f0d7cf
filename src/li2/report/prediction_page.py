"""A prediction on disk: what was found, and a page that draws it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from li2.files import put_in_place
from li2.prediction import Advice, Critical, Forecast, Score
from li2.report import folder
from li2.report import prediction_figures as figures
from li2.report import prediction_words as words
from li2.report.templates import embedded, render
from li2.specs import CriticalSpec

MOST_ROWS = 100
"""Of a table on the page; prediction.json has all."""


class PredictionDirectory:
    """The files of one prediction: prediction.json and prediction.html."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.page = path / "prediction.html"

    @classmethod
    def new(cls, path: Path) -> "PredictionDirectory":
        """A directory that is yet to be written; raises Li2Error if there is something at its place."""
        folder.check_new(path)
        return cls(path)

    def write(self, values: dict[str, Any], page: str) -> None:
        """Write both.

        Raises:
            Li2Error: if the directory cannot be made.
            OSError: if a file cannot be written.
        """
        folder.make(self.path)
        text = json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        put_in_place(self.path / "prediction.json", lambda file: file.write_text(text, encoding="utf-8"))
        put_in_place(self.page, lambda file: file.write_text(page, encoding="utf-8"))


@dataclass(frozen=True)
class Section:
    """A heading with words, and what is under them."""

    title: str
    text: str
    points: Sequence[str] = ()
    table: words.Table | None = None
    figure: Markup | None = None


def forecast_page(forecast: Forecast, advice: Sequence[Advice] | None = None) -> str:
    """The page of a run as HTML in one piece that works offline.

    Args:
        forecast: of the run.
        advice: what would have to change; None if that was not asked.
    """
    spec = forecast.spec
    sections = [
        Section(
            "In numbers",
            f"Each training set is a random one of its own; nothing was trained. {len(forecast.courses)} of them took "
            f"{forecast.seconds:.1f} s of process time.",
            table=words.forecast_table(forecast),
        ),
        Section(
            "Predicted courses",
            "A thin line for each training set. ‖G_F‖ is the gradient that reaches the hidden layer: it rises when the "
            "labels are fitted by features that are still random, and falls once features of the group carry them. "
            "The dotted line is the run's last epoch; courses end once all have generalised, or some time after it.",
            figure=embedded(figures.courses_figure(forecast), "courses"),
        ),
    ]
    if advice:
        changes = Section(
            "What would have to change",
            "One thing at a time, by the smallest of a few factors, on the first training set that does not do.",
            points=words.advice_sentences(advice),
        )
        sections.insert(1, changes)
    title = f"Will {spec.group} generalise?"
    return _page(title, [words.forecast_sentence(forecast)], sections, spec.command())


def boundary_page(found: Sequence[Critical], spec: CriticalSpec) -> str:
    """The page of predicted critical ratios as HTML in one piece that works offline."""
    table = words.critical_table(found)
    sections = [Section("Groups", _COLUMNS, table=table), *_ratios(found)]
    seconds = sum(one.seconds for one in found)
    count = len(found)
    sentence = (
        f"The critical ratio of {count} group{'' if count == 1 else 's'}, from {sum(one.runs for one in found)} "
        f"courses in {seconds:,.0f} s of process time, with nothing trained."
    )
    return _page("How much data do groups need?", [sentence], sections, spec.command())


def score_page(score: Score, store: Path, command: str) -> str:
    """The page of predictions beside what was trained, as HTML in one piece that works offline.

    Args:
        score: of the predictions.
        store: where the trained runs are.
        command: that repeats it.
    """
    of_groups = bool(score.groups)
    sections = [
        Section(
            "Groups" if of_groups else "Settings",
            f"{_COLUMNS} The error is that of the predicted ratio." if of_groups else _SETTINGS,
            table=words.score_table(score),
        )
    ]
    if of_groups:
        sections += _ratios([found for _, found in score.groups], score)
    sections.append(
        Section(
            "Calibration",
            "Runs by their predicted probability: of those in a bin, the share that did generalise, and how many they "
            f"are. Brier score {score.brier:.3f}.",
            figure=embedded(figures.calibration_figure(score), "calibration"),
        )
    )
    if (epochs := figures.epochs_figure(score)) is not None:
        text = "Each dot is a run that generalised and was predicted to do so; the dotted lines are 25 % off."
        sections.append(Section("When", text, figure=embedded(epochs, "epochs")))
    return _page(f"Predicted and trained: {store.name}", words.score_sentences(score), sections, command)


_COLUMNS = (
    "The critical ratio p is the share of all pairs with which a run generalises just in time, with its 95 % interval "
    "over training sets. Courses are the runs that were foreseen to find it."
)

_SETTINGS = (
    "Runs with the same settings: how many generalised, their mean predicted probability, and median epochs of "
    "generalisation."
)


def _ratios(found: Sequence[Critical], score: Score | None = None) -> list[Section]:
    """Critical ratios against M, and errors if there are some; nothing if no group has one."""
    if not any(one.ratio is not None for one in found):
        return []
    trained = [] if score is None else [estimate for estimate, _ in score.groups]
    text = "Dots with 95 % intervals; the published law is p = 2.75·ln M/M, times d_max/2 for non-Abelian groups."
    sections = [Section("Critical ratio", text, figure=embedded(figures.ratios_figure(found, trained), "ratios"))]
    if score is not None:
        text = "Bars: the 95 % interval of the trained ratio. Dashed: 10 % too much or too little."
        sections.append(Section("Errors", text, figure=embedded(figures.errors_figure(score), "errors")))
    return sections


def _page(title: str, sentences: Sequence[str], sections: Sequence[Section], command: str) -> str:
    return render(
        "prediction.html.jinja", title=title, sentences=sentences, sections=sections, command=command, most=MOST_ROWS
    )
