"""Recipes: how a figure is reproduced, as data.

A recipe is a TOML file. Its texts say what the figure claims, what the sources state and what was chosen here;
``measure`` names the function of :mod:`li2.reproduce.measures` that makes panels and checks, with ``[parameters]``.
Each ``[parts.NAME]`` is a table of work at the paper's scale; ``[quick.NAME]`` and ``[smoke.NAME]`` replace some of its
keys at theirs. A part's ``kind`` is ``sweep`` (keys of a plan, the default), ``boundary`` (keys of a boundary) or
``computation`` (``function`` and its parameters, see :mod:`li2.reproduce.computations`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from li2.errors import Li2Error
from li2.specs import read_config
from li2.specs.names import unknown_name

SCALES = ("smoke", "quick", "paper")
KINDS = ("sweep", "boundary", "computation")
TEXTS = ("title", "claim", "source", "chosen", "measure")
TABLES = ("parameters", "parts", *SCALES[:-1])

ALL = "all"
"""Asks for every figure."""

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
        word: by which the command line knows it: its name, or its file.
    """

    name: str
    title: str
    claim: str
    source: str
    chosen: str
    measure: str
    parameters: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Mapping[str, Any]]]
    word: str

    @classmethod
    def named(cls, name: str) -> "Recipe":
        """The recipe of a figure; raises Li2Error if there is none of that name."""
        if name not in figure_names():
            raise Li2Error(unknown_name("figure", name, figure_names()))
        with as_file(_RECIPES.joinpath(f"{name}.toml")) as path:
            return cls.from_file(path, name)

    @classmethod
    def from_file(cls, path: Path, word: str | None = None) -> "Recipe":
        """The recipe in a TOML file, which is called as the file is.

        Args:
            path: the file.
            word: see the attribute; default: the file.

        Raises:
            Li2Error: one sentence on the first mistake; values of keys of runs are checked when they are used.
        """
        if path.suffix != ".toml" or not _NAME.fullmatch(path.stem):
            raise Li2Error(f"{path}: a recipe is a file NAME.toml, its name of letters, digits, - and _.")
        values = read_config(path, (*TEXTS, *TABLES))
        for text in TEXTS:
            if not isinstance(values.get(text), str):
                raise Li2Error(f"{path}: a recipe needs {text} = a text.")
        given = {table: values.get(table, {}) for table in TABLES}
        parameters, parts = given.pop("parameters"), given["parts"]
        if not isinstance(parameters, dict) or not all(map(_is_tables, given.values())) or not parts:
            raise Li2Error(f"{path}: a recipe has tables [parameters], [parts.NAME], [quick.NAME] and [smoke.NAME].")
        for scale, tables in given.items():
            for name in tables:
                if name not in parts:
                    raise Li2Error(f"{path}: [{scale}.{name}]: {unknown_name('part', name, parts)}")
                if not _NAME.fullmatch(name):
                    raise Li2Error(f"{path}: the part {name!r} needs a name of letters, digits, - and _.")
        given["paper"] = given.pop("parts")
        texts = {text: values[text] for text in TEXTS}
        return cls(name=path.stem, **texts, parameters=parameters, tables=given, word=word or str(path))

    def parts(self, scale: str) -> tuple[Part, ...]:
        """The work at a scale; raises Li2Error if there is none such, or a part is of no kind."""
        if scale not in SCALES:
            raise Li2Error(unknown_name("scale", scale, SCALES))
        made = []
        for name, table in self.tables["paper"].items():
            settings = {**table, **self.tables[scale].get(name, {})}
            kind = settings.pop("kind", "sweep")
            if kind not in KINDS:
                raise Li2Error(f"{self.name}, part {name}: {unknown_name('kind', str(kind), KINDS)}")
            made.append(Part(name, kind, settings))
        return tuple(made)


_NAME = re.compile(r"[A-Za-z0-9_-]+")


def _is_tables(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(table, dict) for table in value.values())


def recipes_of(words: Iterable[str]) -> tuple[Recipe, ...]:
    """The recipes that words ask for: names of figures, recipe files, or :data:`ALL` figures; each once.

    Raises:
        Li2Error: one sentence on the first word that asks for none, or if two recipes have one name.
    """
    found: dict[str, Recipe] = {}
    for word in words:
        for name in figure_names() if word == ALL else (word,):
            is_file = name.endswith(".toml") or "/" in name
            recipe = Recipe.from_file(Path(name)) if is_file else Recipe.named(name)
            if found.setdefault(recipe.name, recipe).word != recipe.word:
                raise Li2Error(f"{word} is another recipe of the name {recipe.name}; rename its file.")
    return tuple(found.values())


@cache
def figure_names() -> tuple[str, ...]:
    """The figures that have a recipe, in the paper's order."""
    names = [file.name.removesuffix(".toml") for file in _RECIPES.iterdir() if file.name.endswith(".toml")]
    return tuple(sorted(names, key=figure_order))


def figure_order(name: str) -> tuple[int, str]:
    """A key that sorts the names of figures by number, then letter; those without a number last."""
    digits = "".join(c for c in name if c.isdigit())
    return (int(digits) if digits else 10_000, name)
