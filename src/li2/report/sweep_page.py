"""The page of a sweep: every run of its store, counted, drawn and linked, in one file that works offline."""

from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from li2.files import put_in_place
from li2.report import sweep_figures, sweep_states
from li2.report.sweep_cells import STATE_COLOURS, Drawing
from li2.report.sweep_critical import critical_ratios
from li2.report.sweep_data import page_data
from li2.report.sweep_table import STATES, SweepTable, number
from li2.report.templates import embedded, render
from li2.specs import KEYS
from li2.sweeps.store import Store

MOST_SHOWN = 12
"""Values of an axis that are listed, and failed runs."""

DRAWINGS: tuple[Callable[[SweepTable], Drawing | None], ...] = (
    sweep_figures.phase_diagrams,
    sweep_figures.collapse,
    critical_ratios,
    sweep_states.end_states,
    sweep_states.grokking_times,
    sweep_states.continued,
)
"""The sections of the page in their order; None where the sweep has nothing to draw."""


def write_sweep_report(store: Store, directory: Path) -> Path:
    """Write ``report.html`` of a sweep into its directory, and return its path; nothing is trained.

    Args:
        store: of the sweep; it is only read.
        directory: of the sweep; the page names it in its commands.

    Raises:
        OSError: if it cannot be written.
    """
    page = sweep_page(store, directory)
    path = directory / "report.html"
    put_in_place(path, lambda file: file.write_text(page, encoding="utf-8"))
    return path


def sweep_page(store: Store, directory: Path) -> str:
    """The page as HTML in one piece."""
    sweep = SweepTable.of(store.table())
    failed = sweep.runs[sweep.runs["status"] == "failed"]
    return render(
        "sweep.html.jinja",
        title=store.plan.get("name") or directory.resolve().name,
        description=store.plan.get("description", ""),
        look_at=store.plan.get("look_at", ""),
        verdict=verdict(sweep),
        facts=_facts(sweep),
        colours=STATE_COLOURS,
        axes=_axes(store.plan, sweep),
        commands=_commands(sweep, directory),
        failed=[
            (row, group, seed, reason)
            for row, group, seed, reason in failed.head(MOST_SHOWN)[["group", "seed", "reason"]].itertuples()
        ],
        failures=len(failed),
        sections=[_rendered(drawing) for draw in DRAWINGS if (drawing := draw(sweep)) is not None],
        data=page_data(sweep, store),
    )


def verdict(sweep: SweepTable) -> str:
    """A sentence or two on how far the sweep is and what its runs came to."""
    runs = sweep.runs
    total = len(runs)
    if not total:
        return "No run is planned yet."
    status = runs["status"].value_counts()
    done = int(status.get("done", 0))
    sentence = f"{_count(total, 'run')}: {done:,} done"
    for name in ("failed", "running", "planned"):
        if name in status:
            sentence += f", {status[name]:,} {name}"
    sentence += "."
    if done:
        states = runs["state"][runs["status"] == "done"].value_counts()
        counted = [f"{states[state]:,} {state}" for state in STATES if state in states]
        sentence += f" Of those done, {', '.join(counted)}."
    return sentence


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _facts(sweep: SweepTable) -> list[tuple[str, str]]:
    """Figures at the head of the page, each with its name."""
    runs = sweep.runs
    states = runs["state"].value_counts()
    facts = [(state, f"{states[state]:,}") for state in (*STATES, "running", "planned") if state in states]
    hours = float(runs["seconds"].astype(float).sum()) / 3600
    facts.append(("process hours", f"{hours:.2g}" if hours < 10 else f"{hours:,.0f}"))
    versions = list(runs["version"].dropna().unique())
    if versions:
        facts.append(("version" if len(versions) == 1 else "versions", ", ".join(map(str, versions))))
    return facts


def _axes(plan: dict[str, Any], sweep: SweepTable) -> list[tuple[str, str, str]]:
    """(key, values, meaning) of what the sweep varies."""
    columns = [name for name in KEYS if name in sweep.runs]
    rows = []
    for name in columns:
        values = list(sweep.runs[name].dropna().unique())
        if sweep.runs[name].nunique(dropna=False) > 1:
            rows.append((name, _listed(values), KEYS[name].meaning))
    return rows


def _listed(values: Sequence[Any]) -> str:
    if len(values) <= MOST_SHOWN:
        return ", ".join(number(value) for value in values)
    numeric = not any(isinstance(value, str) for value in values)
    ends = (min(values), max(values)) if numeric else (values[0], values[-1])
    return f"{len(values):,} values, {number(ends[0])} to {number(ends[1])}"


def _commands(sweep: SweepTable, directory: Path) -> str:
    """What to type to go on with the sweep, or to read it."""
    place = quote(str(directory))
    status = set(sweep.runs["status"])
    lines = []
    if status & {"planned", "running"}:
        lines.append(f"li2 sweep resume {place}")
    if "failed" in status:
        lines.append(f"li2 sweep retry {place}")
    return "\n".join([*lines, f"li2 sweep export {place}"])


def _rendered(drawing: Drawing) -> dict[str, Any]:
    return {
        "title": drawing.title,
        "text": drawing.text,
        "left_out": drawing.left_out,
        "notes": drawing.notes,
        "figures": [
            (caption, embedded(figure, f"{drawing.title} {position}"))
            for position, (caption, figure) in enumerate(drawing.figures)
        ],
    }
