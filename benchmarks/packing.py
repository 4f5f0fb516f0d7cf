"""Where training side by side pays, and where processes do: what the rule of li2.runs.packing rests on.

    python benchmarks/packing.py [REPEATS]

First, milliseconds per run and epoch (metrics included, one thread) of packs of growing size, sizes in turns. Then runs
per second of large networks: one process with all threads, or one process for each core with one thread each.
"""

import argparse
import multiprocessing
import statistics
import time

import torch
from speed import alternately, epoch_of, median, trainee

from li2.runs.packing import runs_at_once, usable_cores
from li2.training import Training

SIZES = [
    (11, 64, 48),
    (11, 256, 60),
    (23, 256, 211),
    (23, 1024, 211),
    (41, 512, 504),
    (71, 512, 1512),
    (71, 2048, 2016),
]
"""(M, K, n)."""

PACKS = (1, 2, 4, 8, 16, 32, 64)

LARGEST = 2**23
"""Samples times nodes of the largest pack that is tried."""

EPOCHS = 15


def training(M: int, K: int, n: int, runs: int) -> Training:
    """A pack."""
    pairs = [trainee(M, K, n, seed, "cpu") for seed in range(runs)]
    return Training([one for one, _ in pairs], [at for _, at in pairs])


def print_packs(repeats: int) -> None:
    """Packs of growing size."""
    torch.set_num_threads(1)
    print(
        "ms per run and epoch, by runs of a pack\n    M     K      n"
        + "".join(f"{runs:9}" for runs in PACKS)
        + "    rule"
    )
    for M, K, n in SIZES:
        packs = [runs for runs in PACKS if runs == 1 or runs * n * K <= LARGEST]
        rows = alternately({str(runs): epoch_of(training(M, K, n, runs)) for runs in packs}, repeats)
        costs = "".join(f"{1e3 * median(rows, str(runs)) / runs:9.3f}" for runs in packs)
        print(f"{M:5}{K:6}{n:7}{costs:63}{runs_at_once(n, K, 'cpu'):8}")


def train(threads: int, ready: "multiprocessing.Barrier", seconds: "multiprocessing.Queue[float]") -> None:
    """One process's part: epochs of one large run."""
    torch.set_num_threads(threads)
    epoch = epoch_of(training(71, 2048, 2016, 1))
    for _ in range(3):
        epoch()
    ready.wait()
    begun = time.perf_counter()
    for _ in range(EPOCHS):
        epoch()
    seconds.put(time.perf_counter() - begun)


def rate(processes: int, threads: int) -> float:
    """Epochs per second of all processes together."""
    context = multiprocessing.get_context("spawn")
    ready, seconds = context.Barrier(processes), context.Queue()
    workers = [context.Process(target=train, args=(threads, ready, seconds)) for _ in range(processes)]
    for worker in workers:
        worker.start()
    rates = [EPOCHS / seconds.get() for _ in workers]
    for worker in workers:
        worker.join()
    return sum(rates)


def print_processes(repeats: int) -> None:
    """Processes beside threads."""
    cores = usable_cores()
    pairs = [(rate(1, cores), rate(cores, 1)) for _ in range(repeats)]
    threads, processes = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(f"\nepochs per second, M = 71, K = 2048, n = 2016: one process with {cores} threads {threads:.1f}, "
          f"{cores} processes with one {processes:.1f}; ratio {ratio:.2f}")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Where training side by side pays, and where processes do.")
    parser.add_argument("repeats", type=int, nargs="?", default=9)
    repeats = parser.parse_args().repeats
    print_packs(repeats)
    print_processes(max(1, repeats // 3))
