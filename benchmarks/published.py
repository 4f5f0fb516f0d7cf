"""One epoch of the published trainer beside one of ours, from the same weights on the same pairs.

    python benchmarks/published.py --published PATH [--epochs E] [--threads T] [--cpu-time] [--whole-run]

PATH is a checkout of https://github.com/yuandong-tian/understanding (CC BY-NC: nothing of it is part of li2), its root
or its folder ssl/real-dataset/cogo. ``modular_addition_simple2.py`` is loaded from there as it is, and its own ``main``
trains; its statistics at every epoch, the products FᵀF (K × K) and FFᵀ (n × n) among them, are part of what it does.
It is supplied with what it needs to start on a CPU and in li2's environment, and with nothing else:

- ``.cuda()`` of tensors and modules moves to the device that is asked for; it is called when the script is imported.
- ``hydra``: ``hydra.main`` returns the function as it is. The configuration is the script's own config/dyn_madd.yaml
  with the values of :func:`configuration` in place, where Hydra would take them from the command line.
- ``common_utils``: ``print_info``, which the repository's package of that name lacks, returns an empty text;
  ``set_all_seeds`` seeds torch. That package itself imports further packages.
- ``sklearn.model_selection.train_test_split``: the same split, by :func:`li2.tasks.sklearn_split`.
- ``StatsTracker``, of which main makes one and tells it each epoch's number, is extended: an epoch's end is noticed
  there, our own epoch is run and timed between two of its epochs, and nothing is saved at the end.

No snapshots are saved (``save_interval: null``; the script's configuration saves one at each of the first 200 epochs),
and its log messages go nowhere. Epochs of both alternate, and ratios are medians over such pairs. Ours have the metrics
of every epoch; ``--whole-run`` also times a whole run at the default schedule, with its diagnosis and records but
without its report, and gives its time by the epoch.

What both have measured at each epoch is compared; the differences printed are the largest over all epochs. (The
published norm is summed in float32, which has been seen to cost it the fifth digit.)
"""

import argparse
import contextlib
import importlib.util
import io
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple
from unittest import mock

import torch
import yaml

from li2 import RunSpec
from li2.models import Weights
from li2.runs import start
from li2.runs.setup import Setup
from li2.tasks import build_split, build_task, sklearn_split
from li2.training import Training

CASES = [(23, 256, 211), (71, 256, 2016), (71, 2048, 2016)]
"""(M, K, n)."""

LR, DECAY, SEED = 1e-3, 2e-4, 0
"""Of figure 3: Adam with weight decay 2e-4; its learning rate is not stated."""

COGO = Path("ssl/real-dataset/cogo")
SCRIPT, CONFIG = Path("modular_addition_simple2.py"), Path("config/dyn_madd.yaml")
BESIDE = ("modular_addition_load", "muon_opt")
"""Modules of the checkout that the script imports."""

SAME = {
    "train_loss": "train_loss",
    "train_acc": "train_accuracy",
    "test_loss": "test_loss",
    "test_acc": "test_accuracy",
    "dF_norm": "gradient_norm",
}
"""Figures of the published trainer and ours that are the same quantity."""

WARM_UP = 2
"""Epochs that are not timed."""


class NotPublished(ValueError):
    """The path is no checkout of the published trainer."""


class Epoch(NamedTuple):
    """One epoch of the published trainer: how long it took, and what it recorded of itself."""

    seconds: float
    figures: dict[str, float]


def checkout(path: Path) -> Path:
    """The folder with the published script, which is the path or lies in it.

    Raises:
        NotPublished: if there is none, or a file that the script needs is not beside it.
    """
    needed = (SCRIPT, CONFIG, *(Path(f"{name}.py") for name in BESIDE))
    for folder in (path, path / COGO):
        if (folder / SCRIPT).is_file():
            missing = [str(file) for file in needed if not (folder / file).is_file()]
            if missing:
                raise NotPublished(f"{folder} lacks {', '.join(missing)}, which {SCRIPT} needs.")
            return folder
    raise NotPublished(
        f"{path} holds neither {SCRIPT} nor {COGO / SCRIPT}; give a checkout of github.com/yuandong-tian/understanding."
    )


