"""Executors on dask and Slurm, against a scheduler and workers that are processes of their own."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import dask
import psutil
import pytest
import torch

from li2.errors import Li2Error
from li2.runs import train_assignments
from li2.specs.executor_spec import EXECUTOR_KEYS, ExecutorSpec
from li2.specs.run_spec import RunSpec
from li2.specs.trained import Assignment, Trained
from li2.sweeps import cluster
from li2.sweeps.cluster import DaskExecutor, SlurmExecutor, make_executor
from li2.sweeps.executor import Executor, Lost, Pack, Returned
from sweeps.dask_workers import Workers, until


def pack(name: str, *, epochs: int = 3, runs: int = 2, group: str = "cyclic:5") -> Pack:
    spec = RunSpec(group=group, width=8, epochs=epochs, diagnose="off")
    return Pack(
        name,
        tuple(
            Assignment(f"{name}:{seed}", RunSpec(**spec.changed() | {"seed": seed}), None, True) for seed in range(runs)
        ),
    )


def endless(name: str) -> Pack:
    return pack(name, epochs=100_000_000, runs=1)


def gather(executor: Executor, number: int, seconds: float = 60) -> list[Returned | Lost]:
    """So many ended packs, or a failed test."""
    ended: list[Returned | Lost] = []
    end = time.monotonic() + seconds
    while len(ended) < number:
        assert time.monotonic() < end, f"{len(ended)} of {number} packs ended within {seconds} s"
        ended += executor.wait(0.5)
    return ended


def descendants() -> set[int]:
    """Processes below this one, without the helper that Python's multiprocessing keeps until the end."""
    found = psutil.Process().children(recursive=True)
    return {child.pid for child in found if "resource_tracker" not in " ".join(child.cmdline())}


def without_time(result: object) -> Trained:
    assert isinstance(result, Trained), result
    return replace(result, outcome=replace(result.outcome, seconds=0.0))


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    made = Workers(tmp_path_factory.mktemp("dask"), 2)
    yield made
    made.end()


def test_results_are_those_of_training_here(workers: Workers) -> None:
    packs = [pack("a"), pack("b", group="dihedral:3"), pack("c", group="no such group", runs=1)]
    with DaskExecutor(workers.address) as executor:
        assert isinstance(executor, Executor)
        until(lambda: executor.slots == 2)
        assert executor.wait(0) == []
        for each in packs:
            executor.submit(each)
        ended = {item.pack.name: item for item in gather(executor, 3)}
    torch.set_num_threads(1)
    for each in packs[:2]:
        item = ended[each.name]
        assert isinstance(item, Returned)
        assert item.pack == each
        expected = train_assignments(each.assignments)
        assert [without_time(result) for result in item.results] == [without_time(result) for result in expected]
    failed = ended["c"]
    assert isinstance(failed, Returned)
    assert failed.results == tuple(train_assignments(packs[2].assignments))


def test_a_killed_worker_gives_its_pack_back_and_the_others_go_on(workers: Workers) -> None:
    with DaskExecutor(workers.address) as executor:
        until(lambda: executor.slots == 2)
        executor.submit(endless("doomed"))
        busy = worker_of(executor, "doomed")
        victim = next(process for process in workers.processes if process.pid == busy)
        victim.send_signal(signal.SIGKILL)
        (ended,) = gather(executor, 1)
        assert isinstance(ended, Lost)
        assert ended.pack == endless("doomed")
        assert "killed" in ended.reason
        assert executor.slots == 1
        executor.submit(pack("doomed"))  # the same name again, as a driver that tries again may well give it
        executor.submit(pack("other"))
        assert all(isinstance(item, Returned) for item in gather(executor, 2))
    victim.wait()


def worker_of(executor: DaskExecutor, name: str) -> int:
    """The process that trains a pack."""
    client = executor._client
    found: list[str] = []

    def started() -> bool:
        found[:] = [where for where, keys in client.processing().items() if any(name in key for key in keys)]
        return bool(found)

    until(started)
    return int(client.run(os.getpid, workers=found)[found[0]])


def test_two_sweeps_on_one_scheduler_do_not_mix(workers: Workers) -> None:
    one, other = pack("same"), pack("same", group="dihedral:3")
    with DaskExecutor(workers.address) as first, DaskExecutor(workers.address) as second:
        first.submit(one)
        second.submit(other)
        for executor, order in ((first, 5), (second, 6)):
            (ended,) = gather(executor, 1)
            assert isinstance(ended, Returned)
            assert {without_time(result).facts.order for result in ended.results} == {order}


