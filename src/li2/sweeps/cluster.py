"""Executors beyond one machine: workers of a dask cluster, and dask workers that Slurm starts as jobs.

dask and dask-jobqueue are extras, loaded when an executor is entered. Every worker needs this package, in the version
of the driver. Results and assignments travel as pickles, as all that dask sends: whoever can reach a scheduler without
TLS can run code on its workers and, by its answers, on the driver.
"""

import contextlib
import importlib
import logging
import queue
import shlex
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from li2.errors import Li2Error
from li2.runs import train_assignments, usable_cores
from li2.specs import Assignment, ExecutorSpec, Trained, Untrained
from li2.sweeps.executor import Executor, Lost, Pack, Returned

CONNECT_SECONDS = 10
COUNT_SECONDS = 0.2
LOOK_AT_JOBS_SECONDS = 20.0
BARREN_JOBS = 3


def train_pack(assignments: Sequence[Assignment]) -> list[Trained | Untrained]:
    """What a worker runs: :func:`li2.runs.train_assignments` with one thread, as everywhere, for equal results."""
    torch.set_num_threads(1)
    return train_assignments(assignments)


class DaskExecutor:
    """Trains packs on a dask cluster, one in each thread of its workers, each with one thread of PyTorch.

    With a scheduler's address its workers are used, however many come and go. Otherwise single-threaded worker
    processes are started here, reachable from this machine alone and, where ``cryptography`` is installed, with TLS
    and a certificate of their own.

    A worker that dies takes its packs with it: they come back as :class:`Lost`, to be tried again by whoever submitted
    them. On a cluster started here that is so at the first death; a foreign scheduler first moves a pack to other
    workers as often as its ``allowed-failures`` says (dask's default: 3).

    Args:
        scheduler: address such as ``tcp://10.0.0.1:8786``; for ``tls://`` the certificates are those of dask's own
            configuration (``distributed.comm.tls``).
        workers: worker processes to start here, if there is no scheduler; default: the cores that this process may use.

    Raises:
        Li2Error: one sentence, on entering: dask is not installed or the scheduler does not answer; later: the
            scheduler is gone, or a worker lacks this package.
    """

    def __init__(self, scheduler: str | None = None, workers: int | None = None) -> None:
        self._scheduler = scheduler
        self._workers = workers
        self._ended: queue.SimpleQueue[Returned | Lost | Li2Error] = queue.SimpleQueue()
        self._waiting: deque[Pack] = deque()
        self._futures: dict[str, Any] = {}
        self._slots, self._counted_at = 0, float("-inf")
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Executor:
        distributed = _extra("distributed", "dask")
        with contextlib.ExitStack() as stack:
            stack.enter_context(_quiet_logs())
            stack.enter_context(_extra("dask.config", "dask").set(_CONFIG))
            target = self._target(stack)
            try:
                self._client = distributed.Client(target, timeout=CONNECT_SECONDS, set_as_default=False)
            except (OSError, ValueError, TypeError) as error:
                raise Li2Error(
                    f"no dask scheduler answers at {target} within {CONNECT_SECONDS} s ({error}); "
                    "write its address as it printed it, such as scheduler=tcp://10.0.0.1:8786."
                ) from error
            stack.callback(self._client.close)
            stack.callback(self._drop)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *details: object) -> None:
        self._stack.close()

    def _target(self, stack: contextlib.ExitStack) -> Any:
        """What the client connects to: an address or a cluster, whose end is left to the stack."""
        if self._scheduler is not None:
            return self._scheduler
        local = stack.enter_context(tempfile.TemporaryDirectory(prefix="li2-dask-"))
        return stack.enter_context(
            _extra("distributed", "dask").LocalCluster(
                n_workers=self._workers or usable_cores(),
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                scheduler_kwargs=_SCHEDULER | {"dashboard_address": "127.0.0.1:0"},
                memory_limit=None,
                local_directory=local,
                security=_own_security(),
                silence_logs=logging.CRITICAL,
            )
        )

    def _drop(self) -> None:
        """Forget what has not come back; workers end the pack that they have, and its result goes nowhere."""
        futures = list(self._futures.values())
        self._futures.clear()
        with contextlib.suppress(OSError, RuntimeError, TimeoutError):
            self._client.cancel(futures, reason="the driver has ended")

    @property
    def slots(self) -> int:
        """Threads of all workers that are connected, a moment ago at most; 0 while none is."""
        now = time.monotonic()
        if now - self._counted_at > COUNT_SECONDS:
            try:
                self._slots = sum(self._client.nthreads().values())
            except (OSError, ValueError, RuntimeError) as error:  # the last if the client has given up
                raise self._gone() from error
            self._counted_at = now
        return self._slots

    def submit(self, pack: Pack) -> None:
        """Have a pack trained; see :class:`li2.sweeps.executor.Executor`."""
        self._waiting.append(pack)
        self._hand_out()

    def _hand_out(self) -> None:
        """Send no more than the workers can begin: a pack that waits behind another would be lost with its worker."""
        while self._waiting and len(self._futures) < self.slots:
            pack = self._waiting.popleft()
            # The client's id sets sweeps that share a scheduler apart; the driver alone decides what is tried again.
            key = (f"li2-{self._client.id}", pack.name)
            try:
                future = self._client.submit(train_pack, pack.assignments, key=key, pure=False, retries=0)
            except _extra("distributed.client", "dask").ClosedClientError as error:
                raise self._gone() from error
            self._futures[pack.name] = future
            self._client.loop.add_callback(self._collect, pack, future)

    async def _collect(self, pack: Pack, future: Any) -> None:
        """On the client's own thread: wait for a pack, take its result and let go of it there."""
        client = _extra("distributed.client", "dask")
        killed = _extra("distributed", "dask").scheduler.KilledWorker
        ended: Returned | Lost | Li2Error
        try:
            ended = Returned(pack, tuple(await future))
        except client.FutureCancelledError:
            if pack.name not in self._futures:  # dropped on leaving
                return
            ended = self._gone()
        except killed as error:
            self._counted_at = float("-inf")  # there are fewer workers now
            where = getattr(error.last_worker, "address", "unknown")
            ended = Lost(pack, f"the worker at {where} was killed, ran out of memory or time, or lost its machine")
        except Exception as error:  # noqa: BLE001 (whatever a worker sends back is told, not raised here)
            ended = self._fault(pack, error)
        self._futures.pop(pack.name, None)
        future.release()
        self._ended.put(ended)

    def _fault(self, pack: Pack, error: Exception) -> Lost | Li2Error:
        cause: BaseException | None = error
        while cause is not None:
            if isinstance(cause, ImportError):
                return Li2Error(
                    f"a dask worker or the scheduler cannot load what it needs ({cause}); install li2, in the "
                    "version that you use here, in the environment of the scheduler and of every worker."
                )
            cause = cause.__cause__
        return Lost(pack, f"its worker raised {type(error).__name__}: {error}")

    def _gone(self) -> Li2Error:
        return Li2Error(
            "the connection to the dask scheduler broke; what has been stored stays, "
            "start a scheduler with workers and resume."
        )

    def wait(self, seconds: float) -> list[Returned | Lost]:
        """Packs that ended; see :class:`li2.sweeps.executor.Executor`."""
        ended: list[Returned | Lost] = []
        self._hand_out()
        with contextlib.suppress(queue.Empty):
            item = self._ended.get(timeout=seconds) if seconds > 0 else self._ended.get_nowait()
            while not isinstance(item, Li2Error):
                ended.append(item)
                item = self._ended.get_nowait()
            if not ended:
                raise item
            self._ended.put(item)  # told when the others have been taken
            return ended
        self._hand_out()
        return ended


