"""Specifications: defaults, validation in one sentence, files and overrides."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from li2.errors import Li2Error
from li2.specs import (
    KEYS,
    DiagnosisSchedule,
    LearningRateSchedule,
    RunSpec,
    overridden,
    read_config,
    read_overrides,
)
from li2.specs.parsing import parse_activation


def test_defaults_are_figure_3() -> None:
    spec = RunSpec()
    assert spec.explicit() == {name: key.default for name, key in KEYS.items() if key.default is not None}
    assert (spec.group, spec.width, spec.train_fraction, spec.epochs) == ("cyclic:71", 2048, 0.4, 400)
    assert spec.command() == "li2 run"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widht": 3}, "did you mean 'width'"),
        ({"train_fraction": 1.5}, "train_fraction must be > 0 and < 1"),
        ({"train_fraction": 0}, "train_fraction must be > 0 and < 1"),
        ({"train_fraction": "nan"}, "train_fraction must be > 0 and < 1"),
        ({"lr": -1}, "lr must be a number > 0"),
        ({"lr": "inf"}, "lr must be a number > 0"),
        ({"weight_decay": -1e-3}, "weight_decay must be a number ≥ 0"),
        ({"width": 0}, "width must be a whole number ≥ 1"),
        ({"width": 2.5}, "width must be a whole number"),
        ({"width": "many"}, "width must be a whole number"),
        ({"epochs": -1}, "epochs must be a whole number"),
        ({"seed": 2**32}, "seed must be a whole number from 0"),
        ({"loss": "l1"}, "loss must be mse, mse-centred, cross-entropy or stablemax"),
        ({"optimizer": "lion"}, "optimizer must be"),
        ({"activation": "gelu"}, "activation='gelu' is not known"),
        ({"schedule": "warm"}, "schedule='warm' is not known"),
        ({"schedule": "step:0:0.5"}, "is not known"),
        ({"schedule": "step:5:2"}, "is not known"),
        ({"lr": 1e39}, "lr must be a number > 0 and ≤ 1e9"),
        ({"width": True}, "width must be a whole number"),
        ({"diagnose": "often"}, "diagnose='often' is not known"),
        ({"device": "tpu"}, "device must be auto, cpu"),
        ({"dtype": "float16"}, "dtype must be float32 or float64"),
        ({"train_fraction": 0.5, "train_size": 3}, "train_fraction and train_size were both given"),
        ({"critical_delta": 2.7482}, "critical_delta must be a number < 2.7482"),
        ({"operands": 1}, "operands must be a whole number ≥ 2"),
        ({"operands": 2.5}, "operands must be a whole number ≥ 2"),
        ({"test_size": 0}, "test_size must be a whole number ≥ 1"),
        ({"batch_size": 0}, "batch_size must be a whole number ≥ 1"),
        ({"critical_delta": 0.5, "operands": 3}, "critical_delta is a share of pairs and needs operands=2, not 3"),
    ],
)
def test_a_wrong_value_gives_one_sentence(values: dict[str, object], message: str) -> None:
    with pytest.raises(Li2Error, match=message) as caught:
        RunSpec(**values)
    assert "\n" not in str(caught.value)


def test_texts_are_read_as_their_types() -> None:
    spec = RunSpec(width="64", lr="5e-4", loss="MSE_centred", train_size="100")
    assert (spec.width, spec.lr, spec.loss, spec.train_size, spec.train_fraction) == (
        64, 5e-4, "mse-centred", 100, None,
    )  # fmt: skip


def test_unset_sizes_mean_everything() -> None:
    spec = RunSpec()
    assert (spec.operands, spec.test_size, spec.batch_size) == (2, None, None)
    assert RunSpec(operands="3", test_size="50", batch_size="7").command() == (
        "li2 run operands=3 test_size=50 batch_size=7"
    )


def test_equal_specifications_have_equal_digests_and_others_do_not() -> None:
    assert RunSpec(lr="1e-3").digest() == RunSpec().digest()
    assert RunSpec(seed=1).digest() != RunSpec().digest()
    assert len({RunSpec(seed=1), RunSpec(seed="1"), RunSpec()}) == 2


def test_a_specification_survives_its_command_and_json() -> None:
    spec = RunSpec(group="expression:x**2+y mod 7", train_size=20, activation="x+0.1x^2", diagnose="at:0.5.9")
    words = json.loads(json.dumps(spec.explicit()))
    assert RunSpec(**words) == spec
    import shlex

    assert RunSpec(**read_overrides(shlex.split(spec.command())[2:])) == spec


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("square", ("square", 0, 0)),
        ("relu²", ("relu2", 0, 0)),
        ("Cube", ("cube", 0, 0)),
        ("x^3", ("cube", 0, 0)),
        ("x³", ("cube", 0, 0)),
        ("SiLU", ("silu", 0, 0)),
        ("x", ("polynomial", 1, 0)),
        ("2*x+0.5*x**2", ("polynomial", 2, 0.5)),
        ("0.3·x + 1.5e-3·x²", ("polynomial", 0.3, 0.0015)),
        ("-x^2 + x", ("polynomial", 1, -1)),
    ],
)
def test_activations(text: str, expected: tuple[str, float, float]) -> None:
    assert parse_activation(text) == expected


@pytest.mark.parametrize(
    "text", ["", "*x", "2*x**3", "x+x**3", "2x 3x", "1+x", "x+y", "__import__('os')", "0*x", "x**2x"]
)
def test_wrong_activations(text: str) -> None:
    with pytest.raises(Li2Error, match="is not known"):
        parse_activation(text)


@given(st.floats(-10, 10), st.floats(-10, 10))
def test_a_polynomial_keeps_its_coefficients_exactly(a: float, b: float) -> None:
    if a or b:
        spec = RunSpec(activation=f"{a}*x{b:+}*x**2")
        assert parse_activation(spec.activation) == ("polynomial", a, b)


def test_learning_rate_schedules() -> None:
    cosine = LearningRateSchedule.parse("cosine")
    assert [round(cosine.factor(step, 4), 6) for step in range(6)] == [1, 0.853553, 0.5, 0.146447, 0, 0]
    assert LearningRateSchedule.parse("cosine:8").factor(4, 100) == pytest.approx(0.5)
    step = LearningRateSchedule.parse("step:10:0.1")
    assert [step.factor(s, 100) for s in (0, 9, 10, 25)] == pytest.approx([1, 1, 0.1, 0.01])
    assert LearningRateSchedule.parse("constant").factor(7, 9) == 1


def test_diagnosis_schedules() -> None:
    auto = DiagnosisSchedule.parse("auto")
    due = [e for e in range(401) if auto.is_due(e, 400)]
    assert due[:13] == [0, 1, 2, 3, 4, 6, 7, 10, 13, 18, 24, 32, 42]
    assert due[-1] == 400
    grams = [e for e in range(401) if auto.gram_is_due(e, 400)]
    assert grams == [0, 178, 400]
    assert set(grams) <= set(due)
    assert not any(DiagnosisSchedule.parse("off").is_due(e, 10) for e in range(11))
    assert [e for e in range(26) if DiagnosisSchedule.parse("every:10").is_due(e, 25)] == [0, 10, 20, 25]
    assert [e for e in range(26) if DiagnosisSchedule.parse("at:0.7").is_due(e, 25)] == [0, 7, 25]


def test_config_files_and_overrides(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('group = "cyclic:23"\nlr = 1e-4\n')
    (tmp_path / "a.yaml").write_text("group: cyclic:23\nlr: 1e-4\n")
    for name in ("a.toml", "a.yaml"):
        spec = RunSpec(**{**read_config(tmp_path / name), **read_overrides(["width=5"])})
        assert (spec.group, spec.lr, spec.width) == ("cyclic:23", 1e-4, 5)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.toml", "lr = ", "not valid TOML"),
        ("a.yaml", "a: [", "not valid YAML"),
        ("a.yaml", "- 1", "must hold KEY: VALUE pairs"),
        ("a.toml", "wdith = 3", "did you mean 'width'"),
        ("a.ini", "", "neither .toml nor .yaml"),
    ],
)
def test_wrong_config_files(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(Li2Error, match=message):
        read_config(tmp_path / name)


def test_a_later_size_replaces_an_earlier_one(tmp_path: Path) -> None:
    assert RunSpec().with_changes(train_size=100).explicit()["train_size"] == 100
    assert overridden({"train_fraction": "0.5", "lr": "1"}, {"train_size": "7"}) == {"lr": "1", "train_size": "7"}
    (tmp_path / "a.yaml").write_text("diagnose: off\nwidth: true\n")
    assert read_config(tmp_path / "a.yaml") == {"diagnose": "off", "width": "true"}


def test_wrong_overrides() -> None:
    with pytest.raises(Li2Error, match="not of the form KEY=VALUE"):
        read_overrides(["width"])
    with pytest.raises(Li2Error, match="cannot read the configuration file"):
        read_config(Path("nowhere.toml"))
