"""Real Slurm on this one machine, and runs trained through it; see README.md beside this file.

python tools/slurm/check.py [--directory DIR] [--keep]
"""

import argparse
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from li2.runs import train_assignments
from li2.specs import Assignment, RunSpec, Trained
from li2.specs.executor_spec import ExecutorSpec
from li2.sweeps.cluster import make_executor
from li2.sweeps.executor import Lost, Pack

PROGRAMS = ("munged", "mungekey", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "sinfo")
PACKS, RUNS_OF_A_PACK, JOBS, ATTEMPTS = 8, 2, 2, 3

CONFIGURATION = """\
ClusterName=li2check
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket={directory}/munge.socket
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={directory}/state
SlurmdSpoolDir={directory}/spool
SlurmctldPidFile={directory}/slurmctld.pid
SlurmdPidFile={directory}/slurmd.pid
SlurmctldLogFile={directory}/slurmctld.log
SlurmdLogFile={directory}/slurmd.log
# A container has neither systemd nor control groups of its own.
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2
ReturnToService=2
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={jobs} RealMemory={memory} State=UNKNOWN
PartitionName=check Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def main() -> None:
    """Start Slurm, train packs through it with a job cancelled in the middle, compare, end Slurm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--directory", type=Path, help="where configuration, logs and state go; default: a temporary one"
    )
    parser.add_argument("--keep", action="store_true", help="do not remove the temporary directory")
    options = parser.parse_args()
    missing = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    if missing:
        sys.exit(f"{', '.join(missing)} not found; run: apt-get install slurm-wlm munge")
    if os.geteuid() != 0:
        sys.exit("slurmd starts jobs for other users, so this needs root, best in a container")
    directory = options.directory or Path(tempfile.mkdtemp(prefix="li2-slurm-"))
    os.environ["PATH"] = _path()
    try:
        with slurm(directory.resolve()):
            check(directory.resolve())
    finally:
        if options.directory is None and not options.keep:
            shutil.rmtree(directory)


def _path() -> str:
    return os.environ["PATH"] + ":/usr/sbin:/usr/bin"


@contextlib.contextmanager
def slurm(directory: Path) -> Iterator[None]:
    """munged, slurmctld and slurmd on loopback, from the directory's slurm.conf, until the context is left."""
    for name in ("state", "spool", "jobs"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    directory.chmod(0o755)
    host = socket.gethostname().split(".")[0]
    configuration = directory / "slurm.conf"
    configuration.write_text(
        CONFIGURATION.format(
            directory=directory,
            host=host,
            user="root",
            controller_port=_free_port(),
            node_port=_free_port(),
            jobs=JOBS,
            memory=max(1, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20 - 64),
        )
    )
    os.environ["SLURM_CONF"] = str(configuration)
    key = directory / "munge.key"
    subprocess.run(["mungekey", "--create", "--force", f"--keyfile={key}"], check=True)
    munge = [
        f"--{name}={directory}/munge.{name.split('-')[0]}" for name in ("pid-file", "log-file", "seed-file", "socket")
    ]
    with contextlib.ExitStack() as stack:
        stack.enter_context(_daemon("munged", "--foreground", "--force", f"--key-file={key}", *munge, log=directory))
        _until(lambda: (directory / "munge.socket").exists(), "munged's socket", directory)
        stack.enter_context(_daemon("slurmctld", "-D", "-c", log=directory))
        stack.enter_context(_daemon("slurmd", "-D", "-N", host, log=directory))
        _until(lambda: "idle" in _said("sinfo", "--noheader", "--format=%T"), "an idle node", directory)
        print(
            _said("sinfo", "--version").strip(),
            "runs on",
            host,
            "with",
            _said("sinfo", "--noheader", "--format=%n %c %T").strip(),
        )
        try:
            yield
        finally:
            subprocess.run(["scancel", "--me"], check=False)
            with contextlib.suppress(TimeoutError):
                _until(lambda: not _jobs(), "an empty queue", directory)


@contextlib.contextmanager
def _daemon(*command: str, log: Path) -> Iterator[None]:
    with (log / f"{command[0]}.out").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _said(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _jobs() -> list[str]:
    return _said("squeue", "--me", "--noheader", "--states=running,pending", "--format=%A").split()


def _until(true: Callable[[], bool], what: str, directory: Path, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"no {what} after {seconds:.0f} s; see the logs in {directory}")
        time.sleep(0.2)


def check(directory: Path) -> None:
    """Train packs through jobs, cancel one in the middle, compare every result with the same run trained here."""
    packs = [_pack(number) for number in range(PACKS)]
    results = _through_slurm(packs, directory)
    for pack in packs:
        for here in train_assignments(pack.assignments):
            there = results[here.key]
            assert isinstance(here, Trained), here
            assert (here.metrics, here.weights) == (there.metrics, there.weights), f"{here.key} differs"
    print("every run is as when trained here, to the last bit of its curves and weights")


def _pack(number: int) -> Pack:
    specs = [
        RunSpec(group="cyclic:23", width=128, epochs=500, seed=RUNS_OF_A_PACK * number + seed)
        for seed in range(RUNS_OF_A_PACK)
    ]
    assignments = (Assignment(f"{number}-{seed}", spec, keep_weights=True) for seed, spec in enumerate(specs))
    return Pack(f"pack-{number}", tuple(assignments))


def _through_slurm(packs: list[Pack], directory: Path) -> dict[str, Trained]:
    """What jobs make of the packs' runs, one of the jobs being cancelled in the middle."""
    spec = ExecutorSpec(
        executor="slurm", jobs=JOBS, cores=1, memory="1GB", partition="check", walltime="00:20:00", interface="lo"
    )
    waiting, attempts = list(packs), dict.fromkeys((pack.name for pack in packs), 0)
    results: dict[str, Trained] = {}
    lost, busy, cancelled, seen = 0, 0, None, set[str]()
    begun = time.monotonic()
    with make_executor(spec, directory / "jobs") as executor:
        while len(results) < PACKS * RUNS_OF_A_PACK or len(seen) <= JOBS:  # until the cancelled job is replaced, too
            if time.monotonic() - begun > 400:
                raise TimeoutError(
                    f"{len(results)} results of {len(seen)} jobs after 400 s; see the logs in {directory}"
                )
            seen |= set(_jobs())
            while waiting and busy < executor.slots:
                pack = waiting.pop(0)
                attempts[pack.name] += 1
                executor.submit(pack)
                busy += 1
            for ended in executor.wait(0.5):
                busy -= 1
                if isinstance(ended, Lost):
                    lost += 1
                    assert attempts[ended.pack.name] < ATTEMPTS, ended.reason
                    waiting.append(ended.pack)
                    print(f"{ended.pack.name} lost: {ended.reason}")
                    continue
                for result in ended.results:
                    assert isinstance(result, Trained), result
                    assert result.key not in results, f"{result.key} came twice"
                    results[result.key] = result
            if cancelled is None and len(results) >= 2 * RUNS_OF_A_PACK and busy == JOBS:
                cancelled = _jobs()[0]
                subprocess.run(["scancel", cancelled], check=True)
                print(f"cancelled job {cancelled} with {len(results)} runs done and {busy} packs in training")
        took = time.monotonic() - begun
    jobs = ", ".join(sorted(seen, key=int))
    print(f"{len(results)} runs by jobs {jobs} in {took:.0f} s, {lost} packs lost on the way")
    assert cancelled is not None, "nothing was cancelled"
    return results


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    main()
