"""What an OpenLineage endpoint is told of real runs, through the sensor as the daemon calls it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pytest

from ml_assets.orchestration.mirrors import mirror_sensors
from ml_assets.orchestration.openlineage import Memory
from ml_assets.problem import Problem
from ml_assets.settings import Settings
from ml_assets_tests.doubles import ice_cream, tuned, umbrellas
from ml_assets_tests.doubles.endpoint import SECRET, Endpoint, taking
from ml_assets_tests.doubles.published import faults
from ml_assets_tests.doubles.world import World, build, land_sales

MONTH, NEXT = "2024-01", "2024-02"
NOUNS = [
    "dataset",
    "features",
    "split",
    "model",
    "evaluation",
    "champion",
    "predictions",
    "report",
    "audit",
    "monitoring",
]
LATER = 2e9  # far from now: whatever a run writes is settled


class Sensor:
    """The sensor of one process after another: only the instance remembers."""

    def __init__(self, world: World, address: str, problems: Sequence[Problem] = (umbrellas.PROBLEM,)) -> None:
        self.world, self.address, self.problems = world, address, problems

    def tick(self) -> str:
        settings = Settings(openlineage=self.address)
        (sensor,) = mirror_sensors(self.problems, self.world.store, self.world.landing, settings, clock=lambda: LATER)
        with dg.build_sensor_context(instance=self.world.instance) as context:
            result = sensor(context)
        assert isinstance(result, dg.SkipReason)
        assert result.skip_message
        return result.skip_message


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with taking() as endpoint:
        yield endpoint


@pytest.fixture
def sensor(world: World, endpoint: Endpoint) -> Sensor:
    return Sensor(world, endpoint.address)


def short(told: Any) -> tuple[str, str]:
    return told["eventType"], told["job"]["name"].split("/")[1]


def tags(told: Any) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in told["run"]["facets"]["tags"]["tags"]}


def test_a_run_is_told_step_by_step_with_exact_versions_and_as_the_schemas_say(world, sensor, endpoint):
    world.must_run(umbrellas.PROBLEM, MONTH)
    assert sensor.tick() == "20 event(s) told."
    assert sensor.tick() == "0 event(s) told."

    told = endpoint.taken
    assert [fault for each in told for fault in faults(each)] == []
    assert sorted(map(short, told)) == sorted((state, noun) for noun in NOUNS for state in ("START", "COMPLETE"))
    began = {each["run"]["runId"]: short(each)[1] for each in told if each["eventType"] == "START"}
    ended = {each["run"]["runId"]: each for each in told if each["eventType"] == "COMPLETE"}
    assert {id_: short(each)[1] for id_, each in ended.items()} == began

    made = {short(each)[1]: each for each in ended.values()}
    model, manifest = made["model"], world.manifest("umbrellas/model", MONTH)
    assert model["outputs"][0]["facets"]["version"]["datasetVersion"] == manifest.content.digest
    assert [(each["name"], each["facets"]["version"]["datasetVersion"]) for each in model["inputs"]] == [
        (read.key.asset, read.digest) for read in manifest.inputs
    ]
    assert tags(model)["version"] == manifest.key.version
    assert model["run"]["facets"]["nominalTime"]["nominalStartTime"] == "2024-01-01T00:00:00.000Z"
    (landed,) = made["dataset"]["inputs"]
    assert landed["name"] == "umbrellas/visits/2024-01.parquet"
    columns = made["dataset"]["outputs"][0]["facets"]["schema"]["fields"]
    assert [column["name"] for column in columns] == ["visit", "at", "clouds", "shop", "bought"]
    assert made["dataset"]["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 400


def test_what_was_used_again_is_told_as_that(world, sensor, endpoint):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset"])
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset"])
    sensor.tick()

    computed, reused = (each for each in endpoint.taken if each["eventType"] == "COMPLETE")
    assert (tags(computed)["reused"], tags(reused)["reused"]) == ("false", "true")
    assert tags(reused)["why"].startswith("reused ")
    assert computed["outputs"] == reused["outputs"]
    assert computed["run"]["runId"] != reused["run"]["runId"]


def test_a_refused_version_is_a_failure_with_the_check_that_refused_it(world, sensor, endpoint):
    world.landing.write("umbrellas/visits/2024-01.parquet", umbrellas.visits(MONTH).head(10))
    assert not world.run(umbrellas.PROBLEM, MONTH).success
    sensor.tick()

    start, failure = endpoint.taken
    assert (short(start), short(failure)) == (("START", "dataset"), ("FAIL", "dataset"))
    facets = failure["run"]["facets"]
    assert facets["errorMessage"]["message"].startswith("umbrellas/dataset [2024-01] was refused by 1 blocking check")
    assert [test["name"] for test in facets["test"]["tests"] if test["status"] == "fail"] == ["volume"]
    assert faults(failure) == []


def test_an_exception_is_a_failure_with_its_message_and_line(world, sensor, endpoint):
    def broken(history, data):
        raise ValueError("no clouds today")

    problem = umbrellas.with_features(broken)
    assert not world.with_problems([problem]).run(problem, MONTH).success
    sensor.tick()

    failure = endpoint.taken[-1]
    assert short(failure) == ("FAIL", "features")
    message = failure["run"]["facets"]["errorMessage"]["message"]
    assert message.startswith("ValueError: no clouds today (")
    assert Path(__file__).name in message


def test_what_had_nothing_to_make_is_complete_without_an_output(world, sensor, endpoint):
    world.must_run(umbrellas.PROBLEM, MONTH)
    world.landing.write("umbrellas/visits/2024-02.parquet", umbrellas.visits(NEXT).assign(bought=np.nan))
    sensor.tick()
    endpoint.taken.clear()
    world.must_run(umbrellas.PROBLEM, NEXT)
    sensor.tick()

    (split,) = (each for each in endpoint.taken if short(each) == ("COMPLETE", "split"))
    assert split["outputs"] == []
    assert {short(each)[1] for each in endpoint.taken} == {
        "dataset",
        "features",
        "split",
        "predictions",
        "audit",
        "monitoring",
    }


def launched(world: World) -> dg.DagsterRun:
    """A run of the dataset that has started its step."""
    job = world.definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection={dg.AssetKey(["umbrellas", "dataset"])}
    )
    run = world.instance.create_run_for_job(
        job, tags={"dagster/partition": MONTH}, asset_selection=job.asset_layer.selected_asset_keys
    )
    for event in (
        dg.DagsterEvent("PIPELINE_START", run.job_name),
        dg.DagsterEvent("STEP_START", run.job_name, step_key="umbrellas__dataset"),
    ):
        world.instance.report_dagster_event(event, run.run_id)
    return run


def test_a_run_that_is_canceled_or_whose_machine_vanished_leaves_no_run_open(world, sensor, endpoint):
    canceled = launched(world)
    sensor.tick()
    assert [short(each) for each in endpoint.taken] == [("START", "dataset")], "while it runs"
    world.instance.report_run_canceled(canceled)
    world.instance.report_run_failed(launched(world), "Detected run worker status FAILED.")
    sensor.tick()

    assert [short(each)[0] for each in endpoint.taken] == ["START", "ABORT", "START", "FAIL"]
    message = endpoint.taken[-1]["run"]["facets"]["errorMessage"]["message"]
    assert message == "Its run ended before it was made: Detected run worker status FAILED."


def test_a_search_of_many_steps_is_one_run(tmp_path, endpoint):
    world = build(tmp_path, [tuned.LEMONADE])
    land_sales(world.landing, "lemonade")
    world.must_run(tuned.LEMONADE, "north", ["dataset", "features", "split", "study"])
    Sensor(world, endpoint.address, [tuned.LEMONADE]).tick()

    study = [each for each in endpoint.taken if short(each)[1] == "study"]
    assert [short(each)[0] for each in study] == ["START", "COMPLETE"]
    assert study[0]["eventTime"] < study[1]["eventTime"]
    assert "nominalTime" not in study[0]["run"]["facets"]


@pytest.mark.parametrize("problems", [(), (ice_cream.PROBLEM,)], ids=["none", "another"])
def test_of_problems_that_are_not_ours_nothing_is_told(world, endpoint, problems):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset"])
    assert Sensor(world, endpoint.address, problems).tick() == "0 event(s) told."


def test_an_endpoint_that_is_down_misses_nothing_and_gets_everything_once_and_in_order(world, sensor, endpoint, caplog):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset", "features", "split"])
    for takes in range(6):
        endpoint.takes = takes
        assert "The OpenLineage endpoint answered 503. Nothing is lost" in sensor.tick()
        assert len(endpoint.taken) == takes
    endpoint.takes = None
    sensor.tick()
    states = [("START", noun) for noun in NOUNS[:3]], [("COMPLETE", noun) for noun in NOUNS[:3]]
    assert [short(each) for each in endpoint.taken] == [each for pair in zip(*states, strict=True) for each in pair]
    assert SECRET not in caplog.text


def test_an_event_that_an_endpoint_refuses_holds_up_no_others_and_is_said(world, sensor, endpoint, caplog):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset", "features"])
    endpoint.refuses = "COMPLETE"
    assert sensor.tick() == "2 event(s) told."
    assert [short(each) for each in endpoint.taken] == [("START", "dataset"), ("START", "features")]
    assert "The event COMPLETE of umbrellas/dataset, run " in caplog.text
    assert sensor.tick() == "0 event(s) told."


@pytest.mark.parametrize("status", [400, 401, 404])
def test_an_address_that_never_took_anything_misses_nothing_until_it_is_mended(world, sensor, endpoint, status):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset"])
    endpoint.status = status
    for _ in range(2):
        assert f"refused what it was told, with {status}. Nothing is lost" in sensor.tick()
    endpoint.status = 200
    assert sensor.tick() == "2 event(s) told."


def test_where_the_answer_is_lost_or_its_process_dies_a_file_has_each_event_once(world, tmp_path):
    path = tmp_path / "events.jsonl"
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset", "features"])
    sensor = Sensor(world, path.as_uri())
    sensor.tick()
    told = path.read_text()
    world.instance.daemon_cursor_storage.set_cursor_values(dict.fromkeys(remembered(world), Memory().to_json()))
    assert sensor.tick() == "4 event(s) told."
    assert path.read_text() == told
    assert len(set(told.splitlines())) == 4


def remembered(world: World) -> list[str]:
    storage: Any = world.instance.daemon_cursor_storage
    with storage.connect() as connection:
        return [row[0] for row in connection.exec_driver_sql("SELECT key FROM kvs") if "openlineage" in row[0]]


def test_two_endpoints_are_told_apart_and_each_of_everything(world, tmp_path):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset"])
    for name in ("a", "b"):
        assert Sensor(world, f"{tmp_path.as_uri()}/{name}/").tick() == "2 event(s) told."
        assert len([json.loads(path.read_text()) for path in (tmp_path / name).iterdir()]) == 2


@pytest.mark.parametrize("happened", ["gone", "damaged"])
def test_a_version_that_is_gone_or_damaged_is_told_without_its_output(world, sensor, endpoint, happened):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset"])
    manifest = f"versions/umbrellas/dataset/{MONTH}/{world.head('umbrellas/dataset', MONTH).version}.json"
    if happened == "gone":
        world.store.backend.delete(manifest)
    else:
        world.store.backend.replace(manifest, b"{}")
    sensor.tick()
    assert [(short(each)[0], each["outputs"]) for each in endpoint.taken] == [("START", []), ("COMPLETE", [])]
