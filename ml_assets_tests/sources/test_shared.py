"""A problem reads what another one made: the very version, known to the plan, followed by automation, with one lineage."""

from __future__ import annotations

import warnings
from dataclasses import replace

import dagster as dg
import pandas as pd
import pytest

from ml_assets.computation.planner import Planned, Planner
from ml_assets.computation.reuse import given
from ml_assets.lineage.lineage import lineage
from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.problem import Shared
from ml_assets.problems import BrokenProblem
from ml_assets.store import open_store
from ml_assets_tests.doubles import raincoats, umbrellas
from ml_assets_tests.doubles.daemon import Daemon
from ml_assets_tests.doubles.world import World, build

ABOVE, PROBLEM = umbrellas.PROBLEM, raincoats.PROBLEM
MONTHS = ("2024-01", "2024-02")
LAST = MONTHS[-1]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> World:
    """Two months of both, each month of the one before that of the other: the last has a champion's predictions."""
    world = build(tmp_path_factory.mktemp("shared"), [ABOVE, PROBLEM])
    for month in MONTHS:
        world.must_run(ABOVE, month)
        world.must_run(PROBLEM, month)
    return world


@pytest.fixture
def world(made, tmp_path) -> World:
    """A copy, to be changed."""
    return made.copied_to(tmp_path / "copy", [ABOVE, PROBLEM])


def plan(world: World, problem, nouns, months=(LAST,), before=()) -> list[Planned]:
    planner = Planner(problem, world.store, world.landing, given(problem, problem.params, problem.seed))
    return planner.plan(nouns, list(months), before)


def states(planned) -> dict[str, str]:
    return {one.asset: one.state for one in planned}


def had_model(world: World, month: str) -> bool:
    return world.store.head("umbrellas/model", month) is not None


def test_the_dataset_is_made_of_the_very_versions_and_no_copy_of_them_is_kept(made):
    read = {one.name: one.key for one in made.manifest("raincoats/dataset", LAST).inputs}
    assert read == {
        "source_predictions": made.head("umbrellas/predictions", LAST),
        "source_visits": made.head("umbrellas/dataset", LAST),
    }
    assert "raincoats/landing" not in made.store.assets()
    said = made.load("raincoats/dataset", LAST).set_index("visit")["said"]
    predicted = made.load("umbrellas/predictions", LAST).set_index("visit")["prediction"]
    pd.testing.assert_series_equal(said, predicted, check_names=False)


def test_what_was_predicted_for_a_month_is_by_the_champion_of_before(made):
    champion = made.manifest("umbrellas/predictions", LAST).notes["model"]
    assert champion in [str(made.head("umbrellas/model", month)) for month in MONTHS[:-1] if had_model(made, month)]
    assert made.load("raincoats/dataset", MONTHS[0])["said"].isna().all()


def test_the_lineage_leads_through_both_in_both_directions(made):
    model, of_month = made.head("raincoats/model", LAST), made.head("umbrellas/dataset", MONTHS[0])
    assert made.manifest("umbrellas/predictions", LAST).notes["model"] in str(lineage(made.store, model))
    assert str(of_month) in str(lineage(made.store, model))
    assert str(model) in str(lineage(made.store, of_month, down=True))


def test_nothing_is_made_again_where_nothing_above_has_changed(world):
    before = world.head("raincoats/dataset", LAST)
    assert set(states(plan(world, PROBLEM, ["dataset", "features", "model"])).values()) == {"current"}
    world.must_run(PROBLEM, LAST, ["dataset"])
    assert world.head("raincoats/dataset", LAST) == before


def test_a_plan_knows_what_changed_above_and_what_is_computed_first(world):
    world.landing.write(f"umbrellas/visits/{LAST}.parquet", umbrellas.visits(LAST, signal=3.0))
    above = plan(world, ABOVE, ["dataset", "features", "predictions"])
    assert states(above) == dict.fromkeys(["umbrellas/dataset"], "compute") | {
        "umbrellas/features": "open",
        "umbrellas/predictions": "open",
    }
    alone, together = plan(world, PROBLEM, ["dataset"]), plan(world, PROBLEM, ["dataset"], before=above)
    assert states(alone) == {"raincoats/dataset": "current"}
    assert states(together) == {"raincoats/dataset": "open"}
    assert f"after umbrellas/predictions@{LAST}, which is computed first" in together[0].why
    world.must_run(ABOVE, LAST, ["dataset", "features", "predictions"])
    (now,) = plan(world, PROBLEM, ["dataset"])
    assert now.state == "compute"
    assert f"input umbrellas/dataset@{LAST}" in now.why
    world.must_run(PROBLEM, LAST, ["dataset"])
    assert states(plan(world, PROBLEM, ["dataset"])) == {"raincoats/dataset": "current"}


