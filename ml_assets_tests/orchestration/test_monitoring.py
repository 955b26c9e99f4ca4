"""A month is watched as its outcomes land: made again then, found the same when it is rebuilt, told once where it alarms."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ml_assets.computation.answered import BATCH
from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets.figures import INLINE
from ml_assets.lineage.answers import BRANCH
from ml_assets.lineage.monitored import monitored
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.store import Input, open_store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.chain import SCORED
from ml_assets_tests.doubles.webhook import listening
from ml_assets_tests.doubles.world import World, build
from ml_assets_tests.orchestration.test_alerts import Sensor

PROBLEM = umbrellas.PROBLEM
JANUARY, FEBRUARY, MARCH = "2024-01", "2024-02", "2024-03"
MONITORING = "umbrellas/monitoring"
ROWS = 800  # of a month: a day of 25 is enough to tell that something broke


def late(month: str, known: int):
    """A month of whose outcomes the first have landed."""
    visits = umbrellas.visits(month, rows=ROWS)
    return visits.assign(bought=visits["bought"].where(visits.index < known))


def broken(month: str):
    """A month whose clouds are measured by another instrument."""
    visits = umbrellas.visits(month, rows=ROWS)
    return visits.assign(clouds=visits["clouds"] + 3.0)


def land(world: World, month: str, visits) -> None:
    world.landing.write(f"umbrellas/visits/{month}.parquet", visits)


def finding(world: World, month: str):
    return next(iter(monitored(world.store, "umbrellas", [month]).values()))


@pytest.fixture(scope="module")
def january(tmp_path_factory) -> World:
    """January has a champion. Not to be changed by tests."""
    world = build(tmp_path_factory.mktemp("january"), [PROBLEM])
    land(world, JANUARY, umbrellas.visits(JANUARY, rows=ROWS))
    world.must_run(PROBLEM, JANUARY)
    return world


@pytest.fixture(scope="module")
def watched(january, tmp_path_factory) -> World:
    """So was February served and watched, half of its outcomes known. Not to be changed by tests."""
    world = january.copied_to(tmp_path_factory.mktemp("watched"), [PROBLEM])
    land(world, FEBRUARY, late(FEBRUARY, 300))
    world.must_run(PROBLEM, FEBRUARY, SCORED)
    return world


def test_where_nobody_served_there_is_nothing_to_watch(january):
    made = january.manifest(MONITORING, JANUARY)
    assert "no champion was known before it. There is nothing to watch." in made.notes["why"]
    assert {check.passed for check in made.checks} == {True}
    assert monitored(january.store, "umbrellas") == {}


def test_what_the_champion_promised_is_held_against_what_came(watched):
    found = finding(watched, FEBRUARY)
    assert found.model == str(watched.head("umbrellas/model", JANUARY))
    assert (found.rows, found.outcomes, found.over_http) == (ROWS, 300, 0)
    assert found.promised.low < found.realised.value < 1
    assert found.estimated.low < found.realised.value
    assert {*found.features} == {"clouds", "above_usual", "shop"}
    made = watched.manifest(MONITORING, FEBRUARY)
    assert [(check.name, check.blocking) for check in made.checks] == [
        ("inputs_hold", False),
        ("scores_hold", False),
        ("performance_holds", False),
        ("values_known", False),
        ("estimate_holds", False),
    ]
    assert {read.name for read in made.inputs} == {"features", "predictions", "champion", "split"}


def test_outcomes_that_land_later_make_it_again_and_once(watched, tmp_path):
    world = watched.copied_to(tmp_path, [PROBLEM])
    land(world, FEBRUARY, late(FEBRUARY, ROWS))
    for _ in range(2):
        world.must_run(PROBLEM, FEBRUARY, SCORED)
    assert len(world.store.versions(MONITORING, FEBRUARY)) == 2
    assert finding(world, FEBRUARY).outcomes == ROWS


def test_it_is_used_again_planned_and_reproduced(watched, tmp_path):
    world = watched.copied_to(tmp_path / "world", [PROBLEM])
    key = world.head(MONITORING, FEBRUARY)
    planner = Planner(PROBLEM, world.store, world.landing, given(PROBLEM, PROBLEM.params, PROBLEM.seed))
    assert [one.state for one in planner.plan(["monitoring"], [JANUARY, FEBRUARY])] == ["current", "current"]

    world.must_run(PROBLEM, FEBRUARY, SCORED, fresh=True)
    again = rebuild(world.store.backend, world.landing, key, tmp_path / "again")
    made = open_store(str(tmp_path / "again")).manifest(again)
    assert made.content.digest == world.store.manifest(key).content.digest
    assert made.code["computation"] == world.store.manifest(key).code["computation"]


def test_a_break_in_one_feature_is_found_on_its_first_day_and_told_once(january, tmp_path):
    world = january.copied_to(tmp_path, [PROBLEM])
    land(world, FEBRUARY, broken(FEBRUARY))
    land(world, MARCH, broken(MARCH))
    with listening() as webhook:
        sensor = Sensor(world, webhook.address)
        sensor.tick()
        for month in (FEBRUARY, FEBRUARY, MARCH):
            world.must_run(PROBLEM, month, SCORED)
            sensor.tick()
        told = [text for text in webhook.texts if "drift of clouds" in text]
    found = finding(world, FEBRUARY)
    assert found.drifted["clouds"] > 1
    assert "clouds moved first on 2024-02-01" in found.sentence
    assert len(told) == 1
    assert f"Next: ml-assets monitoring umbrellas --partition {FEBRUARY}" in told[0]
    failed = [check.name for check in world.manifest(MONITORING, FEBRUARY).checks if not check.passed]
    assert "inputs_hold" in failed


def test_the_ui_shows_it(watched):
    made = watched.instance.get_latest_materialization_event(dg.AssetKey(["umbrellas", "monitoring"]))
    shown = made.asset_materialization.metadata
    assert len(shown["at_a_glance"].value) < INLINE
    assert shown["auroc/realised"].value > 0.5
    assert "finding" not in shown
    assert np.isfinite(shown["auroc/promised"].value)


def answer(world: World, visits, by: str, day: str, models: tuple[Input, ...] = ()) -> None:
    """Enter a batch of answers over HTTP in the log, as `ml-assets serve --record` does."""
    said = {
        "entity": visits["visit"],
        "answered_at": pd.Timestamp(day, tz="UTC"),
        "prediction": 0.99,
        "model_version": by,
    }
    key = world.store.commit(
        replace(
            world.manifest(MONITORING, JANUARY),
            asset="umbrellas/answers",
            partition=day,
            content=world.store.put(pd.DataFrame(said)),
            inputs=models,
        )
    )
    entries = len(world.store.full_log("umbrellas/answers", day))
    details = {BATCH: f"a spool/{entries}", BRANCH: "main"}
    world.store.move("umbrellas/answers", day, key, expected=entries, why="answered", details=details)


def test_an_answer_over_http_counts_for_its_row_and_is_reproduced_whatever_was_answered_since(watched, tmp_path):
    world, visits = watched.copied_to(tmp_path / "world", [PROBLEM]), umbrellas.visits(FEBRUARY, rows=ROWS)
    version = world.head("umbrellas/model", JANUARY).version
    answer(world, visits.head(20), version, "2024-02-03")
    answer(world, visits.head(5), "another", "2024-02-04")
    answer(world, visits.head(50), version, "2024-03-09")
    world.must_run(PROBLEM, FEBRUARY, ["monitoring"])
    found, key = finding(world, FEBRUARY), world.head(MONITORING, FEBRUARY)
    assert (found.rows, found.over_http, found.by_others) == (ROWS - 5, 15, 5)

    planner = Planner(PROBLEM, world.store, world.landing, given(PROBLEM, PROBLEM.params, PROBLEM.seed))
    assert planner.plan(["monitoring"], [FEBRUARY])[0].state == "current"
    answer(world, visits.tail(5), version, "2024-02-04")
    assert planner.plan(["monitoring"], [FEBRUARY])[0].state == "compute"
    again = rebuild(world.store.backend, world.landing, key, tmp_path / "again")
    made = open_store(str(tmp_path / "again")).manifest(again)
    assert made.content.digest == world.store.manifest(key).content.digest


def test_the_model_that_was_asked_is_watched_where_the_batch_was_predicted_anew_by_another(watched, tmp_path):
    world, visits = watched.copied_to(tmp_path / "world", [PROBLEM]), umbrellas.visits(FEBRUARY, rows=ROWS)
    of_batch = world.manifest("umbrellas/model", JANUARY)
    asked = world.store.commit(replace(of_batch, notes={**of_batch.notes, "why": "it served before"}))
    models = (Input("model", asked, of_batch.content.digest),)
    answer(world, visits.head(ROWS - 10), asked.version, "2024-02-03", models)
    world.must_run(PROBLEM, FEBRUARY, ["monitoring"])
    found = finding(world, FEBRUARY)
    assert (found.model, found.rows, found.over_http, found.by_others) == (str(asked), ROWS - 10, ROWS - 10, 10)
    assert asked in [read.key for read in world.manifest(MONITORING, FEBRUARY).inputs]