def test_a_vanished_scheduler_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 1)
    made = Workers(tmp_path, 0)
    try:
        with DaskExecutor(made.address) as executor:
            assert executor.slots == 0
            executor.submit(pack("waits"))
            assert executor.wait(0.1) == []
            made.scheduler.kill()
            with pytest.raises(Li2Error, match=r"^the connection to the dask scheduler broke; what .* resume\.$"):
                gather(executor, 1)
            with pytest.raises(Li2Error, match="scheduler broke"):
                _ = executor.slots
    finally:
        made.end()
    with pytest.raises(Li2Error, match=rf"^no dask scheduler answers at {made.address}"):
        DaskExecutor(made.address).__enter__()


def test_a_worker_without_this_package_is_one_sentence(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "train_pack", gather)  # of this module, which is no part of any package
    with DaskExecutor(workers.address) as executor:
        executor.submit(pack("a"))
        with pytest.raises(Li2Error, match=r"cannot load what it needs .*No module named.* install li2"):
            gather(executor, 1)


def test_what_a_worker_raises_is_told(workers: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "train_pack", int)
    with DaskExecutor(workers.address) as executor:
        executor.submit(pack("a"))
        (ended,) = gather(executor, 1)
    assert isinstance(ended, Lost)
    assert ended.reason.startswith("its worker raised TypeError: int()")


def test_own_cluster_replaces_a_killed_worker_and_leaves_nothing_behind() -> None:
    before = descendants()
    with DaskExecutor(workers=1) as executor:
        until(lambda: executor.slots == 1)
        addresses = {
            connection.laddr.ip
            for pid in (os.getpid(), *(descendants() - before))
            for connection in psutil.Process(pid).net_connections("inet")
            if connection.status == psutil.CONN_LISTEN
        }
        assert addresses == {"127.0.0.1"}
        executor.submit(endless("doomed"))
        executor.submit(endless("behind it"))
        os.kill(worker_of(executor, "doomed"), signal.SIGKILL)
        (lost,) = gather(executor, 1)
        assert isinstance(lost, Lost)
        assert lost.pack.name == "doomed"
        until(lambda: not executor.wait(0.1) and executor._futures)
        assert worker_of(executor, "behind it") in descendants() - before
    until(lambda: descendants() <= before, 5)


SBATCH = """#!{python}
import os, subprocess, sys
if "--test-only" in sys.argv:
    if "refused" in open(sys.argv[-1]).read():
        sys.exit("sbatch: error: invalid partition specified: refused")
    sys.exit()
with open("{here}/job.log", "ab") as log:
    script = open(sys.argv[-1]).read()
    pid = subprocess.Popen(["bash", "-c", script], start_new_session=True, stdout=log, stderr=log).pid
open("{here}/jobs", "a").write(f"{{pid}}\\n")
print("Submitted batch job", pid)
"""
SQUEUE = """#!{python}
import os
for job in open("{here}/jobs").read().split():
    if os.path.exists(f"/proc/{{job}}") and " Z " not in open(f"/proc/{{job}}/stat").read():
        print(job)
"""
SCANCEL = """#!{python}
import os, signal, sys
os.killpg(int(sys.argv[-1]), signal.SIGKILL)
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[int]]]:
    """Stand-ins for three commands of Slurm, whose jobs are processes here; the jobs submitted so far."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (tmp_path / "jobs").touch()
    for name, text in (("sbatch", SBATCH), ("squeue", SQUEUE), ("scancel", SCANCEL)):
        (programs / name).write_text(text.format(python=sys.executable + " -S", here=tmp_path))
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(cluster, "LOOK_AT_JOBS_SECONDS", 0.3)

    def submitted() -> list[int]:
        return [int(line) for line in (tmp_path / "jobs").read_text().split()]

    yield submitted
    for job in submitted():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(job, signal.SIGKILL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # dask-jobqueue does not close the files of its certificates
        gc.collect()


def slurm(**values: object) -> ExecutorSpec:
    return ExecutorSpec(**{"executor": "slurm", "jobs": 1, "memory": "1GB", "interface": "lo"} | values)


def test_a_cancelled_job_is_replaced(tmp_path: Path, jobs: Callable[[], list[int]]) -> None:
    with make_executor(slurm(), tmp_path / "logs") as executor:
        assert executor.slots == 0
        executor.submit(endless("doomed"))
        until(lambda: not executor.wait(0.1) and executor.slots == 1)
        assert len(jobs()) == 1
        worker_of(executor, "doomed")
        subprocess.run(["scancel", str(jobs()[0])], check=True)
        (ended,) = gather(executor, 1)
        assert isinstance(ended, Lost)
        executor.submit(endless("again"))
        until(lambda: not executor.wait(0.1) and executor.slots == 1)
        worker_of(executor, "again")
        assert len(jobs()) == 2
    until(lambda: not subprocess.run("squeue", capture_output=True, check=True).stdout, 5)


def test_jobs_that_bring_no_worker_end_the_sweep(tmp_path: Path, jobs: Callable[[], list[int]]) -> None:
    spec = slurm(interface=None, jobs=3)
    executor = SlurmExecutor(spec, tmp_path / "logs")
    with dask.config.set({"jobqueue.slurm.python": "/bin/false"}), executor:
        executor.submit(pack("a"))
        with pytest.raises(Li2Error, match=r"Slurm jobs ended and no worker has come of them; .*logs, says why"):
            gather(executor, 1)


def test_what_slurm_refuses_is_said_before_anything_starts(tmp_path: Path, jobs: Callable[[], list[int]]) -> None:
    executor = make_executor(slurm(partition="refused"), tmp_path / "logs")
    with pytest.raises(Li2Error, match=r"Slurm refuses with: sbatch: error: invalid partition specified"):
        executor.__enter__()
    assert jobs() == []


def test_without_slurm_there_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Li2Error, match="needs Slurm's command sbatch, which is not here"):
        make_executor(slurm(), tmp_path / "logs").__enter__()