def test_a_plan_says_what_was_never_made(world):
    (found,) = plan(world, PROBLEM, ["dataset"], ["2024-05"])
    assert (found.state, found.why) == (
        "missing",
        "umbrellas/predictions@2024-05 was never made: make it first",
    )


def test_both_are_made_in_one_run_in_order(tmp_path):
    world = build(tmp_path, [ABOVE, PROBLEM])
    keys = [dg.AssetKey([name, noun]) for name in ("umbrellas", "raincoats") for noun in ("dataset", "features")]
    job = world.definitions.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=world.instance,
        partition_key=MONTHS[0],
        asset_selection=[*keys, dg.AssetKey(["umbrellas", "predictions"])],
    )
    assert result.success
    (read,) = [one for one in world.manifest("raincoats/dataset", MONTHS[0]).inputs if one.name == "source_visits"]
    assert read.key == world.head("umbrellas/dataset", MONTHS[0])


def requested(world: World, cursor=None) -> tuple[set[str], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        own = dg.AssetSelection.groups("raincoats")  # as its sensor does
        looked = dg.evaluate_automation_conditions(world.definitions, world.instance, own, cursor=cursor)
    return set(looked.get_requested_partitions(dg.AssetKey(["raincoats", "dataset"]))), looked.cursor


def test_automation_follows_what_is_made_above_again_and_leaves_the_first_time_to_the_sensor(world):
    found, cursor = requested(world)
    found, cursor = requested(world, cursor)
    assert found == set()
    world.landing.write(f"umbrellas/visits/{LAST}.parquet", umbrellas.visits(LAST, signal=3.0))
    for month in (LAST, "2024-03"):
        world.must_run(ABOVE, month, ["dataset", "features", "predictions"])
    _, cursor = requested(world, cursor)
    found, cursor = requested(world, cursor)
    assert found == {LAST}


def test_what_follows_by_itself_is_the_chain_below_the_change(world):
    daemon = Daemon(world, PROBLEM)
    assert daemon.settle() == []
    world.landing.write(f"umbrellas/visits/{LAST}.parquet", umbrellas.visits(LAST, signal=3.0))
    world.must_run(ABOVE, LAST, ["dataset", "features", "predictions"])
    daemon.settle()
    assert daemon.faults == []
    assert daemon.ran[0][:2] == (LAST, ("dataset",))
    assert {noun for partition, nouns, _ in daemon.ran for noun in nouns if partition == LAST} >= {
        "features",
        "champion",
    }
    read = [one.key for one in world.manifest("raincoats/dataset", LAST).inputs]
    assert world.head("umbrellas/dataset", LAST) in read


def test_a_dataset_is_rebuilt_from_its_manifest_where_the_other_problem_is_not_known(made, tmp_path):
    key = made.head("raincoats/dataset", LAST)
    again = rebuild(made.store.backend, made.landing, key, tmp_path / "again")
    assert open_store(str(tmp_path / "again")).manifest(again).content.digest == made.store.manifest(key).content.digest


def test_partitions_before_it_are_one_table_and_features_are_their_keys_and_features(world):
    problem = raincoats.sharing(visits=Shared("umbrellas/features", lookback=1))
    problem = replace(problem, dataset=lambda partition, source: seen.append(source.table("visits")) or seen[-1])
    seen: list[pd.DataFrame] = []
    world.with_problems([ABOVE, problem]).run(problem, LAST, ["dataset"])
    (table,) = seen
    assert set(table["visit"].str[:7]) == set(MONTHS)
    assert list(table) == ["visit", "at", "shop", "clouds", "above_usual"]


def test_what_a_broken_problem_made_before_can_still_be_read(world):
    broken = [BrokenProblem("umbrellas", "it fell over", "")]
    world.definitions = build_definitions([PROBLEM], world.store, world.landing, broken)
    world.must_run(PROBLEM, LAST, ["dataset"], fresh=True)
