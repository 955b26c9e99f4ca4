"""What versions were made of, and around it: one line each."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ml_assets.computation.ingredients import Ingredients
from ml_assets.lineage.diff.circumstances import commit_differences, environment_differences, outcome_differences
from ml_assets.lineage.diff.ingredients import ingredient_differences
from ml_assets.store import Check, Content, Input, LandedFile, Manifest, VersionKey

OLD_CODE, NEW_CODE = "1" * 64, "2" * 64
PARTS = {OLD_CODE: {"m:train": "def train(): 1"}, NEW_CODE: {"m:train": "def train(): 2"}}
BARE = Manifest("umbrellas/model", "2024-01", Content("json", {}, ()), params={"c": 1.0}, seed=0)


def recorded(manifest: Manifest = BARE, **changes: Any) -> Manifest:
    own = Ingredients(
        manifest.asset, manifest.partition, code=OLD_CODE, packages={"scikit-learn": "1.9.0"},
        settings={"minimum_rows": 50}, reads={"umbrellas/split@2024-01": "9c22" * 16}, threads=1,
    )  # fmt: skip
    changed = dataclasses.replace(own, params=dict(manifest.params), seed=manifest.seed, **changes)
    return dataclasses.replace(manifest, code={"computation": changed.to_json()})


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (recorded(dataclasses.replace(BARE, params={"c": 2.0})), "params.c 1.0 -> 2.0"),
        (recorded(dataclasses.replace(BARE, seed=1)), "seed 0 -> 1"),
        (recorded(code=NEW_CODE), "code: train changed"),
        (recorded(packages={"scikit-learn": "1.9.1"}), "scikit-learn 1.9.0 -> 1.9.1"),
        (recorded(settings={"minimum_rows": 60}), "problem.minimum_rows 50 -> 60"),
        (recorded(reads={"umbrellas/split@2024-01": "07de" * 16}), "input umbrellas/split@2024-01 9c22 -> 07de"),
        (recorded(threads=2), "threads 1 -> 2"),
    ],
    ids=["params", "seed", "code", "package", "setting", "input", "threads"],
)
def test_each_ingredient_that_differs_is_one_sentence(new, said):
    assert ingredient_differences(recorded(), new, PARTS) == (said,)


def test_equal_ingredients_are_not_mentioned():
    assert ingredient_differences(recorded(), recorded(), {}) == ()


def test_code_whose_text_was_lost_still_is_said_to_have_changed_beside_all_else():
    new = recorded(dataclasses.replace(BARE, seed=1), code=NEW_CODE)
    assert ingredient_differences(recorded(), new, None) == ("seed 0 -> 1", "code changed")


def test_of_versions_older_than_such_records_what_every_manifest_has_is_compared():
    split = VersionKey("umbrellas/split", "2024-01", "0" * 64)
    landed = LandedFile("umbrellas/visits/2024-01.parquet", "11aa" * 16, 9)
    old = dataclasses.replace(BARE, inputs=(Input("split", split, "9c22" * 16),), landed=(landed,))
    new = dataclasses.replace(
        recorded(BARE),
        params={"c": 2.0},
        inputs=(Input("split", split, "07de" * 16),),
        landed=(dataclasses.replace(landed, digest="22bb" * 16),),
    )
    assert ingredient_differences(old, new, None) == (
        "params.c 1.0 -> 2.0",
        "input umbrellas/split@2024-01 9c22 -> 07de",
        "landed umbrellas/visits/2024-01.parquet 11aa -> 22bb",
    )


def test_the_commit_and_whether_it_was_all_there_is_to_the_code_are_told():
    old = dataclasses.replace(BARE, code={"ml_assets": "0.1.0", "git_commit": "a" * 40, "git_dirty": False})
    new = dataclasses.replace(BARE, code={"ml_assets": "0.1.0", "git_commit": "b" * 40, "git_dirty": True})
    assert commit_differences(old, new) == (f"git commit {'a' * 12} -> {'b' * 12}", "git dirty False -> True")
    assert commit_differences(BARE, new)[0] == "ml assets none -> 0.1.0"


def test_the_machine_and_the_first_packages_that_differ_are_told():
    old = {"python": "3.11.2", "machine": "x86_64", "packages": {f"p{n:02}": "1" for n in range(12)} | {"same": "1"}}
    new = {"python": "3.11.9", "machine": "x86_64", "packages": {f"p{n:02}": "2" for n in range(12)} | {"same": "1"}}
    said = environment_differences(old, new)
    assert (said[0], said[1], said[-1]) == ("python 3.11.2 -> 3.11.9", "p00 1 -> 2", "2 more packages differ")
    assert len(said) == 12
    assert environment_differences(old, old) == ()
    assert environment_differences({}, {"packages": {"p": "1"}}) == ("p none -> 1",)


def test_what_only_one_environment_says_of_its_machine_is_no_difference():
    assert environment_differences({"python": "3.11.2"}, {"python": "3.11.2", "cores": 16, "packages": {}}) == ()


def test_lists_are_written_for_people():
    assert environment_differences({"gpus": []}, {"gpus": ["H200", "H200"]}) == ("gpus none -> H200, H200",)


def test_checks_that_went_another_way_notes_and_plain_numbers_are_told():
    old = dataclasses.replace(
        BARE,
        checks=(Check("volume", True, True, "400 rows."), Check("schema", True, True, "Fine.")),
        notes={"decision": "keep", "rows": 400},
        metrics={"rows": {"train": 300}, "auroc": {"value": 0.7}},
    )
    new = dataclasses.replace(
        old,
        checks=(Check("volume", False, False, "3 rows."), Check("schema", True, True, "Fine, too.")),
        notes={"decision": "promote", "rows": 400},
        metrics={"rows": {"train": 310}, "auroc": {"value": 0.8}},
    )
    assert outcome_differences(old, new) == (
        "check volume passed -> failed",
        "decision keep -> promote",
        "rows.train 300 -> 310",
    )
