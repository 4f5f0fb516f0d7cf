"""Time and peak memory of the default run beside a plain autograd loop, as medians of pairs.

    python benchmarks/default_run.py [PAIRS]

Each member of a pair is a process of its own; they alternate. The plain loop does not diagnose, keep weights or
write a report, so li2 is timed as it is and with ``diagnose=off``.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent


def measure(command: list[str]) -> tuple[float, float, float]:
    """(wall seconds, CPU seconds, peak memory in MB) of a command."""
    script = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, capture_output=True);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss)"
    )
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", script, *command], check=True, capture_output=True, text=True)
    wall = time.perf_counter() - begun
    cpu, peak = done.stdout.split()
    unit = 1e6 if sys.platform == "darwin" else 1e3  # bytes on macOS, kilobytes elsewhere
    return wall, float(cpu), float(peak) / unit


def main(pairs: int) -> None:
    """Print the table."""
    rows: dict[str, list[tuple[float, float, float]]] = {"plain loop": [], "li2": [], "li2 diagnose=off": []}
    for _ in range(pairs):
        rows["plain loop"].append(measure([sys.executable, str(HERE / "plain_loop.py")]))
        for name in ("li2", "li2 diagnose=off"):
            with tempfile.TemporaryDirectory() as folder:
                command = [sys.executable, "-m", "li2", "run", "--out", f"{folder}/run", *name.split()[1:]]
                rows[name].append(measure(command))
    print(f"{'':18}{'wall s':>9}{'CPU s':>9}{'peak MB':>9}{'wall / plain loop':>19}")
    for name, runs in rows.items():
        wall, cpu, peak = (statistics.median(column) for column in zip(*runs, strict=True))
        ratios = [run[0] / plain[0] for run, plain in zip(runs, rows["plain loop"], strict=True)]
        print(f"{name:18}{wall:9.1f}{cpu:9.1f}{peak:9.0f}{statistics.median(ratios):19.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
