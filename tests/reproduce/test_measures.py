"""Measures against results made by hand, whose verdicts are obvious."""

import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from li2.reproduce import Check, Finding, Verdict
from li2.reproduce.measures import MEASURES
from li2.reproduce.measures.common import check, judged, unanimous
from li2.reproduce.measures.optimisers import constant
from li2.reproduce.measures.phase_diagram import crossing
from li2.reproduce.results import Results, SweepResults
from li2.statistics import Interval, median
from li2.sweeps import Crossing, CrossingStatus
from li2.theory.scaling import critical_ratio

YES, NO, OPEN = Verdict.CONFIRMED, Verdict.NOT_CONFIRMED, Verdict.UNDECIDED


class Made(Results):
    """Results of hand-made tables."""

    def __init__(self, tables: Mapping[str, pd.DataFrame], **sweeps: pd.DataFrame) -> None:
        object.__setattr__(self, "directory", Path())
        sweep = object.__new__(SweepResults)
        none = pd.DataFrame({"key": []})
        sweep.__dict__.update({"metrics": none, "diagnosis": none, **sweeps, "store": _NoWeights()})
        object.__setattr__(self, "_sweep", sweep)
        object.__setattr__(self, "_tables", tables)

    def sweep(self, part: str) -> SweepResults:
        return self.__dict__["_sweep"]

    def table(self, part: str) -> pd.DataFrame:
        return self.__dict__["_tables"][part]


class _NoWeights:
    def weights(self, key: str) -> None:
        return None


