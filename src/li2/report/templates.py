"""Pages of one file that work offline: Jinja templates on a common base, figures by Plotly."""

from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs


def render(template: str, **values: Any) -> str:
    """The page that a template of this folder makes of some values."""
    loader = PackageLoader("li2.report", package_path="")
    environment = Environment(loader=loader, autoescape=_is_html, undefined=StrictUndefined, keep_trailing_newline=True)
    return environment.get_template(template).render(plotly=get_plotlyjs(), **values)


def _is_html(template: str | None) -> bool:
    """Whether what is put into a template must be escaped: all are HTML but those of Markdown."""
    return not (template or "").endswith(".md.jinja")


def embedded(figure: go.Figure, name: str) -> Markup:
    """A figure as a piece of such a page; its element's id comes from the name."""
    return Markup(
        figure.to_html(
            full_html=False,
            include_plotlyjs=False,
            div_id="figure-" + name.lower().replace(" ", "-"),
            config={"displaylogo": False, "responsive": True, "toImageButtonOptions": {"scale": 2}},
        )
    )
