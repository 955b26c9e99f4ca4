"""Answers over HTTP are looked at when their day is over: told once, trained for once, and one sequence with the partition."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ml_assets.computation.answered import BATCH, Looks
from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets.lineage.answers import BRANCH
from ml_assets.lineage.monitored import monitored, report_of
from ml_assets.monitoring.finding import FINDING
from ml_assets.orchestration.live_looks import UNTIL, live_looks
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.problem import RetrainWhen
from ml_assets.promotion.retraining import Retraining
from ml_assets.store import Store, VersionKey, open_store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.chain import SCORED
from ml_assets_tests.doubles.webhook import listening
from ml_assets_tests.doubles.world import QUIET, World, build
from ml_assets_tests.orchestration.test_alerts import Sensor
from ml_assets_tests.orchestration.test_retraining import look as look_for_trainings

PROBLEM = replace(umbrellas.PROBLEM, retrain_when=RetrainWhen(new_partition=False, drift_above=0.25, cooldown_days=7))
JANUARY, FEBRUARY = "2024-01", "2024-02"
ROWS = 800
BREAK = 4
"""The day of February since which clouds are measured by another instrument."""


def visits() -> pd.DataFrame:
    """February as clients send it, and as it lands."""
    of = umbrellas.visits(FEBRUARY, rows=ROWS)
    return of.assign(clouds=of["clouds"].mask(of["at"].dt.day >= BREAK, of["clouds"] + 3.0))


def answer(store: Store, model: VersionKey, rows: pd.DataFrame, day: str) -> None:
    """Enter what was answered on a day in the log, as `ml-assets serve --record` does."""
    said = pd.DataFrame(
        {
            "request_id": "r", "row": range(len(rows)), "entity": rows["visit"], "event_time": rows["at"],
            "answered_at": rows["at"] - pd.Timedelta(seconds=1), "feature_clouds": rows["clouds"],
            "feature_above_usual": rows["clouds"], "prediction": 1 / (1 + np.exp(-2 * rows["clouds"])),
            "model_version": model.version,
        }
    )  # fmt: skip
    made = replace(store.manifest(model), asset="umbrellas/answers", partition=day, notes={})
    key = store.commit(replace(made, content=store.put(said.reset_index(drop=True))))
    store.move("umbrellas/answers", day, key, expected=0, why="answered", details={BATCH: day, BRANCH: "main"})


def look(world: World, day: int) -> None:
    """What the job does on a day, a quarter past midnight."""
    job, until = world.definitions.resolve_job_def("umbrellas_live"), datetime(2024, 2, day, 0, 15, tzinfo=UTC)
    tags = {UNTIL: until.isoformat()}
    assert job.execute_in_process(instance=world.instance, run_config=QUIET, tags=tags).success


def decided(world: World) -> list[str]:
    return [str(one.details["decision"]) for one in Retraining.of(world.store, PROBLEM, JANUARY).entries()]


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> World:
    """January has a champion, which was asked for the first days of February. Not to be changed by tests."""
    world = build(tmp_path_factory.mktemp("asked"), [PROBLEM])
    world.landing.write("umbrellas/visits/2024-01.parquet", umbrellas.visits(JANUARY, rows=ROWS))
    world.must_run(PROBLEM, JANUARY)
    rows = visits()
    for day in range(1, 8):
        answer(world.store, world.head("umbrellas/model", JANUARY), rows[rows["at"].dt.day == day], f"2024-02-0{day}")
    return world


def test_a_break_is_found_when_its_day_is_over_told_once_and_trained_for_once(asked, tmp_path):
    world = asked.copied_to(tmp_path / "world", [PROBLEM])
    with listening() as webhook:
        sensor = Sensor(world, webhook.address)
        sensor.tick()
        for day in (3, 4, 5, 5, 6):
            look(world, day)
            sensor.tick()
        looks = Looks.of(world.store, PROBLEM, FEBRUARY).entries()
        found = [world.store.manifest(entry.target).notes[FINDING] for entry in looks]
        assert [len(one["alarms"]) > 0 for one in found] == [False, False, True, True], "a day is looked at once"
        assert "would see the same data" in look_for_trainings(world, 0, PROBLEM)
        look(world, 7)
        assert "would see the same data" in look_for_trainings(world, 0, PROBLEM)
        assert decided(world) == ["same"], "once, whatever looks follow"
        edited = replace(PROBLEM, params=replace(PROBLEM.params, c=0.5))
        asked_for = [look_for_trainings(world, 0, edited) for _ in range(3)]
        assert len({key for keys in asked_for for key in keys}) == 1 and asked_for[0][0].startswith(JANUARY)
        assert decided(world) == ["same", "retrain"], "what it would be made of has changed"

        world.landing.write(f"umbrellas/visits/{FEBRUARY}.parquet", visits())
        world.must_run(PROBLEM, FEBRUARY, SCORED)
        sensor.tick()
        told = [text for text in webhook.texts if "drift of clouds" in text]
    assert len(told) == 1 and "Next: ml-assets monitoring umbrellas --live" in told[0]

    key = world.head("umbrellas/monitoring", FEBRUARY)
    last = Looks.of(world.store, PROBLEM, FEBRUARY).entries()[-1].target
    live, landed = ({one.name: one.evidence for one in report_of(world.store, of).features} for of in (last, key))
    assert live["clouds"].first == landed["clouds"].first == f"2024-02-0{BREAK}"
    assert not [*live_looks(PROBLEM, world.store, datetime(2024, 2, 8, 1, tzinfo=UTC))], "it has landed"
    planner = Planner(PROBLEM, world.store, world.landing, given(PROBLEM, PROBLEM.params, PROBLEM.seed))
    assert planner.plan(["monitoring"], [FEBRUARY])[0].state == "current"
    again = rebuild(world.store.backend, world.landing, key, tmp_path / "again")
    made = open_store(str(tmp_path / "again")).manifest(again)
    assert made.content.digest == world.store.manifest(key).content.digest
    assert "live" in {read.name for read in made.inputs}
    assert next(iter(monitored(world.store, "umbrellas", [FEBRUARY]).values())).rows == ROWS


def test_what_arrives_late_changes_no_day_that_was_looked_at_and_nobody_is_looked_at_without_a_champion(
    asked, tmp_path
):
    world = asked.copied_to(tmp_path, [PROBLEM])
    look(world, 3)
    rows = visits()
    late = rows[rows["at"].dt.day == 2].assign(clouds=99.0)
    answer(world.store, world.head("umbrellas/model", JANUARY), late, "2024-01-31")
    look(world, 4)
    before, after = (
        report_of(world.store, entry.target) for entry in Looks.of(world.store, PROBLEM, FEBRUARY).entries()
    )
    clouds, later = (next(one for one in of.features if one.name == "clouds").evidence for of in (before, after))
    assert later.by_day[:2] == clouds.by_day and not later.alarm
    assert list(live_looks(PROBLEM, build(tmp_path / "empty", [PROBLEM]).store, datetime.now(UTC))) == []


def test_days_are_those_of_the_problems_clock_and_the_schedule_is_off(asked):
    schedule = asked.definitions.resolve_schedule_def("umbrellas_live")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED
    (one,) = live_looks(PROBLEM, asked.store, datetime(2024, 3, 1, 0, 15, tzinfo=UTC))
    assert (one.partition, one.until) == (FEBRUARY, datetime(2024, 3, 1, tzinfo=UTC))
    far_west = replace(PROBLEM, partitions=replace(PROBLEM.partitions, zone="America/Los_Angeles"))
    (one,) = live_looks(far_west, asked.store, datetime(2024, 3, 11, 7, 30, tzinfo=UTC))
    assert one.until - timedelta(days=1) == datetime(2024, 3, 10, 7, tzinfo=UTC), "a day of 23 hours"
