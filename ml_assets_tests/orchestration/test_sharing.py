"""The sensor of a problem that only shares: one run of the chain for each partition, once all that it shares is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import dagster as dg
import pytest

from ml_assets.orchestration.intake import Intake
from ml_assets.orchestration.sharing import Seen, look, sharing_sensor
from ml_assets.problem import Files
from ml_assets_tests.doubles import ponchos, raincoats, umbrellas
from ml_assets_tests.doubles.world import World, build

ABOVE, PROBLEM = umbrellas.PROBLEM, raincoats.PROBLEM
FIRST, SECOND = "2024-01", "2024-02"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def world(tmp_path) -> World:
    world = build(tmp_path, [ABOVE, PROBLEM])
    world.must_run(ABOVE, FIRST)
    return world


def looked(world: World, seen: Seen) -> tuple[list[str], Seen, str]:
    """What runs are asked for, how the sensor goes on, and what it says."""
    result = look(Intake(PROBLEM, world.store, world.landing), seen, world.instance, NOW)
    asked = [f"{run.partition_key} {run.asset_selection[-1].path[-1]}" for run in result.run_requests or []]
    return asked, Seen.of(result.cursor), result.skip_reason.skip_message if result.skip_reason else ""


def test_what_was_there_when_it_is_turned_on_counts_as_seen(world):
    asked, seen, said = looked(world, Seen())
    assert (asked, said) == ([], "1 partitions were there already.")
    assert looked(world, seen) == ([], seen, "Nothing new is there.")


def test_a_partition_is_asked_for_once_all_that_it_shares_is_there_and_once(world):
    _, seen, _ = looked(world, Seen())
    world.must_run(PROBLEM, FIRST)
    world.must_run(ABOVE, SECOND, ["dataset"])
    asked, seen, _ = looked(world, seen)
    assert asked == [], "the predictions are not there yet"

    world.must_run(ABOVE, SECOND, ["features", "predictions"])
    asked, seen, _ = looked(world, seen)
    assert asked == [f"{SECOND} monitoring"]
    assert looked(world, seen)[0] == []


def test_one_partition_at_a_time_oldest_first_after_the_run_under_way(world):
    world.must_run(ABOVE, SECOND)
    asked, seen, _ = looked(world, Seen(frozenset()))
    assert [one.split()[0] for one in asked] == [FIRST]
    run = world.instance.add_run(dg.DagsterRun("raincoats", tags={"ml_assets/chain": "raincoats"}))
    assert looked(world, seen) == ([], seen, "What is new is taken in after the run under way.")
    world.instance.report_run_canceled(run)
    asked, seen, _ = looked(world, seen)
    assert [one.split()[0] for one in asked] == [SECOND]


def test_what_is_made_already_is_not_asked_for(world):
    world.must_run(PROBLEM, FIRST)
    asked, seen, _ = looked(world, Seen(frozenset()))
    assert (asked, seen.partitions) == ([], frozenset([FIRST]))


def test_a_cursor_that_cannot_be_read_is_that_of_a_first_look():
    assert Seen.of("{") == Seen.of(None) == Seen.of("7") == Seen()
    assert Seen.of(Seen(frozenset([FIRST])).to_cursor()) == Seen(frozenset([FIRST]))


def test_where_there_are_files_or_nothing_is_shared_other_sensors_take_in_what_is_new(world):
    with_files = replace(PROBLEM, sources={**PROBLEM.sources, "shops": Files("shops.csv")})
    made = [
        sharing_sensor(problem, world.store, world.landing, dg.define_asset_job("job"))
        for problem in (PROBLEM, with_files, ABOVE, ponchos.GROUP)
    ]
    assert [one.name if one else None for one in made] == ["raincoats_sharing", None, None, None]
