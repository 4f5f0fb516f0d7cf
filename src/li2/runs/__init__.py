"""One run: set up, train and diagnose, keep on disk, take up again, load."""

from li2.runs.assignments import train_assignments
from li2.runs.execute import resume, start
from li2.runs.figures import EPOCH_FIGURES
from li2.runs.interrupt import StopRequest, ignored, stop_on_signal
from li2.runs.many import Failure, start_many
from li2.runs.member import Progress
from li2.runs.packing import bytes_needed, packs_for, seconds_on_one_core, usable_cores
from li2.runs.result import RunResult, load
from li2.runs.store import RunDirectory, new_directory
from li2.runs.version import code_version

__all__ = [
    "EPOCH_FIGURES",
    "Failure",
    "Progress",
    "RunDirectory",
    "RunResult",
    "StopRequest",
    "bytes_needed",
    "code_version",
    "ignored",
    "load",
    "new_directory",
    "packs_for",
    "resume",
    "seconds_on_one_core",
    "start",
    "start_many",
    "stop_on_signal",
    "train_assignments",
    "usable_cores",
]
