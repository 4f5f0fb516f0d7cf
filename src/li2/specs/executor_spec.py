"""The specification of who trains the runs of a sweep: processes here, a dask cluster, Slurm."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from li2.errors import Li2Error
from li2.specs.keys import Key
from li2.specs.spec import Spec

EXECUTOR_KEYS: dict[str, Key] = {
    key.name: key
    for key in (
        Key("executor", "local", "local, dask or slurm", "who trains the runs"),
        Key(
            "workers",
            None,
            "a whole number ≥ 1",
            "worker processes on this machine (local, dask without scheduler); default: one for each core",
        ),
        Key(
            "scheduler",
            None,
            "an address such as tcp://10.0.0.1:8786 or tls://10.0.0.1:8786",
            "a dask scheduler that is running, with its workers (dask); default: a cluster started here",
        ),
        Key("jobs", 4, "a whole number ≥ 1", "jobs that are kept in Slurm's queue or running (slurm)"),
        Key("cores", 1, "a whole number ≥ 1", "cores of each job, and runs or packs that it trains at a time (slurm)"),
        Key("memory", "4GB", "a size such as 4GB or 500MB", "memory of each job (slurm)"),
        Key("gpus", 0, "a whole number ≥ 0", "GPUs of each job; a worker uses the first (slurm)"),
        Key("partition", None, "the name of one of Slurm's partitions", "default: Slurm's own (slurm)"),
        Key("account", None, "the name of one of Slurm's accounts", "default: your own (slurm)"),
        Key(
            "walltime",
            None,
            "a time as Slurm writes it, such as 04:00:00 or 2-00:00:00",
            "time limit of each job, which is submitted again when it is over; default: 00:30:00 (slurm)",
        ),
        Key(
            "interface",
            None,
            "the name of a network interface, such as ib0",
            "through which the jobs reach this machine (slurm)",
        ),
        Key(
            "directives",
            None,
            "options of sbatch with spaces between them, such as --qos=long --constraint=avx2",
            "further options of each job (slurm)",
        ),
    )
}
"""The keys of an executor."""

_ONLY_LOCAL_OR_DASK = ("workers",)
_ONLY_DASK = ("scheduler",)
_ONLY_SLURM = ("jobs", "cores", "memory", "gpus", "partition", "account", "walltime", "interface", "directives")

Name = Annotated[str, Field(pattern=r"^[\w.,:@+-]+$")]


class ExecutorSpec(Spec):
    """Who trains. Every key is explained in :data:`EXECUTOR_KEYS`.

    Raises:
        Li2Error: one sentence on the first value that is wrong, or that this executor does not have.
    """

    keys: ClassVar[dict[str, Key]] = EXECUTOR_KEYS
    command_name: ClassVar[str] = "sweep"

    executor: Literal["local", "dask", "slurm"] = "local"
    workers: Annotated[int, Field(ge=1)] | None = None
    scheduler: Annotated[str, Field(pattern=r"^(tcp|tls)://[^\s/]+:\d+$")] | None = None
    jobs: Annotated[int, Field(ge=1)] = 4
    cores: Annotated[int, Field(ge=1)] = 1
    memory: Annotated[str, Field(pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$")] = "4GB"
    gpus: Annotated[int, Field(ge=0)] = 0
    partition: Name | None = None
    account: Name | None = None
    walltime: Annotated[str, Field(pattern=r"^(\d+-)?\d+(:\d\d){0,2}$")] | None = None
    interface: Name | None = None
    directives: Annotated[str, Field(pattern=r"^--?[^\r\n]+$")] | None = None

    @model_validator(mode="after")
    def _keys_of_this_executor(self) -> "ExecutorSpec":
        owners: dict[str, Any] = dict.fromkeys(_ONLY_LOCAL_OR_DASK, ("local", "dask"))
        owners |= dict.fromkeys(_ONLY_DASK, ("dask",)) | dict.fromkeys(_ONLY_SLURM, ("slurm",))
        for name in self.keys:
            if name in self.model_fields_set and self.executor not in owners.get(name, (self.executor,)):
                raise Li2Error(
                    f"{name}={getattr(self, name)} is a key of executor={' or '.join(owners[name])}, "
                    f"not of executor={self.executor}; leave out one."
                )
        if self.scheduler is not None and self.workers is not None:
            raise Li2Error(
                f"workers={self.workers} starts a cluster here, but scheduler={self.scheduler} has workers of its own; "
                "leave out one."
            )
        return self