def runs(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """With the columns that rows leave out, and whole epochs as a store has them."""
    usual = {"group": "cyclic:7", "order": 7, "largest_irrep_dim": 1, "width": 10, "memorised_epoch": 5}
    frame = pd.DataFrame([{"key": str(i), **usual, **row} for i, row in enumerate(rows)])
    whole = [name for name in ("memorised_epoch", "test_accuracy_99", "largest_irrep_dim") if name in frame]
    return frame.astype(dict.fromkeys(whole, "Int64"))


def curves(keys: pd.Series, **columns: list[float]) -> pd.DataFrame:
    """The same curves for all runs."""
    one = pd.DataFrame(columns)
    return pd.concat([one.assign(key=key, epoch=range(len(one))) for key in keys], ignore_index=True)


def verdicts(finding: Finding) -> list[Verdict]:
    assert Finding.from_json(finding.as_json()).as_json() == finding.as_json()
    assert finding.summary.endswith(".")
    assert "nan" not in finding.summary
    return [made.verdict for made in finding.checks]


def test_a_median_has_the_interval_of_order_statistics() -> None:
    assert median([3.0, 1.0, 2.0]) == Interval(2.0, 1.0, 3.0)
    assert median([1.0, math.inf]) == Interval(math.inf, 1.0, math.inf)
    assert median(range(1, 21)) == Interval(10.5, 6.0, 15.0)  # as tables of the sign test have it
    generator = np.random.default_rng(0)
    found = [median(sample) for sample in generator.exponential(size=(2000, 15))]
    assert 0.94 < np.mean([i.low <= math.log(2) <= i.high for i in found]) < 0.985


@pytest.mark.parametrize(
    ("low", "high", "count", "verdict"),
    [
        (2.0, 3.0, 5, YES),
        (0.0, 0.5, 5, NO),
        (0.5, 2.0, 5, OPEN),
        (2.0, 3.0, 4, OPEN),
        (0.5, 1.0, 9, NO),
        (1.0, math.inf, 9, OPEN),
        (1.5, math.inf, 9, YES),
    ],
)
def test_an_interval_is_judged_by_its_side(low: float, high: float, count: int, verdict: Verdict) -> None:
    assert judged(Interval((low + high) / 2, low, high), count, low=1.0) == verdict


def test_checks_of_flags_and_of_nothing() -> None:
    assert [unanimous("", "", flags, "runs").verdict for flags in ([True] * 5, [False] * 5, [True, False] * 3)] == [
        YES,
        NO,
        OPEN,
    ]
    assert check("", "", [math.nan], low=0, of="seeds") == Check("", "", "no seeds to compare", OPEN)


def compared(epochs: Mapping[tuple[float, float], list[int | None]], **parameters: Any) -> Finding:
    """At (train_fraction, top_scale), the epochs of the seeds."""
    table = runs(
        [
            {"train_fraction": fraction, "top_scale": scale, "seed": seed, "test_accuracy_99": epoch}
            for (fraction, scale), column in epochs.items()
            for seed, epoch in enumerate(column)
        ]
    )
    metrics = curves(table["key"], train_accuracy=[0.0, 1.0], test_accuracy=[0.0, 1.0])
    given = {"key": "top_scale", "one": 0.0, "other": 1.0, "across": "train_fraction", **parameters}
    return MEASURES["comparison"](Made({}, runs=table, metrics=metrics), given)


def test_a_comparison_is_made_seed_by_seed_at_each_level() -> None:
    epochs: dict[tuple[float, float], list[int | None]] = {
        (0.3, 0.0): [10, 20, 30, 10, 10],
        (0.3, 1.0): [100, 200, None, 60, 60],
        (0.6, 0.0): [9, 8, 12, 9, 9],
        (0.6, 1.0): [10, 8, 10, 10, 10],
    }
    assert verdicts(compared(epochs)) == [YES, OPEN]
    assert verdicts(compared(epochs, slower=[0.3])) == [NO, OPEN]
    assert verdicts(compared(epochs, grok=True))[:2] == [YES, YES]
    both = compared(epochs, pooled=True, trend=True)
    assert verdicts(both) == [YES, YES]
    assert "over 5 seeds" in both.checks[0].measured  # one value of each, though there are ten pairs
    assert verdicts(compared(epochs, pooled=True, at_most=0.1)) == [OPEN]  # one of them: 0
    swapped = {(fraction, 1 - scale): column for (fraction, scale), column in epochs.items()}
    assert verdicts(compared(swapped))[0] == NO


def test_each_choice_has_its_best_rate_by_the_other_seeds() -> None:
    losses = {("adam", 0.1): [5.0] * 5, ("adam", 0.01): [3.0] * 5, ("muon", 0.1): [2.0] * 4 + [math.nan],
              ("muon", 0.01): [4.0] * 4 + [1.0]}  # fmt: skip
    rows = [
        {"optimizer": optimizer, "lr": lr, "seed": seed, "test_loss": loss}
        for (optimizer, lr), column in losses.items()
        for seed, loss in enumerate(column)
    ]
    given = {"key": "optimizer", "one": "muon", "other": "adam", "across": "group", "figure": "test_loss"}
    table = runs(rows)
    made = Made({}, runs=table, metrics=curves(table["key"], test_loss=[1.0, 0.5]))
    finding = MEASURES["comparison"](made, {**given, "best_of": "lr"})
    assert verdicts(finding) == [OPEN]  # the seed that diverged at the best rate counts as infinite
    assert "[0.667, ∞]" in finding.checks[0].measured
    assert finding.summary.endswith("Best lr found: adam 0.01; muon 0.1.")


def test_a_comparison_of_one_value_is_whether_it_groks() -> None:
    table = runs([{"weights": "real", "seed": s, "test_accuracy_99": e} for s, e in enumerate([9, 8, 4, 9, 9])])
    metrics = curves(table["key"], train_accuracy=[0.0, 1.0], test_accuracy=[0.0, 1.0])
    measure, given = MEASURES["comparison"], {"key": "weights", "other": "real", "across": "group"}
    finding = measure(Made({}, runs=table, metrics=metrics), given)
    assert verdicts(finding) == [OPEN]
    assert finding.checks[0].measured == "4 of 5 runs"  # the third generalises before it memorises
    assert verdicts(measure(Made({}, runs=table.assign(memorised_epoch=1), metrics=metrics), given)) == [YES]


def test_the_crossing_lies_where_accuracy_stays_above_one_half() -> None:
    ratios = [0.1, 0.2, 0.3, 0.4]
    for accuracy, found in (([0, 0.6, 0.25, 0.75], 0.35), ([0, 0, 0, 0.4], math.inf), ([0.5, 1, 1, 1], 0.0)):
        assert crossing(pd.DataFrame({"ratio": ratios, "test_accuracy": accuracy})) == pytest.approx(found)


@pytest.mark.parametrize(
    ("factor", "power", "expected"),
    [(1.0, 1.0, [YES, YES, YES]), (1.4, 1.0, [YES, YES, NO]), (1.0, 2.0, [YES, NO, NO])],
)
def test_a_phase_diagram_is_compared_with_the_published_law(
    factor: float, power: float, expected: list[Verdict]
) -> None:
    rows = []
    for order, ratio, seed in itertools.product((11, 13, 17, 19, 23, 31), np.linspace(0.02, 0.98, 49), range(3)):
        middle = factor * critical_ratio(order) ** power
        group = {"group": f"cyclic:{order}", "order": order, "seed": seed}
        accuracy = 1 / (1 + math.exp((middle - ratio) / 0.01))
        rows.append({**group, "ratio": ratio, "train_fraction": ratio, "test_accuracy": accuracy})
    assert verdicts(MEASURES["phase_diagram"](Made({}, runs=runs(rows)), {"tolerance": 0.15})) == expected


def solutions(measure: str, fast: float) -> Finding:
    """Shares, purities and energies at two rates, those at the larger so much lower (energies: higher)."""
    rows = [
        {"lr": lr, "seed": s, "ratio": 0.3, "n": 15, "epochs_taken": 9, "end_state": state}
        for (lr, state), s in itertools.product(((0.001, "generalised"), (0.01, "memorised")), range(5))
    ]
    table = runs(rows)
    change = (table["lr"] == 0.01).astype(float) * fast
    diagnosis = pd.DataFrame(
        {
            "key": table["key"],
            "features": 5 - change,
            "purity_median": 0.9 - change / 10,
            "unit_energy_median": change,
            "epoch": 9,
        }
    )
    nodes = table[["group", "lr", "seed", "ratio"]].assign(purity=0.95 - change / 10, energy=change)
    given = {"purity": 0.9, "nodes": 5, "ascents": "a"}
    return MEASURES[measure](Made({"a": nodes}, runs=table, diagnosis=diagnosis), given)


def test_shares_and_energies_of_solutions_by_learning_rate() -> None:
    shares = solutions("solution_shares", 1.0)
    assert all(line.x for panel in shares.panels for line in panel.lines)
    assert verdicts(shares) == [YES, YES, YES]
    assert verdicts(solutions("solution_shares", -1.0)) == [NO, YES, NO]  # pure nodes become no more than pure
    assert verdicts(solutions("solution_energies", 1.0)) == [YES] * 4
    assert verdicts(solutions("solution_energies", -1.0)) == [NO] * 4


def test_a_landscape_is_judged_by_where_ascents_end() -> None:
    ends = pd.DataFrame(
        {
            "case": np.repeat(["linear", "all pairs", "too few pairs"], 6),
            "n": np.repeat([9, 49, 9], 6),
            "energy": np.repeat([4.0, 1.75, 2.0], 6),
            "irrep": ["1", "2", "3"] * 6,
            "converged": True,
            "kind": np.repeat(["mixed", "generalising", "memorising"], 6),
        }
    )
    slices = pd.DataFrame({"case": np.repeat(ends["case"].unique(), 5), "energy": range(15), "angle": math.nan})
    slices = slices.assign(x=[0.0, 1.0, 0.5, 0.2, 0.7] * 3, y=[0.0, 0.0, 0.0, 1.0, 1.0] * 3)
    slices["mark"] = ["", "", "generalising", "memorising", "circle"] * 3
    given = {"slices": "slices", "ends": "ends"}

    def judged_with(**changes: list[Any]) -> list[Verdict]:
        changed = ends.assign(**changes)
        return verdicts(MEASURES["landscape"](Made({"slices": slices, "ends": changed}), given))

    assert judged_with() == [YES] * 4
    assert judged_with(irrep=["1"] * 18) == [YES, YES, NO, YES]
    assert judged_with(energy=[4.0, 3.0, *[2.0] * 16]) == [OPEN, YES, YES, YES]
    assert judged_with(kind=["mixed"] * 12 + ["generalising"] * 6) == [YES, NO, NO, NO]
    drawn = MEASURES["landscape"](Made({"slices": slices, "ends": ends}), given).panels
    assert [panel.heat is not None and panel.heat.z for panel in drawn[:3]] == [
        ((0.0, 1.0),),
        ((5.0, 6.0),),
        ((10.0, 11.0),),
    ]


def test_depth_is_compared_seed_by_seed() -> None:
    rows = [
        {"layers": layers, "seed": s, "test_accuracy_99": 100 * layers + s, "memorised_epoch": 50}
        for layers, s in itertools.product((1, 2), range(5))
    ]
    table = runs(rows)
    zero = [0.0, 1.0]
    metrics = curves(table["key"], train_accuracy=zero, test_accuracy=zero, train_loss=zero, test_loss=zero)
    diagnosis = curves(table["key"], purity_median=[0.2, 0.8])
    made = Made({}, runs=table, metrics=metrics, diagnosis=diagnosis)
    assert verdicts(MEASURES["depth"](made, {"purity": 0.5})) == [YES] * 6
    assert verdicts(MEASURES["depth"](made, {"purity": 0.9})) == [YES] * 4 + [NO] * 2
    never = Made({}, runs=table.assign(test_accuracy_99=pd.NA), metrics=metrics, diagnosis=diagnosis)
    assert verdicts(MEASURES["depth"](never, {"purity": 0.5}))[:4] == [NO, NO, OPEN, OPEN]


def test_stages_with_and_without_weight_decay() -> None:
    table = runs(
        [
            {"weight_decay": decay, "seed": s, "test_accuracy_99": 8 if decay else None, "memorised_epoch": 1}
            for decay, s in itertools.product((0.1, 0.0), range(5))
        ]
    )
    same: dict[str, list[float]] = {
        f"{part}_{what}": [1.0] * 4 for part in ("train", "test") for what in ("accuracy", "loss")
    }
    changes = {"top_change": [math.nan, 5.0, 1.0, 0.0], "hidden_change": [math.nan, 0.0, 1.0, 5.0]}
    with_decay, without = table["key"][:5], table["key"][5:]
    metrics = pd.concat(
        [
            curves(with_decay, backprop_norm=[1.0, 4.0, 9.0, 1.0], **same, **changes),
            curves(without, backprop_norm=[1.0, 2.0, 1.0, 0.0], **same, **changes),
        ]
    )
    diagnosis = curves(table["key"], node_offdiagonal=[0.01, 0.02], sample_offdiagonal=[0.03, math.nan])
    made = Made({}, runs=table, metrics=metrics, diagnosis=diagnosis)
    assert verdicts(MEASURES["stages"](made, {"offdiagonal": 0.08})) == [YES] * 6
    assert verdicts(MEASURES["stages"](made, {"offdiagonal": 0.02}))[2] == NO
    swapped = metrics.rename(columns={"top_change": "hidden_change", "hidden_change": "top_change"})
    made = Made({}, runs=table, metrics=swapped, diagnosis=diagnosis)
    assert verdicts(MEASURES["stages"](made, {"offdiagonal": 0.08}))[-1] == NO


def test_the_constant_of_a_search() -> None:
    ends: dict[str, Any] = {
        "group": "cyclic:23",
        "seed": 0,
        "order": 23,
        "largest_irrep_dim": 1,
        "tuples": 529,
        "runs": 3,
    }
    found = constant(Crossing(**ends, low=100, high=121, status=CrossingStatus.BRACKETED))
    assert found == pytest.approx(110 / 529 * 23 / math.log(23))
    assert constant(Crossing(**ends, low=None, high=1, status=CrossingStatus.BELOW)) == 0
    assert constant(Crossing(**ends, low=528, high=None, status=CrossingStatus.ABOVE)) == math.inf
    assert math.isnan(constant(Crossing(**ends, low=100, high=None, status=CrossingStatus.OPEN)))
