"""Peak memory of training beside its bound: growth of a fresh process over its state before the data exist.

    python benchmarks/memory.py [REPEATS]

The process has then imported torch and li2, made a product and trained a tiny network, so that thread pools, BLAS
buffers and code are there. The bound is 1.5 × (data + parameters + optimiser state + one n × K array); there is no
diagnosis. Medians over fresh processes.
"""

import json
import resource
import statistics
import subprocess
import sys
from pathlib import Path

M, K, FRACTION = 127, 2048, 0.5
EPOCHS = 10


def memory() -> tuple[int, int]:
    """(now, peak) of this process's resident memory in bytes; where only the peak is known, it stands for both.

    Linux keeps in ``ru_maxrss`` what the parent had before the process was its own, so its own file is read there.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return 1024 * int(fields["VmRSS"].split()[0]), 1024 * int(fields["VmHWM"].split()[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return peak, peak


def train(M: int, K: int) -> int:
    """Train for some epochs, metrics included, and give n."""
    from li2 import RunSpec
    from li2.runs.setup import Setup
    from li2.tasks import build_split, build_task
    from li2.training import Training

    spec = RunSpec(group=f"cyclic:{M}", width=K, train_fraction=FRACTION, device="cpu", diagnose="off")
    task = build_task(spec.group)
    setup = Setup.build(spec, task, build_split(task, spec))
    training = Training([setup.trainee], [setup.trainee.start(setup.initial_weights())])
    for _ in range(EPOCHS):
        training.measure()
        training.step()
    return len(setup.problem.train)


def measure(threads: int) -> dict[str, float]:
    """Megabytes of this process: growth, the parts of the bound, and their ratio."""
    import torch

    torch.set_num_threads(threads)
    warm = torch.rand(512, 512)
    warm @ warm
    train(5, 16)
    before, _ = memory()
    n = train(M, K)
    _, peak = memory()
    item = torch.get_default_dtype().itemsize
    parameters = item * K * 3 * M
    data = 4 * 8 * M**2  # of each pair its number, two rows of W and the label
    bytes_of = {"data": data, "parameters": parameters, "optimiser": 2 * parameters, "n × K": item * n * K}
    row = {"before": before, "growth": peak - before, **bytes_of, "bound": 1.5 * sum(bytes_of.values())}
    return {name: value / 1e6 for name, value in row.items()} | {"n": n}


def main(repeats: int) -> None:
    """Print a table."""
    heading = ("before", "growth", "data", "parameters", "optimiser", "n × K", "bound")
    print("    M     K      n threads" + "".join(f"{name + ' MB':>15}" for name in heading) + f"{'growth/bound':>15}")
    for threads in (1, 2):
        command = [sys.executable, __file__, "inside", str(threads)]
        rows = [json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout) for _ in range(repeats)]
        middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
        print(
            f"{M:5}{K:6}{middle['n']:7.0f}{threads:8}"
            + "".join(f"{middle[name]:15.1f}" for name in heading)
            + f"{middle['growth'] / middle['bound']:15.2f}"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["inside"]:
        print(json.dumps(measure(int(sys.argv[2]))))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
