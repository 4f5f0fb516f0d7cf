"""Pages of predictions: what they say and draw, from courses of tiny runs and from scores made by hand."""

import json
import math
import re
from pathlib import Path

import pandas as pd
import pytest

from li2.errors import Li2Error
from li2.prediction import Advice, Critical, Forecast, Score, predict
from li2.report import prediction_figures as figures
from li2.report import prediction_words as words
from li2.report.prediction_page import PredictionDirectory, boundary_page, forecast_page, score_page
from li2.specs import CriticalSpec, PredictionSpec
from li2.statistics import Interval
from li2.sweeps.fits import Estimate
from li2.theory.scaling import critical_ratio


@pytest.fixture(scope="module")
def forecast() -> Forecast:
    return predict(
        PredictionSpec(
            group="cyclic:7", width=32, nodes=32, epochs=80, stride=4, subsets=2, train_size=30, lr=0.01, seed=3
        )
    )


def critical(group: str, order: int, value: float | None) -> Critical:
    ratio = None if value is None else Interval(value, 0.9 * value, 1.1 * value)
    return Critical(group, order, 2 if group.startswith("dihedral") else 1, ratio, 2.5, (20, 30), 5, 1.5)


@pytest.fixture
def score() -> Score:
    """Two groups predicted 10 % too high and 20 % too low; four runs, one of which was foreseen wrongly."""
    pairs = [
        (Estimate("cyclic:11", 11, 1, 3, 0.5, 0.4, 0.6), critical("cyclic:11", 11, 0.55)),
        (Estimate("dihedral:5", 10, 2, 3, 0.5, 0.0, math.inf), critical("dihedral:5", 10, 0.4)),
        (Estimate("cyclic:13", 13, 1, 3, 0.5, 0.4, 0.6), critical("cyclic:13", 13, None)),
    ]
    runs = pd.DataFrame(
        {
            "group": ["cyclic:11"] * 4,
            "seed": [0, 1, 0, 1],
            "n": [50, 50, 70, 70],
            "generalised": [False, True, True, True],
            "epoch": [math.nan, 100.0, 200.0, 400.0],
            "probability": [0.1, 0.1, 0.9, 0.9],
            "predicted_epoch": [math.nan, math.nan, 250.0, 300.0],
        }
    )
    return Score(runs, pairs, 3.0, 300.0)


def drawn(page: str) -> set[str]:
    """The ids of the figures on a page."""
    return set(re.findall(r'<div id="figure-([a-z]+)"', page))


def test_the_page_of_a_run_has_its_numbers_and_figures(forecast: Forecast, tmp_path: Path) -> None:
    advice = [
        Advice("more data", "train_size", 1.25, 1250, 1234.5, 2.0),
        Advice("less weight decay", "weight_decay", 1 / 1.5, 0.002, 60.0, 0.25),
        Advice("more epochs", "epochs", None, None, None, 4.0),
    ]
    page = forecast_page(forecast, advice)
    assert drawn(page) == {"courses"}
    for text in (
        words.forecast_sentence(forecast),
        forecast.spec.command(),
        "More data: train_size = 1,250 (1.25 times as much) would generalise at about epoch 1,234.",
        "Less weight decay: weight_decay = 0.002 (0.667 times as much) would generalise at about epoch 60.",
        "More epochs: not within a factor of 4.",
    ):
        assert text in page
    assert "would have to change" not in forecast_page(forecast)
    directory = PredictionDirectory.new(tmp_path / "new")
    directory.write(forecast.as_json(), page)
    assert directory.page.read_text(encoding="utf-8") == page
    assert json.loads((directory.path / "prediction.json").read_text())["spec"]["seed"] == 3
    with pytest.raises(Li2Error, match="not an empty directory"):
        PredictionDirectory.new(directory.path)


def test_courses_are_drawn_as_they_are(forecast: Forecast) -> None:
    figure = figures.courses_figure(forecast)
    assert len(figure.data) == 5 * len(forecast.courses)
    for trace in figure.data:
        number = int(re.search(r"seed (\d+)", trace.hovertemplate)[1]) - 3  # type: ignore[index]
        table = forecast.courses[number].figures.set_index("epoch")
        if trace.name == "‖G_F‖":
            assert list(trace.y) == pytest.approx(table["backprop_norm"].tolist(), rel=1e-4)
            assert list(trace.x) == table.index.tolist()
        elif trace.name == "test" and trace.yaxis == "y":
            assert set(trace.y) <= {float(f"{value:.5g}") for value in table["test_accuracy"]}


