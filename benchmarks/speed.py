"""What training costs: beside the matrix products it needs, a plain autograd loop and the published trainer.

    python benchmarks/speed.py [--published PATH] [--threads 1 2] [--repeats 15] [--device cpu]

The floor is 6nKM floating-point operations at the rate of a float32 product of two 2048 × 2048 matrices, measured in
between. What is compared alternates in one process; ratios are medians over such pairs. A step is one way there and
back through the training pairs and the optimiser's update; an epoch is a step with the metrics of training and test
pairs. PATH is a checkout of the published trainer (see published.py). Memory is that of memory.py.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import memory
import torch
from plain_loop import PlainLoop
from published import NotPublished, checkout, paired_epochs, run_seconds

from li2 import RunSpec
from li2.runs.setup import Setup
from li2.tasks import build_split, build_task
from li2.training import Position, Trainee, Training

CASES = [(23, 256, 211), (71, 256, 2016), (71, 2048, 504), (71, 2048, 2016), (71, 2048, 4032), (127, 2048, 8064)]
"""(M, K, n)."""

SERIES = {
    "n": [(71, 2048, n) for n in (504, 1008, 2016, 4032)],
    "K": [(71, K, 2016) for K in (512, 1024, 2048, 4096)],
    "M": [(M, 1024, 500) for M in (31, 61, 127, 251)],
}
"""Sizes of which one grows, the others do not."""

SIDE_BY_SIDE = [(23, 256, 211, 32), (41, 512, 504, 8)]
"""(M, K, n, seeds)."""

PUBLISHED = [(71, 2048, 2016)]

RUNS = 3
"""Turns of epochs beside the published trainer's and a whole run."""

WARM_UP = 3

REST = 0.02
"""Seconds before each call: OpenMP's threads go on turning for some milliseconds, at the next call's cost."""

Row = dict[str, float]


def seconds(action: Callable[[], object]) -> float:
    """How long one call takes, everything it started included, after an untimed one: caches are its own then."""
    time.sleep(REST)
    action()
    begun = time.perf_counter()
    action()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begun


def alternately(actions: dict[str, Callable[[], object]], repeats: int) -> list[Row]:
    """Seconds of each action, in turns; the first ones are left out."""
    rows = [{name: seconds(action) for name, action in actions.items()} for _ in range(WARM_UP + repeats)]
    return rows[WARM_UP:]


def median(rows: list[Row], name: str, beside: str | None = None) -> float:
    """Median of a column, or of its ratio to another one."""
    return statistics.median(row[name] / (row[beside] if beside else 1.0) for row in rows)


def trainee(M: int, K: int, n: int, seed: int, device: str) -> tuple[Trainee, Position]:
    """What is trained, and where it starts."""
    spec = RunSpec(group=f"cyclic:{M}", width=K, train_size=n, device=device, seed=seed)
    task = build_task(spec.group)
    setup = Setup.build(spec, task, build_split(task, spec))
    return setup.trainee, setup.trainee.start(setup.initial_weights())


def epoch_of(training: Training) -> Callable[[], None]:
    """One epoch."""

    def epoch() -> None:
        training.measure()
        training.step()

    return epoch


def measured(M: int, K: int, n: int, repeats: int, device: str) -> list[Row]:
    """Floor, step, epoch and plain loop."""
    one, at = trainee(M, K, n, 0, device)
    square = torch.rand(2048, 2048, device=device)
    rows = alternately(
        {
            "floor": lambda: square @ square,
            "step": Training([one], [at]).step,  # not measured before, it computes the gradients itself
            "epoch": epoch_of(Training([one], [at])),
            "plain": PlainLoop(M, K, n, device=device).epoch,
        },
        repeats,
    )
    for row in rows:
        row["floor"] *= 6 * n * K * M / (2 * 2048**3)
    return rows


