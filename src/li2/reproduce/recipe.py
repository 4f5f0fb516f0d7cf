"""Recipes: how a figure is reproduced, as data.

A recipe is a TOML file. Its texts say what the figure claims, what the sources state and what was chosen here;
``measure`` names the function of :mod:`li2.reproduce.measures` that makes panels and checks, with ``[parameters]``.
Each ``[parts.NAME]`` is a table of work at the paper's scale; ``[quick.NAME]`` and ``[smoke.NAME]`` replace some of its
keys at theirs. A part's ``kind`` is ``sweep`` (keys of a plan, the default), ``boundary`` (keys of a boundary) or
``computation`` (``function`` and its parameters, see :mod:`li2.reproduce.computations`).
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from li2.errors import Li2Error
from li2.specs.names import unknown_name

SCALES = ("smoke", "quick", "paper")
KINDS = ("sweep", "boundary", "computation")

_RECIPES = files("li2").joinpath("reproduce", "recipes")


@dataclass(frozen=True)
class Part:
    """Some of a recipe's work at one scale.

    Attributes:
        name: by which its results are known.
        kind: one of :data:`KINDS`.
        settings: its keys.
    """

    name: str
    kind: str
    settings: Mapping[str, Any]


@dataclass(frozen=True)
class Recipe:
    """How a figure is reproduced.

    Attributes:
        name: of the figure, such as ``fig5a``.
        title: what it shows.
        claim: of the paper, in one sentence of ours.
        source: what the sources state of its settings.
        chosen: what they leave open, and what is taken here.
        measure: name of the function that makes panels and checks.
        parameters: of that function.
        tables: the parts at the paper's scale and what replaces their keys at the others, by scale and name.
    """

    name: str
    title: str
    claim: str
    source: str
    chosen: str
    measure: str
    parameters: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Mapping[str, Any]]]

    @classmethod
    def named(cls, name: str) -> "Recipe":
        """The recipe of a figure; raises Li2Error if there is none of that name."""
        if name not in figure_names():
            raise Li2Error(unknown_name("figure", name, figure_names()))
        values = tomllib.loads(_RECIPES.joinpath(f"{name}.toml").read_text(encoding="utf-8"))
        tables = {"paper": values["parts"], **{scale: values.get(scale, {}) for scale in SCALES[:-1]}}
        texts = {text: values[text] for text in ("title", "claim", "source", "chosen", "measure")}
        return cls(name=name, **texts, parameters=values.get("parameters", {}), tables=tables)

    def parts(self, scale: str) -> tuple[Part, ...]:
        """The work at a scale."""
        made = []
        for name, table in self.tables["paper"].items():
            settings = {**table, **(self.tables[scale].get(name, {}) if scale != "paper" else {})}
            made.append(Part(name, settings.pop("kind", "sweep"), settings))
        return tuple(made)


@cache
def figure_names() -> tuple[str, ...]:
    """The figures that have a recipe, in the paper's order."""
    names = [file.name.removesuffix(".toml") for file in _RECIPES.iterdir() if file.name.endswith(".toml")]
    return tuple(sorted(names, key=_order))


def _order(name: str) -> tuple[int, str]:
    """By number, then letter; those without a number last."""
    digits = "".join(c for c in name if c.isdigit())
    return (int(digits) if digits else 10_000, name)
