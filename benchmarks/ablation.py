"""From how much data on climbing nodes find features, by what they climb and how; nothing is trained.

    OMP_NUM_THREADS=1 python benchmarks/ablation.py [--orders 11,23,41] [--subsets 3] [--variants "plain;additive-free"]

For each cyclic group of order M the critical training ratio p (median purity of 48 nodes passes 0.55) as
c = p·M/ln M: the median over training sets with its interval, and the process seconds it took.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from li2.landscape.critical import critical_sizes
from li2.specs import AscentSpec

FITTED = {"whitening": "both", "eta": 2e-3}

VARIANTS = {
    "plain": {"whitening": "none"},
    "one-sided, η = 0.002": {"whitening": "one-sided", "eta": 2e-3},
    "one-sided, wd = 2e-4": {"whitening": "one-sided"},
    "both, η = 0.002": FITTED,
    "both, wd = 2e-5": {"weight_decay": 2e-5},
    "both, wd = 2e-4": {},
    "both, wd = 2e-3": {"weight_decay": 2e-3},
    "additive-free": {"whitening": "additive-free"},
    "both, η = 0.002, muon": {**FITTED, "geometry": "muon"},
    "both, η = 0.002, gradient": {**FITTED, "geometry": "gradient"},
    "plain, gradient": {"whitening": "none", "geometry": "gradient"},
}


def main() -> None:
    """Print a row as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", default="11,23,41")
    parser.add_argument("--subsets", type=int, default=3)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--variants", default=";".join(VARIANTS), help="names with semicolons between them")
    parser.add_argument(
        "--out", type=Path, help="a file to which everything measured is appended, a JSON object a line"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"c = p·M/ln M, width {arguments.width}, {arguments.subsets} training sets; η = n·wd/2 unless given")
    print(f"{'M':>4}  {'variant':28} {'c':>20} {'p':>20} {'seconds':>8}")
    for order in map(int, arguments.orders.split(",")):
        for name in arguments.variants.split(";"):
            spec = AscentSpec(
                group=f"cyclic:{order}", subsets=arguments.subsets, width=arguments.width, **VARIANTS[name]
            )
            begun = time.process_time()
            critical = critical_sizes(spec)
            seconds = time.process_time() - begun
            print(f"{order:4}  {name:28} {critical.constant!s:>20} {critical.ratio!s:>20} {seconds:8.1f}", flush=True)
            if arguments.out is not None:
                with arguments.out.open("a") as file:
                    file.write(json.dumps({"variant": name, "seconds": seconds, **critical.as_json()}) + "\n")


if __name__ == "__main__":
    main()
