"""A dask scheduler and workers as processes of their own, for tests."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


class Workers:
    """A dask scheduler and its workers, each a process without a nanny that would start it again."""

    def __init__(self, directory: Path, number: int) -> None:
        self._directory = directory
        self._file = directory / "scheduler.json"
        self._environment = os.environ | {
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0",
            "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": "[]",
        }
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start(
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            "--idle-timeout",
            "120",
        )
        until(lambda: self._file.exists() and self._file.read_text().endswith("}"))
        self.address = str(json.loads(self._file.read_text())["address"])
        self.processes = [self.add() for _ in range(number)]

    def _start(self, kind: str, *options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--scheduler-file", str(self._file), *options]
        with (self._directory / f"{kind}.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=self._directory, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )

    def add(self) -> "subprocess.Popen[bytes]":
        return self._start("worker", "--no-nanny", "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1")

    def end(self) -> None:
        for process in (*self.processes, self.scheduler):
            process.kill()
            process.wait()
