"""From landed files to predictions, on two tiny problems of different shapes."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
import yaml

from ml_assets.promotion.ledger import Ledger
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.chain import IN_TIME
from ml_assets_tests.doubles.world import QUIET


def test_the_graph_is_the_chain_from_landing_to_predictions(finished):
    graph = finished.definitions.resolve_asset_graph()
    edges = {(p.path[-1], k.path[-1]) for k in graph.get_all_asset_keys() for p in graph.get(k).parent_keys}
    assert edges == {
        ("landing", "dataset"),
        ("dataset", "features"),
        ("features", "split"),
        ("split", "model"),
        ("model", "evaluation"),
        ("evaluation", "champion"),
        ("evaluation", "report"),
        ("champion", "champion"),
        ("champion", "predictions"),
        ("features", "predictions"),
        ("champion", "audit"),
        ("features", "audit"),
        ("features", "monitoring"),
        ("predictions", "monitoring"),
    }


def test_every_check_of_a_run_is_recorded_for_its_partition(world):
    result = world.run(umbrellas.PROBLEM, "2024-01")
    evaluations = result.get_asset_check_evaluations()
    assert {e.partition for e in evaluations} == {"2024-01"}
    announced = {
        (key.asset_key, key.name)
        for key in world.definitions.resolve_asset_graph().asset_check_keys
        if key.asset_key.path[0] == "umbrellas"
    }
    assert {(e.asset_key, e.check_name) for e in evaluations} == announced


def test_a_check_is_tied_to_the_materialization_it_looked_at(world):
    """Else the UI calls the partition's check missing."""
    result = world.must_run(umbrellas.PROBLEM, "2024-01")
    for evaluation in result.get_asset_check_evaluations():
        target = evaluation.target_materialization_data
        assert target is not None
        assert target.run_id == result.run_id


