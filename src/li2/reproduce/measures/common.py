"""What measures share: curves over seeds, epochs of generalisation, comparisons, verdicts."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from li2.reproduce.figure import Check, Line, Verdict
from li2.statistics import Interval, median

FEWEST = 5
"""Values from which a check is decided: five equal signs without an effect come once in sixteen times."""


def judged(interval: Interval, count: int, low: float = -math.inf, high: float = math.inf) -> Verdict:
    """Whether an interval from so many values lies strictly between two bounds, beyond one of them, or in and out."""
    if count < FEWEST:
        return Verdict.UNDECIDED
    if (low == -math.inf or interval.low > low) and (high == math.inf or interval.high < high):
        return Verdict.CONFIRMED
    beyond = (low > -math.inf and interval.high <= low) or (high < math.inf and interval.low >= high)
    return Verdict.NOT_CONFIRMED if beyond else Verdict.UNDECIDED


def check(
    what: str, expected: str, values: Sequence[float], *, low: float = -math.inf, high: float = math.inf, of: str
) -> Check:
    """A check that the median of values lies between bounds.

    Args:
        what, expected: see :class:`Check`.
        values: one of each seed (or group); NaN ones are left out.
        low, high: what is claimed.
        of: what the values are, in the plural.
    """
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return Check(what, expected, f"no {of} to compare", Verdict.UNDECIDED)
    found = median(known)
    return Check(what, expected, f"{told(found)} over {len(known)} {of}", judged(found, len(known), low, high))


def unanimous(what: str, expected: str, flags: Sequence[bool], of: str) -> Check:
    """A check that something holds of all: not confirmed if of none, undecided if of some or of too few."""
    measured = f"{sum(flags)} of {len(flags)} {of}"
    verdict = Verdict.UNDECIDED
    if len(flags) >= FEWEST:
        verdict = {len(flags): Verdict.CONFIRMED, 0: Verdict.NOT_CONFIRMED}.get(sum(flags), verdict)
    return Check(what, expected, measured, verdict)


def told(interval: Interval) -> str:
    """A median with its interval (of fewer than six values: with their range)."""
    ends = f" [{number(interval.low)}, {number(interval.high)}]" if interval.low < interval.high else ""
    return f"median {number(interval.value)}{ends}"


def number(value: float) -> str:
    """Three digits; ∞ where something was never reached."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}".replace("-", "−")


def grouped(frame: pd.DataFrame, column: str) -> list[tuple[Any, pd.DataFrame]]:
    """The rows at each value of a column, values ascending."""
    return list(frame.groupby(column))


def epochs(runs: pd.DataFrame, column: str = "test_accuracy_99") -> pd.Series:
    """First epochs of runs, at least 1; infinite where it was never reached."""
    return runs[column].astype("Float64").fillna(math.inf).astype(float).clip(lower=1.0)


def last(diagnosis: pd.DataFrame) -> pd.DataFrame:
    """The last row of each run, by its key."""
    return diagnosis.groupby("key", sort=False).tail(1).set_index("key")


def curve(frame: pd.DataFrame, keys: Sequence[str], column: str, label: str, colour: int = 0, **look: Any) -> Line:
    """The median over runs of a figure by epoch, with the range of all runs as its band.

    A run that has ended counts with its last figure from then on.
    """
    table = frame[frame["key"].isin(keys)].pivot_table(index="epoch", columns="key", values=column, dropna=False)
    filled = table.ffill()
    return Line(
        label=label,
        x=tuple(filled.index.to_numpy(dtype=float).tolist()),
        y=tuple(filled.median(axis=1).tolist()),
        low=tuple(filled.min(axis=1).tolist()),
        high=tuple(filled.max(axis=1).tolist()),
        colour=colour,
        **look,
    )


def medians(levels: Mapping[float, Sequence[float]], label: str, colour: int = 0, **look: Any) -> Line:
    """The median at each level with its interval; a gap where it is infinite."""
    found = {level: median(values) for level, values in sorted(levels.items()) if len(values)}

    def drawn(values: Sequence[float]) -> tuple[float, ...]:
        return tuple(value if math.isfinite(value) else math.nan for value in values)

    return Line(
        label=label,
        x=tuple(found),
        y=drawn([interval.value for interval in found.values()]),
        low=drawn([interval.low for interval in found.values()]),
        high=drawn([interval.high for interval in found.values()]),
        colour=colour,
        **look,
    )


def paired(values: pd.Series, runs: pd.DataFrame, key: str, one: Any, other: Any, within: Sequence[str]) -> pd.Series:
    """value at key=one over value at key=other, for each combination of ``within``; left out where both are infinite.

    Where several runs share a combination, their median counts.

    Args:
        values: (N,) positive, in the order of the runs' rows.
        runs: (N rows).
        key: column that differs within a pair.
        within: columns that are equal within a pair.
    """
    table = runs.assign(value=values.to_numpy()).pivot_table(
        index=list(within), columns=key, values="value", aggfunc="median", dropna=True
    )
    if one not in table or other not in table:
        return pd.Series(dtype=float)
    top, bottom = table[one].to_numpy(dtype=float), table[other].to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        ratios = np.where(np.isinf(top) & np.isinf(bottom), math.nan, top / bottom)
    return pd.Series(ratios, index=table.index).dropna()


def named(value: Any) -> str:
    """A key's value for readers: groups by their usual names."""
    text = str(value)
    kind, _, size = text.partition(":")
    if kind == "cyclic" and size.isdigit():
        return "Z" + size.translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
    return f"{value:g}" if isinstance(value, float) else text
