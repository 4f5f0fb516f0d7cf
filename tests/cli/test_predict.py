"""``li2 predict`` as a user types it: runs, boundaries, judged by trained ones, and mistakes."""

import json
from pathlib import Path
from typing import Any

import pytest

import li2
from li2.specs import Facts, PlannedRun, Trained
from li2.sweeps import Store, begin_boundary, begin_sweep, boundary_of

KEYS = ("width=64", "lr=0.005", "weight_decay=0.01", "accuracy_threshold=0.6", "device=cpu")
RUN = ("group=cyclic:11", "nodes=64", "stride=8", "subsets=2", *KEYS)


def ended(run: PlannedRun, order: int, least: int) -> Trained:
    """A made-up result: a run generalises at epoch 80 if it has so many training pairs."""
    size = run.spec.train_size
    assert size is not None
    general = size >= least
    final = {"train_loss": 0.01, "train_accuracy": 1.0, "test_loss": 0.2, "test_accuracy": float(general)}
    reached = {"train_accuracy_1": 20, "test_accuracy_50": None, "test_accuracy_99": 80 if general else None}
    outcome = li2.Outcome(
        status=li2.EndState.GENERALISED if general else li2.EndState.MEMORISED,
        epochs=run.spec.epochs,
        first_epoch=reached,
        final=final,
        gradient_norm_peak={"epoch": 5, "value": 1.5},
        stages=(),
        irreps_covered=None,
        irreps_total=None,
        interrupted=False,
        seconds=10.0,
    )
    return Trained(run.key, Facts(order, 1, size, order**2 - size), outcome, b"", None, None, "9.9.9")


def finish(store: Store, runs: list[PlannedRun], order: int, least: int) -> None:
    store.add(runs)
    store.start([run.key for run in runs], "here")
    store.finish(ended(run, order, least) for run in runs)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    words = ["group=cyclic:11", "train_size=60,100", "seed=range(0,2)", "epochs=120", *KEYS]
    plan = li2.Plan.from_words(words, None)
    with begin_sweep(tmp_path_factory.mktemp("sweep"), plan) as store:
        finish(store, list(plan.runs()), 11, 80)
        return store.directory


