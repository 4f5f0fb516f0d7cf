"""What figures need that no run brings: ascents of energies and slices of landscapes, as tables."""

from collections.abc import Callable

import pandas as pd

COMPUTATIONS: dict[str, Callable[..., pd.DataFrame]] = {}
"""The functions that recipes name, from plain parameters to a table."""
