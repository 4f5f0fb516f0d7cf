"""The runs of a sweep as figures need them: what varies, which runs belong together, what things are called."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from li2.specs import KEYS, EndState
from li2.specs.run_spec import SIZES

STATES = (*(state.value for state in EndState), "failed")
"""What a run came to, in the order in which shares are stacked."""

MOST_VALUES = 40
"""Of an axis that are drawn as they are; more are put into bins."""

BINS = 12

LABELS = {
    "p": "training ratio p = n/M²",
    "order": "group order M",
    "lr": "learning rate",
    "weight_decay": "weight decay",
    "width": "hidden nodes K",
    "hidden_scale": "scale of the initial W",
    "top_scale": "scale of the initial V",
    "output_scale": "output scale β",
    "epochs": "length of the training (epochs)",
    "batch_size": "training pairs in a step",
    "beta1": "β₁ of adam",
    "beta2": "β₂ of adam",
    "operands": "operands k",
}

_NO_AXES = {*SIZES, "group", "seed", "device", "diagnose"}


def label(column: str) -> str:
    """What an axis is called in the paper's terms."""
    return LABELS.get(column, column.replace("_", " "))


def number(value: Any) -> str:
    """A figure with four digits, a dash for none."""
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return "–"
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)


def family(group: str) -> str:
    """cyclic, dihedral or other, from a group's name."""
    name = group.partition(":")[0]
    return name if name in ("cyclic", "dihedral") and "*" not in group else "other"


@dataclass(frozen=True)
class SweepTable:
    """The runs of a sweep, numbered from 0 in the order of the store.

    Attributes:
        runs: :meth:`li2.sweeps.store.Store.table` with an index 0, 1, … and the columns `state` (one of
            :data:`STATES`, or planned or running), `family`, `p` (the training ratio that was asked for) and `place`
            (p·M/ln M, divided by d_max/2 for non-Abelian groups: what the published law holds constant).
    """

    runs: pd.DataFrame

    @classmethod
    def of(cls, table: pd.DataFrame) -> "SweepTable":
        """The runs of such a table."""
        runs = table.reset_index(drop=True)
        for name in ("order", "largest_irrep_dim"):  # unknown of runs that did not end, but the same for all of a group
            runs[name] = runs[name].fillna(runs.groupby("group")[name].transform("first"))
        done = runs["status"] == "done"
        orders = runs["order"].astype(float)
        corrections = np.maximum(runs["largest_irrep_dim"].astype(float).fillna(1) / 2, 1)
        asked = runs["train_fraction"].astype(float)
        p = asked.where(asked.notna(), runs["ratio"].astype(float).map(_four_digits))
        logarithm = np.log(orders.where(orders > 1))
        return cls(
            runs.assign(
                state=runs["end_state"].where(done, runs["status"]),
                family=runs["group"].map(family),
                p=p,
                place=p * orders / logarithm / corrections,
            )
        )

    @cached_property
    def fresh(self) -> pd.DataFrame:
        """Runs that are done and began from weights of their own specification."""
        return self.runs[(self.runs["status"] == "done") & self.runs["parent"].isna()]

    @cached_property
    def ended(self) -> pd.DataFrame:
        """The same with those that failed."""
        return self.runs[self.runs["status"].isin(["done", "failed"]) & self.runs["parent"].isna()]

    @cached_property
    def continued(self) -> pd.DataFrame:
        """Runs that are done and began where another ended, with that run's row as `parent_row`."""
        rows = pd.Series(self.runs.index, index=self.runs["key"])
        runs = self.runs[(self.runs["status"] == "done") & self.runs["parent"].notna()]
        return runs.assign(parent_row=runs["parent"].map(rows)).dropna(subset=["parent_row"])

    @cached_property
    def settings(self) -> tuple[str, ...]:
        """Keys other than group, size of the data and seed that differ between fresh runs."""
        names = [name for name in KEYS if name not in _NO_AXES and name in self.ended]
        return tuple(name for name in names if self.ended[name].nunique(dropna=False) > 1)

    @cached_property
    def axes(self) -> tuple[str, ...]:
        """Numeric columns that the sweep varies: settings, p if the size of the data does, M if the group does."""
        given = [name for name in SIZES if name in self.ended]
        sizes = self.ended[given].drop_duplicates()
        found = [name for name in self.settings if _numeric(self.ended[name])]
        if self.ended["order"].nunique() > 1:
            found.insert(0, "order")
        if len(sizes) > 1 and self.ended["p"].nunique() > 1:
            found.insert(0, "p")
        return tuple(found)

    @property
    def thresholds(self) -> str:
        """The test accuracy from which runs count as generalised, in words."""
        values = sorted({float(value) for value in self.runs["accuracy_threshold"].dropna()})
        return " or ".join(f"{value:g}" for value in values) or f"{KEYS['accuracy_threshold'].default:g}"

    def series(self, runs: pd.DataFrame, but: Sequence[str] = ()) -> list[tuple[str, pd.DataFrame]]:
        """Runs apart by all that varies but for the seed and these columns, each part with words that name it."""
        columns = [name for name in ("group", "p", *self.settings) if name not in but and runs[name].nunique() > 1]
        if "order" in but or "family" in but:
            columns = [name for name in columns if name != "group"]
        if not columns:
            return [("", runs)]
        return [
            (named(dict(zip(columns, values, strict=True))), part)
            for values, part in runs.groupby(columns, dropna=False, sort=True)
        ]


def text(name: Any) -> str:
    """A name as figures show it: they take a few tags for markup."""
    return escape(str(name), quote=False)


def named(values: dict[str, Hashable]) -> str:
    """Some settings in words that a figure can show."""
    words = (str(value) if name == "group" else f"{name}={number(value)}" for name, value in values.items())
    return text(", ".join(words))


def dimension(largest: Any) -> int:
    """d_max as the law takes it: 1 where the task is not the law of a group."""
    return 1 if pd.isna(largest) else int(largest)


def by_order(runs: pd.DataFrame) -> list[str]:
    """The names of the groups, by order, largest irrep and name."""
    groups = runs.drop_duplicates("group").sort_values(["order", "largest_irrep_dim", "group"])
    return list(groups["group"])


def binned(values: pd.Series) -> pd.Series:
    """Values of an axis, or if there are many the (geometric) centres of a few bins."""
    values = values.astype(float)
    if values.nunique() <= MOST_VALUES:
        return values
    logarithmic = bool((values.dropna() > 0).all())
    given = values.dropna()
    scale = np.log(given) if logarithmic else given
    edges = np.linspace(scale.min(), scale.max(), BINS + 1)
    centres = (edges[:-1] + edges[1:]) / 2
    bins = np.clip(np.digitize(scale, edges) - 1, 0, BINS - 1)
    return (
        pd.Series(np.exp(centres[bins]) if logarithmic else centres[bins], index=given.index)
        .map(_three_digits)
        .reindex(values.index)
    )


def is_logarithmic(values: Sequence[float]) -> bool:
    """Whether an axis with these values is drawn with a logarithmic scale."""
    return min(values) > 0 and max(values) >= 8 * min(values)


def spec_values(row: Mapping[Any, Any]) -> dict[str, Any]:
    """The keys of a run's specification that have a value in its row."""
    return {name: row[name] for name in KEYS if name in row and not pd.isna(row[name])}


def _numeric(column: pd.Series) -> bool:
    """Whether an axis is of numbers."""
    return all(isinstance(value, int | float | np.number) for value in column.dropna().unique())


def _four_digits(value: float) -> float:
    return float(f"{value:.4g}")


def _three_digits(value: float) -> float:
    return float(f"{value:.3g}")
