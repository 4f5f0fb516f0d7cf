"""What is measured of each figure: functions from results to panels and checks, by name."""

from collections.abc import Callable, Mapping
from typing import Any

from li2.reproduce.figure import Finding
from li2.reproduce.results import Results

Measure = Callable[[Results, Mapping[str, Any]], Finding]

MEASURES: dict[str, Measure] = {}
"""The functions that recipes name."""
