"""What a problem month by shop does by itself: files land for several partitions, each shop follows in its own order."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_assets.orchestration.freshness import look_at_age
from ml_assets.problem import RetrainWhen
from ml_assets.store import open_landing
from ml_assets_tests.doubles import parasols
from ml_assets_tests.doubles.chain import IN_TIME
from ml_assets_tests.doubles.daemon import Daemon
from ml_assets_tests.doubles.world import World, build

PROBLEM = parasols.PROBLEM
QUICK = [("2024-01|east", IN_TIME, True), ("2024-01|west", IN_TIME, True)]


@pytest.fixture
def world(tmp_path) -> World:
    world = build(tmp_path, [PROBLEM])
    world.landing = open_landing(str(tmp_path / "empty"))
    return world.with_problems([PROBLEM])


def land(world: World, month: str, **how) -> None:
    """A file that was written a while ago."""
    parasols.land(world.landing, month, **how)
    path = Path(world.landing.backend.url) / f"parasols/visits/{month}.parquet"
    os.utime(path, (path.stat().st_mtime - 60,) * 2)


def test_a_file_of_a_month_makes_all_partitions_of_it_one_run_each(world):
    daemon = Daemon(world, PROBLEM)
    land(world, "2024-01")
    results = [daemon.landing_tick() for _ in range(4)]

    assert daemon.ran == QUICK, daemon.faults
    assert [len(result.run_requests or []) for result in results] == [1, 1, 0, 0]
    assert world.instance.get_runs()[0].tags["dagster/partition/shop"] == "west"


def test_months_that_land_together_are_made_in_the_order_of_time(world):
    problem = parasols.VALUE_FIRST
    world = world.with_problems([problem])
    daemon = Daemon(world, problem, makes=("dataset",))
    for month in ("2024-02", "2024-01"):
        land(world, month)
    for _ in range(4):
        daemon.landing_tick()

    assert [key for key, _, _ in daemon.ran] == ["east|2024-01", "west|2024-01", "east|2024-02", "west|2024-02"]
    assert all(succeeded for _, _, succeeded in daemon.ran), daemon.faults


def test_a_corrected_month_is_followed_within_each_shop_and_what_was_made_by_hand_in_its_own(world):
    daemon = Daemon(world, PROBLEM)
    for month in ("2024-01", "2024-02"):
        land(world, month)
        for shop in parasols.SHOPS:
            world.must_run(PROBLEM, f"{month}|{shop}")
    assert daemon.settle() == [], "what is there when automation is turned on counts as seen"

    land(world, "2024-01", rows=420)
    world.must_run(PROBLEM, "2024-01|east")
    followed = daemon.settle()

    assert {partition for tick in followed for partition in tick} == {"2024-02|east"}, daemon.faults
    assert {noun for tick in followed for noun in tick["2024-02|east"]} == set(IN_TIME) - {"dataset"}


def test_each_shop_has_an_age_of_its_own(world):
    for shop in parasols.SHOPS:
        for month in ("2024-01", "2024-02")[: 2 if shop == "west" else 1]:
            land(world, month)
            world.must_run(PROBLEM, f"{month}|{shop}", ["dataset", "features", "split", "model"])
    aging = replace(PROBLEM, retrain_when=RetrainWhen(older_than_days=30), params=replace(PROBLEM.params, c=0.5))

    requests = look_at_age(aging, world.store, world.landing, datetime.now(UTC) + timedelta(days=31))

    assert [request.partition_key for request in requests] == ["2024-01|east", "2024-02|west"]


def test_the_backfill_job_has_all_partitions(world):
    job = world.definitions.resolve_job_def("parasols")
    assert sorted(job.partitions_def.get_partition_keys()) == sorted(PROBLEM.partitions.keys())
