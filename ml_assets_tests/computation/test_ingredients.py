"""Keys of computations, and what is said of two that differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import pytest

from ml_assets.computation.ingredients import Ingredients, differences, in_short, stored_parts
from ml_assets.store import Content, Manifest, open_store

CODES = {
    "1" * 64: {"shop.model:train": "def train(): return 1", "shop.model:helper": "def helper(): return 1"},
    "2" * 64: {"shop.model:train": "def train(): return 2", "shop.rates:RATE": "RATE = 1"},
}
FEATURES = "shop/features@2024-01"
BASE = Ingredients(
    asset="shop/model",
    partition="2024-01",
    code="1" * 64,
    packages={"numpy": "2.0"},
    settings={"minimum_rows": 10},
    reads={FEATURES: "a" * 64, "landed shop/2024-01.parquet": "b" * 64, "champion before": "none"},
    params={"c": 0.1},
    seed=0,
    threads=2,
)
OTHER: Mapping[str, Any] = {
    "asset": "shop/split",
    "partition": "2024-02",
    "code": "2" * 64,
    "packages": {"numpy": "2.1"},
    "settings": {"minimum_rows": 11},
    "reads": {FEATURES: "c" * 64},
    "params": {"c": 0.05},
    "seed": 1,
    "threads": 3,
    "device": "cuda x 1",
}


def changes(**changed: Any) -> list[str]:
    return differences(BASE, replace(BASE, **changed), CODES.__getitem__)


def test_each_ingredient_makes_another_key():
    assert OTHER.keys() == {field.name for field in fields(Ingredients)}
    keys = {replace(BASE, **{name: value}).key for name, value in OTHER.items()}
    assert len(keys | {BASE.key}) == len(OTHER) + 1


def test_what_is_computed_on_no_device_of_its_own_keeps_the_key_it_had_before_there_were_devices():
    assert BASE.key == "44231138a177d64ace0c6bca7311f12de1824c8d7bf749db1ac94ced3b257b9a"
    assert "device" not in BASE.to_json()


def test_the_order_in_which_things_are_named_makes_no_other_key():
    assert replace(BASE, reads=dict(reversed(BASE.reads.items()))).key == BASE.key


@pytest.mark.parametrize(
    ("one", "other"),
    [({"c": 1}, {"c": "1"}), ({"c": 1}, {"c": True}), ({"c": None}, {}), ({"a": "b", "c": "d"}, {"a": "bc", "": "d"})],
    ids=str,
)
def test_values_that_only_look_alike_make_other_keys(one, other):
    assert replace(BASE, params=one).key != replace(BASE, params=other).key


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"params": {"c": 0.05}}, ["params.c 0.1 -> 0.05"]),
        ({"params": {"c": 0.1, "depth": 3}}, ["params.depth added"]),
        ({"params": {}}, ["params.c removed"]),
        ({"params": {"c": None}}, ["params.c 0.1 -> null"]),
        ({"params": {"c": "x" * 99}}, [f"params.c 0.1 -> {'x' * 60}…"]),
        ({"seed": 7}, ["seed 0 -> 7"]),
        ({"threads": 16}, ["threads 2 -> 16"]),
        ({"device": "cuda x 1"}, ["device cpu -> cuda x 1"]),
        ({"packages": {"numpy": "2.1"}}, ["numpy 2.0 -> 2.1"]),
        ({"packages": {"numpy": "2.1 (files 3f9a12bc7e01)"}}, ["numpy 2.0 -> 2.1"]),
        ({"packages": {"numpy": "2.0 (files 3f9a12bc7e01)"}}, ["numpy 2.0: other files"]),
        ({"settings": {"minimum_rows": 11}}, ["problem.minimum_rows 10 -> 11"]),
        ({"code": "2" * 64}, ["code: train changed", "code: RATE added", "code: helper removed"]),
        ({"reads": {**BASE.reads, FEATURES: "c" * 64}}, [f"input {FEATURES} aaaa -> cccc"]),
        ({"reads": {**BASE.reads, "champion before": "d" * 64}}, ["champion before none -> dddd"]),
        (
            {"reads": {**BASE.reads, "landed shop/2024-01.parquet": "c" * 64}},
            ["landed shop/2024-01.parquet bbbb -> cccc"],
        ),
        ({}, []),
    ],
    ids=lambda value: "; ".join(value) if isinstance(value, list) else "",
)
def test_what_changed_is_said_by_name(changed: dict[str, Any], said: list[str]):
    assert changes(**changed) == said


def test_whatever_makes_another_key_is_said():
    for name, value in OTHER.items():
        if name not in ("asset", "partition"):  # two versions of one partition of an asset are compared
            assert changes(**{name: value}), name


def test_long_settings_that_begin_alike_are_shown_from_where_they_differ():
    before, after = (
        replace(BASE, settings={"query": f"select {'x, ' * 40}y from t where {at}"}) for at in ("1=1", "1=0")
    )
    (said,) = differences(before, after, {}.get)
    assert said == "problem.query …x, y from t where 1=1 -> …x, y from t where 1=0"


def test_of_many_changes_the_first_are_said_and_the_others_counted():
    assert in_short(["a", "b", "c", "d", "e"]) == "a; b; c; and 2 more"
    assert in_short(["a", "b", "c"]) == "a; b; c"
    assert in_short([]) == ""


def manifest(**code: Any) -> Manifest:
    content = Content(codec="json", meta={}, files=())
    return Manifest(
        asset=BASE.asset, partition=BASE.partition, content=content, code=code, params=BASE.params, seed=BASE.seed
    )


def test_what_a_manifest_records_is_what_it_was_made_of():
    assert Ingredients.of(manifest(computation=BASE.to_json())) == BASE
    assert BASE.to_json()["key"] == BASE.key


def test_a_device_is_recorded_and_one_that_is_gone_is_said():
    trained = replace(BASE, device="cuda x 1")
    assert Ingredients.of(manifest(computation=trained.to_json())) == trained
    assert differences(trained, BASE, CODES.__getitem__) == ["device cuda x 1 -> cpu"]


def test_another_list_of_functions_is_told_in_words():
    codes = {"1" * 64: {"roots": "[]"}, "2" * 64: {"roots": "[1]"}}

    (told,) = differences(BASE, replace(BASE, code="2" * 64), codes.get)

    assert told == "code: the list of its functions and types changed"


def test_versions_from_before_there_were_keys_record_nothing():
    assert Ingredients.of(manifest(git_commit="abc")) is None


def test_code_whose_text_is_lost_or_damaged_is_said_to_have_changed(tmp_path):
    store = open_store(str(tmp_path / "store"))
    here, lost = store.put_code(CODES["1" * 64]), store.put_code(CODES["2" * 64])
    store.backend.delete(f"code/{lost}.json")

    assert differences(replace(BASE, code=lost), replace(BASE, code=here), stored_parts(store)) == ["code changed"]
    assert stored_parts(store)(here) == CODES["1" * 64]
