"""The plans that come with li2: complete, as large as they say, and about the laws that they are named after."""

import itertools
import math
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from li2.errors import Li2Error
from li2.groups import catalogue, named_group
from li2.specs import RunSpec
from li2.specs.plan import Plan
from li2.tasks import build_split, build_task

NAMES = Plan.ready_names()
LAWS = ["weight-decay", "learning-rate", "initialisation-scale", "output-scale", "width", "data", "un-grokking",
        "over-training"]  # fmt: skip
PHASES = ["phase-diagram-cyclic-primes", "phase-diagram-cyclic-composites", "phase-diagram-products",
          "phase-diagram-non-abelian"]  # fmt: skip


def values(name: str, key: str) -> set[object]:
    """What a key of a ready plan's settings and variants may be."""
    plan = Plan.ready(name)
    return {value for table in (plan.settings, *plan.variants) for value in table.get(key, ())}


def order_of(group: object) -> int:
    """The order that a name says: of the families in the plans."""
    family, _, parameter = str(group).partition(":")
    factors = [int(factor) for factor in parameter.split("x")]
    return math.prod(factors) * {"cyclic": 1, "product": 1, "dihedral": 2}[family]


def test_there_is_a_plan_for_each_law() -> None:
    assert sorted([*LAWS, *PHASES, "phase-diagram-small"]) == NAMES
    with pytest.raises(Li2Error, match="unknown plan 'weight-dekay'; did you mean 'weight-decay'"):
        Plan.ready("weight-dekay")


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_is_complete_and_says_its_size(name: str) -> None:
    text = files("li2").joinpath("sweeps", "plans", f"{name}.toml").read_text(encoding="utf-8")
    plan = Plan.ready(name)
    assert plan.name == name
    assert plan.description.endswith(".")
    assert plan.look_at.endswith(".")
    assert plan.axes
    said = re.match(r"# (\d+) runs\n", text)
    assert said
    assert int(said[1]) == len(plan)
    assert len({run.key for run in itertools.islice(plan.runs(), 60)}) == min(60, len(plan))  # makes and checks them
    assert Plan.from_json(plan.as_json()) == plan


@pytest.mark.parametrize("name", NAMES)
def test_the_groups_of_a_plan_are_known(name: str) -> None:
    groups = sorted(values(name, "group"), key=order_of)
    for group in {groups[0], groups[len(groups) // 2], groups[-1]}:
        assert named_group(str(group)).order == order_of(group)


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_trains_and_tests_on_something(name: str) -> None:
    plan = Plan.ready(name)
    tables = [plan.settings, *plan.variants, plan.then or {}]
    sizes = {value for table in tables for value in table.get("train_fraction", ())}
    group = str(min(values(name, "group"), key=order_of))
    for fraction in (min(sizes), max(sizes)):
        split = build_split(build_task(group), RunSpec(group=group, train_fraction=fraction))
        assert min(len(split.train), len(split.test)) >= 1


def test_weight_decay_spans_two_decades_and_none() -> None:
    decays = values("weight-decay", "weight_decay")
    assert 0 in decays
    positive = sorted(value for value in decays if value)
    assert positive[-1] == pytest.approx(100 * positive[0])
    assert np.diff(np.log(positive)) == pytest.approx(math.log(100) / (len(positive) - 1))


def test_output_scales_come_with_both_kinds_of_weight_decay() -> None:
    (*pairs,) = {(run.spec.output_scale, run.spec.weight_decay) for run in Plan.ready("output-scale").runs()}
    fixed = {beta for beta, decay in pairs if decay == 2e-4}
    scaled = {beta for beta, decay in pairs if math.isclose(decay, 2e-4 * beta**2)}
    assert len(fixed) >= 5
    assert len(scaled) >= 5
    assert len(pairs) == len(fixed | {None}) - 1 + len(scaled - {1})


def test_what_is_continued_has_fewer_of_the_same_samples() -> None:
    """Splits of one seed are nested, so that the continued run is trained on nothing new."""
    runs = list(Plan.ready("un-grokking").runs())
    firsts = {run.key: run for run in runs if run.parent is None}
    assert all(run.keep_weights for run in firsts.values())
    task = build_task(runs[0].spec.group)
    seen = 0
    for child in runs[:12]:
        if child.parent is None:
            continue
        first = firsts[child.parent]
        ours, before = (set(build_split(task, run.spec).train.tolist()) for run in (child, first))
        assert ours < before
        assert child.spec.seed == first.spec.seed
        seen += 1
    assert seen > 8


def _orders_of_dimension_2() -> Iterator[int]:
    return (group.order for group in catalogue() if not group.is_abelian and group.largest_dimension == 2)


def test_phase_diagrams_are_the_papers() -> None:
    for name in PHASES:
        spec = next(Plan.ready(name).runs()).spec
        assert (spec.width, spec.optimizer, spec.lr, spec.weight_decay) == (2048, "adam", 5e-4, 2e-4)
        assert (spec.activation, spec.loss) == ("square", "mse")
        assert values(name, "seed") == set(range(20))
    orders = {name: sorted(map(order_of, values(name, "group"))) for name in PHASES}
    assert orders[PHASES[0]] == [m for m in range(7, 128) if all(m % q for q in range(2, m))]
    assert all(any(m % q == 0 for q in range(2, m)) and m <= 127 for m in orders[PHASES[1]])
    assert orders[PHASES[2]] == sorted([28, 30, 36, 40, 48, 90, 102, 143])
    assert orders[PHASES[3]] == sorted(set(_orders_of_dimension_2()))


def test_a_ready_plan_takes_words() -> None:
    plan = Plan.ready("un-grokking").with_words(["seed=0,1", "then.train_fraction=0.1", "width=64"])
    assert len(plan) == 4
    assert {run.spec.width for run in plan.runs()} == {64}
    with pytest.raises(Li2Error, match="cannot read"):
        Plan.from_words([], Path("nowhere.toml"))
