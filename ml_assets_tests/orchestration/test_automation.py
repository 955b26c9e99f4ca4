"""What follows by itself, and what does not: the conditions, evaluated as Dagster's daemon does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import dagster as dg
import pytest
from dagster._core.asset_graph_view.asset_graph_view import AssetGraphView

from ml_assets.orchestration.automation import automation_sensor
from ml_assets.problem import RetrainWhen
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.chain import CHAIN
from ml_assets_tests.doubles.daemon import NOUNS, Daemon
from ml_assets_tests.doubles.world import World, build

PROBLEM = umbrellas.PROBLEM  # lookback 1, window 3
JUDGED = ["split", "model", "evaluation", "champion", "report"]
MONTHS = ["2024-01", "2024-02", "2024-03", "2024-04", "2024-05"]


@pytest.fixture(scope="module")
def settled(tmp_path_factory) -> Daemon:
    """Five months made; automation has seen them all. Not to be changed by tests."""
    world = build(tmp_path_factory.mktemp("settled"), [PROBLEM])
    daemon = Daemon(world, PROBLEM)
    for month in MONTHS:
        world.must_run(PROBLEM, month)
    assert daemon.settle() == []
    return daemon


@pytest.fixture
def daemon(settled, tmp_path) -> Daemon:
    return settled.copied_to(tmp_path)


@pytest.fixture(scope="module")
def followed(settled, tmp_path_factory) -> Daemon:
    """The second month was corrected, and automation followed. Not to be changed by tests."""
    daemon = settled.copied_to(tmp_path_factory.mktemp("followed"))
    land(daemon.world, "2024-02", rows=420)
    daemon.world.must_run(PROBLEM, "2024-02")
    daemon.settle()
    return daemon


@pytest.fixture(scope="module")
def remembering(settled, tmp_path_factory) -> Daemon:
    """The fifth month was corrected: automation remembers that the windows of later ones hold a change. Not to be changed."""
    daemon = settled.copied_to(tmp_path_factory.mktemp("remembering"))
    land(daemon.world, "2024-05", rows=410)
    daemon.world.must_run(PROBLEM, "2024-05")
    daemon.settle()
    return daemon


def land(world: World, month: str, **how) -> None:
    world.landing.write(f"umbrellas/visits/{month}.parquet", umbrellas.visits(month, **how))


def heads(world: World) -> dict[tuple[str, str], str]:
    return {(noun, month): world.head(f"umbrellas/{noun}", month).version for noun in NOUNS for month in MONTHS}


def made_again(before: dict, after: dict) -> set[tuple[str, str]]:
    return {at for at in before if before[at] != after[at]}


def test_turning_automation_on_makes_nothing_of_what_is_there(daemon):
    assert Daemon(daemon.world, PROBLEM).settle() == []


def test_a_corrected_month_is_followed_by_exactly_what_was_made_from_it(settled, followed):
    again = made_again(heads(settled.world), heads(followed.world))
    assert {noun for noun, month in again if month == "2024-01"} == set(), "nothing before it"
    assert {noun for noun, month in again if month == "2024-02"} == set(NOUNS)
    assert {noun for noun, month in again if month == "2024-03"} == set(NOUNS) - {"dataset"}, "its lookback"
    assert {noun for noun, month in again if month == "2024-04"} >= set(JUDGED), "its window"
    assert ("features", "2024-04") not in again
    assert {noun for noun, month in again if month == "2024-05"} >= set(JUDGED), (
        "the window holds 2024-03, whose features changed"
    )
    assert ("features", "2024-05") not in again


def test_what_was_corrected_is_read_by_what_follows(followed):
    for month in ("2024-03", "2024-04"):
        inputs = followed.world.manifest("umbrellas/split", month).inputs
        (read,) = [i.key for i in inputs if i.key.partition == "2024-02"]
        assert read == followed.world.head("umbrellas/features", "2024-02")


def test_every_run_that_follows_is_needed_once(followed):
    made = sorted((month, noun) for month, nouns, _ in followed.ran for noun in nouns)
    follows = {
        "2024-03": {*NOUNS} - {"dataset"},
        "2024-04": {*JUDGED, "predictions", "audit", "monitoring"},
        "2024-05": {*JUDGED, "predictions", "audit", "monitoring"},
    }
    assert made == sorted((month, noun) for month, nouns in follows.items() for noun in nouns), "each once"
    assert all(succeeded for _, _, succeeded in followed.ran)


def test_materializing_the_same_content_again_starts_nothing(daemon):
    daemon.world.must_run(PROBLEM, MONTHS[1])

    assert daemon.settle() == []


def test_a_refused_correction_starts_nothing_and_the_mended_one_is_followed(daemon):
    before = heads(daemon.world)
    land(daemon.world, "2024-03", rows=5)
    assert not daemon.world.run(PROBLEM, "2024-03").success
    assert daemon.settle() == []
    assert heads(daemon.world) == before

    land(daemon.world, "2024-03", rows=430)
    daemon.world.must_run(PROBLEM, "2024-03")

    assert {month for tick in daemon.settle() for month in tick} == {"2024-04", "2024-05"}


def test_a_step_that_fails_is_not_tried_again_until_its_input_changes(daemon):
    def broken(history, data):
        raise ZeroDivisionError

    edited = replace(PROBLEM, features=broken)
    daemon.world = daemon.world.with_problems([edited])
    land(daemon.world, "2024-05", rows=410)
    assert not daemon.world.run(edited, "2024-05").success
    assert daemon.settle() == []

    daemon.world = daemon.world.with_problems([PROBLEM])
    land(daemon.world, "2024-05", rows=411)
    daemon.world.must_run(PROBLEM, "2024-05", ["dataset"])

    assert {month for tick in daemon.settle() for month in tick} == {"2024-05"}


@pytest.mark.parametrize("month", ["2024-05", "2024-06"])
@pytest.mark.parametrize("noun", ["features", "split", "evaluation"])
def test_what_a_run_makes_while_the_conditions_are_evaluated_is_not_made_again(
    remembering, noun, month, tmp_path, monkeypatch
):
    """An evaluation reads what was made at its beginning, and what is in progress later."""
    daemon = remembering.copied_to(tmp_path)
    land(daemon.world, month, rows=420)
    before, since = NOUNS[: NOUNS.index(noun)], [NOUNS[NOUNS.index(noun) :]]
    reads = AssetGraphView.compute_run_in_progress_subset

    def reads_later(view: AssetGraphView, **what: Any) -> Any:
        while since:
            daemon.world.must_run(PROBLEM, month, since.pop())
        return reads(view, **what)

    daemon.world.must_run(PROBLEM, month, before)
    monkeypatch.setattr(AssetGraphView, "compute_run_in_progress_subset", reads_later)
    daemon.settle()

    assert since == []
    assert daemon.ran == []


def test_an_asset_made_by_hand_is_followed_to_the_end(daemon):
    land(daemon.world, "2024-05", rows=410)
    daemon.world.must_run(PROBLEM, "2024-05", ["dataset"])

    assert daemon.settle() == [{"2024-05": ["features", "predictions", "audit", "monitoring"]}, {"2024-05": JUDGED}]


def test_what_needs_no_other_partition_is_one_run(tmp_path):
    world = build(tmp_path, [ice_cream.PROBLEM])
    daemon = Daemon(world, ice_cream.PROBLEM)
    daemon.settle()
    world.must_run(ice_cream.PROBLEM, ice_cream.BEACHES[0], ["dataset"])

    (tick,) = daemon.settle()
    assert tick == {ice_cream.BEACHES[0]: list(CHAIN[1:])}


def test_a_gap_is_waited_for(tmp_path):
    world = build(tmp_path, [PROBLEM])
    daemon = Daemon(world, PROBLEM)
    daemon.settle()
    world.must_run(PROBLEM, "2024-02", ["dataset"])
    assert daemon.settle() == [], "its lookback has not been made"

    world.must_run(PROBLEM, "2024-01")

    assert {month for tick in daemon.settle() for month in tick} == {"2024-02"}
    assert world.head("umbrellas/champion", "2024-02")


def test_a_problem_that_trains_at_its_own_time_only_replaces_models(tmp_path):
    patient = replace(PROBLEM, retrain_when=RetrainWhen(new_partition=False, older_than_days=30))
    world = build(tmp_path, [patient])
    daemon = Daemon(world, patient)
    for month in MONTHS[:3]:
        world.must_run(patient, month)
    daemon.settle()
    world.must_run(patient, "2024-04", ["dataset"])
    daemon.settle()
    assert world.head("umbrellas/features", "2024-04")
    assert world.store.head("umbrellas/split", "2024-04") is None

    land(world, "2024-03", rows=420)
    world.must_run(patient, "2024-03", ["dataset"])
    daemon.settle()

    assert len(world.store.versions("umbrellas/model", "2024-03")) == 2


def test_the_sensor_runs_out_of_the_box_but_not_on_a_laptops_branch():
    assert automation_sensor(PROBLEM, "main").default_status == dg.DefaultSensorStatus.RUNNING
    assert automation_sensor(PROBLEM, "adas-idea").default_status == dg.DefaultSensorStatus.STOPPED
