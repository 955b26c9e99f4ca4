"""Models that grow old are trained again, once a day, without any new data."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dagster as dg

from ml_assets.assets import declared
from ml_assets.orchestration.freshness import freshness_policy, freshness_schedule, look_at_age
from ml_assets.problem import RetrainWhen
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.chain import SCORED
from ml_assets_tests.doubles.world import build

MONTHLY = replace(umbrellas.PROBLEM, retrain_when=RetrainWhen(older_than_days=30), fresh_within_days=40)


CHANGED = replace(MONTHLY, params=replace(MONTHLY.params, c=0.5))


def in_days(days: float) -> datetime:
    return datetime.now(UTC) + timedelta(days=days)


def test_young_models_are_left_alone(finished):
    skipped = look_at_age(CHANGED, finished.store, finished.landing, in_days(29))

    assert isinstance(skipped, dg.SkipReason)
    assert "29.0 days ago; 30 are allowed" in skipped.skip_message


def test_of_old_models_the_newest_month_is_trained_again_if_it_would_not_come_out_the_same(finished):
    (request,) = look_at_age(CHANGED, finished.store, finished.landing, in_days(31))

    assert request.partition_key == "2024-03"
    assert request.tags["ml_assets/chain"] == "umbrellas"


def test_an_old_model_of_which_nothing_has_changed_is_not_trained_again(finished):
    skipped = look_at_age(MONTHLY, finished.store, finished.landing, in_days(31))

    assert isinstance(skipped, dg.SkipReason)
    assert "31.0 days ago" in skipped.skip_message
    assert skipped.skip_message.endswith("it would come out the same.")


def test_a_month_that_only_was_predicted_is_the_next_to_be_trained(tmp_path):
    patient = replace(MONTHLY, retrain_when=RetrainWhen(new_partition=False, older_than_days=30))
    world = build(tmp_path, [patient])
    world.must_run(patient, "2024-01")
    world.must_run(patient, "2024-02", SCORED)
    world.landing.write("umbrellas/visits/2024-03.parquet", umbrellas.visits("2024-03").assign(bought=float("nan")))
    world.must_run(patient, "2024-03", SCORED)

    (request,) = look_at_age(patient, world.store, world.landing, in_days(31))

    assert request.partition_key == "2024-02", (
        "not 2024-01, which was trained; not 2024-03, whose outcomes nobody knows"
    )


def test_where_partitions_are_worlds_each_has_its_own_age(tmp_path):
    problem = replace(ice_cream.PROBLEM, retrain_when=RetrainWhen(older_than_days=30))
    world = build(tmp_path, [problem])
    for beach in ice_cream.BEACHES[:2]:
        world.must_run(problem, beach)

    edited = replace(problem, seed=1)
    requests = look_at_age(edited, world.store, world.landing, in_days(31))

    assert sorted(request.partition_key for request in requests) == sorted(ice_cream.BEACHES[:2])


def test_where_no_model_is_nothing_is_trained(tmp_path):
    world = build(tmp_path, [MONTHLY])
    skipped = look_at_age(MONTHLY, world.store, world.landing, in_days(0))

    assert isinstance(skipped, dg.SkipReason)
    assert "no model that could grow old" in skipped.skip_message


def test_the_schedule_asks_for_what_a_training_is_and_runs_out_of_the_box(tmp_path):
    world = build(tmp_path, [MONTHLY])
    for month in ("2024-01", "2024-02"):
        world.must_run(MONTHLY, month)
    world = world.with_problems([CHANGED])
    schedule = world.definitions.get_repository_def().get_schedule_def("umbrellas_freshness")

    context = dg.build_schedule_context(instance=world.instance, scheduled_execution_time=in_days(31))
    (request,) = schedule(context)

    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert request.partition_key == "2024-02"
    selected = world.definitions.resolve_job_def(schedule.job_name).asset_layer.selected_asset_keys
    assert {key.path[-1] for key in selected} == {"split", "model", "evaluation", "champion", "report"}


def test_a_problem_whose_models_do_not_age_has_no_schedule(finished):
    assert freshness_schedule(umbrellas.PROBLEM, finished.store, finished.landing) is None


def test_only_predictions_have_an_age_that_is_watched():
    policy = freshness_policy(MONTHLY, declared("predictions"))

    assert policy == dg.FreshnessPolicy.time_window(fail_window=timedelta(days=40))
    assert freshness_policy(MONTHLY, declared("model")) is None
    assert freshness_policy(umbrellas.PROBLEM, declared("predictions")) is None
