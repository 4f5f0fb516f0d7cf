"""A run's directory: what lies where, written so that nothing is ever half there.

===========================  ==================================================================
spec.json                    the specification, the version that made it, its command
train_index.npy              the training pairs a·M + b; of k operands, tuples Σ aᵢ·M^(k−i)
test_index.npy               the test pairs; absent where all tuples but those trained on are tested, never held
table.npy, generators.npy    the operation table of the task; generators, if it is a group; a polynomial in more
                             than two operands has no table, and the specification says it
metrics.parquet              a row per epoch
diagnosis.parquet            a row per diagnosed epoch
nodes.parquet                a row per diagnosed epoch and node
irreps.parquet               a row per diagnosed epoch and irrep
layers.parquet               of deeper networks, a row per diagnosed epoch and hidden layer
course.parquet, flow.parquet the lazy stage's predicted course: own optimiser; gradient flow
weights/epoch-….safetensors  W, V and other weights at the diagnosed epochs
checkpoint.safetensors       the position to go on from
result.json                  the outcome
report.html                  the report
===========================  ==================================================================
"""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save

from li2.errors import Li2Error
from li2.files import put_in_place
from li2.models import Weights
from li2.runs.record import Record
from li2.runs.version import version
from li2.specs import Outcome, RunSpec
from li2.tasks import Complement, Split, Task, build_task, task_from_table
from li2.training import Position

TABLES = ("metrics", "diagnosis", "nodes", "irreps", "layers", "course", "flow")


def new_directory(out: Path | None, spec: RunSpec) -> Path:
    """Where a new run goes: ``out``, or a fresh ``runs/<group>-<time>-<hash>``.

    Raises:
        Li2Error: if ``out`` exists and is not an empty directory.
    """
    if out is not None:
        if out.is_dir() and (out / "spec.json").exists():
            raise Li2Error(f"{out} already holds a run; choose another --out, or go on with --resume {out}.")
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise Li2Error(f"{out} exists and is not an empty directory; choose another --out.")
        return out
    group = "".join(c if c.isalnum() else "-" for c in Path(spec.group).name).strip("-")[:40]
    stem = f"{group}-{time.strftime('%Y%m%d-%H%M%S')}-{spec.digest()[:6]}"
    number, path = 1, Path("runs") / stem
    while path.exists():
        number += 1
        path = Path("runs") / f"{stem}-{number}"
    return path


