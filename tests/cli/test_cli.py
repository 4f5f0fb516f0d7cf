"""The command line: JSON, exit codes, one sentence for every mistake, signals."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from li2.cli import main
from li2.specs import KEYS

SMALL = ["group=cyclic:11", "width=64", "train_fraction=0.7", "lr=0.01", "weight_decay=1e-4", "epochs=30"]


def call(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["li2", *arguments])
    return main()


def test_run_prints_one_json_object(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["run", *SMALL, "--json", "--out", str(tmp_path / "run")], monkeypatch) == 0
    values = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
    assert values["epochs"] == 30
    assert values["run_dir"] == str(tmp_path / "run")
    assert Path(values["report"]).is_file()
    assert [stage["name"] for stage in values["stages"]] == ["lazy", "independent", "interactive", "generalised"]
    assert set(values["stages"][0]) == {"name", "first_epoch", "evidence"}
    assert set(values["first_epoch"]) == {"train_accuracy_1", "test_accuracy_50", "test_accuracy_99"}
    assert set(values["final"]) == {"train_loss", "train_accuracy", "test_loss", "test_accuracy"}
    assert set(values["gradient_norm_peak"]) == {"epoch", "value"}
    assert values["irreps_total"] == 5
    assert values["status"] in {"generalised", "memorised", "collapsed", "diverged", "learning"}


def test_run_prints_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(["run", *SMALL, "--out", str(tmp_path / "run")], monkeypatch) == 0
    out = capsys.readouterr().out
    assert out.strip().startswith("The network")
    for word in ("lazy", "independent", "interactive", "generalised", "report.html"):
        assert word in out


def test_without_out_the_run_goes_to_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        assert call(["run", *SMALL, "epochs=1", "--json"], monkeypatch) == 0
    assert len(list((tmp_path / "runs").iterdir())) == 2


def test_a_config_file_with_overrides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yaml").write_text("group: cyclic:11\nwidth: 32\nlr: 1e-2\nepochs: 100\n")
    arguments = ["--config", str(tmp_path / "c.yaml"), "epochs=2"]
    assert call(["show-config", *arguments, "--json"], monkeypatch) == 0
    values = json.loads(capsys.readouterr().out)
    assert (values["width"], values["lr"], values["epochs"]) == (32, 0.01, 2)
    assert call(["run", *arguments, "--json", "--out", str(tmp_path / "run")], monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)["epochs"] == 2


@pytest.mark.parametrize("command", [["run", "--help"], ["show-config"]])
def test_every_key_is_explained(
    command: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert call(command, monkeypatch) == 0
    out = " ".join(capsys.readouterr().out.split())
    for key in KEYS.values():
        assert key.name in out
    assert "learning rate" in out


def test_report_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    call(["run", *SMALL, "--json", "--out", str(tmp_path / "run")], monkeypatch)
    report = tmp_path / "run" / "report.html"
    first = report.read_text("utf-8")
    report.unlink()
    assert call(["report", str(tmp_path / "run")], monkeypatch) == 0
    assert report.read_text("utf-8") == first


MISTAKES = [
    (["widht=3"], "did you mean 'width'"),
    (["width"], "not of the form KEY=VALUE"),
    (["train_fraction=1.5"], "train_fraction must be > 0 and < 1"),
    (["train_size=121"], "leaves the test set empty"),
    (["train_size=5", "train_fraction=0.5"], "both given"),
    (["lr=-0.1"], "lr must be a number > 0"),
    (["group=cyclic:x"], "not a positive whole number"),
    (["group=file:nowhere.csv"], "cannot read"),
    (["group=file:{tmp}/loop.csv"], "associativity fails"),
    (["group=file:{tmp}/text.csv"], "whole numbers"),
    (["group=expression:x/y mod 5"], "is not allowed"),
    (["init_weights={tmp}/text.csv"], "as safetensors"),
    (["init_weights={tmp}/wrong.safetensors"], r"W is [4, 4], but it must be [22, 2048]"),
    (["train_index={tmp}/text.csv"], "not an NPY file"),
    (["width=2000000000"], "GB of memory"),
    (["width=1000000"], "or diagnose=off"),
    (["device=cuda:99"], "is not there"),
    (["--config", "nowhere.toml"], "cannot read the configuration file"),
    (["--out", "{tmp}/text.csv/run"], "cannot write"),
    (["--out", "{tmp}"], "not an empty directory"),
    (["--resume", "{tmp}"], "does not hold a run"),
    (["--resume", "{tmp}", "--out", "{tmp}/x"], "leave out --out"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES)
def test_a_mistake_gives_one_sentence_and_exit_code_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    (tmp_path / "text.csv").write_text("no numbers")
    (tmp_path / "loop.csv").write_text("0,1,2,3,4\n1,0,3,4,2\n2,4,0,1,3\n3,2,4,0,1\n4,3,1,2,0\n")
    save_file({"W": torch.zeros(4, 4), "V": torch.zeros(4, 4)}, tmp_path / "wrong.safetensors")
    monkeypatch.chdir(tmp_path)
    words = [word.format(tmp=tmp_path) for word in arguments]
    defaults = [] if any(w.startswith("group=") or w == "--resume" for w in words) else ["group=cyclic:11"]
    before = sorted(tmp_path.rglob("*"))
    assert call(["run", "--json", *defaults, *words], monkeypatch) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert "Traceback" not in captured.err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"), [(["runn"], "No such command"), (["run", "--foo"], "No such option")]
)
def test_usage_errors_have_no_traceback(
    arguments: list[str], message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(arguments, monkeypatch) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_what_there_is_and_resume_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "li2", "run", *SMALL, "epochs=100000", "--json", "--out", str(run)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    limit = time.monotonic() + 60
    while not (run / "checkpoint.safetensors").exists() and time.monotonic() < limit:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    stopped = json.loads(out)
    assert stopped["interrupted"]
    assert 0 < stopped["epochs"] < 100000
    assert Path(stopped["report"]).is_file()
    words = ["--resume", str(run), f"epochs={stopped['epochs'] + 5}", "--json"]
    done = subprocess.run([sys.executable, "-m", "li2", "run", *words], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["epochs"] == stopped["epochs"] + 5
    assert not json.loads(done.stdout)["interrupted"]


def test_help_needs_no_torch() -> None:
    code = "import sys; sys.argv = ['li2', 'run', '--help']; from li2.cli import main; main(); "
    code += "print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip().endswith("False")


def test_given_state_is_where_a_run_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(0)
    weights = {
        "W": torch.tensor(generator.normal(size=(22, 16)), dtype=torch.float32),
        "V": torch.tensor(generator.normal(size=(16, 11)), dtype=torch.float32),
    }
    save_file(weights, tmp_path / "w.safetensors")
    np.save(tmp_path / "i.npy", np.arange(60))
    words = [f"init_weights={tmp_path / 'w.safetensors'}", f"train_index={tmp_path / 'i.npy'}"]
    arguments = ["run", "group=cyclic:11", "width=16", "epochs=0", *words, "--json", "--out", str(tmp_path / "run")]
    assert call(arguments, monkeypatch) == 0
    final = json.loads(capsys.readouterr().out)["final"]
    pairs = torch.cartesian_prod(torch.arange(11), torch.arange(11))
    hidden = (weights["W"][pairs[:, 0]] + weights["W"][11 + pairs[:, 1]]) ** 2
    correct = ((hidden @ weights["V"]).argmax(dim=1) == pairs.sum(dim=1) % 11).double()
    assert final["train_accuracy"] == pytest.approx(correct[:60].mean().item())
    assert final["test_accuracy"] == pytest.approx(correct[60:].mean().item())
