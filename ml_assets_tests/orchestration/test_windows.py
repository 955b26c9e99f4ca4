"""A new recipe proves itself on several windows; where only the data is newer, the two models are compared."""

from __future__ import annotations

import pytest

from ml_assets.orchestration.rebuild import rebuild
from ml_assets.store import open_store
from ml_assets_tests.doubles import sunshades
from ml_assets_tests.doubles.sunshades import PROBLEM
from ml_assets_tests.doubles.world import World, build

MONTHS = ("2024-01", "2024-02", "2024-03", "2024-04")
TIMID = {"params": {"c": 1e-5}, "seed": 0}
JUDGED = ("model", "evaluation", "champion")


@pytest.fixture(scope="module")
def decided(tmp_path_factory) -> World:
    """Three months of a recipe that hardly learns, then in April one that does. Not to be changed by tests."""
    world = build(tmp_path_factory.mktemp("windows"), [PROBLEM])
    sunshades.land(world.landing, MONTHS)
    for month in MONTHS[:3]:
        world.must_run(PROBLEM, month, config=TIMID)
    world.must_run(PROBLEM, MONTHS[3])
    return world


def test_both_recipes_are_judged_on_the_last_windows_and_the_differences_between_windows_decide(decided):
    decision = decided.load("sunshades/champion", "2024-04")
    comparison = decision["comparison"]
    assert decision["decision"] == "promote"
    assert [window["partition"] for window in comparison["windows"]] == ["2024-02", "2024-03", "2024-04"]
    assert comparison["units"] == "3 windows"
    assert comparison["method"].startswith("random effects of 3 windows, as gains and standardised, the more cautious")
    assert "better in 3 of them; confidence" in decision["reasons"][0]


def test_what_was_missing_was_trained_and_what_was_there_was_used(decided):
    """The champion's recipe lacked April, the challenger's February and March."""
    made = {month: len(decided.store.versions("sunshades/model", month)) for month in MONTHS}
    assert made == {"2024-01": 1, "2024-02": 2, "2024-03": 2, "2024-04": 2}
    names = {read.name for read in decided.manifest("sunshades/champion", "2024-04").inputs}
    assert {"model of a window", "champion of a window", "split of a window"} <= names


def test_where_only_the_data_is_newer_the_two_models_are_compared_by_days_before_there_are_three_windows(decided):
    comparison = decided.load("sunshades/champion", "2024-03")["comparison"]
    assert comparison["windows"] == []
    assert comparison["units"].endswith(" days")


def test_newer_data_proves_itself_on_the_windows_since_the_champion(decided, tmp_path):
    """January's champion has seen January; of the three months since each has a model of its own."""
    world = decided.copied_to(tmp_path, [PROBLEM])
    world.must_run(PROBLEM, "2024-04", ["model", "evaluation", "champion"], config=TIMID)
    comparison = world.load("sunshades/champion", "2024-04")["comparison"]
    assert [window["partition"] for window in comparison["windows"]] == ["2024-02", "2024-03", "2024-04"]
    again = rebuild(world.store.backend, world.landing, world.head("sunshades/champion", "2024-04"), tmp_path / "again")
    assert open_store(str(tmp_path / "again")).load(again) == world.load("sunshades/champion", "2024-04")


def test_deciding_again_trains_nothing(decided, tmp_path):
    world = decided.copied_to(tmp_path, [PROBLEM])
    before = {month: world.store.versions("sunshades/model", month) for month in MONTHS}
    world.must_run(PROBLEM, "2024-04", ["champion"], fresh=True)
    assert {month: world.store.versions("sunshades/model", month) for month in MONTHS} == before


def test_a_decision_by_windows_is_made_again_from_its_manifest(decided, tmp_path):
    recorded = decided.manifest("sunshades/champion", "2024-04")
    made = rebuild(decided.store.backend, decided.landing, recorded.key, tmp_path / "again")
    assert open_store(str(tmp_path / "again")).manifest(made).content.digest == recorded.content.digest


def test_a_second_challenger_of_the_same_rows_must_be_surer(decided, tmp_path):
    """The first of two that differ little stays a challenger."""
    world = decided.copied_to(tmp_path, [PROBLEM])
    for c in (0.5, 0.25):
        world.must_run(PROBLEM, "2024-04", JUDGED, config={"params": {"c": c}, "seed": 0})
    decision = world.load("sunshades/champion", "2024-04")
    assert decision["decision"] == "cannot_tell"
    assert "under the 0.95 that promotion asks of the best of 2 challengers" in decision["reasons"][0]
    again = rebuild(world.store.backend, world.landing, world.head("sunshades/champion", "2024-04"), tmp_path / "again")
    assert open_store(str(tmp_path / "again")).load(again) == decision