class RunDirectory:
    """Reads and writes the files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, spec: RunSpec, task: Task, split: Split, position: Position) -> "RunDirectory":
        """Make the directory and write what defines the run; raises Li2Error if that is not possible."""
        directory = cls(path)
        try:
            (path / "weights").mkdir(parents=True, exist_ok=True)
            np.save(path / "train_index.npy", split.train)
            if not isinstance(split.test, Complement):
                np.save(path / "test_index.npy", split.test)
            if task.table is not None:
                np.save(path / "table.npy", task.table)
            np.save(path / "generators.npy", np.array(task.group.generators if task.group else (), dtype=np.int64))
            directory.write_checkpoint(position, seconds=0.0)
            directory.write_spec(spec)
        except OSError as error:
            raise Li2Error(f"cannot write to {path}: {error.strerror or error}.") from error
        return directory

    @classmethod
    def open(cls, path: Path) -> "RunDirectory":
        """An existing run's directory; raises Li2Error if there is none."""
        if not (path / "spec.json").is_file():
            raise Li2Error(f"{path} does not hold a run (no spec.json in it).")
        return cls(path)

    def write_spec(self, spec: RunSpec) -> None:
        """Write the specification."""
        values = {
            "spec": spec.explicit(),
            "command": spec.command(),
            "li2": version(),
            "torch": torch.__version__,
        }
        self.write_json("spec.json", values)

    def spec(self) -> RunSpec:
        """The specification."""
        return self._read("spec.json", lambda file: RunSpec(**_json(file)["spec"]))

    def task(self) -> Task:
        """The task, from the table that was kept if it has one."""
        spec = self.spec()
        if not (self.path / "table.npy").exists():
            return build_task(spec.group, spec.operands)
        generators = self._read("generators.npy", _array).tolist()
        return task_from_table(spec.group, self._read("table.npy", _array), generators, spec.operands)

    def split(self) -> Split:
        """The split, in the order in which it was drawn (sums over it round by order)."""
        train = self._read("train_index.npy", _array)
        if not (self.path / "test_index.npy").exists():
            return Split(train, Complement(self.task().size, train))
        return Split(train, self._read("test_index.npy", _array))

    def write_record(self, record: Record) -> None:
        """Write the tables that a record holds."""
        self.write_table("metrics", record.metrics_table())
        self.write_table("diagnosis", record.diagnosis_table())
        for name, tables in (("nodes", record.nodes), ("irreps", record.irreps), ("layers", record.layers)):
            self.write_table(name, pd.concat(tables, ignore_index=True) if tables else pd.DataFrame())

    def read_record(self, seconds: float) -> Record:
        """The record that was written."""
        metrics, diagnosis, nodes, irreps, layers = (self.read_table(name) for name in TABLES[:5])
        return Record(
            metrics=_rows(metrics),
            diagnosis=_rows(diagnosis),
            nodes=[part for _, part in nodes.groupby("epoch")] if len(nodes) else [],
            irreps=[part for _, part in irreps.groupby("epoch")] if len(irreps) else [],
            layers=[part.copy() for _, part in layers.groupby("epoch")] if len(layers) else [],
            seconds=seconds,
        )

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as Parquet."""
        self._write(f"{name}.parquet", lambda file: table.to_parquet(file, index=False))

    def read_table(self, name: str) -> pd.DataFrame:
        """A table; empty if it was never written."""
        if not (self.path / f"{name}.parquet").exists():
            return pd.DataFrame()
        return self._read(f"{name}.parquet", pd.read_parquet)

    def write_weights(self, epoch: int, weights: Weights) -> None:
        """Keep the weights of a diagnosed epoch."""
        tensors = {name: tensor.cpu() for name, tensor in weights.named().items()}
        self._write(f"weights/epoch-{epoch:06d}.safetensors", lambda file: file.write_bytes(save(tensors)))

    def weight_epochs(self) -> list[int]:
        """The epochs whose weights were kept, ascending."""
        return sorted(int(file.stem.split("-")[1]) for file in (self.path / "weights").glob("epoch-*.safetensors"))

    def weights(self, epoch: int) -> Weights:
        """The weights at a diagnosed epoch; raises Li2Error if they were not kept."""
        if epoch not in self.weight_epochs():
            raise Li2Error(f"{self.path} keeps no weights of epoch {epoch}; kept are {self.weight_epochs()}.")
        tensors = self._read_tensors(f"weights/epoch-{epoch:06d}.safetensors")
        return Weights.of(tensors)

    def forget_weights(self, kept: Iterable[int]) -> None:
        """Remove weights of all epochs but these."""
        for epoch in set(self.weight_epochs()) - set(kept):
            (self.path / f"weights/epoch-{epoch:06d}.safetensors").unlink()

    def write_checkpoint(self, position: Position, seconds: float) -> None:
        """Keep the position to go on from."""
        tensors = {f"weights.{name}": tensor for name, tensor in position.weights.named().items()}
        if position.previous is not None:
            tensors |= {f"previous.{name}": tensor for name, tensor in position.previous.named().items()}
        for name, buffers in position.optimizer.items():
            tensors |= {f"optimizer.{name}.{number}": tensor for number, tensor in enumerate(buffers)}
        tensors = {name: tensor.cpu() for name, tensor in tensors.items()}
        metadata = {"epoch": str(position.epoch), "seconds": repr(seconds)}
        self._write("checkpoint.safetensors", lambda file: file.write_bytes(save(tensors, metadata)))

    def checkpoint(self, device: torch.device) -> tuple[Position, float]:
        """The position to go on from and the seconds spent; raises Li2Error if there is none."""
        if not (self.path / "checkpoint.safetensors").exists():
            raise Li2Error(f"{self.path} holds no checkpoint to go on from; start the run anew.")
        tensors = self._read_tensors("checkpoint.safetensors", device)
        with safe_open(self.path / "checkpoint.safetensors", framework="pt") as file:
            metadata = file.metadata()
        optimizer: dict[str, list[torch.Tensor]] = {}
        buffers = (name.split(".")[1:] for name in tensors if name.startswith("optimizer."))
        for kind, number in sorted(buffers, key=lambda parts: (parts[0], int(parts[1]))):
            optimizer.setdefault(kind, []).append(tensors[f"optimizer.{kind}.{number}"])
        weights, previous = (_below(tensors, part) for part in ("weights", "previous"))
        before = Weights.of(previous) if previous else None
        return Position(int(metadata["epoch"]), Weights.of(weights), before, optimizer), float(metadata["seconds"])

    def write_outcome(self, outcome: Outcome, not_applicable: dict[str, str]) -> None:
        """Write the outcome, with what of the diagnosis did not apply and why."""
        self.write_json("result.json", {**outcome.as_json(), "not_applicable": not_applicable})

    def outcome(self) -> Outcome:
        """The outcome; raises Li2Error if the run has not written one."""
        return self._read("result.json", lambda file: Outcome.from_json(_json(file)))

    def forget_outcome(self) -> None:
        """Remove the outcome of a run that is taken up again, until it has a new one."""
        (self.path / "result.json").unlink(missing_ok=True)

    def write_json(self, name: str, values: dict[str, Any]) -> None:
        """Write a JSON file."""
        self.write_text(name, json.dumps(values, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Write a text file."""
        self._write(name, lambda file: file.write_text(text, encoding="utf-8"))

    def read_json(self, name: str) -> dict[str, Any]:
        """The values of a JSON file; raises Li2Error."""
        return self._read(name, _json)

    def _write(self, name: str, write: Callable[[Path], Any]) -> None:
        put_in_place(self.path / name, write)

    def _read_tensors(self, name: str, device: torch.device | None = None) -> dict[str, torch.Tensor]:
        """Tensors in memory of their own: products round by alignment, which a mapped file does not keep."""
        tensors = self._read(name, load_file)
        return {name: tensor.clone().to(device or "cpu") for name, tensor in tensors.items()}

    def _read(self, name: str, read: Callable[[Path], Any]) -> Any:
        file = self.path / name
        try:
            return read(file)
        except (OSError, ValueError, KeyError, TypeError, EOFError, SafetensorError) as error:
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or "damaged"
            raise Li2Error(f"cannot read {file}: {reason}.") from error


def _below(tensors: dict[str, torch.Tensor], part: str) -> dict[str, torch.Tensor]:
    """Those whose names begin with a part and a dot, by the rest of their names."""
    return {name.removeprefix(f"{part}."): tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")}


def _json(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _array(file: Path) -> Any:
    return np.load(file, allow_pickle=False)


def _rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]
