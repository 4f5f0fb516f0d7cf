"""Plans: kept weights, and values that need keys of other tables."""

from pathlib import Path

import pytest

from li2.errors import Li2Error
from li2.specs import Plan


def test_plans_that_keep_weights_have_the_same_runs(tmp_path: Path) -> None:
    words = ["group=cyclic:5", "seed=0,1", "then.epochs=5,6"]
    plan, keeping = Plan.from_words(words), Plan.from_words([*words, "keep_weights=true"])
    runs, kept = list(plan.runs()), list(keeping.runs())
    assert [run.key for run in runs] == [run.key for run in kept]
    assert [run.keep_weights for run in runs] == [True, False, False] * 2
    assert all(run.keep_weights for run in kept)
    assert Plan.from_json(keeping.as_json()) == keeping != plan
    older = plan.as_json()
    del older["keep_weights"]
    assert Plan.from_json(older) == plan
    file = tmp_path / "plan.yaml"
    file.write_text("group: cyclic:5\nkeep_weights: true\n")
    assert Plan.from_file(file).keep_weights
    assert not Plan.from_words(["keep_weights=false"], file).keep_weights
    with pytest.raises(Li2Error, match="keep_weights must be true or false"):
        Plan.from_words(["keep_weights=1"])


def test_a_value_may_need_keys_that_stand_elsewhere() -> None:
    variants = [{"top_layer": "trained"}, {"top_layer": "ridge", "ridge": 1e-3}, {"layers": 2, "residual": "inside"}]
    plan = Plan.from_table({"width": 8, "variants": variants}, "a part")
    assert [(run.spec.ridge, run.spec.residual) for run in plan.runs()] == [
        (None, "none"),
        (1e-3, "none"),
        (None, "inside"),
    ]
    with pytest.raises(Li2Error, match="weights=complex needs a polynomial"):
        list(Plan.from_table({"activation": "relu", "weights": "complex"}, "a part").runs())
    with pytest.raises(Li2Error, match="ridge='x' is not valid"):
        Plan.from_table({"ridge": "x"}, "a part")
