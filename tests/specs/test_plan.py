"""Plans: the language of values, plan files, products of values, keys, and how quickly many runs are listed."""

import itertools
import json
import math
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from li2.errors import Li2Error
from li2.specs import RunSpec, overridden
from li2.specs.plan import MOST_RUNS, Plan, PlannedRun
from li2.specs.values import expand, quoted


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("512", ["512"]),
        ("a, b ,c", ["a", "b", "c"]),
        ("range(3)", ["0", "1", "2"]),
        ("range(2,5)", ["2", "3", "4"]),
        ("range(9,0,-4)", ["9", "5", "1"]),
        ("primes(11,23)", ["11", "13", "17", "19", "23"]),
        ("primes(-5,3)", ["2", "3"]),
        ("cyclic:primes(5,7)", ["cyclic:5", "cyclic:7"]),
        ("dihedral:range(3,5)", ["dihedral:3", "dihedral:4"]),
        ("cyclic:5,dihedral:range(3,5),quaternion", ["cyclic:5", "dihedral:3", "dihedral:4", "quaternion"]),
        ("0,geomspace(1e-5,1e-3,3)", ["0", "1e-05", "0.0001", "0.001"]),
        ("linspace(0.1,0.5,5)", ["0.1", "0.2", "0.3", "0.4", "0.5"]),
        ("linspace(-0.1,0.3,5)", ["-0.1", "0", "0.1", "0.2", "0.3"]),
        ("linspace(1,2,1)", ["1"]),
        ("geomspace(256,1024,3)", ["256", "512", "1024"]),
        ("geomspace(3,9,1)", ["3"]),
        ("every:range(1,4)", ["every:1", "every:2", "every:3"]),
        ("expression:x*y mod primes(5,7)", ["expression:x*y mod 5", "expression:x*y mod 7"]),
        ("expression:(x+y)**2 mod 23", ["expression:(x+y)**2 mod 23"]),
        ("expression:(x+y)**2 mod 23,cyclic:23", ["expression:(x+y)**2 mod 23", "cyclic:23"]),
        ("symmetric:4*cyclic:3", ["symmetric:4*cyclic:3"]),
        ("permutation:(1 2 3)(4 5)|(1 2)", ["permutation:(1 2 3)(4 5)|(1 2)"]),
        ("permutation:(1,2,3),cyclic:3", ["permutation:(1,2,3)", "cyclic:3"]),
        ("file:a (copy).csv", ["file:a (copy).csv"]),
        ("file:it's.csv,b", ["file:it's.csv", "b"]),
        ("'file:a,b.csv'", ["file:a,b.csv"]),
        ("\"file:it's,b.csv\" , 'a(', c", ["file:it's,b.csv", "a(", "c"]),
        ("'range(3)'", ["range(3)"]),
        ("range(__import__('os'))", ["range(__import__('os'))"]),
    ],
)
def test_lists_of_values(text: str, values: list[str]) -> None:
    assert expand(text) == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is no value"),
        ("a,,b", "an empty value"),
        ("a,", "an empty value"),
        ("''", "there is no value|an empty value"),
        ("'a,b", "a quote without its end"),
        ("'a'b", "a quote without its end"),
        ("range(1,2", "a bracket without its other half"),
        ("a),b", "a bracket without its other half"),
        ("prime(1,5)", "did you mean 'primes'"),
        ("cyclic:logspace(1,5,3)", "unknown function 'logspace'"),
        ("range()", "'' is not a whole number"),
        ("range(1,2,3,4)", "has 4 numbers in it"),
        ("linspace(1,2)", "has 2 numbers in it"),
        ("range(0,1.5)", "'1.5' is not a whole number"),
        ("range(0,9,0)", "a step of 0"),
        ("range(5,5)", "holds no number"),
        ("linspace(0,1,0)", "holds no number"),
        ("linspace(0,one,3)", "'one' is not a number"),
        ("geomspace(1,inf,3)", "'inf' is not a number"),
        ("geomspace(0,1,3)", "must have ends > 0"),
        ("primes(24,28)", "holds no number"),
        ("primes(2,10000000000)", "goes too far"),
        ("range(0,10000000000000)", "more than 1,000,000 values"),
        ("linspace(0,1,10000000)", "more than 1,000,000 values"),
        ("range(1000000),1", "more than 1,000,000 values"),
    ],
)
def test_mistakes_in_lists_are_one_sentence(text: str, message: str) -> None:
    with pytest.raises(Li2Error, match=message) as caught:
        Plan.from_words([f"group={text}"])
    assert str(caught.value).startswith("group: ")
    assert str(caught.value)[-1] in ".?"
    assert "\n" not in str(caught.value)


number = st.floats(1e-6, 1e6)


