"""Figure 3 complete: addition mod 71 on 40 % of the pairs, 15 seeds, with and without weight decay, diagnosis included.

    python benchmarks/figure3.py [DIR]

Prints when it happened, with quartiles over the seeds, and how long all of it took. Stopped and run again with the same
DIR it goes on.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from li2 import RunResult, RunSpec, run_many

SEEDS = range(15)
DECAYS = (2e-4, 0.0)


def main(out: Path) -> None:
    """Train and print."""
    specs = [RunSpec(weight_decay=decay, seed=seed) for decay in DECAYS for seed in SEEDS]
    begun = time.perf_counter()

    def progress(done: int, total: int) -> None:
        print(f"\r{done}/{total} epochs, {time.perf_counter() - begun:.0f} s", end="", file=sys.stderr)

    results = [result for result in run_many(specs, out, progress) if isinstance(result, RunResult)]
    print(f"\n{len(results)} of {len(specs)} runs in {time.perf_counter() - begun:.0f} s")
    if not results:
        return
    rows = [
        {
            "weight_decay": result.spec.weight_decay,
            **result.outcome.first_epoch,
            "gradient peak": result.outcome.gradient_norm_peak["epoch"],
            **{stage.name: stage.first_epoch for stage in result.stages},
            "test accuracy": result.outcome.final["test_accuracy"],
        }
        for result in results
    ]
    table = pd.DataFrame(rows).astype(float)
    for decay, group in table.groupby("weight_decay"):
        print(f"\nweight decay {decay:g}: quartiles over {len(group)} seeds (of those where it happened)")
        print(group.drop(columns="weight_decay").describe().loc[["count", "25%", "50%", "75%"]].T.to_string())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Figure 3 complete.")
    parser.add_argument("out", type=Path, nargs="?", metavar="DIR", help="where the runs go; default: temporary")
    main(parser.parse_args().out or Path(tempfile.mkdtemp()))
