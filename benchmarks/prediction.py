"""What a predicted critical ratio costs beside the full grid of wide networks that it replaces, in process time.

    python benchmarks/prediction.py [GROUP ...]

The grid: 20 seeds × 10 ratios × 3,000 epochs at width 2048, from timed epochs at the predicted critical size. The
prediction: width 512, as ``li2 predict boundary`` has it. One thread.
"""

import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import torch

from li2 import runs
from li2.prediction import predict_critical
from li2.specs import CriticalSpec, RunSpec

GRID_RUNS, EPOCHS, GRID_WIDTH = 200, 3000, 2048
TIMED, SHORT, PAIRS = 60, 10, 3


def process_time(spec: RunSpec) -> float:
    """Of a run from the specification to its files."""
    with tempfile.TemporaryDirectory() as directory:
        begun = time.process_time()
        runs.start(spec, Path(directory) / "run")
        return time.process_time() - begun


def seconds_per_epoch(group: str, size: int) -> float:
    """Of training at the grid's width: long runs less short ones, so that the set-up cancels."""
    keys = {"group": group, "train_size": size, "width": GRID_WIDTH, "lr": 5e-4, "weight_decay": 2e-4}
    rare = {"diagnose": "off", "measure": "every:10", "stop": "never"}
    long, short = (RunSpec(**keys, **rare, epochs=epochs) for epochs in (TIMED + SHORT, SHORT))
    process_time(short)
    return median((process_time(long) - process_time(short)) / TIMED for _ in range(PAIRS))


def main() -> None:
    """Print a row for each group."""
    torch.set_num_threads(1)
    groups = sys.argv[1:] or ["cyclic:11", "cyclic:23", "cyclic:41", "cyclic:71"]
    spec = CriticalSpec(groups=",".join(groups))
    print(f"{'group':>12} {'critical p':>12} {'ms/epoch':>10} {'grid s':>10} {'prediction s':>13} {'share':>8}")
    for group in spec.groups:
        found = predict_critical(spec, group)
        if found.ratio is None:
            print(f"{group:>12} none")
            continue
        epoch = seconds_per_epoch(group, round(found.ratio.value * found.order**2))
        grid = GRID_RUNS * EPOCHS * epoch
        share = f"{found.seconds / grid:.2%}"
        print(
            f"{group:>12} {found.ratio.value:12.3f} {1e3 * epoch:10.2f} {grid:10.0f} {found.seconds:13.1f} {share:>8}"
        )


if __name__ == "__main__":
    main()