@pytest.fixture(scope="module")
def boundary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of which 42 of 49 pairs generalise, 41 do not."""
    values = {"groups": "cyclic:7", "lr": 0.01, "weight_decay": 0.005, "accuracy_threshold": 0.6}
    spec = li2.BoundarySpec(**values, width=64, epochs=100, seeds=2, device="cpu")
    return searched(tmp_path_factory.mktemp("boundary"), spec, 42)


def searched(directory: Path, spec: li2.BoundarySpec, least: int) -> Path:
    with begin_boundary(directory, spec) as store:
        search = boundary_of(store)
        assert search is not None
        while runs := search.propose(store.fates()):
            finish(store, runs, 7, least)
    return directory


def test_a_run_that_is_to_generalise(call: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, said, _ = call("predict", *RUN, "train_size=105", "epochs=100", "--json", "--out", str(out))
    assert code == 0
    values = json.loads(said)
    assert values["end_state"] == "generalised"
    assert values["advice"] == []
    assert values == json.loads((out / "prediction.json").read_text(encoding="utf-8"))
    page = (out / "prediction.html").read_text(encoding="utf-8")
    assert f"at about epoch {values['epochs']['generalised']['value']:,.0f}" in page
    forecast = li2.predict(li2.PredictionSpec(**dict(word.split("=") for word in RUN), train_size=105, epochs=100))
    assert forecast.as_json() | {"seconds": 0} == {k: v for k, v in values.items() if k != "advice"} | {"seconds": 0}


def test_a_run_that_is_not_to_generalise_is_told_what_to_change(call: Any) -> None:
    code, said, progress = call("predict", *RUN, "train_size=80", "epochs=60")
    assert code == 0
    assert said.startswith("It will generalise with probability 0 [0, ")
    assert "epochs foreseen" in progress
    assert "More data: train_size = 100 (1.25 times as much) would generalise" in said
    assert "More weight decay: not within a factor of 4." in said


def test_keys_may_come_from_a_file(call: Any, tmp_path: Path) -> None:
    config = tmp_path / "keys.toml"
    config.write_text('group = "cyclic:5"\nwidth = 16\nepochs = 8\nsubsets = 1\ntrain_fraction = 0.5\n')
    code, said, _ = call("predict", "--config", str(config), "train_size=20", "nodes=8", "--json", "--no-advice")
    assert code == 0
    assert "advice" not in json.loads(said)
    spec = json.loads(said)["spec"]
    assert (spec["group"], spec["train_size"], spec["nodes"]) == ("cyclic:5", 20, 8)
    assert "train_fraction" not in spec


def test_a_boundary_is_foreseen(call: Any, tmp_path: Path) -> None:
    words = ["predict", "boundary", "groups=cyclic:11", "nodes=64", "stride=8", "subsets=2", "epochs=100", *KEYS]
    code, said, _ = call(*words, "--json", "--out", str(tmp_path / "out"))
    assert code == 0
    (group,) = json.loads(said)["groups"]
    assert 60 < group["ratio"]["value"] * 121 < 110
    assert json.loads((tmp_path / "out" / "prediction.json").read_text())["groups"] == [group]
    assert "cyclic:11" in (tmp_path / "out" / "prediction.html").read_text(encoding="utf-8")


def test_a_boundary_is_judged_by_the_trained_one(call: Any, boundary: Path, tmp_path: Path) -> None:
    words = ["predict", "boundary", "--against", str(boundary), "subsets=1", "nodes=64", "stride=8"]
    code, said, _ = call(*words, "--out", str(tmp_path / "out"))
    assert code == 0
    values = json.loads((tmp_path / "out" / "prediction.json").read_text(encoding="utf-8"))
    assert values["runs"] == sum(row["runs"] for row in values["calibration"])
    assert values["trained_seconds"] == 10 * values["runs"]
    (group,) = values["groups"]
    assert 40.5 / 49 < group["trained"]["value"] < 42.5 / 49
    ratio = group["predicted"]["ratio"]["value"]
    assert group["error"] == pytest.approx(ratio / group["trained"]["value"] - 1)
    assert "p·M/ln M" in said.splitlines()[0]
    assert said.splitlines()[1].split()[:4] == ["cyclic:7", "7", "1", f"{ratio:.3f}"]
    page = (tmp_path / "out" / "prediction.html").read_text(encoding="utf-8")
    assert f"li2 predict boundary --against {boundary} subsets=1 nodes=64 stride=8" in page


def test_a_sweep_is_judged_setting_by_setting(call: Any, sweep: Path) -> None:
    code, said, progress = call("predict", "--against", str(sweep), "subsets=2", "nodes=64", "stride=8")
    assert code == 0
    lines = said.splitlines()
    assert lines[0].split()[:4] == ["group", "train_size", "runs", "generalised"]
    assert [line.split()[1:4] for line in lines[1:3]] == [["60", "2", "0"], ["100", "2", "2"]]
    assert "Brier score" in said
    assert "0/?  cyclic:11 on 60 tuples" in progress
    assert li2.score_predictions(sweep, nodes=64, stride=8, subsets=1).runs["seed"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["predict", "group=cyclic:7", "nodes=0"], "nodes='0' is not valid; nodes must be a whole number ≥ 1."),
        (["predict", "grop=cyclic:7"], "did you mean 'group'?"),
        (["predict", "group=cyclic:7", "loss=cross-entropy"], "no top layer in closed form"),
        (["predict", "group=nonsense:7", "epochs=5"], "nonsense"),
        (["predict", "boundary"], "groups is not given"),
        (["predict", "boundary", "seeds=3"], "seeds"),
        (["predict", "--against", "{sweep}", "lr=1"], "lr cannot be given with --against"),
        (["predict", "boundary", "--against", "{boundary}", "groups=cyclic:7"], "groups cannot be given with"),
        (["predict", "boundary", "--against", "{sweep}"], "holds a sweep, not a boundary"),
        (["predict", "--against", "{empty}"], "does not hold a sweep"),
        (["predict", "--against", "{untrained}"], "no run that has ended"),
        (["predict", "group=cyclic:7", "--out", "{sweep}"], "is not an empty directory"),
        (["predict", "--against", "{sweep}", "stride=x"], "stride must be a whole number"),
    ],
)
def test_a_mistake_gives_one_sentence_and_exit_code_2(
    call: Any, tmp_path: Path, sweep: Path, boundary: Path, words: list[str], sentence: str
) -> None:
    begin_sweep(tmp_path / "untrained", li2.Plan.from_words(["group=cyclic:5"], None)).close()
    places = {"sweep": sweep, "boundary": boundary, "empty": tmp_path, "untrained": tmp_path / "untrained"}
    code, out, complaint = call(*(word.format(**places) for word in words))
    assert (code, out) == (2, "")
    assert sentence in complaint
    assert complaint.startswith("li2: ")
    assert complaint.count("\n") == 1


def test_a_boundary_without_a_ratio_cannot_be_judged(call: Any, tmp_path: Path) -> None:
    store = searched(tmp_path / "store", li2.BoundarySpec(groups="cyclic:7", seeds=1, device="cpu"), 50)
    code, _, complaint = call("predict", "--against", str(store), "nodes=4")
    assert code == 2
    assert "no group whose critical ratio is known" in complaint


def test_an_interrupt_ends_with_130(call: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("li2.prediction.forecast.follow", interrupted)
    assert call("predict", "group=cyclic:5", "--out", str(tmp_path / "out"))[0] == 130
    assert not (tmp_path / "out").exists()


def test_nodes_climb_the_landscape(call: Any) -> None:
    words = ("predict", "landscape", "group=cyclic:7", "train_fraction=0.8", "subsets=2", "nodes=8", "steps=50")
    code, said, _ = call(*words, "--json")
    assert code == 0
    values = json.loads(said)
    assert [subset["n"] for subset in values["subsets"]] == [39, 39]
    assert values["purity"]["low"] <= values["purity"]["value"] <= values["purity"]["high"]
    code, said, _ = call(*words)
    assert code == 0
    assert f"a median purity of {round(values['purity']['value'], 2):g} [" in said
    assert len(said.splitlines()) == 4
    code, _, complaint = call(*words, "loss=cross-entropy")
    assert code == 2
    assert "has no ridge solution" in complaint