def configuration(folder: Path, M: int, K: int, n: int, epochs: int) -> SimpleNamespace:
    """The script's own configuration with the values of figure 3; sizes and the number of epochs are as given."""
    values = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
    values |= {"M": str(M), "hidden_size": K, "test_size": M * M - n, "num_epochs": epochs, "seed": SEED}
    values |= {"learning_rate": LR, "weight_decay": DECAY, "loss_func": "mse", "activation": "sqr", "optim": "adam"}
    return SimpleNamespace(**values | {"save_interval": None})


def published_epochs(
    path: Path,
    M: int,
    K: int,
    n: int,
    epochs: int,
    between: Callable[[Weights], object] = lambda weights: None,
    device: str = "cpu",
    clock: Callable[[], float] = time.perf_counter,
) -> list[Epoch]:
    """Train with the published script.

    Args:
        path: a checkout of the repository, or its folder with the script.
        M: order of the cyclic group.
        K: width.
        n: number of training pairs.
        epochs: how many to train.
        between: called before each epoch, outside of what is timed, with the published network's current weights,
            W (2M, K) and V (K, M), which share its memory.
        device: where it is to train.
        clock: gives seconds; for a GPU it must wait until that has finished.

    Returns:
        each epoch, in order; its figures are those of the weights before its step.

    Raises:
        NotPublished: if the script is not there.
    """
    folder = checkout(path)
    done: list[Epoch] = []
    with _cuda_means(device) as moved:
        script = _load(folder)

        class Tracker(script.StatsTracker):
            begun: float | None = None

            def set_epoch(self, epoch: int) -> None:
                self.end_epoch()
                network = moved[-1]
                between(Weights(network.W.weight.detach().T, network.V.weight.detach().T))
                self.begun = clock()
                super().set_epoch(epoch)

            def end_epoch(self) -> None:
                if self.begun is not None:
                    done.append(Epoch(clock() - self.begun, dict(self.stats[self.epoch])))

            def save(self, filename: str) -> None:
                self.end_epoch()

        script.StatsTracker = Tracker
        with contextlib.redirect_stdout(io.StringIO()):
            script.main(configuration(folder, M, K, n, epochs))
    return done


@contextlib.contextmanager
def _cuda_means(device: str) -> Iterator[list[Any]]:
    """Within it ``.cuda()`` moves to another device; gives the modules that were moved, the network being the last."""
    moved: list[Any] = []

    def move(module: torch.nn.Module) -> torch.nn.Module:
        moved.append(module)
        return module.to(device)

    with (
        mock.patch.object(torch.Tensor, "cuda", lambda tensor: tensor.to(device)),
        mock.patch.object(torch.nn.Module, "cuda", move),
    ):
        yield moved


def _load(folder: Path) -> Any:
    """The script as a module; what it was supplied with, and what it imported from its folder, is forgotten again."""
    supplied: dict[str, dict[str, Any]] = {
        "hydra": {"main": lambda **_: lambda function: function},
        "common_utils": {"print_info": lambda _: "", "set_all_seeds": torch.manual_seed},
        "sklearn": {},
        "sklearn.model_selection": {"train_test_split": _train_test_split},
    }
    kept = {name: sys.modules.pop(name, None) for name in (*supplied, *BESIDE)}
    try:
        for name, contents in supplied.items():
            sys.modules[name] = ModuleType(name)
            vars(sys.modules[name]).update(contents)
        with (
            mock.patch.object(sys, "path", [str(folder), *sys.path]),
            mock.patch.object(sys, "dont_write_bytecode", True),
        ):
            spec = importlib.util.spec_from_file_location("published_trainer", folder / SCRIPT)
            assert spec is not None
            assert spec.loader is not None
            script = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(script)
    finally:
        for name, module in kept.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module
    script.log.handlers, script.log.propagate = [logging.NullHandler()], False
    return script


def _train_test_split(*arrays: torch.Tensor, test_size: int, random_state: int) -> list[torch.Tensor]:
    total = len(arrays[0])
    parts = [torch.from_numpy(part) for part in sklearn_split(total, total - test_size, random_state)]
    return [array[part] for array in arrays for part in parts]


def specification(M: int, K: int, n: int, device: str) -> RunSpec:
    """The same run for li2, but for its initial weights."""
    return RunSpec(
        group=f"cyclic:{M}", width=K, train_size=n, split="sklearn", seed=SEED, lr=LR, weight_decay=DECAY, device=device
    )


class Ours:
    """The same training by li2."""

    def __init__(self, weights: Weights, M: int, n: int) -> None:
        spec = specification(M, weights.W.shape[1], n, weights.W.device.type)
        task = build_task(spec.group)
        trainee = Setup.build(spec, task, build_split(task, spec)).trainee
        weights = weights.map(torch.Tensor.contiguous)
        self.training = Training([trainee], [trainee.start(weights)])

    def epoch(self) -> dict[str, float]:
        """Metrics and one step; the metrics are those before the step."""
        (metrics,) = self.training.measure()
        self.training.step()
        return metrics


class Pairs(NamedTuple):
    """Epochs of the published trainer and of ours that alternated, without those of the warm-up.

    Attributes:
        seconds: (published, ours) of each pair.
        differences: of each figure in :data:`SAME`, by our name: the largest difference over all epochs, relative for
            losses and norms, absolute for accuracies.
    """

    seconds: list[tuple[float, float]]
    differences: dict[str, float]


def paired_epochs(
    path: Path, M: int, K: int, n: int, epochs: int, device: str = "cpu", clock: Callable[[], float] = time.perf_counter
) -> Pairs:
    """Epochs of the published trainer and of ours in turn; see :func:`published_epochs`."""
    training: list[Ours] = []
    ours: list[Epoch] = []

    def one_of_ours(weights: Weights) -> None:
        if not training:
            training.append(Ours(weights, M, n))
        begun = clock()
        figures = training[0].epoch()
        ours.append(Epoch(clock() - begun, figures))

    theirs = published_epochs(path, M, K, n, WARM_UP + epochs, one_of_ours, device, clock)
    differences = {
        name: max(
            abs(a.figures[published] - b.figures[name]) / (1 if name.endswith("accuracy") else abs(b.figures[name]))
            for a, b in zip(theirs, ours, strict=True)
        )
        for published, name in SAME.items()
    }
    return Pairs([(a.seconds, b.seconds) for a, b in zip(theirs, ours, strict=True)][WARM_UP:], differences)


def run_seconds(M: int, K: int, n: int, device: str = "cpu", clock: Callable[[], float] = time.perf_counter) -> float:
    """A whole run of li2 at its default schedule, without its report: seconds by the epoch."""
    spec = specification(M, K, n, device)
    with tempfile.TemporaryDirectory() as folder:
        begun = clock()
        start(spec, Path(folder, "run"))
        return (clock() - begun) / spec.epochs


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description="One epoch of the published trainer beside one of ours.")
    parser.add_argument("--published", type=Path, required=True, metavar="PATH", help="a checkout of its repository")
    parser.add_argument("--epochs", type=int, default=8, help="pairs of epochs that are timed")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpu-time", action="store_true", help="time by the process's CPU time, not by the clock")
    parser.add_argument("--whole-run", action="store_true", help="also time whole runs of ours, diagnosis included")
    options = parser.parse_args()
    try:
        checkout(options.published)
    except NotPublished as error:
        print(f"published.py: {error}", file=sys.stderr)
        sys.exit(2)
    torch.set_num_threads(options.threads)
    clock = time.process_time if options.cpu_time else time.perf_counter
    whole = "  run/epochs ms  published/run" if options.whole_run else ""
    print(f"    M     K      n threads  published ms   li2 ms  published/li2{whole}  losses differ  norms  accuracies")
    for M, K, n in CASES:
        pairs = paired_epochs(options.published, M, K, n, options.epochs, clock=clock)
        theirs, ours = (1e3 * statistics.median(column) for column in zip(*pairs.seconds, strict=True))
        ratio = statistics.median(a / b for a, b in pairs.seconds)
        if options.whole_run:
            run = 1e3 * run_seconds(M, K, n, clock=clock)
            whole = f"{run:15.1f}{theirs / run:15.1f}"
        losses, accuracies = (
            max(value for name, value in pairs.differences.items() if name.endswith(kind))
            for kind in ("loss", "accuracy")
        )
        print(
            f"{M:5}{K:6}{n:7}{options.threads:8}{theirs:14.1f}{ours:9.2f}{ratio:15.1f}{whole}{losses:15.1e}"
            f"{pairs.differences['gradient_norm']:7.0e}{accuracies:12.1e}"
        )


if __name__ == "__main__":
    main()
