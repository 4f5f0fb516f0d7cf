"""Process time and memory of decomposing groups into irreps, and how they grow with the order.

    OMP_NUM_THREADS=1 python benchmarks/irreps.py

Nothing is read from the cache: every group is computed in a process of its own, with a cache folder of its own.
"""

import json
import os
import subprocess
import sys
import tempfile

SCRIPT = """
import json, resource, sys, time
from li2.groups import Representations, catalogue, named_group
names = sys.argv[1:] or [line.name for line in catalogue() if not line.is_abelian]
begun, parts = time.process_time(), {"table": 0.0, "characters": 0.0, "irreps": 0.0}
for name in names:
    marks = [time.process_time()]
    group = named_group(name); marks.append(time.process_time())
    reps = Representations(group); reps.characters; marks.append(time.process_time())
    reps.all_matrices(); marks.append(time.process_time())
    for part, first, last in zip(parts, marks, marks[1:]):
        parts[part] += last - first
megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"order": group.order, "count": len(reps.characters.irreps),
                  "largest": int(reps.characters.dimensions.max()), "MB": megabytes, **parts}))
"""

NAMES = (
    "symmetric:5", "symmetric:6", "psl:2.11", "heisenberg:7", "affine:32", "sl:2.13", "alternating:7", "psl:2.16",
    "affine:64", "dihedral:64", "dihedral:256", "dihedral:1024", "dihedral:2048", "extraspecial:2048+",
    "dihedral:4*cyclic:512",
)  # fmt: skip


def measured(*names: str) -> dict[str, float]:
    """The figures of one process."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", SCRIPT, *names]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, env={**os.environ, "LI2_CACHE": cache})
    return json.loads(done.stdout)


def main() -> None:
    """Print a table, process seconds and peak memory."""
    print(
        f"{'group':30} {'order':>6} {'irreps':>6} {'d_max':>5} {'table s':>8} {'chars s':>8} {'irreps s':>8} {'MB':>6}"
    )
    for name in ("", *NAMES):
        row = measured(*([name] if name else []))
        title = name or "all 1,036 non-Abelian, M ≤ 127"
        sizes = f"{row['order']:6.0f} {row['count']:6.0f} {row['largest']:5.0f}" if name else " " * 19
        times = f"{row['table']:8.2f} {row['characters']:8.2f} {row['irreps']:8.2f}"
        print(f"{title:30} {sizes} {times} {row['MB']:6.0f}", flush=True)


if __name__ == "__main__":
    main()
