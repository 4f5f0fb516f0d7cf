"""What the parts of a recipe brought, for measures to read."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from li2.sweeps import Store, open_store


@dataclass(frozen=True)
class SweepResults:
    """The runs of a sweep or a boundary.

    Attributes:
        store: open for reading.
    """

    store: Store

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per done run: the columns of :data:`li2.sweeps.schema.COLUMNS`."""
        table = self.store.table()
        return table[table["status"] == "done"].reset_index(drop=True)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """The metrics of all done runs, one row per measured epoch, with their run's ``key`` as the first column."""
        return self._stacked("metrics")

    @cached_property
    def diagnosis(self) -> pd.DataFrame:
        """Likewise their diagnosis; empty without any."""
        return self._stacked("diagnosis")

    def _stacked(self, name: str) -> pd.DataFrame:
        curves = {key: getattr(self.store, name)(key) for key in self.runs["key"]}
        there = {key: curve for key, curve in curves.items() if len(curve)}
        if not there:
            return pd.DataFrame({"key": []})
        return pd.concat(there, names=["key"]).reset_index(level="key").reset_index(drop=True)


@dataclass(frozen=True)
class Results:
    """The results of a recipe at one scale, by the names of its parts.

    Attributes:
        directory: a directory for each part, the table of a computation as ``NAME.parquet``.
    """

    directory: Path

    def sweep(self, part: str) -> SweepResults:
        """Of a sweep or a boundary."""
        return SweepResults(open_store(self.directory / part))

    def table(self, part: str) -> pd.DataFrame:
        """Of a computation."""
        return pd.read_parquet(self.directory / f"{part}.parquet")
