"""The whole chain, hour by hour and week by week, over the night on which New York's clock is put back: files land, it runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets.partitions.calendar import Calendar
from ml_assets.problem import Hourly, Problem, RollingWindow, Weekly
from ml_assets.promotion.ledger import Ledger
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.daemon import NOUNS, Daemon
from ml_assets_tests.doubles.world import World, build
from ml_assets_tests.pages.conftest import site

AGAIN = "2024-11-03T01-0500"  # the hour that New York has twice
pytestmark = pytest.mark.slow

HOURS = replace(
    umbrellas.PROBLEM,
    name="hours",
    partitions=Hourly("2024-11-02T23", "2024-11-03T04", zone="America/New_York"),
    split=RollingWindow(train_days=1 / 16, validation_days=1 / 32, test_days=1 / 32),
    minimum_rows=0,
    gates=(),
)
WEEKS = replace(
    umbrellas.PROBLEM,
    name="weeks",
    partitions=Weekly("2024-10-20", "2024-11-17", zone="America/New_York", begins_on="sunday"),
    split=RollingWindow(train_days=14, validation_days=2, test_days=5),
    minimum_rows=0,
    gates=(),
)
EACH = pytest.mark.parametrize("problem", [HOURS, WEEKS], ids=["hours", "weeks"])


def visits(partitions: Calendar, key: str, rows: int = 120) -> pd.DataFrame:
    """Visits spread over what a partition covers."""
    span = partitions.partition(key)
    rng = np.random.default_rng(int(span.start.timestamp()))
    clouds = rng.normal(size=rows)
    seconds = np.sort(rng.uniform(0, (span.end - span.start).total_seconds(), rows))
    return pd.DataFrame(
        {
            "visit": [f"{key}-{n:03d}" for n in range(rows)],
            "at": (pd.Timestamp(span.start) + pd.to_timedelta(seconds, unit="s").floor("s")).as_unit("us"),
            "clouds": clouds,
            "shop": rng.choice(["east", "west"], rows),
            "bought": (2 * clouds + rng.logistic(size=rows) > 0).astype(float),
        }
    )


def land(world: World, problem: Problem, key: str, **how: int) -> None:
    """A file that was written a while ago."""
    name = f"{problem.name}/visits/{key}.parquet"
    world.landing.write(name, visits(problem.partitions, key, **how))
    path = Path(world.landing.backend.url) / name
    os.utime(path, (path.stat().st_mtime - 60,) * 2)


def landed(daemon: Daemon) -> list[str]:
    """What the landing sensor makes until it has nothing more to make, in order."""
    before = len(daemon.ran)
    while daemon.landing_tick().run_requests:
        pass
    return [partition for partition, _, _ in daemon.ran[before:]]


@pytest.fixture(scope="module")
def daemon_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Daemon]]:
    """Of each problem all partitions landed at once, in any order, and were made."""
    world = build(tmp_path_factory.mktemp("time"), [HOURS, WEEKS])
    daemons = {problem.name: Daemon(world, problem) for problem in (HOURS, WEEKS)}
    for problem in (HOURS, WEEKS):
        for key in reversed(problem.partitions.keys()):
            land(world, problem, key)
        assert landed(daemons[problem.name]) == problem.partitions.keys(), daemons[problem.name].faults
    yield daemons
    world.instance.dispose()


@EACH
def test_each_is_made_once_in_the_order_of_time_and_trains_as_soon_as_its_window_can(daemon_of, problem):
    daemon = daemon_of[problem.name]
    assert daemon.faults == []
    keys, store = problem.partitions.keys(), daemon.world.store
    models = [key for key in keys if store.head(f"{problem.name}/model", key)]
    assert models == keys[1:]
    assert [key for key in keys if store.head(f"{problem.name}/predictions", key)] == keys


@EACH
def test_a_window_is_of_time_and_every_row_of_it_is_accounted_for(daemon_of, problem):
    world, newest = daemon_of[problem.name].world, problem.partitions.keys()[-1]
    split = world.manifest(f"{problem.name}/split", newest)
    window = problem.partitions.window(newest, problem.window)
    assert split.notes["window"] == window
    assert sum(split.metrics["rows"].values()) == 120 * len(window)
    roles = world.load(f"{problem.name}/split", newest)
    begins = problem.partitions.days_before(problem.partitions.partition(newest).end, problem.split.days)
    used = roles["role"].isin(["train", "validation", "test"])
    assert (roles["event_time"] >= begins).equals(used)


def test_the_repeated_hour_is_a_partition_like_any_other(daemon_of):
    world = daemon_of["hours"].world
    dataset = world.load("hours/dataset", AGAIN)
    assert dataset["at"].dt.hour.unique().tolist() == [6], "UTC"
    assert world.manifest("hours/features", AGAIN).notes["lookback"] == ["2024-11-03T01"]
    assert set(world.manifest("hours/split", AGAIN).notes["window"]) > {"2024-11-03T01", AGAIN}
    known = Ledger.of(world.store, HOURS, AGAIN).champion(before=AGAIN)
    assert world.manifest("hours/predictions", AGAIN).notes["model"] == str(known.model)


@EACH
def test_a_plan_over_a_range_finds_all_of_it_made(daemon_of, problem):
    world, keys = daemon_of[problem.name].world, problem.partitions.keys()
    chosen = problem.partitions.between(keys, keys[1], keys[-2])
    assert chosen == keys[1:-1]
    planner = Planner(problem, world.store, world.landing, given(problem, problem.params, problem.seed))
    assert {one.state for one in planner.plan(NOUNS, chosen)} <= {"current", "nothing"}


@EACH
def test_pages_show_each_of_them(daemon_of, problem):
    get = site(daemon_of[problem.name].world.store, [problem])
    page = get(f"/problem/{problem.name}").page
    assert all(key in page.words for key in problem.partitions.keys())  # noqa: SIM118
    for link in page.links:
        if link.startswith("/"):
            assert get(link).status == 200


def test_a_corrected_hour_is_made_again_with_the_windows_that_hold_it_and_no_others(daemon_of):
    daemon, problem, keys = daemon_of["hours"], HOURS, HOURS.partitions.keys()
    assert daemon.settle() == [], "what is there when automation is turned on counts as seen"
    corrected, last = keys[3], len(daemon.ran)
    land(daemon.world, problem, corrected, rows=150)
    assert landed(daemon) == [corrected]
    daemon.settle()
    assert daemon.faults == []
    assert {partition for partition, _, _ in daemon.ran[last:]} == {*keys[3 : 3 + problem.window]}
    assert corrected == AGAIN