@settings(deadline=None, max_examples=50)
@given(number, number, st.integers(1, 30))
def test_spaces_are_numpys(a: float, b: float, n: int) -> None:
    for name, space in (("linspace", np.linspace), ("geomspace", np.geomspace)):
        ours = [float(text) for text in expand(f"{name}({a!r},{b!r},{n})")]
        np.testing.assert_allclose(ours, space(a, b, n), rtol=1e-11)


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-7, 7).filter(bool))
def test_range_is_pythons(a: int, b: int, step: int) -> None:
    if range(a, b, step):
        assert expand(f"range({a},{b},{step})") == [str(i) for i in range(a, b, step)]


@given(st.integers(2, 300), st.integers(0, 300))
def test_primes_have_no_divisors(a: int, length: int) -> None:
    expected = [str(n) for n in range(a, a + length + 1) if all(n % q for q in range(2, n))]
    if expected:
        assert expand(f"primes({a},{a + length})") == expected


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(min_size=1, max_size=6).filter(lambda text: "'" not in text or '"' not in text), min_size=1))
def test_quoted_texts_are_read_back(texts: list[str]) -> None:
    assert expand(",".join(map(quoted, texts))) == texts


def test_what_cannot_be_quoted() -> None:
    with pytest.raises(Li2Error, match="both kinds of quotes"):
        quoted("a'b\"c")


def test_words_make_all_combinations() -> None:
    plan = Plan.from_words(["group=cyclic:5,cyclic:7", "seed=range(0,3)", "width=16", "lr=1e-3,0.001,2e-3"])
    specs = [run.spec for run in plan.runs()]
    assert specs == [
        RunSpec(group=group, seed=seed, width=16, lr=lr)
        for group, seed, lr in itertools.product(["cyclic:5", "cyclic:7"], range(3), [1e-3, 2e-3])
    ]
    assert len(plan) == 12
    assert plan.axes == {"group": ("cyclic:5", "cyclic:7"), "seed": (0, 1, 2), "lr": (1e-3, 2e-3)}
    assert all(run.parent is None and not run.keep_weights for run in plan.runs())


def test_no_words_are_one_default_run() -> None:
    assert [run.spec for run in Plan.from_words([]).runs()] == [RunSpec()]
    assert Plan.from_words([]).axes == {}


def test_a_value_with_a_comma_is_quoted(tmp_path: Path) -> None:
    (tmp_path / "a,b.npy").touch()
    plan = Plan.from_words([f'train_index="{tmp_path}/a,b.npy"', "group='expression:(x+y)**2 mod 23'"])
    (run,) = plan.runs()
    assert run.spec == RunSpec(train_index=f"{tmp_path}/a,b.npy", group="expression:(x+y)**2 mod 23")


FILE = """
name = "two kinds"
description = "what it shows"
look_at = "that"
group = "cyclic:5,cyclic:7"
width = [16, 32]
seed = "range(0,2)"
train_fraction = 0.5
[[variants]]
lr = 1e-3
epochs = 10
[[variants]]
lr = [2e-3, 4e-3]
train_size = "5,range(6,8)"
[then]
train_fraction = [0.1, "linspace(0.2,0.3,2)"]
lr = 0.5
"""


def brute(axes: dict[str, list[object]]) -> list[dict[str, object]]:
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]