def test_the_chain_of_a_problem_is_a_job_whose_partitions_run_one_at_a_time(world):
    job = world.definitions.resolve_job_def("umbrellas")
    assert {node.name for node in job.nodes} == {f"umbrellas__{noun}" for noun in IN_TIME}
    assert job.tags["ml_assets/chain"] == "umbrellas"
    shipped = yaml.safe_load(Path("dagster.yaml").read_text())
    (limit,) = shipped["concurrency"]["runs"]["tag_concurrency_limits"]
    assert limit == {"key": "ml_assets/chain", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
    result = job.execute_in_process(instance=world.instance, partition_key="2024-01", run_config=QUIET)
    assert result.success


def test_a_window_ends_with_its_partition_and_says_when_it_is_short(finished):
    assert [read.key.partition for read in finished.manifest("umbrellas/split", "2024-03").inputs] == [
        "2024-01",
        "2024-02",
        "2024-03",
    ]
    short = {check.name: check for check in finished.manifest("umbrellas/split", "2024-02").checks}["window_complete"]
    assert not short.passed
    assert not short.blocking
    assert (
        short.description
        == "The window has 2 of 3 partitions: 2024-01, 2024-02. Before the first there is no data: its model is fitted on less."
    )


def test_features_look_back_to_the_dataset_before(finished):
    first, second = (finished.manifest("umbrellas/features", month) for month in ("2024-01", "2024-02"))
    assert [read.key.partition for read in first.inputs] == ["2024-01"]
    assert [read.key.partition for read in second.inputs] == ["2024-01", "2024-02"]


def test_split_model_and_evaluation_go_back_to_the_very_same_versions(finished):
    split = finished.head("umbrellas/split", "2024-03")
    for asset in ("model", "evaluation"):
        inputs = finished.manifest(f"umbrellas/{asset}", "2024-03").inputs
        assert [read.key for read in inputs if read.name == "split"] == [split]
        features = {read.key for read in inputs if read.name == "features"}
        assert features == {read.key for read in finished.store.manifest(split).inputs}


def test_what_landed_is_recorded_with_its_digest(finished):
    (landed,) = finished.manifest("umbrellas/dataset", "2024-03").landed
    assert landed.name == "umbrellas/visits/2024-03.parquet"
    assert landed.size == len(finished.landing.read(landed.name))


def test_the_data_version_is_the_digest_of_the_content(world):
    for month in ("2024-01", "2024-02"):  # the second has a champion before it, which depends on itself
        result = world.must_run(umbrellas.PROBLEM, month)
        for event in result.get_asset_materialization_events():
            asset, tags = event.asset_key.to_user_string(), event.event_specific_data.materialization.tags
            assert tags["dagster/data_version"] == world.manifest(asset, month).content.digest
        said = [entry.user_message for entry in world.instance.all_logs(result.run_id)]
        assert not [message for message in said if "mismatch" in message]


def test_predictions_of_a_month_come_from_the_champion_known_before_it(finished):
    champion = Ledger.of(finished.store, umbrellas.PROBLEM, "2024-02").champion(before="2024-02")
    assert champion is not None
    assert champion.model.partition == "2024-01"
    predictions = finished.load("umbrellas/predictions", "2024-02")
    assert set(predictions["model_version"]) == {champion.model.version}
    assert len(predictions) == 400
    assert predictions["prediction"].between(0, 1).all()


def test_before_the_first_champion_nothing_is_predicted_and_it_is_said(finished):
    nothing, something = (finished.load("umbrellas/predictions", month) for month in ("2024-01", "2024-02"))
    assert len(nothing) == 0
    assert list(nothing.columns) == list(something.columns)
    (check,) = finished.manifest("umbrellas/predictions", "2024-01").checks
    assert not check.passed
    assert "no champion was known before it" in check.description


def test_the_contract_fits_static_partitions_regression_and_a_model_of_ones_own(world):
    for beach in ice_cream.BEACHES:
        world.must_run(ice_cream.PROBLEM, beach)
    model = world.load("ice_cream/model", "south/east")
    assert isinstance(model.estimator, ice_cream.Line)
    assert model.estimator.slope == pytest.approx(4.0, abs=0.2)
    champions = {beach: Ledger.of(world.store, ice_cream.PROBLEM, beach).current().model for beach in ice_cream.BEACHES}
    assert {beach: champion.partition for beach, champion in champions.items()} == dict(
        zip(ice_cream.BEACHES, ice_cream.BEACHES, strict=True)
    )
    predicted = world.load("ice_cream/predictions", "north")
    assert set(predicted["model_version"]) == {champions["north"].version}


def test_params_of_the_launchpad_train_another_version_and_are_recorded(january):
    before = january.manifest("umbrellas/model", "2024-01")
    january.must_run(umbrellas.PROBLEM, "2024-01", ["model"], config={"params": {"c": 0.01}, "seed": 7})
    after = january.manifest("umbrellas/model", "2024-01")
    assert (before.params["c"], before.seed) == (1.0, 0)
    assert (after.params["c"], after.seed) == (0.01, 7)
    assert after.content.digest != before.content.digest


def test_materializing_again_with_nothing_changed_names_the_same_version(january):
    before, version = january.blobs(), january.head("umbrellas/model", "2024-01")
    january.must_run(umbrellas.PROBLEM, "2024-01")
    assert january.blobs() == before
    assert january.head("umbrellas/model", "2024-01") == version


def test_metrics_of_an_evaluation_are_numbers_that_dagster_can_plot(world):
    result = world.run(umbrellas.PROBLEM, "2024-01")
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key.path[-1] == "evaluation"]
    metadata = event.event_specific_data.materialization.metadata
    assert isinstance(metadata["auroc/value"], dg.FloatMetadataValue)
    assert metadata["auroc/value"].value == pytest.approx(
        world.manifest("umbrellas/evaluation", "2024-01").metrics["auroc"]["value"], abs=1e-6
    )
    assert metadata["dagster/uri"].value.endswith(f"{world.head('umbrellas/evaluation', '2024-01').version}.json")
