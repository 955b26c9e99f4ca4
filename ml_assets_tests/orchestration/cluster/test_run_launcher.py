"""Runs that have a pod themselves: launched, canceled, dead, and followed by another that goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.launcher import LaunchRunContext, WorkerStatus

from ml_assets.orchestration.run_launcher import HOST_TAG
from ml_assets_tests.doubles import on_command
from ml_assets_tests.orchestration.cluster.place import IN_NEW_INTERPRETERS, QUIET, Place

pytestmark = pytest.mark.slow


@pytest.fixture
def instance(place: Place) -> Iterator[dg.DagsterInstance]:
    with place.instance() as instance:
        yield instance


def made(instance: dg.DagsterInstance, **more: Any) -> dg.DagsterRun:
    origin = dg.reconstructable(on_command.training).get_python_origin()
    return instance.create_run_for_job(
        job_def=on_command.training,
        job_code_origin=origin,
        run_config=QUIET,
        status=dg.DagsterRunStatus.STARTING,
        **more,
    )


def launched(instance: dg.DagsterInstance, **more: Any) -> dg.DagsterRun:
    run = made(instance, **more)
    instance.run_launcher.launch_run(LaunchRunContext(run, workspace=None))
    return run


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def ended(place: Place, instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    over = lambda: (found := instance.get_run_by_id(run.run_id)) and found.is_finished  # noqa: E731
    place.wait_for(over, "the end of the run")
    return status(instance, run)


@IN_NEW_INTERPRETERS
def test_a_run_has_a_small_pod_and_its_training_one_that_goes_with_it(place, instance):
    place.diary.allow(6)

    run = launched(instance)

    assert ended(place, instance, run) is dg.DagsterRunStatus.SUCCESS
    of_run, of_step = place.api.jobs(run_id=run.run_id)
    assert "nvidia.com/gpu" not in str(of_run)
    assert of_step["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    (owner,) = of_step["metadata"]["ownerReferences"]
    assert owner["name"].startswith(f"dagster-run-{run.run_id}")
    assert str(os.getpid()) not in place.diary.lines()[0], "light steps run in the run's pod"


def test_a_canceled_run_takes_its_trainings_pod_along(place, instance):
    run = launched(instance)
    place.wait_for_lines("begin 0")

    instance.run_launcher.terminate(run.run_id)

    assert ended(place, instance, run) is dg.DagsterRunStatus.CANCELED
    place.wait_for(lambda: not place.api.pods(), "the end of all pods")
    assert len(place.api.jobs(op="learn")) == 1, "what was canceled is not tried again"


def test_a_run_whose_pod_died_is_dead_and_its_trainings_pod_goes(place, instance):
    run = launched(instance)
    place.wait_for_lines("begin 0")
    (pod,) = [pod for pod in place.api.pods(run_id=run.run_id) if "run" in pod["metadata"]["name"]]
    place.api.kill(pod)
    alive = WorkerStatus.RUNNING
    started = instance.get_run_by_id(run.run_id)

    place.wait_for(lambda: instance.run_launcher.check_run_worker_health(started).status is not alive, "its death")

    place.wait_for(
        lambda: not [p for p in place.api.pods(op="learn") if "deletionTimestamp" not in p["metadata"]], "its end"
    )


def test_a_run_that_follows_a_dead_one_first_ends_what_that_left_and_then_goes_on(place, instance):
    first = launched(instance)
    place.diary.allow(2)
    place.wait_for_lines("step 2")
    (pod,) = [pod for pod in place.api.pods(run_id=first.run_id) if "run" in pod["metadata"]["name"]]
    place.api.kill(pod)
    instance.report_run_failed(instance.get_run_by_id(first.run_id))

    second = launched(instance, parent_run_id=first.run_id, root_run_id=first.run_id)
    place.wait_for_lines("begin 2")
    place.diary.allow(6)

    assert ended(place, instance, second) is dg.DagsterRunStatus.SUCCESS
    taken = [line for line in place.diary.lines() if line.startswith("step")]
    assert taken == [f"step {n}" for n in range(1, 7)], "the two never trained at the same time"


def test_a_run_is_not_dead_because_the_api_does_not_answer(place, instance):
    run = made(instance)
    place.api.fail("GET /apis/batch", 429)

    health = instance.run_launcher.check_run_worker_health(run)

    assert health.status is WorkerStatus.RUNNING
    assert "asked again later" in health.msg
    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.UNKNOWN, "there is no such Job"


def test_a_run_from_the_command_line_is_left_alone(place, instance):
    run = made(instance, tags={HOST_TAG: "laptop"})

    assert instance.run_launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING
