"""The page of a sweep, made from stores that are filled without training."""

import base64
import io
import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from li2.report.sweep_critical import critical_ratios
from li2.report.sweep_data import thinned
from li2.report.sweep_figures import collapse, phase_diagrams
from li2.report.sweep_laws import PUBLISHED, Critical
from li2.report.sweep_page import write_sweep_report
from li2.report.sweep_states import continued, end_states, grokking_times
from li2.report.sweep_table import STATES, SweepTable
from li2.specs import EndState, Outcome, RunSpec, StageBoundary, Trained, Untrained
from li2.specs.outcome import STAGES
from li2.specs.plan import PlannedRun
from li2.specs.trained import Facts
from li2.sweeps.store import Store


def made_metrics(epochs: int, risen: int | None, final: float) -> bytes:
    """Curves of 30 measured epochs whose test accuracy rises at one of them."""
    epoch = np.unique(np.linspace(0, epochs, 30).astype(int))
    rise = 1 / (1 + np.exp(np.clip(((risen or 2 * epochs) - epoch) / 40.0, -50, 50)))
    table = pa.table(
        {
            "epoch": epoch,
            "train_accuracy": np.minimum(1.0, epoch / 50 + 0.02),
            "test_accuracy": final * rise,
            "train_loss": np.exp(-epoch / 200.0),
            "test_loss": 1 - 0.9 * rise,
        }
    )
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_table(table)
    return sink.getvalue()


def made_result(
    run: PlannedRun,
    accuracy: float | None,
    *,
    order: int = 11,
    dimension: int | None = 1,
    state: EndState | None = None,
    epoch: int | None = 200,
    seconds: float = 3.6,
) -> Trained:
    """A result of such a final test accuracy; by default it generalised if that is 0.99 or more, at this epoch."""
    spec = run.spec
    state = state or (EndState.GENERALISED if accuracy is not None and accuracy >= 0.99 else EndState.LEARNING)
    reached = epoch if state == EndState.GENERALISED else None
    half = reached // 2 if reached is not None else None
    tuples = order**spec.operands
    size = spec.train_size or round((spec.train_fraction or 0.4) * tuples)
    outcome = Outcome(
        status=state,
        epochs=spec.epochs,
        first_epoch={"train_accuracy_1": 50, "test_accuracy_50": half, "test_accuracy_99": reached},
        final={"train_loss": 0.01, "train_accuracy": 1.0, "test_loss": 0.2, "test_accuracy": accuracy},
        gradient_norm_peak={"epoch": 5, "value": 1.5},
        stages=tuple(StageBoundary(name, reached if name == "generalised" else None, "made up") for name in STAGES),
        irreps_covered=None,
        irreps_total=None,
        interrupted=False,
        seconds=seconds,
    )
    metrics = made_metrics(spec.epochs, reached, accuracy or 0.0)
    return Trained(
        run.key,
        Facts(order, dimension, size, tuples - size),
        outcome,
        metrics,
        None,
        b"weights" if run.keep_weights else None,
        "9.9.9",
    )


def filled(directory: Path, results: Iterable[tuple[PlannedRun, Trained | str | None]], **plan: str) -> Store:
    """A store with these runs: done, failed with a reason, or still planned."""
    store = Store.create(directory, {"kind": "sweep", **plan})
    results = list(results)
    store.add(run for run, _ in results)
    for later in (False, True):  # runs that continue others can start when those have ended
        ended = [(run, result) for run, result in results if (run.parent is not None) == later and result is not None]
        store.start([run.key for run, _ in ended], "here")
        store.finish(result for _, result in ended if isinstance(result, Trained))
        store.fail(Untrained(run.key, result) for run, result in ended if isinstance(result, str))
    return store


class Parsed(HTMLParser):
    """Addresses that a page loads or links to, its ids, the texts of its scripts, its tags that are open at the end."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.ids: list[str] = []
        self.scripts: dict[str, str] = {}
        self.tags: list[str] = []
        self._open: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attributes)
        self.loaded += [str(values[name]) for name in ("src", "href") if name in values]
        if values.get("id"):
            self.ids.append(str(values["id"]))
        if tag == "script":
            self._open = values.get("id") or f"script-{len(self.scripts)}"
            self.scripts[self._open] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._open = None

    def handle_data(self, data: str) -> None:
        if self._open is not None:
            self.scripts[self._open] += data


def page_of(store: Store, directory: Path) -> tuple[str, Parsed, dict[str, Any]]:
    """The page without Plotly's own code, its parts, and the data of its script."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("li2.report.templates.get_plotlyjs", lambda: "")
        page = write_sweep_report(store, directory).read_text(encoding="utf-8")
    parsed = Parsed(page)
    return page, parsed, json.loads(parsed.scripts["sweep-data"])


def unpacked(column: dict[str, Any], rows: int) -> list[Any]:
    """What the page's script reads of a column."""
    if "a" in column:
        return column["a"]
    return [column["v"][position] for position in column.get("c", [0] * rows)]


GROUPS = {"cyclic:11": (11, 1), "cyclic:13": (13, 1), "dihedral:6": (12, 2), "dihedral:9": (18, 2)}


def phase_runs(seeds: int = 3) -> Iterator[tuple[PlannedRun, Trained | str | None]]:
    """Four groups on five ratios, generalising from about 2·ln M/M on, with one run that failed and one to come."""
    noise = np.random.default_rng(0)
    for group, (order, dimension) in GROUPS.items():
        for ratio in (0.2, 0.3, 0.4, 0.5, 0.6):
            for seed in range(seeds):
                run = PlannedRun(RunSpec(group=group, train_fraction=ratio, seed=seed, epochs=400))
                rise = (ratio - 2 * math.log(order) / order) / 0.05 + noise.normal()
                accuracy = 1.0 if rise > 1 else float(1 / (1 + math.exp(-rise)))
                result: Trained | str | None = made_result(run, accuracy, order=order, dimension=dimension)
                if (group, ratio, seed) == ("cyclic:11", 0.2, 0):
                    result = "killed twice <b>"
                if (group, ratio, seed) == ("cyclic:13", 0.2, 0):
                    result = None
                yield run, result


@pytest.fixture(scope="module")
def phase(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, Path]:
    directory = tmp_path_factory.mktemp("phase")
    return filled(directory, phase_runs(), name="A phase diagram"), directory


def test_the_page_holds_every_run_and_loads_nothing(phase: tuple[Store, Path]) -> None:
    store, directory = phase
    page, parsed, data = page_of(store, directory)
    table = store.table()
    rows = len(table)
    assert (directory / "report.html").is_file()
    assert not [address for address in parsed.loaded if not address.startswith("#")]
    assert len(parsed.ids) == len(set(parsed.ids))
    assert unpacked(data["columns"]["key"], rows) == [key[:16] for key in table["key"]]
    assert "60 runs: 58 done, 1 failed, 1 planned." in page
    assert f"li2 sweep resume {directory}" in page
    assert "killed twice &lt;b&gt;" in page
    for name in ("test_accuracy", "n", "generalised_epoch", "ratio"):
        packed = unpacked(data["columns"][name], rows)
        for shown, stored in zip(packed, table[name], strict=True):
            assert shown is None if pd.isna(stored) else shown == pytest.approx(float(stored), rel=1e-5)


def test_commands_are_those_of_the_specifications(tmp_path: Path) -> None:
    specs = [
        RunSpec(group="expression:x**2 + y mod 7", lr=3e-3, epochs=50),
        RunSpec(group="cyclic:7", train_size=20, activation="1*x+0.5*x**2", epochs=50),
        RunSpec(),
    ]
    runs = [PlannedRun(spec) for spec in specs]
    store = filled(tmp_path, [(run, made_result(run, 0.5, order=7, dimension=None)) for run in runs])
    data = page_of(store, tmp_path)[2]
    words = [unpacked(column, len(runs)) for column in data["words"]]
    for row, spec in enumerate(specs):
        assert " ".join(["li2 run", *(column[row] for column in words if column[row])]) == spec.command()


def test_curves_are_what_was_stored(tmp_path: Path) -> None:
    run = PlannedRun(RunSpec(epochs=300))
    store = filled(tmp_path, [(run, made_result(run, 1.0))])
    packed = page_of(store, tmp_path)[2]["curves"]
    stored = store.metrics(run.key)
    grid, codes = packed["runs"]["0"]
    assert packed["epochs"][grid] == stored["epoch"].tolist()
    numbers = np.frombuffer(base64.b64decode(codes), "<u2").reshape(4, -1) / 65534
    low, high = packed["decades"]
    np.testing.assert_allclose(numbers[0], stored["train_accuracy"], atol=1e-5)
    np.testing.assert_allclose(numbers[1], stored["test_accuracy"], atol=1e-5)
    np.testing.assert_allclose(10 ** (low + numbers[2] * (high - low)), stored["train_loss"], rtol=1e-3)


def test_long_curves_are_thinned_out_with_their_ends() -> None:
    for length in (1, 59, 60, 61, 3000, 100_000):
        positions = thinned(length)
        assert len(positions) <= 60
        assert (positions[0], positions[-1]) == (0, length - 1)
        assert list(positions) == sorted(set(positions))


def test_phase_diagram_is_the_median_over_seeds(phase: tuple[Store, Path]) -> None:
    store, _ = phase
    table = store.table()
    drawing = phase_diagrams(SweepTable.of(table))
    assert drawing is not None
    assert [caption for caption, _ in drawing.figures] == ["cyclic groups", "dihedral groups"]
    for caption, figure in drawing.figures:
        grid = figure.data[0]
        groups = [name for name in GROUPS if name.startswith(caption.split()[0])]
        for column, group in enumerate(groups):
            for row, ratio in enumerate(grid.y):
                mask = (table["group"] == group) & (table["train_fraction"] == ratio) & (table["status"] == "done")
                of_cell = table[mask]
                assert grid.z[row][column] == pytest.approx(np.median(of_cell["test_accuracy"]))
                assert list(grid.customdata[row][column]) == of_cell.index.tolist()


def test_the_published_law_is_drawn_where_it_lies(phase: tuple[Store, Path]) -> None:
    drawing = phase_diagrams(SweepTable.of(phase[0].table()))
    assert drawing is not None
    for (_, figure), orders in zip(drawing.figures, ((11, 13), (12, 18)), strict=True):
        line = next(trace for trace in figure.data if trace.name and trace.name.startswith("published"))
        assert list(line.y) == pytest.approx([2.7482 * math.log(order) / order for order in orders])
    assert PUBLISHED.ratio(24, 3) == pytest.approx(1.5 * 2.7482 * math.log(24) / 24)


def test_brackets_equal_those_of_brute_force(phase: tuple[Store, Path]) -> None:
    sweep = SweepTable.of(phase[0].table())
    critical = Critical.of(sweep.fresh)
    assert len(critical.crossings) == len(GROUPS) * 3
    for crossing, rows in critical.crossings:
        general, failing = [], []
        for row in sweep.fresh.to_dict("records"):
            if (row["group"], row["seed"]) == (crossing.group, crossing.seed):
                (general if row["end_state"] == "generalised" else failing).append(row["n"])
        assert crossing.high == min(general, default=None)
        assert crossing.low == max((n for n in failing if not general or n < min(general)), default=None)
        assert crossing.runs == len(rows) == len(general) + len(failing)
    assert critical_ratios(sweep) is not None


def test_collapse_divides_by_the_law(phase: tuple[Store, Path]) -> None:
    drawing = collapse(SweepTable.of(phase[0].table()))
    assert drawing is not None
    line = next(trace for trace in drawing.figures[0][1].data if trace.name == "dihedral:9")
    assert list(line.x) == pytest.approx([p * 18 / math.log(18) for p in (0.2, 0.3, 0.4, 0.5, 0.6)])


def hyper_runs() -> Iterator[tuple[PlannedRun, Trained | str | None]]:
    """Learning rate and weight decay on one group; epochs to generalise 2/weight_decay; some are continued."""
    for lr in (1e-3, 1e-2, 1.0):
        for decay in (1e-4, 1e-3, 1e-2):
            for seed in range(3):
                spec = RunSpec(group="cyclic:11", lr=lr, weight_decay=decay, seed=seed, epochs=30_000, diagnose="off")
                run = PlannedRun(spec, keep_weights=True)
                if lr == 1.0:
                    yield run, made_result(run, None, state=EndState.DIVERGED)
                    continue
                yield run, made_result(run, 1.0, epoch=round(2 / decay))
                if (lr, decay) == (1e-3, 1e-4):
                    for ratio in (0.1, 0.3):
                        child = PlannedRun(spec.with_changes(train_fraction=ratio), parent=run.key)
                        yield child, made_result(child, 0.25 if ratio == 0.1 else 1.0)


def test_end_states_times_and_continuations(tmp_path: Path) -> None:
    store = filled(tmp_path, hyper_runs())
    sweep = SweepTable.of(store.table())
    assert sweep.axes == ("lr", "weight_decay")
    states = end_states(sweep)
    assert states is not None
    shares, _, grid = (figure for _, figure in states.figures)
    by_name = {trace.name: list(trace.y) for trace in shares.data}
    assert by_name == {"generalised": [1, 1, 0], "diverged": [0, 0, 1]}
    assert [row[2] for row in grid.data[0].z] == [STATES.index("diverged") + 0.5] * 3
    times = grokking_times(sweep)
    assert times is not None
    decay = times.figures[1][1]
    line = next(trace for trace in decay.data if trace.mode == "lines" and trace.showlegend)
    assert list(line.y) == [20_000, 2_000, 200]
    assert "exponent -1.00" in line.name
    second = continued(sweep)
    assert second is not None
    before, after = (trace for trace in second.figures[0][1].data if trace.mode == "lines")
    assert (list(before.y), list(after.y)) == ([1, 1], [0.25, 1])
    data = page_of(store, tmp_path)[2]
    parents = unpacked(data["columns"]["parent"], len(sweep.runs))
    keys = sweep.runs["key"].tolist()
    assert [None if row is None else keys[row] for row in parents] == [
        None if pd.isna(parent) else parent for parent in sweep.runs["parent"]
    ]
    mates = unpacked(data["columns"]["mates"], len(keys))
    assert len(set(mates)) == 9 + 2
    assert set(Counter(mates).values()) == {3}


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = "</script><script>alert(1)</script>&\"'"
    runs = [PlannedRun(RunSpec(group="cyclic:7", train_fraction=p)) for p in (0.3, 0.5)]
    runs += [PlannedRun(RunSpec(group="cyclic:5", train_fraction=p)) for p in (0.3, 0.5)]
    store = filled(tmp_path, [(run, made_result(run, 0.5, order=7)) for run in runs], name=name, description=name)
    real = store.table
    table = real().assign(group=lambda frame: frame["group"].where(frame["group"] != "cyclic:7", f"file:{name}.csv"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "table", lambda self: table.assign(reason=name))
        page, parsed, data = page_of(store, tmp_path)
    assert "<script>alert" not in page
    assert parsed.tags.count("script") == page.count("<script")
    assert f"file:{name}.csv" in unpacked(data["columns"]["group"], 4)
    figure = phase_diagrams(SweepTable.of(table.assign(group=[f"cyclic:{name}{i // 2}" for i in range(4)])))
    assert figure is not None
    assert "<script>" not in figure.figures[0][1].data[0].text[0][0]


def nothing() -> list[tuple[PlannedRun, Trained | str | None]]:
    return []


def one_run() -> list[tuple[PlannedRun, Trained | str | None]]:
    run = PlannedRun(RunSpec(epochs=100))
    return [(run, made_result(run, 0.3, order=71))]


def only_planned() -> list[tuple[PlannedRun, Trained | str | None]]:
    return [(PlannedRun(RunSpec(seed=seed)), None) for seed in range(3)]


def only_failed() -> list[tuple[PlannedRun, Trained | str | None]]:
    return [(PlannedRun(RunSpec(seed=seed, lr=lr)), "no memory") for seed in range(2) for lr in (0.1, 0.2)]


@pytest.mark.parametrize(
    ("runs", "sentence"),
    [
        (nothing(), "No run is planned yet."),
        (one_run(), "1 run: 1 done. Of those done, 1 learning."),
        (only_planned(), "3 runs: 0 done, 3 planned."),
        (only_failed(), "4 runs: 0 done, 4 failed."),
    ],
)
def test_pages_of_sweeps_with_little(
    runs: list[tuple[PlannedRun, Trained | str | None]], sentence: str, tmp_path: Path
) -> None:
    page, _, data = page_of(filled(tmp_path, runs), tmp_path)
    assert sentence in page
    assert data["runs"] == len(runs)
