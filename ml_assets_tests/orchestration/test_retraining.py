"""An alarm that stands has one model trained, however often it is looked at; what holds a training back is kept once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from ml_assets.computation.chain import retrained
from ml_assets.errors import InvalidProblem
from ml_assets.monitoring.finding import FINDING, Finding, Moved
from ml_assets.orchestration.retraining import look_at_findings, retraining_sensor
from ml_assets.problem import RetrainWhen
from ml_assets.promotion.ledger import Ledger
from ml_assets.promotion.retraining import Retraining
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.chain import SCORED
from ml_assets_tests.doubles.world import World, build

WHEN = RetrainWhen(new_partition=False, drift_above=0.25, cooldown_days=7)
PROBLEM = replace(umbrellas.PROBLEM, retrain_when=WHEN)
JANUARY, FEBRUARY, MARCH = "2024-01", "2024-02", "2024-03"
TRAINING = retrained(PROBLEM)


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> World:
    """January has a champion, which has served February and March. Not to be changed by tests."""
    world = build(tmp_path_factory.mktemp("served"), [PROBLEM])
    world.must_run(PROBLEM, JANUARY)
    for month in (FEBRUARY, MARCH):
        world.must_run(PROBLEM, month, SCORED)
    return world


@pytest.fixture
def world(served, tmp_path) -> World:
    return served.copied_to(tmp_path, [PROBLEM])


def finds(world: World, month: str, moved: float) -> None:
    """As if clouds had moved by so much, beyond chance."""
    manifest = world.manifest("umbrellas/monitoring", month)
    found = replace(Finding.from_json(manifest.notes[FINDING]), features={"clouds": Moved(moved, is_alarm=True)})
    world.store.publish(replace(manifest, notes={FINDING: found.to_json()}, run=None), why="a test")


def look(world: World, days: float = 0, problem=PROBLEM) -> list[str] | str:
    """The run keys of the runs that are asked for, or why none is."""
    result = look_at_findings(problem, world.store, world.landing, datetime.now(UTC) + timedelta(days=days))
    if isinstance(result, dg.SkipReason):
        return str(result.skip_message)
    return [f"{request.partition_key} {request.run_key}" for request in result]


def log(world: World) -> list[tuple[str, str]]:
    return [
        (str(entry.details["decision"]), str(entry.details["trains"]))
        for entry in Retraining.of(world.store, PROBLEM, JANUARY).entries()
    ]


def test_an_alarm_that_stands_starts_one_run_and_the_next_one_waits_until_it_has_cooled_down(world):
    finds(world, FEBRUARY, 0.2)
    finds(world, MARCH, 0.2)
    assert "nothing that the problem wants a new model for" in look(world)
    assert log(world) == []

    finds(world, MARCH, 0.9)
    asked = [look(world) for _ in range(20)]
    assert len({key for keys in asked for key in keys}) == 1, "Dagster starts a run key once"
    assert asked[0][0].startswith(f"{MARCH} {MARCH} ")
    world.must_run(PROBLEM, MARCH, TRAINING)
    assert Ledger.of(world.store, PROBLEM, None).champion().as_of == JANUARY, "else there would be no alarm any more"
    assert [look(world, days) for days in (1, 9, 99)] == [f"{MARCH}: it was trained again."] * 3
    assert log(world) == [("retrain", MARCH)]

    finds(world, MARCH, 0.8)  # more outcomes landed
    for days in (1, 2, 3):
        assert "7 must pass between two" in look(world, days)
    for days in (8, 9):
        assert "would see the same data" in look(world, days)
    assert log(world) == [("retrain", MARCH), ("cooldown", MARCH), ("same", MARCH)]

    edited = replace(PROBLEM, params=replace(PROBLEM.params, c=0.5))
    assert look(world, 9, edited)[0].startswith(f"{MARCH} {MARCH} "), "what it would be made of has changed"
    assert log(world)[3:] == [("retrain", MARCH)]


def test_a_month_of_which_no_day_that_judges_has_landed_trains_nothing_and_the_one_before_does(world):
    visits = umbrellas.visits(MARCH)
    world.landing.write(f"umbrellas/visits/{MARCH}.parquet", visits[visits["at"] < "2024-03-20"])
    world.must_run(PROBLEM, MARCH, SCORED)
    finds(world, MARCH, 0.9)
    assert look(world)[0].startswith(f"{FEBRUARY} {FEBRUARY} ")
    world.must_run(PROBLEM, FEBRUARY, TRAINING)


def test_a_new_champion_that_has_served_nothing_yet_is_left_alone(world):
    finds(world, MARCH, 0.9)
    world.must_run(PROBLEM, FEBRUARY, TRAINING)
    ledger, new = Ledger.of(world.store, PROBLEM, None), world.head("umbrellas/model", FEBRUARY)
    ledger.enter(new, kind="promotion", after=ledger.moves(), as_of=MARCH, why="it is newer")
    assert look(world) == "Nothing is monitored yet of a champion that serves."


def test_the_sensor_is_there_where_it_is_asked_for_and_waits_for_the_run_under_way(world):
    sensor = world.definitions.get_repository_def().get_sensor_def("umbrellas_retraining")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    finds(world, MARCH, 0.9)
    run = world.instance.add_run(dg.DagsterRun("umbrellas", tags={"ml_assets/chain": "umbrellas"}))
    context = dg.build_sensor_context(instance=world.instance, definitions=world.definitions)
    assert "after the run under way" in sensor(context).skip_message
    world.instance.delete_run(run.run_id)
    (request,) = sensor(context)
    assert (request.partition_key, request.tags["ml_assets/chain"]) == (MARCH, "umbrellas")
    assert retraining_sensor(umbrellas.PROBLEM, world.store, world.landing) is None


def test_what_is_not_monitored_cannot_be_asked_for():
    with pytest.raises(InvalidProblem, match="partitions that do not follow each other in time are not monitored"):
        replace(ice_cream.PROBLEM, retrain_when=WHEN)
