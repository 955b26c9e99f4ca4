"""The chain of a problem on a cluster, from every place where it can be launched: the same pod each time."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from ml_assets.orchestration.launch import Launcher, Outcome, Step
from ml_assets.orchestration.selection import Target
from ml_assets.orchestration.step import FRESH_TAG
from ml_assets.store import open_landing, open_store
from ml_assets_tests.doubles import ice_cream
from ml_assets_tests.doubles.dagster_dev import DagsterDev, dagster_dev
from ml_assets_tests.doubles.diary import STEPS
from ml_assets_tests.orchestration.cluster.place import Place

pytestmark = pytest.mark.slow
MODULE = "ml_assets_tests.doubles.trained_in_pods"
CHAIN = ("dataset", "features", "split", "model", "evaluation", "champion")
BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
    __typename ... on PythonError { message } ... on LaunchBackfillSuccess { backfillId } } }"""


def land(place: Place, *beaches: str) -> None:
    landing = open_landing(str(place.diary.folder))
    for beach in beaches:
        landing.write(f"beach/{beach.replace('/', '-')}.parquet", ice_cream.sales(beach))


def asks_for(job: dict[str, Any]) -> dict[str, Any]:
    """What may differ between two trainings' pods left out."""
    spec = job["spec"]["template"]["spec"]
    container = spec["containers"][0]
    return {name: spec.get(name) for name in ("nodeSelector", "tolerations", "affinity", "volumes")} | {
        name: container.get(name) for name in ("resources", "volumeMounts", "image")
    }


def trainings(place: Place) -> list[dict[str, Any]]:
    return place.api.jobs(op="beach__model")


def test_a_training_whose_pod_is_deleted_twice_goes_on_from_its_checkpoints(place):
    land(place, *ice_cream.BEACHES)
    outcomes: list[Outcome] = []
    steps: list[Step] = []

    def run() -> None:
        with place.instance() as instance:
            launcher = Launcher(Target(MODULE, "defs"), instance, report=steps.append)
            assets = frozenset(dg.AssetKey(["beach", noun]) for noun in CHAIN)
            outcomes.append(launcher.execute(assets, "north"))

    ended = place.beside(run, lambda: outcomes[-1])
    for done in (2, 4):
        place.diary.allow(done)
        place.wait_for_lines(f"step {done}")
        place.api.delete_pod(place.running_pod("beach__model"))
        place.wait_for_lines(f"begin {done}")
    place.diary.allow(STEPS)

    assert ended().passed, place.told()[-8:]
    assert [line for line in place.diary.lines() if line.startswith("step")] == [f"step {n}" for n in range(1, 7)]
    assert [step.asset.split("/")[1] for step in steps] == list(CHAIN)
    gpus = [job for job in place.api.jobs() if "nvidia.com/gpu" in str(asks_for(job)["resources"])]
    assert gpus == trainings(place) == place.api.jobs()
    assert len(gpus) == 3
    model = open_store(str(place.folder / "store")).head("beach/model", "north")
    assert model is not None

    run()
    assert outcomes[-1].passed
    assert place.api.jobs() == gpus, "a model that is used again asks for no GPU to find that out"


def test_automation_the_ui_a_backfill_and_the_command_line_ask_for_the_same_pod(place):
    place.diary.allow(1_000)
    first, second = ice_cream.BEACHES
    land(place, first, second)
    with dagster_dev(place.folder, MODULE, **place.environment) as dev:
        dev.launch("beach", ("dataset", "features", "split"), first)
        by_automation = one_more_training(place, dev)  # what is new upstream of the model
        dev.launch("beach", ("dataset", "features", "split", "model"), second)
        by_the_ui = one_more_training(place, dev)
        backfill(dev, "model", second)
        by_a_backfill = one_more_training(place, dev)
        runs = dev.runs()
    with place.instance() as instance:
        launcher = Launcher(Target(MODULE, "defs"), instance, tags={FRESH_TAG: "true"})
        launcher.execute(frozenset([dg.AssetKey(["beach", "model"])]), first)
    by_command = trainings(place)[-1]

    assert all(run.succeeded for run in runs), [run for run in runs if not run.succeeded]
    assert len({job["metadata"]["name"] for job in (by_automation, by_the_ui, by_a_backfill, by_command)}) == 4
    assert asks_for(by_automation)["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert asks_for(by_automation) == asks_for(by_the_ui) == asks_for(by_a_backfill) == asks_for(by_command)
    of_runs = [job for job in place.api.jobs() if "dagster/op" not in job["metadata"]["labels"]]
    assert "nvidia.com/gpu" not in str(of_runs)


def one_more_training(place: Place, dev: DagsterDev) -> dict[str, Any]:
    """The next one that is launched, once all is quiet."""
    before = len(trainings(place))
    dev.wait_for(lambda: len(trainings(place)) > before, "a training")
    dev.wait_until_quiet(1)
    return trainings(place)[before]


def backfill(dev: DagsterDev, noun: str, partition: str) -> None:
    said = dev.graphql(
        BACKFILL,
        params={
            "assetSelection": [{"path": ["beach", noun]}],
            "partitionNames": [partition],
            "tags": [{"key": FRESH_TAG, "value": "true"}],
        },
    )
    assert said["launchPartitionBackfill"]["__typename"] == "LaunchBackfillSuccess", said
