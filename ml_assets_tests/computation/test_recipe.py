"""What is written down of a problem's fields and of the plumbing, held against what an asset does when it is made."""

from __future__ import annotations

import dataclasses
import importlib
import sys
from collections import defaultdict
from dataclasses import replace
from typing import Any, ClassVar

import pytest

from ml_assets.assets import CHAIN as ASSETS
from ml_assets.assets import declared
from ml_assets.computation.finder import Sources
from ml_assets.computation.recipe import PLUMBING, Recipe
from ml_assets.problem import Problem
from ml_assets_tests.doubles import ice_cream, saplings, umbrellas
from ml_assets_tests.doubles.chain import IN_TIME as CHAIN
from ml_assets_tests.doubles.world import build

FIELDS = {field.name for field in dataclasses.fields(Problem)}
LEFT_OUT = {
    "name": "it is the asset's",
    "partitions": "the partition's own span is among the settings",
}
LEFT_OUT_OF = {
    "features": {"lookback": "how many inputs there are is seen from the inputs"},
    "split": {},
    "model": {
        "params": "a run gives them, the problem's are its defaults",
        "seed": "a run gives it, too",
        "compute": "the device is an ingredient of its own",
        "threads_change_bits": "the threads are, too",
        "tuning": "the study is an input, and gives params",
        "predict": "its check is about the storing",
    },
}


class Watched(Problem):
    """A problem that records which fields are read by which asset's function, and by what that calls."""

    read: ClassVar[dict[str, set[str]]] = defaultdict(set)

    def __getattribute__(self, name: str) -> Any:
        if name in FIELDS and (noun := _made_now()):
            Watched.read[noun].add(name)
        return super().__getattribute__(name)


def _made_now() -> str | None:
    frame: Any = sys._getframe(2)
    while frame is not None:
        name, file = frame.f_code.co_name, frame.f_code.co_filename
        if name in CHAIN and file.endswith(f"/orchestration/{name}.py"):
            return str(name)
        frame = frame.f_back
    return None


def watched(problem: Problem) -> Problem:
    return Watched(**{field.name: getattr(problem, field.name) for field in dataclasses.fields(problem)})


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """What each asset read while toy problems of each task were made, with a champion to compare with."""
    months, beaches, trees = watched(umbrellas.PROBLEM), watched(ice_cream.PROBLEM), watched(saplings.PROBLEM)
    Watched.read.clear()
    world = build(tmp_path_factory.mktemp("watched"), [months, beaches, trees])
    for month in ("2024-01", "2024-02"):
        world.landing.write(f"saplings/sold/{month}.parquet", saplings.sold(month))
        world.must_run(months, month)
        world.must_run(trees, month)
    world.must_run(beaches, ice_cream.BEACHES[0])
    world.landing.write("saplings/sold/2024-03.parquet", saplings.sold("2024-03"))
    for problem in (months, trees):
        world.must_run(problem, "2024-03", ["dataset", "features", "audit", "predictions", "monitoring"])
    return dict(Watched.read)


@pytest.mark.parametrize("noun", CHAIN)
def test_an_asset_reads_only_the_fields_that_are_among_its_ingredients(read: dict[str, set[str]], noun: str):
    left_out = {*LEFT_OUT, *LEFT_OUT_OF.get(noun, {})}
    assert read[noun] - {*declared(noun).uses} - left_out == set()


@pytest.mark.parametrize("noun", CHAIN)
def test_hardly_anything_is_an_ingredient_that_the_asset_does_not_read(read: dict[str, set[str]], noun: str):
    said_in_errors = {"label", "event_time"} if noun in ("evaluation", "champion") else set()
    of_regrets = {"on_regret"} if noun == "audit" else set()
    assert {*declared(noun).uses} - read[noun] - said_in_errors - of_regrets == set()


@pytest.mark.parametrize("noun", CHAIN)
def test_no_code_of_the_plumbing_is_an_ingredient(noun: str):
    parts = Recipe(umbrellas.PROBLEM, noun).code.parts

    assert declared(noun).made_by in parts
    assert [part for part in parts if any(_is_in(part, cut) for cut in PLUMBING)] == []


def _is_in(part: str, cut: str) -> bool:
    module, colon, _ = part.partition(":")
    return part == cut if ":" in cut else bool(colon) and (module == cut or module.startswith(f"{cut}."))


