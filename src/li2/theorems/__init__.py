"""Where predictions meet measurements."""

from li2.theorems.claim import Check, Claim, Curve, Evidence, Finding, Plot, Setting, Verdict
from li2.theorems.claims import CLAIMS
from li2.theorems.landscape import Landscape, explore
from li2.theorems.landscape_course import Course, course
from li2.theorems.layers import LAYER_PREDICTIONS, compare_layers
from li2.theorems.proposition1 import (
    PROPOSITION_1_FIGURES,
    compare_course,
    compare_flow,
    compare_ridge,
)
from li2.theorems.verify import ClaimResult, Verification, verify

__all__ = [
    "CLAIMS",
    "LAYER_PREDICTIONS",
    "PROPOSITION_1_FIGURES",
    "Check",
    "Claim",
    "ClaimResult",
    "Course",
    "Curve",
    "Evidence",
    "Finding",
    "Landscape",
    "Plot",
    "Setting",
    "Verdict",
    "Verification",
    "compare_course",
    "compare_flow",
    "compare_layers",
    "compare_ridge",
    "course",
    "explore",
    "verify",
]