def test_long_courses_are_thinned_out_evenly() -> None:
    table = pd.DataFrame({"epoch": range(1, 5001), "test_loss": 0.0, "backprop_norm": 1.0})
    thin = figures._thinned(table, "backprop_norm")
    assert len(thin) <= figures.POINTS
    assert thin["epoch"].iloc[[0, -1]].tolist() == [1, 5000]
    assert (thin["epoch"].diff().dropna() / thin["epoch"].shift().dropna()).iloc[20:].max() < 0.1


def test_a_sentence_says_what_is_to_happen(forecast: Forecast) -> None:
    course = forecast.courses[0]
    said = []
    for generalised, memorised in ((50.0, 20.0), (90.0, None), (None, 20.0), (None, None)):
        changed = type(course)(**{**vars(course), "generalised": generalised, "memorised": memorised})
        said.append(words.forecast_sentence(Forecast(forecast.spec, [changed], 1.0)))
    probabilities = [f"It will generalise with probability {start} [" for start in ("1", "0.05", "0", "0")]
    assert all(text.startswith(start) for text, start in zip(said, probabilities, strict=True)), said
    assert said[0].endswith("at about epoch 50 (memorised at 20).")
    assert said[1].endswith("at about epoch 90, after the end of its 80 (never memorised).")
    assert said[3].endswith(f"its predicted end state is {course.state.value} (never memorised).")


def test_the_page_of_a_boundary_draws_ratios_and_the_published_law() -> None:
    found = [critical("cyclic:11", 11, 0.55), critical("dihedral:5", 10, 0.4), critical("cyclic:13", 13, None)]
    page = boundary_page(found, CriticalSpec(groups="cyclic:11,dihedral:5,cyclic:13"))
    assert drawn(page) == {"ratios"}
    assert "li2 predict boundary groups=cyclic:11,dihedral:5,cyclic:13" in page
    assert "0.495 to 0.605" in page
    figure = {trace.name: trace for trace in figures.ratios_figure(found).data}
    assert list(figure["predicted"].y) == [0.55, 0.4]
    assert list(figure["predicted"].x) == [11, 10]
    law = figure["published law"]
    assert list(law.y) == pytest.approx([min(1, critical_ratio(order, 2)) for order in law.x])
    assert {10, 11, 12} <= set(law.x)
    assert drawn(boundary_page(found[2:], CriticalSpec(groups="cyclic:13"))) == set()


def test_a_score_is_drawn_beside_what_was_trained(score: Score) -> None:
    page = score_page(score, Path("somewhere"), "li2 predict --against somewhere")
    assert drawn(page) == {"ratios", "errors", "calibration", "epochs"}
    assert "<td>+10.0%</td>" in page
    assert "0.400 (0.360 to 0.440)" in page
    assert "0.500 (? to ?)" in page
    brier = (0.01 + 0.81 + 0.01 + 0.01) / 4
    assert f"Brier score {brier:.3f}" in page
    text = " ".join(words.score_sentences(score))
    assert "Of 4 trained runs 3 generalised" in text
    assert "The critical ratio is off by 15.0 % in the median and by 20.0 % at most, over 2 groups" in text
    assert "over 2 runs (signed median +0.0 %)" in text
    assert "3 s of process time, 0.01 times as much as the runs (300 s)" in text


def test_figures_of_a_score_show_its_numbers(score: Score) -> None:
    errors = figures.errors_figure(score).data[0]
    assert list(errors.y) == pytest.approx([10, -20])
    assert errors.error_y.array[0] == pytest.approx(100 * (0.55 / 0.4 - 0.55 / 0.5))
    dots = figures.calibration_figure(score).data[-1]
    assert list(zip(dots.x, dots.y, dots.text, strict=True)) == [(0.1, 0.5, "2"), (0.9, 1.0, "2")]
    epochs = figures.epochs_figure(score)
    assert epochs is not None
    assert list(zip(epochs.data[-1].x, epochs.data[-1].y, strict=True)) == [(200, 250), (400, 300)]
    score.runs["predicted_epoch"] = math.nan
    assert figures.epochs_figure(score) is None


def test_without_groups_settings_are_compared(score: Score) -> None:
    table = words.score_table(Score(score.runs, [], 3.0, 300.0))
    assert table.headings[:4] == ("group", "n", "runs", "generalised")
    assert table.rows == [
        ("cyclic:11", "50", "2", "1", "0.10", "100", "–"),
        ("cyclic:11", "70", "2", "2", "0.90", "300", "275"),
    ]
