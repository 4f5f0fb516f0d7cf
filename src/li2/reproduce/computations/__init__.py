"""What figures need that no run brings: ascents of energies and slices of landscapes, as tables."""

from collections.abc import Callable

import pandas as pd

from li2.reproduce.computations.ascents import ascents
from li2.reproduce.computations.landscape_slices import landscape_ends, landscape_slices
from li2.reproduce.computations.spectra import spectra

__all__ = ["COMPUTATIONS", "ascents", "landscape_ends", "landscape_slices", "spectra"]

COMPUTATIONS: dict[str, Callable[..., pd.DataFrame]] = {
    "ascents": ascents,
    "landscape_ends": landscape_ends,
    "landscape_slices": landscape_slices,
}
"""The functions that recipes name, from plain parameters to a table."""
