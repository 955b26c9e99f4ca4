"""What a database held is kept as a version; everything is made of that."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pandas as pd
import pytest

from ml_assets.computation.planner import Planner
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import given
from ml_assets.lineage.diff import diff, sections
from ml_assets.lineage.reproduce.inspection import Inspection
from ml_assets.orchestration.following import Asked, look
from ml_assets.orchestration.intake import Intake
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.orchestration.try_out import try_out
from ml_assets.problem import Sql
from ml_assets.settings import Settings
from ml_assets.store import open_store
from ml_assets_tests.doubles import tills, umbrellas
from ml_assets_tests.doubles.tills import CONNECTION, Tills
from ml_assets_tests.doubles.world import World, build, why

PROBLEM = tills.PROBLEM
JANUARY, FEBRUARY = "2024-01", "2024-02"
READ = ("landing", "dataset")
ANEW = Asked()
NOW = datetime(2024, 3, 2, tzinfo=UTC)


@pytest.fixture
def database(tmp_path, monkeypatch) -> Tills:
    database = Tills(tmp_path)
    monkeypatch.setenv(CONNECTION, database.url)
    for month in (JANUARY, FEBRUARY):
        database.put(month)
    return database


@pytest.fixture
def world(database, tmp_path) -> World:
    return build(tmp_path, [PROBLEM])


def states(world: World, problem=PROBLEM) -> dict[str, str]:
    planner = Planner(problem, world.store, world.landing, given(problem, problem.params, problem.seed))
    return {one.noun: one.state for one in planner.plan(READ, [JANUARY])}


def test_the_chain_runs_on_what_the_query_gave_and_says_where_it_came_from(world):
    world.must_run(PROBLEM, JANUARY)
    landing = world.manifest("tills/landing", JANUARY)
    assert landing.notes["rows"] == {"visits": 400}
    assert landing.notes["watermarks"] == {"source visits": "visits 400, changed 1"}
    assert "select visit" in str(landing.code["computation"]["settings"])
    (read,) = world.manifest("tills/dataset", JANUARY).inputs
    assert read.key == world.head("tills/landing", JANUARY)
    wanted = umbrellas.visits(JANUARY)
    pd.testing.assert_frame_equal(world.load("tills/dataset", JANUARY), wanted)
    assert world.head("tills/model", JANUARY)


def test_its_code_is_what_reads_and_nothing_of_the_plumbing():
    modules = {part.partition(":")[0] for part in Recipe(PROBLEM, "landing").code.parts}
    assert {"ml_assets.sources.sql", "ml_assets.sources.rows", "ml_assets.orchestration.record"} <= modules
    assert not any(module.startswith(("ml_assets.cli", "ml_assets.alerts", "ml_assets.store")) for module in modules)


def test_the_same_rows_in_another_order_are_the_same_version_and_nothing_is_made_again(database, world):
    problem = tills.reading(tills.QUERY)
    world = world.with_problems([problem])
    world.must_run(problem, JANUARY, READ)
    before = world.head("tills/dataset", JANUARY)
    content = world.manifest("tills/landing", JANUARY).content.digest
    database.put(JANUARY, backwards=True)
    world.must_run(problem, JANUARY, READ)
    assert world.manifest("tills/landing", JANUARY).content.digest == content
    assert world.head("tills/dataset", JANUARY) == before


def test_what_a_watermark_says_unchanged_is_not_read_again_and_a_correction_is(database, world):
    world.must_run(PROBLEM, JANUARY, READ)
    assert states(world) == {"landing": "current", "dataset": "current"}
    database.run("update visits set clouds = clouds + 1, changed = 2 where visit like '2024-01%'")
    assert states(world) == {"landing": "compute", "dataset": "open"}
    before = world.load("tills/dataset", JANUARY)["clouds"]
    world.must_run(PROBLEM, JANUARY, READ)
    assert (world.load("tills/dataset", JANUARY)["clouds"] - before).round(6).eq(1).all()
    assert "source visits" in world.manifest("tills/landing", JANUARY).code["why"]


def test_without_a_watermark_only_reading_tells_and_the_plan_says_so(world):
    problem = tills.reading(tills.QUERY)
    world = world.with_problems([problem])
    world.must_run(problem, JANUARY, READ)
    planner = Planner(problem, world.store, world.landing, given(problem, problem.params, problem.seed))
    (landing, dataset) = planner.plan(READ, [JANUARY])
    assert landing.why == "read again: only reading tells whether source visits is what it was"
    assert dataset.state == "open"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("alter table visits drop column clouds", "no such column: clouds"),
        ("drop table visits", "no such table: visits"),
        ("update visits set clouds = 'much' where visit like '%7'", "values of several types, float and str"),
    ],
)
def test_what_a_database_does_not_give_fails_clearly_and_what_was_made_before_stays(database, world, broken, said):
    world.must_run(PROBLEM, JANUARY, READ)
    before = [world.head(f"tills/{noun}", JANUARY) for noun in READ]
    database.run(broken)
    problem = tills.reading(tills.QUERY)
    failed = world.with_problems([problem]).run(problem, JANUARY, READ)
    assert not failed.success
    assert said in why(failed.get_step_failure_events()[0])
    assert [world.head(f"tills/{noun}", JANUARY) for noun in READ] == before


def test_which_row_was_corrected_is_told_by_the_difference_of_what_was_recorded(database, world):
    world.must_run(PROBLEM, JANUARY, READ)
    before = world.head("tills/landing", JANUARY)
    database.run("update visits set clouds = 0.5, changed = 2 where visit = '2024-01-00007'")
    world.must_run(PROBLEM, JANUARY, READ)
    found = diff(world.store, before, world.head("tills/landing", JANUARY), PROBLEM)
    (told,) = [section for section in sections(found) if section.title == "rows of visits"]
    assert told.parts[1] == "by visit: 0 added, 0 removed, 1 of 400 common changed"
    assert str(told.parts[2]).startswith("column clouds changed in 1 rows: 2024-01-00007: ")


def test_try_reads_what_was_kept_until_something_else_is_asked(world, monkeypatch):
    world.must_run(PROBLEM, JANUARY, READ)
    monkeypatch.setenv("ML_ASSETS_STORE", world.store.backend.url)
    monkeypatch.setenv("ML_ASSETS_LANDING", world.landing.backend.url)
    assert "tills/landing" not in tried(PROBLEM)
    assert "tills/landing" in tried(
        tills.reading(replace(tills.WATCHED, query=f"{tills.WATCHED.query} and clouds > 0"))
    )


def tried(problem) -> list[str]:
    return [step.asset for step in try_out(problem, JANUARY).steps]


def test_what_a_check_refuses_is_told_with_the_sources_that_the_rows_come_from(world, database):
    database.run("update visits set clouds = 1000 where visit like '%7'")
    failed = world.run(PROBLEM, JANUARY, READ)
    said = [check.description for check in failed.get_asset_check_evaluations() if not check.passed]
    assert any(one.endswith("Rows come from the sources visits.") for one in said), said


def test_no_rows_are_refused_by_the_dataset_and_nobody_sees_them(database, world):
    world.must_run(PROBLEM, JANUARY, READ)
    before = world.head("tills/dataset", JANUARY)
    database.run("delete from visits where at like '2024-01%'")
    assert not world.run(PROBLEM, JANUARY, READ).success
    assert world.head("tills/dataset", JANUARY) == before


def test_a_dataset_is_rebuilt_after_the_table_has_changed(database, world, tmp_path):
    world.must_run(PROBLEM, JANUARY, READ)
    key = world.head("tills/dataset", JANUARY)
    database.run("drop table visits")
    made = rebuild(world.store.backend, world.landing, key, tmp_path / "again")
    again = open_store(str(tmp_path / "again")).manifest(made)
    assert again.content.digest == world.store.manifest(key).content.digest


def test_the_record_itself_is_said_to_be_one(world):
    world.must_run(PROBLEM, JANUARY, READ)
    reading = tills.reading(tills.QUERY)
    world.with_problems([reading]).must_run(reading, FEBRUARY, READ)
    inspection = Inspection(world.store, world.landing)
    for month in (JANUARY, FEBRUARY):
        (why_not,) = inspection.lacks(world.head("tills/landing", month))
        assert "this version is the record of it" in why_not
    assert inspection.lacks(world.head("tills/dataset", JANUARY)) == ()


def test_the_password_is_nowhere(database, world, monkeypatch, capfd):
    monkeypatch.setenv(CONNECTION, "sqlite:///nowhere/to/be.db?password=hush-hush")
    failed = world.run(PROBLEM, JANUARY, READ)
    said = [str(event) for event in failed.all_events] + [why(e) for e in failed.get_step_failure_events()]
    assert any("TILLS_URL did not give" in one for one in said)
    assert not any("hush-hush" in one for one in [*said, *capfd.readouterr()])


def test_the_problem_is_tried_on_what_was_kept_and_else_on_what_the_database_holds(database, world, tmp_path):
    settings = Settings(store=world.store.url, landing=world.landing.backend.url, cache=str(tmp_path / "cache"))
    tried = try_out(PROBLEM, JANUARY, 300, settings=settings)
    assert len(tried.dataset) == 300
    world.must_run(PROBLEM, JANUARY, READ)
    database.run("drop table visits")
    assert try_out(PROBLEM, JANUARY, 300, settings=settings).metrics


# ---------------------------------------------------------------- the sensor


def asked(world: World, problem=PROBLEM, cursor: Asked = ANEW) -> tuple[dg.SensorResult, Asked]:
    result = look(Intake(problem, world.store, world.landing), cursor, world.instance, NOW)
    return result, Asked.of(result.cursor)


def test_the_sensor_takes_partitions_in_oldest_first_and_then_follows_a_late_correction(database, world):
    first, cursor = asked(world)
    assert [request.partition_key for request in first.run_requests] == [JANUARY]
    world.must_run(PROBLEM, JANUARY, READ)
    second, cursor = asked(world, cursor=cursor)
    assert [request.partition_key for request in second.run_requests] == [FEBRUARY]
    world.must_run(PROBLEM, FEBRUARY, READ)
    third, cursor = asked(world, cursor=cursor)
    assert third.run_requests == []
    assert cursor == Asked(), "what was read need not be kept in mind"
    assert third.skip_reason.skip_message == "None of 2 partitions has changed."
    database.run("update visits set bought = 1 - bought, changed = 5 where visit = '2024-01-00007'")
    fourth, cursor = asked(world, cursor=cursor)
    (request,) = fourth.run_requests
    assert request.partition_key == JANUARY
    assert request.run_key not in {first.run_requests[0].run_key, second.run_requests[0].run_key}


def test_a_run_that_read_nothing_is_asked_for_again_an_hour_later(database, world, monkeypatch):
    first, cursor = asked(world)
    assert [request.partition_key for request in first.run_requests] == [JANUARY]
    monkeypatch.setenv(CONNECTION, "sqlite:///away/tills.db")
    assert not world.run(PROBLEM, JANUARY, READ).success
    monkeypatch.setenv(CONNECTION, database.url)
    result, cursor = asked(world, cursor=cursor)
    assert [request.partition_key for request in result.run_requests] == [FEBRUARY], "not at once"
    world.must_run(PROBLEM, FEBRUARY, READ)
    again = look(Intake(PROBLEM, world.store, world.landing), cursor, world.instance, NOW + timedelta(hours=1))
    assert [request.partition_key for request in again.run_requests] == [JANUARY]
    assert again.run_requests[0].run_key != first.run_requests[0].run_key


def test_data_that_was_refused_is_not_asked_for_again_until_it_is_corrected(database, world):
    problem = replace(PROBLEM, minimum_rows=1000)
    result, cursor = asked(world, problem)
    assert not world.with_problems([problem]).run(problem, JANUARY, READ).success
    result, cursor = asked(world, problem, cursor)
    assert [request.partition_key for request in result.run_requests] == [FEBRUARY]
    result, cursor = asked(world, problem, cursor)
    assert result.run_requests == []
    assert result.skip_reason.skip_message.startswith("2024-02: asked for, and not read yet.")
    database.put(JANUARY, changed=2, rows=2000)
    result, cursor = asked(world, problem, cursor)
    assert [request.partition_key for request in result.run_requests] == [JANUARY]


def test_a_cursor_of_something_else_is_looked_at_anew():
    assert Asked.of("{not json") == Asked.of(None) == Asked()
    assert Asked.of(Asked(JANUARY, {JANUARY: "v"}).to_cursor()) == Asked(JANUARY, {JANUARY: "v"})


def test_the_sensor_is_there_for_problems_that_ask_a_database(world):
    names = {sensor.name for sensor in world.definitions.sensors}
    assert "tills_sources" in names
    assert "tills_landing" not in names


# ---------------------------------------------------------------- landed files beside


def test_duckdb_asks_landed_files_and_they_are_recorded(database, world):
    asks = Sql("from visits where clouds > -9", files={"visits": "visits/{partition}.parquet"})
    problem = tills.reading(asks)
    world = world.with_problems([problem])
    world.landing.write(f"tills/visits/{JANUARY}.parquet", umbrellas.visits(JANUARY))
    world.must_run(problem, JANUARY, READ)
    landing = world.manifest("tills/landing", JANUARY)
    assert [file.name for file in landing.landed] == [f"tills/visits/{JANUARY}.parquet"]
    assert states(world, problem) == {"landing": "current", "dataset": "current"}
    world.landing.write(f"tills/visits/{JANUARY}.parquet", umbrellas.visits(JANUARY, rows=500))
    assert states(world, problem)["landing"] == "compute"
    assert problem.landing_files == ("visits/{partition}.parquet",)
