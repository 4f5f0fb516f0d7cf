"""Finite groups over their Cayley tables, and their irreps. NumPy only, exact or float64."""

from li2.groups.abelian import FourierModes, Irrep, fourier_modes
from li2.groups.classes import conjugacy_classes, irrep_dimensions
from li2.groups.families import named_group
from li2.groups.group import Group

__all__ = [
    "FourierModes",
    "Group",
    "Irrep",
    "conjugacy_classes",
    "fourier_modes",
    "irrep_dimensions",
    "named_group",
]
