"""Finite groups over their Cayley tables, and their irreps. NumPy only, exact or float64."""

from li2.groups.cache import cache_folder
from li2.groups.catalogue import LARGEST, SmallGroup, catalogue, small_group
from li2.groups.characters import CharacterTable, Irrep, RealIrrep
from li2.groups.classes import ConjugacyClasses, conjugacy_classes
from li2.groups.constructions import (
    MAX_ORDER,
    cyclic_group,
    direct_product,
    permutation_group,
    semidirect_product,
)
from li2.groups.families import FAMILIES, known_forms, named_group
from li2.groups.fourier import convolve
from li2.groups.group import Group
from li2.groups.isomorphism import identify, isomorphism
from li2.groups.representations import Representations

__all__ = [
    "FAMILIES",
    "LARGEST",
    "MAX_ORDER",
    "CharacterTable",
    "ConjugacyClasses",
    "Group",
    "Irrep",
    "RealIrrep",
    "Representations",
    "SmallGroup",
    "cache_folder",
    "catalogue",
    "conjugacy_classes",
    "convolve",
    "cyclic_group",
    "direct_product",
    "identify",
    "isomorphism",
    "known_forms",
    "named_group",
    "permutation_group",
    "semidirect_product",
    "small_group",
]
