"""What a sweep costs beyond training: time of each run, and the driver's memory, over many trivial runs.

    python benchmarks/sweep.py [RUNS] [--workers N]

Prints, for runs that can be trained side by side and for runs that cannot (each has a β₁ of its own): wall-clock and
process time of driver and workers beyond the training loop, for each run, and the driver's resident memory after each
tenth of them.
"""

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

from li2 import ExecutorSpec, Plan
from li2.sweeps import Progress, begin_sweep, carry_on

PAGE = os.sysconf("SC_PAGE_SIZE")


class Never:
    """No stop is asked for."""

    asked = False


def memory() -> float:
    """Resident memory of this process in MB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / 1e6


def spent() -> float:
    """Process seconds of this process and of those of its children that have ended."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def measure(name: str, words: list[str], workers: int) -> None:
    """Run a sweep and print what it cost."""
    plan = Plan.from_words([*words, "group=cyclic:5", "epochs=1", "diagnose=off", "device=cpu"])
    seen: list[float] = []

    def watch(progress: Progress) -> None:
        if progress.ended * 10 >= progress.total * (len(seen) + 1):
            seen.append(memory())

    with tempfile.TemporaryDirectory() as place:
        begun, before = time.monotonic(), spent()
        with begin_sweep(Path(place) / "sweep", plan) as store:
            planned = time.monotonic() - begun
            carry_on(store, ExecutorSpec(workers=workers), watch, Never())
            wall, process = time.monotonic() - begun, spent() - before
            table = store.table()
    training = float(table["seconds"].sum())
    runs = len(table)
    assert set(table["status"]) == {"done"}
    print(f"{name}: {runs} runs in {wall:.1f} s with {workers} workers ({planned:.1f} s of planning)")
    print(f"  beyond training, each: {1e3 * (workers * wall - training) / runs:.1f} ms of a worker's wall-clock time,")
    print(f"  {1e3 * (process - training) / runs:.1f} ms of process time, starting {workers} workers included")
    print(f"  memory of the driver, MB: {', '.join(f'{value:.0f}' for value in seen)}", flush=True)


def main() -> None:
    """Both kinds of runs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("runs", type=int, nargs="?", default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    measure("side by side", ["width=8", f"seed=range({given.runs})"], given.workers)
    measure("one by one", ["width=8", f"beta1=linspace(0.1,0.9,{given.runs})"], given.workers)


if __name__ == "__main__":
    main()