def test_job_script_says_what_was_asked_for(tmp_path: Path) -> None:
    spec = slurm(
        partition="gpu",
        walltime="1-00:30:00",
        memory="8GB",
        cores=2,
        gpus=1,
        account="mine",
        directives="--qos=long -x n1",
    )
    lines = SlurmExecutor(spec, tmp_path / "logs").job_script().splitlines()
    asked = {line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH ")}
    expected = {"-p gpu", "-A mine", "--cpus-per-task=2", "--mem=8G", "-t 1-00:30:00", "--gres=gpu:1", "--qos=long"}
    assert expected <= asked
    assert f"--output={tmp_path}/logs/job-%j.out" in asked
    assert not (tmp_path / "logs").exists()
    assert "--nthreads 1 " in lines[-1]
    assert "--nworkers 2 " in lines[-1]
    assert "--interface lo" in lines[-1]


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"executor": "pbs"}, "executor='pbs' is not valid; executor must be local, dask or slurm."),
        ({"executor": "dask", "scheduler": "here"}, "scheduler must be an address such as tcp://10.0.0.1:8786"),
        ({"executor": "dask", "workers": 0}, "workers must be a whole number ≥ 1"),
        ({"executor": "dask", "partition": "gpu"}, "partition=gpu is a key of executor=slurm, not of executor=dask"),
        ({"executor": "slurm", "workers": 3}, "workers=3 is a key of executor=local or dask, not of executor=slurm"),
        ({"executor": "slurm", "memory": "much"}, "memory must be a size such as 4GB or 500MB"),
        ({"executor": "slurm", "walltime": "soon"}, "walltime must be a time as Slurm writes it"),
        ({"executor": "slurm", "partition": "a\nb"}, "partition must be the name of one of Slurm's partitions"),
        ({"executor": "slurm", "directives": "--qos=long\nrm -r ~"}, "directives must be options of sbatch"),
        ({"executor": "dask", "workers": 2, "scheduler": "tcp://h:1"}, "has workers of its own; leave out one."),
    ],
)
def test_wrong_keys_are_one_sentence(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(Li2Error) as caught:
        ExecutorSpec(**values)
    assert sentence in str(caught.value)


def test_every_key_has_the_default_that_it_states() -> None:
    assert {name: key.default for name, key in EXECUTOR_KEYS.items()} == ExecutorSpec().model_dump()


@pytest.mark.parametrize(("extra", "module"), [("dask", "distributed"), ("slurm", "dask_jobqueue")])
def test_a_missing_extra_is_named(extra: str, module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name == module or name.startswith(f"{module}.")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Li2Error, match=rf'executor={extra} needs .* pip install "li2\[{extra}\]"'):
        make_executor(ExecutorSpec(executor=extra), tmp_path).__enter__()


def test_importing_it_does_not_load_dask() -> None:
    code = "import sys, li2.sweeps.cluster; print({'dask', 'distributed', 'dask_jobqueue'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
