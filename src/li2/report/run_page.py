"""The page itself: words, figures and settings put into one template."""

from pathlib import Path
from typing import Any

from li2.report.sections import SECTIONS, Section
from li2.report.style import STAGE_COLOURS
from li2.report.templates import embedded, render
from li2.report.words import STAGE_MEANINGS, network, verdict
from li2.runs import RunDirectory, RunResult
from li2.specs import KEYS


def write_report(result: RunResult) -> Path:
    """Write ``report.html`` into the run's directory, and return its path.

    Raises:
        OSError: if it cannot be written.
    """
    page = render(
        "run.html.jinja",
        result=result,
        network=network(result.spec),
        outcome=result.outcome,
        verdict=verdict(result),
        meanings=STAGE_MEANINGS,
        colours=STAGE_COLOURS,
        sections=[part for section in SECTIONS if (part := _rendered(section, result)) is not None],
        keys=[(KEYS[name], value) for name, value in result.spec.explicit().items()],
        origin=RunDirectory(result.run_dir).read_json("spec.json"),
    )
    RunDirectory(result.run_dir).write_text(result.report.name, page)
    return result.report


def _rendered(section: Section, result: RunResult) -> dict[str, Any] | None:
    figure = section.draw(result)
    if figure is None and section.optional:
        return None
    html = None if figure is None else embedded(figure, section.title)
    missing = result.not_applicable.get(section.reason or "", "the run was not diagnosed at any epoch that shows it")
    return {"title": section.title, "text": section.text, "html": html, "missing": missing}
