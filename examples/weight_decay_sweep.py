"""Does less weight decay mean later grokking? A small sweep, its store, and the exponent.

    python examples/weight_decay_sweep.py [DIR]

Interrupted and started again with the same directory, it goes on where it was.
"""

import sys
from pathlib import Path

from li2 import Plan, resume_sweep, sweep
from li2.statistics import power_law_of_levels

PLAN = [
    "group=cyclic:11",
    "width=64",
    "train_fraction=0.8",
    "lr=0.02",
    "weight_decay=geomspace(5e-4,4e-3,4)",
    "seed=range(0,4)",
    "epochs=600",
    "measure=every:2",
    "stop=generalised",
    "diagnose=off",
]


def main(out: Path) -> None:
    """Train what is not trained yet, and print what came of it."""
    begun = (out / "sweep.sqlite").exists()
    with resume_sweep(out) if begun else sweep(Plan.from_words(PLAN), out) as store:
        table = store.table()
    times = table.groupby("weight_decay")["test_accuracy_99"]
    print(times.agg(["count", "median", "min", "max"]))
    reached = table.dropna(subset="test_accuracy_99")
    exponent = power_law_of_levels(reached["weight_decay"], reached["test_accuracy_99"].astype(float))
    print(f"epochs until generalisation go as weight decay to the power {exponent} (95 % interval)")
    print(f"report  {out / 'report.html'}")


if __name__ == "__main__":  # the workers are processes of their own
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "weight_decay_sweep"))
