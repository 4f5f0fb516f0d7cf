"""Where predictions meet measurements."""

from li2.theorems.landscape import Landscape, explore
from li2.theorems.proposition1 import (
    PROPOSITION_1_FIGURES,
    compare_course,
    compare_flow,
    compare_ridge,
)

__all__ = ["PROPOSITION_1_FIGURES", "Landscape", "compare_course", "compare_flow", "compare_ridge", "explore"]