def test_a_plan_file(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text(FILE)
    plan = Plan.from_file(path)
    runs = list(plan.runs())
    variants = [{"lr": 1e-3, "epochs": 10}, *brute({"lr": [2e-3, 4e-3], "train_size": [5, 6, 7]})]
    bases = brute({"group": ["cyclic:5", "cyclic:7"], "width": [16, 32], "seed": [0, 1]})
    firsts = [RunSpec(**overridden({**base, "train_fraction": 0.5}, v)) for base in bases for v in variants]
    assert [run.spec for run in runs if run.parent is None] == firsts
    assert len(plan) == len(runs) == 8 * 7 * 4
    assert len({run.key for run in runs}) == len(runs)
    for first, *children in (runs[i : i + 4] for i in range(0, len(runs), 4)):
        assert (first.keep_weights, first.parent) == (True, None)
        assert [child.parent for child in children] == [first.key] * 3
        assert [child.spec for child in children] == [
            first.spec.with_changes(train_fraction=p, lr=0.5) for p in (0.1, 0.2, 0.3)
        ]
    assert (plan.name, plan.description, plan.look_at) == ("two kinds", "what it shows", "that")
    for name, values in plan.axes.items():
        assert values == tuple(dict.fromkeys(sorted_by_runs(runs, name, values))), name
    varying = {name for name in RunSpec.keys if len({getattr(run.spec, name) for run in runs}) > 1}
    assert set(plan.axes) == varying


def sorted_by_runs(runs: list[PlannedRun], name: str, order: tuple[object, ...]) -> list[object]:
    """The values that runs have, in this order: a stranger or a missing value shows."""
    there = {getattr(run.spec, name) for run in runs}
    return sorted(there, key=order.index)


def test_yaml_is_read_alike(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(FILE)
    (tmp_path / "a.yaml").write_text(
        "name: two kinds\ndescription: what it shows\nlook_at: that\ngroup: cyclic:5,cyclic:7\nwidth: [16, 32]\n"
        "seed: range(0,2)\ntrain_fraction: 0.5\nvariants:\n- {lr: 1e-3, epochs: 10}\n"
        "- lr: [2e-3, 4e-3]\n  train_size: 5,range(6,8)\n"
        "then: {train_fraction: [0.1, 'linspace(0.2,0.3,2)'], lr: 0.5}\n"
    )
    assert Plan.from_file(tmp_path / "a.yaml") == Plan.from_file(tmp_path / "a.toml")


def test_words_come_after_the_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(FILE)
    plan = Plan.from_words(["width=8", "lr=0.1,0.2", "then.train_size=3", "then.epochs=7"], path)
    assert plan.settings["width"] == (8,)
    assert plan.variants == ({"epochs": (10,)}, {"train_size": (5, 6, 7)})
    assert plan.then == {"lr": (0.5,), "train_size": (3,), "epochs": (7,)}
    assert len(plan) == 2 * 1 * 2 * 2 * 4 * 2
    sized = Plan.from_words(["critical_delta=0.5,1"], path)
    assert "train_fraction" not in sized.settings
    assert sized.variants == ({"lr": (1e-3,), "epochs": (10,)}, {"lr": (2e-3, 4e-3)})
    assert {run.spec.critical_delta for run in sized.runs() if run.parent is None} == {0.5, 1.0}
    assert {run.spec.train_fraction for run in sized.runs() if run.parent} == {0.1, 0.2, 0.3}


def test_words_alone_may_continue_runs() -> None:
    first, child = Plan.from_words(["epochs=5", "then.train_fraction=0.1"]).runs()
    assert (first.spec.train_fraction, child.spec.train_fraction, child.spec.epochs) == (0.4, 0.1, 5)
    assert child.parent == first.key


def test_equal_runs_are_counted_once(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text("seed: 1,2,1\nvariants: [{lr: 1e-3}, {}, {train_fraction: 0.4}, {lr: '2e-3,0.001'}]\n")
    plan = Plan.from_file(path)
    assert plan.name == "plan"
    keys = [run.key for run in plan.runs()]
    assert len(plan) == len(keys) == len(set(keys)) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("widht = 3", "did you mean 'width'"),
        ("width = []", "width=\\[\\] has no value"),
        ("width = [[1, 2]]", "is no value; write one list"),
        ("width = {a = 1}", "width must be a whole number"),
        ("width = true", "width must be a whole number"),
        ("name = 3", "name must be a text"),
        ("[variants]\nlr = 1", "each under \\[\\[variants\\]\\]"),
        ("variants = [3]", "a variant must be a table of keys, not 3"),
        ("[[variants]]\nwidht = 3", "a variant: unknown key 'widht'"),
        ("then = 3", "then must be a table of keys, not 3"),
        ("[then]\nwidht = 3", "then: unknown key 'widht'"),
        ("lr = [1, 2]\n[[variants]]\nlr = 3", "lr has several values for all runs, and a variant changes it"),
        (
            "train_size = [1, 2]\n[[variants]]\ntrain_fraction = 0.3",
            "train_size has several values for all runs, and a variant changes it",
        ),
    ],
)
def test_mistakes_in_files_are_one_sentence(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(Li2Error, match=message) as caught:
        Plan.from_file(tmp_path / "a.toml")
    assert "\n" not in str(caught.value)
    assert str(caught.value)[-1] in ".?"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["width"], "not of the form KEY=VALUES"),
        (["widht=3"], "did you mean 'width'"),
        (["then.widht=3"], "did you mean 'width'"),
        (["width=16,0"], "width='0' is not valid; width must be a whole number ≥ 1"),
        (["lr=linspace(-1,1,3)"], "lr='-1' is not valid; lr must be a number > 0"),
        (["train_fraction=0.1", "train_size=5"], "train_fraction and train_size were both given"),
    ],
)
def test_mistakes_in_words(words: list[str], message: str) -> None:
    with pytest.raises(Li2Error, match=message):
        Plan.from_words(words)


def test_values_that_do_not_go_together_are_named() -> None:
    plan = Plan.from_words(["operands=2,3", "critical_delta=0.5", "seed=4,5"])
    runs = plan.runs()
    assert [next(runs).spec.seed, next(runs).spec.seed] == [4, 5]
    with pytest.raises(Li2Error, match=r"the run operands=3 critical_delta=0\.5 seed=4 is not possible: crit.*not 3"):
        next(runs)


