"""The paper's figures: recipes, what they measure, and the session that trains and measures them."""

from li2.reproduce.figure import Check, Finding, Heat, Line, Panel, Verdict, overall
from li2.reproduce.recipe import SCALES, Part, Recipe, figure_names

__all__ = [
    "SCALES",
    "Check",
    "Finding",
    "Heat",
    "Line",
    "Panel",
    "Part",
    "Recipe",
    "Verdict",
    "figure_names",
    "overall",
]
