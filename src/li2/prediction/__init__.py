"""The answer before training: whether and when a run will generalise, from few nodes and the landscape they climb."""

from li2.prediction.advice import Advice, advise
from li2.prediction.course import Course, follow
from li2.prediction.critical import Critical, predict_boundary, predict_critical
from li2.prediction.forecast import Forecast, predict
from li2.prediction.population import Population
from li2.prediction.score import Score, score

__all__ = [
    "Advice",
    "Course",
    "Critical",
    "Forecast",
    "Population",
    "Score",
    "advise",
    "follow",
    "predict",
    "predict_boundary",
    "predict_critical",
    "score",
]