table = st.fixed_dictionaries(
    {},
    optional={
        "lr": st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=3).map(tuple),
        "width": st.lists(st.integers(1, 10**6), min_size=1, max_size=3).map(tuple),
        "group": st.lists(st.text(min_size=1, max_size=9).filter(lambda t: "file:" not in t), min_size=1, max_size=2),
        "weight_decay": st.lists(st.floats(0, 1), min_size=1, max_size=2).map(tuple),
        "train_size": st.lists(st.integers(1, 99), min_size=1, max_size=2).map(tuple),
    },
)


@settings(deadline=None, max_examples=25)
@given(table, st.lists(table, max_size=3), st.none() | table, st.text(max_size=5))
def test_plans_survive_json_and_count_right(given_: dict, variants: list[dict], then: dict | None, name: str) -> None:
    values = {
        "name": name, "description": "d", "look_at": "l", "settings": given_, "variants": variants, "then": then
    }  # fmt: skip
    several = {key for key, listed in given_.items() if len(set(listed)) > 1}
    if several & {key for variant in variants for key in variant}:
        with pytest.raises(Li2Error, match="several values for all runs"):
            Plan.from_json(values)
        return
    plan = Plan.from_json(values)
    text = json.dumps(plan.as_json())
    again = Plan.from_json({"kind": "sweep", **json.loads(text)})
    assert again == plan
    runs = list(plan.runs())
    assert [run.key for run in again.runs()] == [run.key for run in runs]
    assert len(plan) == len(runs) == len({run.key for run in runs})
    expected = {
        RunSpec(**overridden(a, b)) for a in brute(given_) for variant in variants or [{}] for b in brute(variant)
    }
    assert {run.spec for run in runs if run.parent is None} == expected
    assert sum(run.parent is not None for run in runs) == (
        0 if then is None else len(expected) * math.prod(len(set(v)) for v in then.values())
    )
    varying = {key for key in RunSpec.keys if len({getattr(run.spec, key) for run in runs}) > 1}
    assert set(plan.axes) == varying
    assert all(set(v) == {getattr(run.spec, key) for run in runs} for key, v in plan.axes.items())


def test_keys_are_stable() -> None:
    """They identify stored results: what changes them loses those."""
    run = PlannedRun(RunSpec())
    assert run.key == PlannedRun(RunSpec(lr="1e-3"), keep_weights=True).key
    assert len(run.key) == 64
    assert run.key != PlannedRun(RunSpec(seed=1)).key
    assert run.key != PlannedRun(RunSpec(), parent=run.key).key


def test_keys_know_what_files_hold(tmp_path: Path) -> None:
    table, index, weights = tmp_path / "t.csv", tmp_path / "i.npy", tmp_path / "w.safetensors"
    for path in (table, index, weights):
        path.write_text("one")
    run = {
        "group": RunSpec(group=f"file:{table}*cyclic:3"),
        "index": RunSpec(train_index=str(index)),
        "weights": RunSpec(init_weights=str(weights)),
        "product": RunSpec(group=f"symmetric:3*file:{table}"),
    }
    before = {name: PlannedRun(spec).key for name, spec in run.items()}
    assert before == {name: PlannedRun(spec).key for name, spec in run.items()}
    for path in (table, index, weights):
        path.write_text("another")
    after = {name: PlannedRun(spec).key for name, spec in run.items()}
    assert all(before[name] != after[name] for name in run)
    for path in (table, index, weights):
        path.write_text("one")
    assert before == {name: PlannedRun(spec).key for name, spec in run.items()}


def test_a_missing_file_is_named() -> None:
    for spec in (RunSpec(group="file:nowhere.csv"), RunSpec(train_index="nowhere.npy")):
        with pytest.raises(Li2Error, match=r"cannot read (group=file:|train_index=)nowhere\.\w+: No such file"):
            PlannedRun(spec).key  # noqa: B018


def test_too_many_runs_are_refused_and_many_are_quick() -> None:
    words = ["seed=range(0,100)", "lr=linspace(0.001,0.1,100)", "weight_decay=linspace(0.001,0.1,100)"]
    plan = Plan.from_words(words)
    assert len(plan) == MOST_RUNS
    with pytest.raises(Li2Error, match="the plan has 2,000,000 runs, but at most 1,000,000"):
        plan.with_words(["width=1,2"])
    start = time.process_time()
    keys = {run.key for run in itertools.islice(plan.runs(), 300)}
    assert len(keys) == 300
    assert time.process_time() - start < 5  # with all types checked; without, 100,000 take 10 s
