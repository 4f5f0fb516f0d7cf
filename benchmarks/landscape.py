"""Process time of ascents to convergence, by the order of the group and by the number of starts.

OMP_NUM_THREADS=1 python benchmarks/landscape.py
"""

import time

import torch

from li2 import LandscapeSpec, explore

CASES = (
    [(f"cyclic:{M}", 1000, None) for M in (23, 71, 127, 251, 503, 1009)]
    + [("cyclic:127", starts, None) for starts in (100, 10_000)]
    + [(name, 1000, None) for name in ("symmetric:4", "symmetric:5", "extraspecial:128-", "symmetric:6")]
    + [("cyclic:71", 100, fraction) for fraction in (0.8, 0.4, 0.2)]
)  # fmt: skip


def main() -> None:
    """Print a table."""
    print(f"{torch.get_num_threads()} threads; all pairs unless a share is given")
    print(f"{'group':20} {'share':>6} {'starts':>7} {'seconds':>8} {'converged':>10} {'unexplained':>12}")
    for group, starts, fraction in CASES:
        begun = time.process_time()
        landscape = explore(LandscapeSpec(group=group, starts=starts, train_fraction=fraction))
        seconds = time.process_time() - begun
        share, unexplained = fraction or "all", "–" if landscape.unexplained is None else landscape.unexplained
        print(f"{group:20} {share!s:>6} {starts:7} {seconds:8.2f} {landscape.converged:10.3f} {unexplained!s:>12}")


if __name__ == "__main__":
    main()
