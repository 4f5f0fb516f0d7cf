"""One run: set up, train and diagnose, keep on disk, take up again, load."""

from li2.runs.execute import resume, start
from li2.runs.figures import EPOCH_FIGURES
from li2.runs.many import Failure, start_many
from li2.runs.member import Progress
from li2.runs.result import RunResult, load
from li2.runs.store import RunDirectory, new_directory

__all__ = [
    "EPOCH_FIGURES",
    "Failure",
    "Progress",
    "RunDirectory",
    "RunResult",
    "load",
    "new_directory",
    "resume",
    "start",
    "start_many",
]