def print_cases(repeats: int, device: str) -> None:
    """Steps and epochs."""
    print("\n    M     K      n  floor ms   step ms  step/floor  epoch ms  plain ms  plain/epoch")
    for M, K, n in CASES:
        rows = measured(M, K, n, repeats, device)
        floor, step, epoch, plain = (1e3 * median(rows, name) for name in ("floor", "step", "epoch", "plain"))
        print(
            f"{M:5}{K:6}{n:7}{floor:10.2f}{step:10.2f}{median(rows, 'step', 'floor'):12.2f}"
            f"{epoch:10.2f}{plain:10.2f}{median(rows, 'plain', 'epoch'):13.2f}"
        )


def print_exponents(repeats: int, device: str) -> None:
    """How a step's cost grows: the slope of log seconds over log size."""
    for name, sizes in SERIES.items():
        pairs = {size: trainee(*size, 0, device) for size in sizes}
        rows = alternately({str(size): Training([one], [at]).step for size, (one, at) in pairs.items()}, repeats)
        costs = [median(rows, str(size)) for size in sizes]
        grown = [size["MKn".index(name)] for size in sizes]
        x, y = (torch.tensor(values, dtype=torch.float64).log() for values in (grown, costs))
        slope = ((x - x.mean()) * (y - y.mean())).sum() / (x - x.mean()).square().sum()
        listed = ", ".join(f"{size}: {1e3 * cost:.1f}" for size, cost in zip(grown, costs, strict=True))
        print(f"step ~ {name}^{slope.item():.2f}   (ms at {name} = {listed})")


def print_side_by_side(repeats: int, device: str) -> None:
    """Epochs of many seeds at once beside the plain loop's, one after the other."""
    print("\n    M     K      n  seeds  epoch of all ms  plain loops ms  plain/ours")
    for M, K, n, seeds in SIDE_BY_SIDE:
        pairs = [trainee(M, K, n, seed, device) for seed in range(seeds)]
        training = Training([one for one, _ in pairs], [at for _, at in pairs])
        loops = [PlainLoop(M, K, n, seed, device) for seed in range(seeds)]

        def plain(loops: list[PlainLoop] = loops) -> None:
            for loop in loops:
                loop.epoch()

        rows = alternately({"ours": epoch_of(training), "plain": plain}, repeats)
        print(
            f"{M:5}{K:6}{n:7}{seeds:7}{1e3 * median(rows, 'ours'):17.2f}{1e3 * median(rows, 'plain'):16.2f}"
            f"{median(rows, 'plain', 'ours'):12.2f}"
        )


def print_published(path: Path, repeats: int, device: str) -> None:
    """Epochs beside the published trainer's, and whole runs at the default schedule, with their diagnosis."""
    print("\n    M     K      n  published ms  epoch ms  published/epoch  run/epochs ms  published/run")
    for M, K, n in PUBLISHED:
        turns = []
        for _ in range(RUNS):
            pairs = paired_epochs(path, M, K, n, repeats, device).seconds
            turns.append(
                (*(statistics.median(column) for column in zip(*pairs, strict=True)), run_seconds(M, K, n, device))
            )
        theirs, ours, run = (1e3 * statistics.median(column) for column in zip(*turns, strict=True))
        by_epoch, by_run = (statistics.median(turn[0] / turn[other] for turn in turns) for other in (1, 2))
        print(f"{M:5}{K:6}{n:7}{theirs:14.1f}{ours:10.2f}{by_epoch:17.1f}{run:15.2f}{by_run:15.1f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="What training costs.")
    parser.add_argument("--published", type=Path, metavar="PATH", help="a checkout of the published trainer")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, torch.get_num_threads()])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    try:
        path = checkout(options.published) and options.published if options.published else None
    except NotPublished as error:
        print(f"speed.py: {error}", file=sys.stderr)
        sys.exit(2)
    for threads in dict.fromkeys(options.threads):
        torch.set_num_threads(threads)
        print(f"\n{threads} thread{'s' if threads > 1 else ''}, {options.device}, PyTorch {torch.__version__}")
        print_cases(options.repeats, options.device)
        print_exponents(options.repeats, options.device)
        print_side_by_side(options.repeats, options.device)
        if path:
            print_published(path, options.repeats, options.device)
    print()
    memory.main(3)


if __name__ == "__main__":
    main()