class SlurmExecutor(DaskExecutor):
    """Trains packs on dask workers that Slurm runs as jobs, submitted with dask-jobqueue.

    The scheduler runs in this process, so this machine (a login node, as a rule) must be reachable from the compute
    nodes, and the Python environment must be on a file system that they share. Each job has one worker process, with
    one thread, for each of its cores. A job that ends, by its walltime too, is submitted again while the executor
    lives. Workers whose driver is gone end by themselves after a minute. What is not given comes from
    ``jobqueue.slurm`` in dask's configuration (``~/.config/dask/jobqueue.yaml``).

    Args:
        spec: what to ask Slurm for.
        directory: shared with the compute nodes; takes the output of the jobs and, while this runs, TLS keys.

    Raises:
        Li2Error: one sentence, on entering: dask-jobqueue is not installed, there is no Slurm here or it refuses such
            jobs; later: jobs end without a worker, or as for :class:`DaskExecutor`.
    """

    def __init__(self, spec: ExecutorSpec, directory: Path) -> None:
        super().__init__()
        self._spec = spec
        self._directory = directory
        self._looked = time.monotonic()
        self._barren = 0

    def _job(self) -> dict[str, Any]:
        spec = self._spec
        output = shlex.quote(str(self._directory.absolute() / "job-%j.out"))  # and errors, as nobody says otherwise
        gpus = [f"--gres=gpu:{spec.gpus}"] if spec.gpus else []
        return {
            "queue": spec.partition,
            "account": spec.account,
            "walltime": spec.walltime,
            "memory": spec.memory,
            "cores": spec.cores,
            "processes": spec.cores,
            "interface": spec.interface,
            "job_extra_directives": [*gpus, *shlex.split(spec.directives or ""), f"--output={output}"],
            "job_name": "li2",
        }

    def job_script(self) -> str:
        """The script of one job, with placeholders for the scheduler's address and the job's number."""
        module = _extra("dask_jobqueue.slurm", "slurm")
        job = module.SLURMJob("tcp://SCHEDULER:PORT", name="li2-NUMBER", **self._job())
        return str(job.job_script())

    def _target(self, stack: contextlib.ExitStack) -> Any:
        self._directory.mkdir(parents=True, exist_ok=True)
        script = self._directory / "job.sh"
        script.write_text(self.job_script())
        _slurm("sbatch", "--test-only", str(script))
        self._cluster = stack.enter_context(
            _extra("dask_jobqueue", "slurm").SLURMCluster(
                **self._job(),
                scheduler_options=_SCHEDULER | {"dashboard_address": "127.0.0.1:0"},
                security=_own_security(),
                shared_temp_directory=str(self._directory),
                silence_logs=logging.CRITICAL,
            )
        )
        self._cluster.scale(jobs=self._spec.jobs)
        return self._cluster

    def wait(self, seconds: float) -> list[Returned | Lost]:
        """Packs that ended; now and then ended jobs are submitted again."""
        if time.monotonic() - self._looked > LOOK_AT_JOBS_SECONDS:
            self._replace_jobs()
            self._looked = time.monotonic()
        return super().wait(seconds)

    def _replace_jobs(self) -> None:
        """Submit again what Slurm no longer has; dask-jobqueue alone notices no job that ended."""
        try:
            known = set(_slurm("squeue", "--me", "--noheader", "--format=%A").split())
        except Li2Error:  # a controller too busy to answer; asked again later
            return
        ended = [name for name, job in list(self._cluster.workers.items()) if job.job_id not in known]
        self._barren = 0 if self.slots else self._barren + len(ended)
        if self._barren >= BARREN_JOBS:
            raise Li2Error(
                f"{self._barren} Slurm jobs ended and no worker has come of them; "
                f"their output, in {self._directory}, says why."
            )
        self._cluster.sync(self._forget, ended)
        self._cluster.scale(jobs=self._spec.jobs)  # submits what is missing, if anything

    async def _forget(self, names: list[str]) -> None:
        for name in names:
            self._cluster.workers.pop(name, None)


