"""Predictions in words and tables, for the terminal and the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from li2.landscape import Ascents
from li2.prediction import Advice, Critical, Forecast, Score
from li2.specs import EndState
from li2.statistics import Interval
from li2.sweeps.fits import Estimate

_RESULTS = ("seed", "n", "generalised", "epoch", "probability", "predicted_epoch")
"""Columns of a score's runs that are no setting."""


@dataclass(frozen=True)
class Table:
    """Cells as texts."""

    headings: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


def forecast_sentence(forecast: Forecast) -> str:
    """Whether a run will generalise, and when."""
    memorised, generalised = forecast.epoch("memorised"), forecast.epoch("generalised")
    known = "never memorised" if memorised is None else f"memorised at {memorised.value:,.0f}"
    sentence = f"It will generalise with probability {short(forecast.probability)}"
    if generalised is None and forecast.state is EndState.MEMORISED and memorised is not None:
        return f"{sentence}; more likely it memorises, at about epoch {memorised.value:,.0f}, and stays so."
    if generalised is None:
        return f"{sentence}; its predicted end state is {forecast.state.value} ({known})."
    last = forecast.spec.epochs
    late = f", after the end of its {last:,}" if generalised.value > last else ""
    return f"{sentence}, at about epoch {generalised.value:,.0f}{late} ({known})."


def forecast_table(forecast: Forecast) -> Table:
    """Epochs, features and end states of a run, over its training sets."""
    values = forecast.as_json()
    rows = [
        (name, _epochs(forecast.epoch(event)))
        for name, event in (("memorised", "memorised"), ("peak of ‖G_F‖", "peak"), ("generalised", "generalised"))
    ]
    if values["irreps_covered"] is not None:
        covered = values["irreps_covered"]
        ends = f" [{covered['low']:.0f}, {covered['high']:.0f}]" if covered["low"] < covered["high"] else ""
        rows.append(("irreps covered", f"{covered['value']:g}{ends} of {values['irreps_total']}"))
    if values["purity"] is not None:
        rows.append(("purity of the median node", short(Interval(**values["purity"]))))
    total = len(forecast.courses)
    states = [f"{state} on {count} of {total}" for state, count in values["end_states"].items()]
    rows.append(("end state", ", ".join(states)))
    spread = "95 % interval" if total >= 6 else "range"
    heading = f"median and {spread} over {total} training sets" if total > 1 else "on one training set"
    return Table(("", heading), rows)


def advice_sentences(advice: Sequence[Advice]) -> list[str]:
    """What would have to change, one thing at a time."""
    sentences = []
    for one in advice:
        lever = one.lever[0].upper() + one.lever[1:]
        if one.factor is None or one.value is None or one.epoch is None:
            size = one.most if one.most > 1 else 1 / one.most
            sentences.append(f"{lever}: not within a factor of {size:.3g}.")
        else:
            value = f"{one.value:,}" if isinstance(one.value, int) else f"{one.value:g}"
            sentences.append(
                f"{lever}: {one.key} = {value} ({one.factor:.3g} times as much) would generalise at about epoch "
                f"{one.epoch:,.0f}."
            )
    return sentences


def critical_table(found: Sequence[Critical]) -> Table:
    """Predicted critical ratios."""
    headings = ("group", "M", "d_max", "critical p", "95 % interval", "p·M/ln M", "courses", "seconds")
    rows = []
    for one in found:
        rows.append((*_group(one), *_ratio(one.ratio), *_effort(one)))
    return Table(headings, rows)


def score_table(score: Score) -> Table:
    """Predicted beside trained critical ratios; of a sweep, probabilities beside what its settings came to."""
    if not score.groups:
        return _settings(score)
    headings = ("group", "M", "d_max", "predicted p", "trained p", "error", "p·M/ln M", "courses", "seconds")
    rows = []
    for estimate, found in score.groups:
        error = "–" if found.ratio is None else f"{found.ratio.value / estimate.value - 1:+.1%}"
        ratios = [
            "–" if ratio is None else f"{_ratio(ratio)[0]} ({_ratio(ratio)[1]})" for ratio in (found.ratio, estimate)
        ]
        rows.append((*_group(found), *ratios, error, *_effort(found)))
    return Table(headings, rows)


