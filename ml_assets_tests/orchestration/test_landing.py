"""Files land: one run per file version, as much of the chain as can be made, late and corrected files included."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import dagster as dg
import pytest

from ml_assets.orchestration.intake import Intake
from ml_assets.orchestration.job import chain_job
from ml_assets.orchestration.landing import Seen, landing_sensor, tick
from ml_assets.problem import Daily, Monthly, RetrainWhen
from ml_assets.store import open_landing
from ml_assets.store.landing.watch import Watch
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.chain import CHAIN, IN_TIME, SCORED
from ml_assets_tests.doubles.daemon import Daemon
from ml_assets_tests.doubles.world import World, build

PROBLEM = umbrellas.PROBLEM
SHOPS = ice_cream.SHOPS
ASKED = ("dataset",)  # is made where the question is what is asked for
TRAINED = ("dataset", "features", "split", "model", "evaluation", "champion")


@pytest.fixture
def world(tmp_path) -> World:
    """Where nothing has landed yet."""
    world = build(tmp_path, [PROBLEM, SHOPS])
    world.landing = open_landing(str(tmp_path / "empty"))
    return world.with_problems([PROBLEM, SHOPS])


@pytest.fixture
def daemon(world) -> Daemon:
    """Of what it asks for, it makes datasets alone."""
    return Daemon(world, PROBLEM, makes=ASKED)


def land(world: World, month: str, **how) -> None:
    write(world, f"umbrellas/visits/{month}.parquet", umbrellas.visits(month, **how))


def write(world: World, name: str, frame) -> None:
    """A file that was written a while ago."""
    world.landing.write(name, frame)
    age(world, name)


def age(world: World, name: str, seconds: float = 60) -> None:
    path = Path(world.landing.backend.url) / name
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def ran(daemon: Daemon) -> list[str]:
    return [partition for partition, _, _ in daemon.ran]


def test_a_file_that_lands_is_taken_to_a_champion_in_one_run(daemon):
    daemon.makes = None
    land(daemon.world, "2024-01")
    daemon.landing_tick()

    assert daemon.ran == [("2024-01", IN_TIME, True)]
    assert daemon.world.head("umbrellas/champion", "2024-01")


def test_a_file_version_is_run_once(daemon):
    land(daemon.world, "2024-01")
    for _ in range(5):
        daemon.landing_tick()

    assert ran(daemon) == ["2024-01"]


def test_a_tick_that_is_repeated_after_a_crash_asks_for_the_same_run(daemon):
    land(daemon.world, "2024-01")
    sensor = landing_sensor(
        PROBLEM, daemon.world.store, daemon.world.landing, chain_job(PROBLEM, dg.in_process_executor)
    )
    context = dg.build_sensor_context(instance=daemon.world.instance, cursor=None, definitions=daemon.world.definitions)

    keys = [[request.run_key for request in sensor(context).run_requests] for _ in range(2)]

    assert keys[0] == keys[1]
    assert len(keys[0]) == 1


def test_what_failed_is_asked_for_again_when_everything_is_looked_at_anew(daemon):
    land(daemon.world, "2024-01")
    sensor = landing_sensor(
        PROBLEM, daemon.world.store, daemon.world.landing, chain_job(PROBLEM, dg.in_process_executor)
    )
    context = dg.build_sensor_context(instance=daemon.world.instance, cursor=None, definitions=daemon.world.definitions)
    keys = []
    for _ in range(3):
        (request,) = sensor(context).run_requests
        keys.append(request.run_key)
        job, failed = daemon.world.definitions.resolve_job_def("umbrellas"), dg.DagsterRunStatus.FAILURE
        daemon.world.instance.create_run_for_job(job_def=job, tags=dict(request.tags), status=failed)

    assert len(set(keys)) == 3, "Dagster runs each key once"


def test_a_corrected_file_is_run_again_and_one_written_again_as_it_was_is_not(daemon):
    land(daemon.world, "2024-01")
    daemon.landing_tick()
    land(daemon.world, "2024-01", rows=420)
    forget_when_all_was_listed(daemon)
    daemon.landing_tick()
    assert ran(daemon) == ["2024-01", "2024-01"]

    age(daemon.world, "umbrellas/visits/2024-01.parquet")
    forget_when_all_was_listed(daemon)
    daemon.landing_tick()
    assert ran(daemon) == ["2024-01", "2024-01"], "another time, the same bytes"


def test_a_file_that_is_put_back_after_another_one_is_run_again(daemon):
    for rows in (400, 420, 400):
        land(daemon.world, "2024-01", rows=rows)
        forget_when_all_was_listed(daemon)
        daemon.landing_tick()

    assert ran(daemon) == ["2024-01"] * 3
    assert len(daemon.world.load("umbrellas/dataset", "2024-01")) == 400


def test_what_landed_together_is_made_oldest_first_one_at_a_time(daemon):
    for month in ("2024-03", "2024-01", "2024-02"):
        land(daemon.world, month)
    asked = [len(daemon.landing_tick().run_requests) for _ in range(4)]

    assert ran(daemon) == ["2024-01", "2024-02", "2024-03"]
    assert asked == [1, 1, 1, 0]


def test_nothing_is_asked_for_while_a_run_of_the_problem_is_under_way(daemon):
    under_way = daemon.world.instance.create_run_for_job(
        job_def=daemon.world.definitions.resolve_job_def("umbrellas"), tags={"ml_assets/chain": "umbrellas"}
    )
    land(daemon.world, "2024-01")
    assert "after the run under way" in daemon.landing_tick().skip_reason.skip_message

    daemon.world.instance.report_run_canceled(under_way)
    daemon.landing_tick()

    assert ran(daemon) == ["2024-01"], "it was not forgotten"


def test_a_first_start_leaves_alone_what_was_made_from_these_files(daemon):
    for month in ("2024-01", "2024-02", "2024-03"):
        land(daemon.world, month)
    for month in ("2024-01", "2024-02"):
        daemon.world.must_run(PROBLEM, month, ["dataset"])

    for _ in range(3):
        daemon.landing_tick()

    assert ran(daemon) == ["2024-03"]


def test_a_tick_compares_files_for_a_limited_time_and_the_next_goes_on(daemon):
    for month in ("2024-01", "2024-02"):
        land(daemon.world, month)
        daemon.world.must_run(PROBLEM, month, ["dataset"])
    intake = Intake(PROBLEM, daemon.world.store, daemon.world.landing, patience=0)
    left, said = Seen(Watch(), ()), []
    for _ in range(3):
        result = tick(intake, left, daemon.world.instance, datetime.now(UTC), logging.getLogger())
        left = Seen.of(result.cursor)
        said.append((left.waiting, result.skip_reason.skip_message))

    assert said == [
        (("2024-02",), "2024-02 will be looked into at the next tick."),
        ((), "Nothing new has landed."),
        ((), "Nothing new has landed."),
    ]


def test_a_file_that_is_being_written_is_waited_for(daemon):
    name = "umbrellas/visits/2024-01.parquet"
    daemon.world.landing.write(name, umbrellas.visits("2024-01"))
    age(daemon.world, name, seconds=-10)  # written at this very moment
    daemon.landing_tick()
    assert daemon.ran == []

    age(daemon.world, name, seconds=60)
    daemon.landing_tick()
    assert ran(daemon) == ["2024-01"]


def test_a_month_whose_predecessor_has_not_landed_is_made_as_far_as_it_can_be(daemon):
    land(daemon.world, "2024-02")
    daemon.landing_tick()
    assert daemon.ran == [("2024-02", ("dataset",), True)], "automation makes the rest when the gap is filled"

    land(daemon.world, "2024-01")
    forget_when_all_was_listed(daemon)
    daemon.landing_tick()
    assert daemon.ran[1:] == [("2024-01", IN_TIME, True)]


def test_a_month_with_a_gap_in_its_window_is_predicted_and_not_trained(daemon):
    for month in ("2024-01", "2024-02", "2024-03"):
        land(daemon.world, month)
    daemon.world.must_run(PROBLEM, "2024-01", TRAINED)
    daemon.world.must_run(PROBLEM, "2024-02", ["dataset"])
    daemon.makes = None
    daemon.landing_tick()

    assert daemon.ran == [("2024-03", SCORED, True)]
    assert len(daemon.world.load("umbrellas/predictions", "2024-03")) == 400


def test_a_partition_waits_for_all_its_files(tmp_path):
    both = replace(PROBLEM, files=("visits/{partition}.parquet", "weather/{partition}.parquet", "shops.parquet"))
    world = build(tmp_path, [both])
    world.landing = open_landing(str(tmp_path / "empty"))
    daemon = Daemon(world.with_problems([both]), both, makes=ASKED)
    land(world, "2024-01")
    daemon.landing_tick()
    write(world, "umbrellas/weather/2024-01.parquet", umbrellas.visits("2024-01"))
    tick = daemon.landing_tick()
    assert daemon.ran == []
    assert "2024-01 lacks umbrellas/shops.parquet." in tick.skip_reason.skip_message
    assert "2024-01 lacks umbrellas/shops.parquet." in daemon.landing_tick().skip_reason.skip_message, (
        "as long as it does"
    )

    write(world, "umbrellas/shops.parquet", umbrellas.visits("2024-01"))
    daemon.landing_tick()

    assert ran(daemon) == ["2024-01"]


def test_a_file_for_all_partitions_that_changes_starts_nothing(tmp_path):
    both = replace(PROBLEM, files=("visits/{partition}.parquet", "shops.parquet"))
    world = build(tmp_path, [both])
    world.landing = open_landing(str(tmp_path / "empty"))
    daemon = Daemon(world.with_problems([both]), both, makes=ASKED)
    land(world, "2024-01")
    write(world, "umbrellas/shops.parquet", umbrellas.visits("2024-01"))
    daemon.landing_tick()
    write(world, "umbrellas/shops.parquet", umbrellas.visits("2024-02"))
    forget_when_all_was_listed(daemon)
    daemon.landing_tick()

    assert ran(daemon) == ["2024-01"], "history is not made again for a new line in a list"


def test_files_of_no_partition_are_left_lying(daemon):
    for name in ("2012-12", "2031-01", "2024-13", "notes", "2024-1", "%2e%2e", "é\n2024-01"):
        land_as(daemon.world, f"umbrellas/visits/{name}.parquet")
    daemon.landing_tick()

    assert daemon.ran == []


def test_a_file_of_the_last_month_that_can_be_written_stops_nothing(tmp_path):
    open_ended = replace(PROBLEM, partitions=Monthly("2024-01"))
    world = build(tmp_path, [open_ended])
    world.landing = open_landing(str(tmp_path / "empty"))
    daemon = Daemon(world.with_problems([open_ended]), open_ended, makes=ASKED)
    land_as(world, "umbrellas/visits/9999-12.parquet")
    land(world, "2024-01")
    daemon.landing_tick()

    assert ran(daemon) == ["2024-01"]


def test_a_tick_costs_what_waits_and_not_its_square(tmp_path):
    def calls(end: str) -> int:
        """Python functions called by a tick that finds all days from the first of 2014 on waiting."""
        daily = replace(PROBLEM, partitions=Daily("2014-01-01", end))
        world = build(tmp_path / end, [daily])
        intake = Intake(daily, world.store, open_landing(str(tmp_path / "empty")), patience=float("inf"))
        cursor = Seen(Watch(), tuple(daily.partitions.keys())).to_cursor()
        counted = 0

        def count(_frame: FrameType, event: str, _of: object) -> None:
            nonlocal counted
            counted += event == "call"

        sys.setprofile(count)
        try:
            tick(intake, Seen.of(cursor), world.instance, datetime.now(UTC), logging.getLogger("tick"))
        finally:
            sys.setprofile(None)
        return counted

    assert calls("2024-01-01") < 15 * calls("2015-01-01")  # 3,652 days and 365


def land_as(world: World, name: str) -> None:
    path = Path(world.landing.backend.url) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    os.utime(path, (1, 1))


def test_a_month_that_has_not_ended_waits_for_its_end(tmp_path):
    open_ended = replace(PROBLEM, partitions=Monthly("2024-01"))
    world = build(tmp_path, [open_ended])
    world.landing = open_landing(str(tmp_path / "empty"))
    daemon = Daemon(world.with_problems([open_ended]), open_ended, makes=ASKED)
    month = datetime.now(UTC).strftime("%Y-%m")
    land(world, month)
    daemon.landing_tick()

    assert daemon.ran == []
    assert Seen.of(daemon.cursor).waiting == (month,)


def test_a_new_partition_is_added_and_made_in_the_same_tick(world):
    daemon = Daemon(world, SHOPS)
    write(world, "shops/harbour-3.parquet", ice_cream.sales("north"))
    write(world, "shops/..%2Fharbour.parquet", ice_cream.sales("north"))
    result = daemon.landing_tick()

    assert [list(added.partition_keys) for added in result.dynamic_partitions_requests] == [["harbour-3"]]
    assert daemon.ran == [("harbour-3", CHAIN, True)], daemon.faults
    assert world.instance.get_dynamic_partitions("shops") == ["harbour-3"]
    assert world.head("shops/champion", "harbour-3")


def test_the_landing_asset_shows_which_files_came_and_why_they_are_used(daemon):
    land(daemon.world, "2024-01")
    daemon.landing_tick()

    (record,) = daemon.world.instance.fetch_observations(dg.AssetKey(["umbrellas", "landing"]), limit=5).records
    observation = record.asset_observation
    assert observation.partition == "2024-01"
    assert "umbrellas/visits/2024-01.parquet" in observation.metadata["files"].value
    assert observation.metadata["why"].value == "2024-01 landed."


def test_a_problem_that_trains_at_its_own_time_predicts_what_lands(tmp_path):
    patient = replace(PROBLEM, retrain_when=RetrainWhen(new_partition=False, older_than_days=30))
    world = build(tmp_path, [patient])
    world.landing = open_landing(str(tmp_path / "empty"))
    world = world.with_problems([patient])
    daemon = Daemon(world, patient, makes=TRAINED)
    for month in ("2024-01", "2024-02"):
        land(world, month)
        daemon.landing_tick()

    assert daemon.ran == [("2024-01", IN_TIME, True), ("2024-02", SCORED, True)]


def test_a_new_shop_gets_a_model_of_its_own_however_young_those_of_others_are(tmp_path):
    patient = replace(SHOPS, retrain_when=RetrainWhen(new_partition=False, older_than_days=30))
    world = build(tmp_path, [patient])
    daemon = Daemon(world, patient, makes=TRAINED)
    for shop in ("harbour", "station"):
        write(world, f"shops/{shop}.parquet", ice_cream.sales("north"))
        daemon.landing_tick()

    assert daemon.ran == [("harbour", CHAIN, True), ("station", CHAIN, True)], daemon.faults


@pytest.mark.parametrize("garbled", ["", "{", "[]", '{"watch": 3}', '{"watch": {}, "waiting": [7]}', "null"])
def test_a_cursor_that_cannot_be_read_means_to_look_at_everything_anew(daemon, garbled):
    land(daemon.world, "2024-01")
    daemon.cursor = garbled
    daemon.landing_tick()

    assert ran(daemon) == ["2024-01"]


def test_the_sensor_runs_out_of_the_box_but_not_on_a_laptops_branch(world):
    sensor = landing_sensor(PROBLEM, world.store, world.landing, chain_job(PROBLEM, dg.in_process_executor))
    on_a_branch = landing_sensor(
        PROBLEM, world.store.on("adas-idea"), world.landing, chain_job(PROBLEM, dg.in_process_executor)
    )

    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert on_a_branch.default_status == dg.DefaultSensorStatus.STOPPED


def forget_when_all_was_listed(daemon: Daemon) -> None:
    """As if the time for the next full look had come."""
    cursor = json.loads(daemon.cursor or "{}")
    cursor.get("watch", {}).pop("listed", None)
    daemon.cursor = json.dumps(cursor)