@pytest.mark.parametrize("noun", CHAIN)
def test_an_asset_is_computed_by_its_own_function_and_the_problems(noun: str):
    parts = Recipe(umbrellas.PROBLEM, noun).code.parts
    functions = {
        n for n in declared(noun).uses if n in ("dataset", "schema", "features", "train", "predict", "baseline")
    }

    names = {getattr(umbrellas.PROBLEM, name).__name__ for name in functions}
    assert {f"ml_assets_tests.doubles.umbrellas:{name}" for name in names} <= parts.keys()


def test_what_gives_a_trial_up_and_what_keeps_its_curve_are_part_of_the_trial():
    parts = Recipe(umbrellas.PROBLEM, "trial").code.parts
    assert {"ml_assets.training.tuning.pruning:best_until", "ml_assets.training.history:MOST_POINTS"} <= parts.keys()


@pytest.mark.parametrize("name", PLUMBING)
def test_the_plumbing_is_there(name: str):
    module, _, attribute = name.partition(":")
    sources = Sources()
    assert sources.path(module) is not None
    assert not attribute or attribute in sources[module].bindings


def test_every_field_that_is_named_is_one_of_a_problem():
    assert {name for asset in ASSETS for name in asset.uses} <= FIELDS


def test_what_a_problem_tells_is_told_by_the_path_that_leads_to_it():
    settings = Recipe(umbrellas.with_gate_at_least(0.7), "evaluation").settings

    assert settings["gates[0 auroc].at_least"] == 0.7
    assert "gates[0 auroc].at_most" not in settings
    assert settings["metrics"] == ["auroc", "brier"]
    assert Recipe(umbrellas.PROBLEM, "split").settings["split"] == "RollingWindow"


def test_settings_and_code_are_apart():
    stricter = Recipe(replace(umbrellas.PROBLEM, minimum_rows=51), "dataset")
    before = Recipe(umbrellas.PROBLEM, "dataset")

    assert stricter.code.version == before.code.version
    assert stricter.settings != before.settings


@pytest.mark.parametrize(
    ("changes", "noun"),
    [
        ({"maximum_growth": 30.0}, "dataset"),
        ({"maximum_growth": None}, "dataset"),
        ({"waive": {"volume": "a sale"}}, "dataset"),
        ({"leak_strength": 0.99}, "features"),
        ({"waive": {"leak": "it persists"}}, "features"),
        ({"waive": {"features_sound": "it begins in May"}}, "features"),
        ({"waive": {"classes": "one is rare"}}, "split"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_limit_and_a_waiver_are_ingredients_of_the_asset_whose_check_they_are_about_alone(changes, noun):
    changed = replace(umbrellas.PROBLEM, **changes)
    other = [n for n in CHAIN if Recipe(changed, n).settings != Recipe(umbrellas.PROBLEM, n).settings]
    assert other == [noun]


def test_what_problems_share_is_looked_at_once_and_what_a_function_holds_anew_for_each():
    held = [1.0]

    def scaled(history, data):
        return umbrellas.features(history, data) * held[0]

    shared = [Recipe(problem, "features").code for problem in (umbrellas.PROBLEM, replace(umbrellas.PROBLEM, seed=9))]
    assert shared[0] is shared[1]
    problem = umbrellas.with_features(scaled)
    before = Recipe(problem, "features").code.version
    held[0] = 2.0
    assert Recipe(replace(problem), "features").code.version != before


def test_another_reason_is_another_waiver_and_no_waiver_changes_no_key():
    reasons = [replace(umbrellas.PROBLEM, waive={"leak": why}) for why in ("it persists", "it was known before")]
    one, other = (Recipe(problem, "features").settings for problem in reasons)
    assert (one["waive[leak]"], other["waive[leak]"]) == ("it persists", "it was known before")
    assert not any(name.startswith("waive") for name in Recipe(umbrellas.PROBLEM, "features").settings)


def test_dagster_is_no_package_that_computes():
    assert all("dagster" not in Recipe(umbrellas.PROBLEM, noun).packages for noun in CHAIN)


def test_a_function_that_holds_a_value_in_memory_cannot_be_recognised_again():
    shop_sizes = umbrellas.visits("2024-01")

    def load(partition, source):
        return shop_sizes

    unknown = Recipe(replace(umbrellas.PROBLEM, dataset=load), "dataset").unknown
    assert "shop_sizes" in unknown


def test_code_that_changed_on_the_disk_since_it_was_loaded_cannot_be_recognised_again(tmp_path, monkeypatch):
    (tmp_path / "edited_late.py").write_text("def train(data, params, run): return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    train = importlib.import_module("edited_late").train

    unknown = Recipe(replace(umbrellas.PROBLEM, train=train), "model").unknown
    assert unknown == "edited_late.py was edited while this was running."
