"""A daily problem from its first day on: days that cannot train yet, closed days, late rows, files that overlap.

Monday 1      the window has one day of three: nothing to fit or choose by
Tuesday 2     two days: nothing to fit
Wednesday 3   the first model; ten rows of Tuesday landed again, now with a label
Thursday 4    closed: no rows
Friday 5      Thursday has nothing to choose by
Saturday 6    nothing to choose by Thursday and Friday but Friday: the second model
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ml_assets.problem import Daily, RollingWindow
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.daemon import NOUNS, Daemon
from ml_assets_tests.doubles.world import World, build

DAYS = [f"2024-01-0{n}" for n in range(1, 7)]
MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY = DAYS
TRAINING = ("split", "model", "evaluation", "champion", "report")
AGAIN, LATE, UNKNOWN = 10, 4, 5  # rows of the day before, of the week before, and without a label
PROBLEM = replace(
    umbrellas.PROBLEM,
    name="daily",
    partitions=Daily(MONDAY, "2024-01-07"),
    split=RollingWindow(partitions=4, test_days=1, validation_days=1),
    duplicates="newest",
    minimum_rows=0,
    gates=(),
)


def visits(day: str, rows: int = 120) -> pd.DataFrame:
    """Visits of a day; the last ones have no label yet."""
    start, rng = pd.Timestamp(day, tz="UTC"), np.random.default_rng(int(day.replace("-", "")))
    clouds = rng.normal(size=rows)
    frame = pd.DataFrame(
        {
            "visit": [f"{day}-{n:03d}" for n in range(rows)],
            "at": (start + pd.to_timedelta(np.sort(rng.uniform(0, 24, rows)), unit="h").floor("s")).as_unit("us"),
            "clouds": clouds,
            "shop": rng.choice(["east", "west"], rows),
            "bought": (2 * clouds + rng.logistic(size=rows) > 0).astype(float),
        }
    )
    frame.loc[frame.index[rows - UNKNOWN :], "bought"] = np.nan
    return frame


def file_of(day: str) -> pd.DataFrame:
    """What lands with a day: with Wednesday the last rows of Tuesday, labelled now, and some of a week ago."""
    if day == THURSDAY:
        return visits(day).head(0)
    if day != WEDNESDAY:
        return visits(day)
    again = visits(TUESDAY).tail(AGAIN).fillna({"bought": 1.0})
    return pd.concat([visits("2023-12-27").head(LATE), again, visits(day)], ignore_index=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = build(tmp_path_factory.mktemp("days"), [PROBLEM])
    for day in DAYS:
        world.landing.write(f"daily/visits/{day}.parquet", file_of(day))
        world.must_run(PROBLEM, day)
    return world


def made(world: World, day: str) -> set[str]:
    return {noun for noun in NOUNS if world.store.head(f"daily/{noun}", day) is not None}


@pytest.mark.parametrize(("day", "trains"), [(day, day in (WEDNESDAY, SATURDAY)) for day in DAYS], ids=DAYS)
def test_a_day_that_cannot_train_is_skipped_and_scored_and_the_others_are_made(world, day, trains):
    without_rows = {"audit"} if day == THURSDAY else set()
    assert made(world, day) == {*NOUNS} - (set() if trains else {*TRAINING}) - without_rows


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (
            MONDAY,
            "0 rows to fit, 0 to choose, 115 to judge, of 120 in the window (5 unlabelled). The window has 1 of 4",
        ),
        (
            TUESDAY,
            "0 rows to fit, 115 to choose, 115 to judge, of 240 in the window (10 unlabelled). The window has 2 of 4",
        ),
        (
            FRIDAY,
            "235 rows to fit, 0 to choose, 115 to judge, of 374 in the window (10 unlabelled, 4 outside, 10 superseded). "
            "Nothing landed with the",
        ),
    ],
    ids=["Monday", "Tuesday", "Friday"],
)
def test_why_it_is_skipped_is_said_in_the_ui_at_the_partition_and_remembered(world, day, words):
    (record,) = world.instance.fetch_observations(dagster_records(day), limit=1).records
    said = str(record.asset_observation.metadata["skipped"].value)
    assert said.startswith(f"{day}: ")
    assert words in said
    again = world.must_run(PROBLEM, day)
    assert {event.step_key for event in again.get_step_skipped_events()} == {
        "daily__model",
        "daily__evaluation",
        "daily__champion",
        "daily__report",
    }


def dagster_records(day: str):
    import dagster as dg

    return dg.AssetRecordsFilter(asset_key=dg.AssetKey(["daily", "split"]), asset_partitions=[day])


@pytest.mark.parametrize("day", [WEDNESDAY, SATURDAY])
def test_every_row_of_a_window_is_accounted_for(world, day):
    split = world.manifest("daily/split", day)
    landed = sum(len(file_of(at)) for at in PROBLEM.partitions.window(day, 4))
    assert sum(split.metrics["rows"].values()) == landed == len(world.load("daily/split", day))


def test_of_rows_that_landed_again_the_newest_counts_and_rows_of_another_time_do_not(world):
    split = world.manifest("daily/split", WEDNESDAY)
    assert split.metrics["rows"] == {
        **{"train": 115, "validation": 120, "test": 115},
        **{"unlabelled": 10, "outside": LATE, "superseded": AGAIN},
    }
    assert split.notes["rows"].startswith("374 rows of 3 partitions: 350 used (115 train, 120 validation, 115 test), ")
    (once,) = [check for check in split.checks if check.name == "once"]
    assert once.description == f"The newest of {AGAIN} rows that landed again counts."


def test_rows_of_another_time_are_told_at_the_dataset(world):
    (dated,) = [check for check in world.manifest("daily/dataset", WEDNESDAY).checks if check.name == "dated"]
    assert (dated.passed, dated.metadata["earlier"], dated.metadata["outside"]) == (True, LATE + AGAIN, 0)
    assert f", but for {LATE + AGAIN} of before, which count in windows that hold their time." in dated.description


def test_else_rows_that_landed_again_are_refused(world):
    strict = replace(PROBLEM, duplicates="refuse")
    result = world.with_problems([strict]).run(strict, WEDNESDAY, ["split"])
    (once,) = [check for check in result.get_asset_check_evaluations() if check.check_name == "once"]
    assert (result.success, once.passed) == (False, False)
    assert f"{AGAIN} rows landed again with a later partition" in once.description
    assert f"{TUESDAY} and {WEDNESDAY}" in once.description


def test_a_closed_day_is_scored_as_what_it_is(world):
    assert len(world.load("daily/predictions", THURSDAY)) == 0
    assert len(world.load("daily/predictions", FRIDAY)) == 120


def test_days_that_are_skipped_are_not_asked_for_again_and_again(tmp_path):
    world = build(tmp_path, [PROBLEM])
    daemon = Daemon(world, PROBLEM)
    daemon.settle()
    for day in DAYS[:2]:
        world.landing.write(f"daily/visits/{day}.parquet", file_of(day))
        world.must_run(PROBLEM, day, ["dataset"])
    daemon.settle()
    ran = len(daemon.ran)
    assert daemon.settle() == []
    assert (len(daemon.ran), daemon.faults) == (ran, [])
    assert made(world, TUESDAY) == {*NOUNS} - {*TRAINING}