def slurm_script(spec: ExecutorSpec) -> str:
    """The script of one of the jobs that an executor would submit; raises Li2Error if dask-jobqueue is not there."""
    return SlurmExecutor(spec, Path("DIR", "slurm")).job_script()


def make_executor(spec: ExecutorSpec, directory: Path) -> DaskExecutor:
    """The executor that a specification with ``executor=dask`` or ``executor=slurm`` describes, not yet entered.

    Args:
        spec: what to start or connect to.
        directory: in which the output of Slurm's jobs gets a directory, when it is needed.
    """
    if spec.executor == "slurm":
        return SlurmExecutor(spec, directory / "slurm")
    return DaskExecutor(spec.scheduler, spec.workers)


_CONFIG = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.deploy.lost-worker-timeout": "365 days",  # Slurm says which jobs ended, not a worker's silence
    "distributed.admin.large-graph-warning-threshold": "10 GB",  # packs that carry weights
}
_SCHEDULER = {"allowed_failures": 0, "dashboard": False}


def _extra(module: str, extra: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Li2Error(
            f'executor={extra} needs a package that is not installed ({error}); run: pip install "li2[{extra}]".'
        ) from error


def _own_security() -> Any:
    """TLS with a certificate made for this cluster, so that only its own processes are let in; None without means."""
    try:
        importlib.import_module("cryptography")
    except ImportError:
        return None
    return _extra("distributed", "dask").Security.temporary()


@contextlib.contextmanager
def _quiet_logs() -> Iterator[None]:
    """dask's own log on what is reported here anyway (a worker's death, a broken connection) is silent."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _slurm(*command: str) -> str:
    """The output of a command of Slurm; raises Li2Error with what it complained of."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except FileNotFoundError:
        raise Li2Error(
            f"executor=slurm needs Slurm's command {command[0]}, which is not here; try a login node."
        ) from None
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = " ".join(str(error.stderr or error).split())
        raise Li2Error(f"Slurm refuses with: {said} (command: {shlex.join(command)}).") from None
    return done.stdout
