"""The daily look at what champions are over HTTP: it is off, it names the feature, and it is alerted once."""

from __future__ import annotations

from datetime import datetime

import dagster as dg
import pytest

from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.webhook import listening
from ml_assets_tests.doubles.world import QUIET, World, build
from ml_assets_tests.orchestration.test_alerts import Sensor

SKEW = dg.AssetKey(["umbrellas", "skew"])


def edited(history, data):
    return umbrellas.features(history, data).assign(above_usual=data["clouds"] + 1.0)


def look(world: World) -> dict:
    """What the job says, by name."""
    job = world.definitions.resolve_job_def("umbrellas_skew")
    ran = job.execute_in_process(instance=world.instance, run_config=QUIET)
    assert ran.success
    newest = world.instance.get_latest_materialization_event(SKEW).asset_materialization
    return {name: entry.value for name, entry in newest.metadata.items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    """Where January has a champion. Not to be changed by tests, but for what the job logs."""
    world = build(tmp_path_factory.mktemp("skew"), [umbrellas.PROBLEM])
    world.must_run(umbrellas.PROBLEM, "2024-01")
    return world


@pytest.mark.slow
def test_a_difference_names_the_feature_and_is_told_once_until_it_is_gone(world):
    with listening() as webhook:
        sensor = Sensor(world, webhook.address)
        sensor.tick()
        alike = look(world)
        assert "skewed" not in alike and alike["columns_that_differ"] == 0
        assert alike["why"].startswith(
            "umbrellas [2024-01]: 1,600 rows in 4 ways are over HTTP what they are in the batch."
        )

        apart = world.with_problems([umbrellas.with_features(edited)])
        assert look(apart)["skewed"] == "above_usual, prediction"
        said = look(apart)
        assert said["columns_that_differ"] == 2
        sensor.tick()
        (told,) = webhook.texts
        assert "umbrellas over HTTP is not what it is in the batch: above_usual, prediction" in told
        assert "ml-assets skew umbrellas" in told

        look(world)
        look(apart)
        sensor.tick()
        assert len(webhook.texts) == 2


def test_the_schedule_is_off_and_skips_until_there_is_a_champion(tmp_path):
    world = build(tmp_path, [umbrellas.PROBLEM])
    schedule = world.definitions.resolve_schedule_def("umbrellas_skew")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED

    context = dg.build_schedule_context(instance=world.instance, scheduled_execution_time=datetime(2024, 5, 1))
    (skipped,) = [schedule.evaluate_tick(context).skip_message]
    assert skipped.startswith("umbrellas has no champion.")


def test_no_run_of_the_chain_and_no_automation_compares(tmp_path):
    world = build(tmp_path, [umbrellas.PROBLEM])
    graph = world.definitions.resolve_asset_graph()

    assert SKEW not in graph.materializable_asset_keys and graph.get(SKEW).automation_condition is None
    assert SKEW not in world.definitions.resolve_job_def("umbrellas").asset_layer.selected_asset_keys
