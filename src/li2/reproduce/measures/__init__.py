"""What is measured of each figure: functions from results to panels and checks, by name."""

from collections.abc import Callable, Mapping
from typing import Any

from li2.reproduce.figure import Finding
from li2.reproduce.measures.comparison import comparison
from li2.reproduce.measures.depth import depth
from li2.reproduce.measures.landscape import landscape
from li2.reproduce.measures.optimisers import optimisers
from li2.reproduce.measures.phase_diagram import phase_diagram
from li2.reproduce.measures.solutions import solution_energies, solution_shares
from li2.reproduce.measures.stages import stages
from li2.reproduce.results import Results

Measure = Callable[[Results, Mapping[str, Any]], Finding]

MEASURES: dict[str, Measure] = {
    measure.__name__: measure
    for measure in (comparison, depth, landscape, optimisers, phase_diagram, solution_energies, solution_shares, stages)
}
"""The functions that recipes name."""
