"""The landscape of a node's energy: ascents from many starts, and what lies where they end."""

from li2.landscape.ascent import Ascent, ascend, random_starts, sphere_spectrum
from li2.landscape.classify import END_POINT_COLUMNS, end_points, merged
from li2.landscape.complex_nodes import ComplexEnergy, stacked
from li2.landscape.energies import DataEnergy, Energy, SampleEnergy, TableEnergy, cyclic_shape
from li2.landscape.found import Ascents, find_features
from li2.landscape.hemisphere import Hemisphere

__all__ = [
    "END_POINT_COLUMNS",
    "Ascent",
    "Ascents",
    "ComplexEnergy",
    "DataEnergy",
    "Energy",
    "Hemisphere",
    "SampleEnergy",
    "TableEnergy",
    "ascend",
    "cyclic_shape",
    "end_points",
    "find_features",
    "merged",
    "random_starts",
    "sphere_spectrum",
    "stacked",
]
