"""Recipes: as they come with li2, and as users write them."""

import inspect
from pathlib import Path

import pytest

from li2.errors import Li2Error
from li2.reproduce import SCALES, Recipe, figure_names, recipes_of
from li2.reproduce.computations import COMPUTATIONS
from li2.reproduce.measures import MEASURES
from li2.reproduce.work import Computed, Trained, work_of
from li2.specs import Plan
from li2.sweeps import Boundary


@pytest.mark.parametrize("name", figure_names())
def test_a_recipe_is_possible_at_all_scales(name: str, tmp_path: Path) -> None:
    recipe = Recipe.named(name)
    assert (recipe.name, recipe.word) == (name, name)
    assert all((recipe.title, recipe.claim, recipe.source, recipe.chosen))
    assert recipe.measure in MEASURES
    sizes = {}
    for scale in SCALES:
        works = [work_of(part, tmp_path / name) for part in recipe.parts(scale)]
        assert works
        for work in works:
            if isinstance(work, Computed):
                function = COMPUTATIONS[work.part.settings["function"]]
                inspect.signature(function).bind(**{k: v for k, v in work.part.settings.items() if k != "function"})
            elif isinstance(work, Trained) and isinstance(work.asked, Plan):
                of_one_seed = work.asked.with_words(["seed=0"])
                assert len({run.key for run in of_one_seed.runs()}) == len(of_one_seed)
            elif isinstance(work, Trained):
                assert Boundary(work.asked).propose({})
        sizes[scale] = sum(len(w.asked) for w in works if isinstance(w, Trained) and isinstance(w.asked, Plan))
    assert sizes["smoke"] <= sizes["quick"] <= sizes["paper"]


def test_scales_replace_keys_of_parts(recipe: Recipe) -> None:
    paper, smoke = recipe.parts("paper"), recipe.parts("smoke")
    assert [part.name for part in smoke] == ["decay", "search", "squares"]
    assert [part.kind for part in smoke] == ["sweep", "boundary", "computation"]
    assert smoke[0].settings == {**paper[0].settings, "seed": 0, "epochs": 5}
    assert recipe.parts("quick") == paper
    with pytest.raises(Li2Error, match="unknown scale 'quik'"):
        recipe.parts("quik")


def test_figures_are_asked_for_by_name_by_file_or_all(recipe_file: Path, recipe_text: str, tmp_path: Path) -> None:
    assert [recipe.name for recipe in recipes_of(["all"])] == list(figure_names())
    assert [recipe.word for recipe in recipes_of([str(recipe_file), str(recipe_file)])] == [str(recipe_file)]
    with pytest.raises(Li2Error, match="unknown figure 'fgi99'"):
        recipes_of(["fgi99"])
    other = tmp_path / "other" / "small.toml"
    other.parent.mkdir()
    other.write_text(recipe_text)
    with pytest.raises(Li2Error, match="another recipe of the name small; rename its file"):
        recipes_of([str(recipe_file), str(other)])


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("measure =", "measures =", "unknown key 'measures'; did you mean 'measure'"),
        ('claim = "', 'chosen_too = "', "unknown key 'chosen_too'"),
        ('claim = "Weight decay makes small networks generalise."', "", "a recipe needs claim = a text"),
        ("claim = ", "claim = 3 #", "a recipe needs claim = a text"),
        ("[parameters]\nleast", "parameters", r"a recipe has tables \[parameters\]"),
        ("[smoke.decay]", "[smoke.deacy]", r"\[smoke.deacy\]: unknown part 'deacy'; did you mean 'decay'"),
        ("[parts.squares]", '[parts."../squares"]', "needs a name of letters"),
        ("[parts.squares]", "[parts.squares", "is not valid TOML"),
        ("[smoke.decay]", "[smoke]", r"a recipe has tables \[parameters\]"),
    ],
)
def test_mistakes_in_recipes_are_told_in_a_sentence(recipe_file: Path, old: str, new: str, sentence: str) -> None:
    text = recipe_file.read_text()
    assert old in text
    recipe_file.write_text(text.replace(old, new))
    with pytest.raises(Li2Error, match=sentence) as told:
        Recipe.from_file(recipe_file)
    assert "\n" not in str(told.value)


def test_a_part_is_of_a_known_kind_and_a_recipe_has_a_plain_name(recipe_file: Path) -> None:
    recipe_file.write_text(recipe_file.read_text().replace('"boundary"', '"bounty"'))
    with pytest.raises(Li2Error, match="small, part search: unknown kind 'bounty'"):
        Recipe.from_file(recipe_file).parts("quick")
    for name in ("a b.toml", "recipe.yaml", "absent.toml"):
        with pytest.raises(Li2Error, match=r"a recipe is a file NAME.toml|cannot read"):
            Recipe.from_file(recipe_file.with_name(name))
