"""When a training's Job is created, and how long it may wait, on the API double."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client, config

from ml_assets.errors import ClusterUnreachable
from ml_assets.orchestration.cluster.api import Namespace
from ml_assets.orchestration.cluster.attempts import Attempt, stem
from ml_assets.orchestration.cluster.creation import Creation
from ml_assets.orchestration.cluster.pods import Pace, Pods
from ml_assets.orchestration.compute import GRACE_SECONDS
from ml_assets_tests.doubles.kubernetes_api import Api, Image, served

RUN, STEP = "a-run", "learn"
SAVES = "trap '' TERM; while true; do sleep 0.1; done"


@pytest.fixture
def api(tmp_path) -> Iterator[Api]:
    with served(tmp_path, {"sh:1": Image({"PATH": os.environ["PATH"]}, entrypoint=("sh", "-c"))}) as api:
        config.load_kube_config(str(api.kubeconfig))
        yield api


def job(number: int) -> client.V1Job:
    labels = {"dagster/run-id": RUN, "app.kubernetes.io/component": "step_worker"}
    container = client.V1Container(name="main", image="sh:1", args=[SAVES])
    pod = client.V1PodSpec(containers=[container], restart_policy="Never", termination_grace_period_seconds=60)
    template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels=labels), spec=pod)
    name = stem(RUN, STEP) + (f"-{number}" if number else "")
    spec = client.V1JobSpec(backoff_limit=0, template=template)
    return client.V1Job(metadata=client.V1ObjectMeta(name=name, labels=labels), spec=spec)


def attempt(number: int, waits_since: float) -> Attempt:
    step: Any = SimpleNamespace(key=STEP)
    return Attempt(step, job(number), due=waits_since, waits_since=waits_since)


def wait_until_it_runs(api: Api) -> None:
    until = time.monotonic() + 30
    while not [pod for pod in api.pods() if pod["status"]["phase"] == "Running"]:
        assert time.monotonic() < until, api.pods()
        time.sleep(0.02)


def test_an_attempt_that_could_not_be_created_for_long_still_lets_the_one_before_it_save(api):
    creation = Creation(Namespace("default"), RUN, ())
    creation.create(attempt(0, time.monotonic()))
    wait_until_it_runs(api)
    second = attempt(1, waits_since=time.monotonic() - 10 * GRACE_SECONDS)  # the API was away all the time

    creation.create(second)

    assert not second.created, "two would train at the same time"
    (pod,) = api.pods()
    assert pod["metadata"]["deletionTimestamp"], "it is asked to end"


def test_an_attempt_before_it_that_does_not_end_is_given_up(api):
    creation = Creation(Namespace("default"), RUN, ())
    creation.create(attempt(0, time.monotonic()))
    wait_until_it_runs(api)
    second = attempt(1, time.monotonic())
    second.clears_since = time.monotonic() - 3 * GRACE_SECONDS

    creation.create(second)

    assert second.created


def test_a_call_without_an_answer_is_not_repeated_behind_our_back(api):
    api.fail("GET /apis/batch", 0)

    with pytest.raises(ClusterUnreachable):
        Namespace("default").seen([RUN])


def test_a_training_that_ran_for_days_may_wait_anew_when_its_machine_is_taken(api):
    namespace = Namespace("default")
    plan: Any = SimpleNamespace(instance=None, run_id=RUN)
    pods = Pods(plan, plan, namespace=namespace, creation=Creation(namespace, RUN, ()), draft=job, pace=Pace())
    first = pods._attempts[STEP] = attempt(0, waits_since=time.monotonic() - 10 * Pace().pending_seconds)
    namespace.create(first.job)
    first.created = True
    wait_until_it_runs(api)

    assert pods._looked() == []

    assert time.monotonic() - first.waits_since < Pace().pending_seconds