def _settings(score: Score) -> Table:
    names = [name for name in score.runs.columns if name not in _RESULTS]
    names += [] if "train_size" in names else ["n"]
    headings = (*names, "runs", "generalised", "probability", "epoch measured", "epoch predicted")
    rows = []
    for values, part in score.runs.groupby(names, dropna=False, sort=False):
        shown = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
        epochs = [part[name].median() for name in ("epoch", "predicted_epoch")]
        known = ["–" if math.isnan(epoch) else f"{epoch:,.0f}" for epoch in epochs]
        count = str(int(part["generalised"].sum()))
        rows.append((*shown, str(len(part)), count, f"{part['probability'].mean():.2f}", *known))
    return Table(headings, rows)


def score_sentences(score: Score) -> list[str]:
    """How good predictions were, and what they cost."""
    total, general = len(score.runs), int(score.runs["generalised"].sum())
    sentences = [
        f"Of {total:,} trained runs {general:,} generalised; the predicted probabilities have a Brier score of "
        f"{score.brier:.3f} (0 is perfect, 0.25 a coin)."
    ]
    values = score.as_json()
    for what, count_of, error in (
        ("The critical ratio", "group", values["ratio_error"]),
        ("The epoch of generalisation", "run", values["epoch_error"]),
    ):
        if error is not None:
            count = f"{error['count']:,} {count_of}{'' if error['count'] == 1 else 's'}"
            middle, largest, signed = (
                100 * part for part in (error["median_size"]["value"], error["largest_size"], error["median"])
            )
            sentences.append(
                f"{what} is off by {middle:.1f} % in the median and by {largest:.1f} % at most, over {count} "
                f"(signed median {signed:+.1f} %)."
            )
    share = f", {score.seconds / score.trained_seconds:.2g} times as much as" if score.trained_seconds > 0 else ";"
    sentences.append(
        f"The predictions took {score.seconds:,.0f} s of process time{share} the runs ({score.trained_seconds:,.0f} s)."
    )
    return sentences


def ascents_sentence(found: Ascents) -> str:
    """What nodes came to on the training sets, over nodes and sets."""
    return (
        f"On {found.ratio:.1%} of all pairs nodes have a median purity of {short(found.purity)}; "
        f"{found.features.value:.0%} are features, {found.memorising.value:.0%} memorise."
    )


def ascents_table(found: Ascents) -> Table:
    """A row for each training set."""
    rows = [
        (
            str(subset.seed),
            f"{subset.size:,}",
            f"{subset.median_purity:.3f}",
            f"{subset.features:.0%}",
            f"{subset.memorising:.0%}",
            ", ".join(f"{label} ({count})" for label, count in subset.found.items()) or "–",
        )
        for subset in found.subsets
    ]
    return Table(("seed", "pairs", "median purity", "features", "memorising", "irreps found (nodes)"), rows)


def short(interval: Interval) -> str:
    """Shares, with two decimals."""
    value, low, high = (f"{round(end, 2):g}" for end in (interval.value, interval.low, interval.high))
    return f"{value} [{low}, {high}]"


def _effort(found: Critical) -> tuple[str, str, str]:
    """c of p = c·ln M/M, and what it cost."""
    constant = "–" if found.constant is None else f"{found.constant:.2f}"
    return constant, str(found.runs), f"{found.seconds:.1f}"


def _epochs(interval: Interval | None) -> str:
    if interval is None:
        return "not reached"
    value, low, high = (
        f"{end:,.0f}" if math.isfinite(end) else "later" for end in (interval.value, interval.low, interval.high)
    )
    return f"{value} [{low}, {high}]" if interval.low < interval.high else value


def _group(found: Critical) -> tuple[str, str, str]:
    dimension = "–" if found.largest_irrep_dim is None else str(found.largest_irrep_dim)
    return found.group, str(found.order), dimension


def _ratio(ratio: Interval | Estimate | None) -> tuple[str, str]:
    """A ratio, and its interval."""
    if ratio is None:
        return "–", "–"
    ends = [f"{end:.3f}" if 0 < end < math.inf else "?" for end in (ratio.low, ratio.high)]
    return f"{ratio.value:.3f}", " to ".join(ends)
