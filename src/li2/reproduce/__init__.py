"""The paper's figures: recipes, what they measure, and the session that trains and measures them."""

from li2.reproduce.figure import Check, Finding, Heat, Line, Panel, Verdict, overall
from li2.reproduce.recipe import ALL, SCALES, Part, Recipe, figure_names, recipes_of
from li2.reproduce.session import (
    Expected,
    Reproduced,
    command,
    default_directory,
    expected,
    is_reproduction,
    reproduce,
)

__all__ = [
    "ALL",
    "SCALES",
    "Check",
    "Expected",
    "Finding",
    "Heat",
    "Line",
    "Panel",
    "Part",
    "Recipe",
    "Reproduced",
    "Verdict",
    "command",
    "default_directory",
    "expected",
    "figure_names",
    "is_reproduction",
    "overall",
    "recipes_of",
    "reproduce",
]
