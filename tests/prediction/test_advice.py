"""Advice: the smallest step of each ladder that does, against courses followed one by one."""

import dataclasses
from pathlib import Path

import numpy as np

from li2.prediction import Course, Forecast, advise, follow, predict
from li2.prediction.advice import DATA, OTHERS, _levers, _tried
from li2.specs import EndState, PredictionSpec
from li2.tasks import build_task

RUN = {"group": "cyclic:11", "width": 64, "lr": 0.005, "weight_decay": 0.01, "accuracy_threshold": 0.6}
FINELY = {"subsets": 1, "nodes": 64, "stride": 8}


def in_time(**values: object) -> float | None:
    """The epoch at which the changed run generalises, if it does within its epochs."""
    run = PredictionSpec(**{**RUN, **FINELY, **values}).runs()[0]
    epoch = follow([run], 64, 8)[0].generalised
    return epoch if epoch is not None and epoch <= run.epochs else None


def test_the_smallest_factor_that_does_is_found() -> None:
    base = {"train_size": 80, "epochs": 60, "lr": RUN["lr"], "weight_decay": RUN["weight_decay"]}
    said: list[tuple[int, int, str]] = []
    forecast = predict(PredictionSpec(**{**RUN, **FINELY, **base}))
    advice = {one.key: one for one in advise(forecast, lambda *now: said.append(now))}
    assert list(advice) == ["train_size", "weight_decay", "lr", "epochs"]
    assert [one.most for one in advice.values()] == [1.5, 4, 4, 4]
    for key, ladder in (("train_size", DATA), ("epochs", OTHERS)):
        for factor in ladder:
            epoch = in_time(**{**base, key: round(factor * base[key])})
            if epoch is not None:
                break
        assert (advice[key].factor, advice[key].value) == (factor, round(factor * base[key]))
        assert advice[key].epoch == epoch
    assert in_time(**{**base, "lr": 2 * base["lr"]}) is None
    assert advice["lr"].factor is advice["lr"].value is advice["lr"].epoch is None
    assert all(done < last + 8 for done, last, _ in said)
    tried = {what.split(",")[0] for _, _, what in said}
    assert tried == {"more data", "more weight decay", "a larger learning rate", "more epochs"}


def course(**values: object) -> Course:
    """The last epochs of a run that are cheap to follow, as if it had memorised."""
    run = PredictionSpec(**{**RUN, **FINELY, "train_size": 60, "epochs": 8, **values}).runs()[:1]
    return dataclasses.replace(follow(run, 8, 8)[0], state=EndState.MEMORISED)


def test_data_stay_below_all_tuples() -> None:
    def sizes(**values: object) -> list[int | float]:
        return [value for _, key, ladder in _levers(course(**values)) for _, value in ladder if key == "train_size"]

    assert build_task("cyclic:11").size == 121
    assert sizes(train_size=60) == [66, 75, 90, 120]
    assert sizes(train_size=60, test_size=2) == [66, 75, 90]
    assert sizes(train_size=None, train_fraction=0.5) == [66, 75, 90, 120]
    assert sizes(train_size=110) == []
    assert sizes(train_size=2, test_size=5) == [3, 4]


def test_a_run_that_diverges_or_collapses_is_told_to_do_less() -> None:
    memorised = course()
    for state, words in (
        (
            EndState.MEMORISED,
            {"more weight decay": (0.015, 0.02, 0.04), "a larger learning rate": (0.0075, 0.01, 0.02)},
        ),
        (EndState.COLLAPSED, {"less weight decay": (0.006667, 0.005, 0.0025)}),
        (EndState.DIVERGED, {"a smaller learning rate": (0.003333, 0.0025, 0.00125)}),
    ):
        found = {lever: ladder for lever, _, ladder in _levers(dataclasses.replace(memorised, state=state))}
        for lever, values in words.items():
            assert tuple(value for _, value in found[lever]) == values


def test_no_advice_where_there_is_nothing_to_change() -> None:
    done = dataclasses.replace(course(), generalised=5.0, state=EndState.GENERALISED)
    assert advise(Forecast(PredictionSpec(**RUN, **FINELY, epochs=8), [done, done], 0.0)) == []
    assert [key for _, key, _ in _levers(course(weight_decay=0.0))] == ["train_size", "lr", "epochs"]


def test_data_of_an_index_file_are_what_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "pairs.npy", np.arange(60))
    levers = _levers(course(train_size=None, train_index=str(tmp_path / "pairs.npy")))
    assert [key for _, key, _ in levers] == ["weight_decay", "lr", "epochs"]


def test_a_schedule_that_ends_with_the_run_is_followed_for_each_length() -> None:
    forecast = predict(PredictionSpec(**{**RUN, **FINELY, "subsets": 1}, train_size=80, epochs=24, schedule="cosine"))
    ladder = [(1.5, 36), (2.0, 48)]
    tried = _tried(forecast, forecast.courses[0], "more epochs", "epochs", ladder, None)
    assert [(factor, value, found.spec.epochs) for factor, value, found in tried] == [(1.5, 36, 36), (2.0, 48, 48)]
