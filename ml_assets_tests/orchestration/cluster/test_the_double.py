"""The API double does what the official client expects of a cluster; what is tested on it stands on this."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config, watch

from ml_assets_tests.doubles.kubernetes_api import Api, Image, served

PATIENCE_SECONDS = 60
SLEEP = "import time; print('up', flush=True); time.sleep(600)"
CALM = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(3)); print('up', flush=True); time.sleep(600)"


BESIDE = """
import os, signal, sys, time
signal.signal(15, lambda *_: sys.exit(0))
print('it costs $$1', 2 + 3, file=open('/mnt/shared/.told', 'w'), flush=True)
os.rename('/mnt/shared/.told', '/mnt/shared/told')
time.sleep(600)
"""
WAITS = """
import os, time
while not os.path.exists('/mnt/shared/told'):
    time.sleep(0.01)
print(open('/mnt/shared/told').read())
"""


@pytest.fixture
def api(tmp_path) -> Iterator[Api]:
    image = Image({"PATH": os.environ["PATH"]}, entrypoint=(sys.executable, "-c"))
    with served(tmp_path, {"python:1": image}) as api:
        config.load_kube_config(str(api.kubeconfig))
        yield api


def job(program: str, image: str = "python:1", env: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    variables = [{"name": name, "value": value} for name, value in (env or {}).items()]
    container = {"name": "main", "image": image, "args": [program], "env": variables}
    pod = {"restartPolicy": "Never", "containers": [container], **spec.pop("pod", {})}
    return {"metadata": {"name": "work"}, "spec": {"backoffLimit": 0, "template": {"spec": pod}, **spec}}


def create(plain: dict[str, Any]) -> None:
    client.BatchV1Api().create_namespaced_job("default", plain)


def status() -> Any:
    return client.BatchV1Api().read_namespaced_job("work", "default").status


def pods() -> list[Any]:
    return client.CoreV1Api().list_namespaced_pod("default", label_selector="job-name=work").items


def wait_for(seen: Callable[[], Any]) -> Any:
    until = time.monotonic() + PATIENCE_SECONDS
    while not (found := seen()):
        assert time.monotonic() < until, [pod.status for pod in pods()]
        time.sleep(0.02)
    return found


def prints(text: str) -> Callable[[], bool]:
    core = client.CoreV1Api()
    return lambda: [
        p
        for p in pods()
        if p.status.phase != "Pending" and text in core.read_namespaced_pod_log(p.metadata.name, "default")
    ]


def test_a_job_runs_a_pod_and_is_complete(api):
    create(job("print('hello from $(NAME)')", env={"NAME": "ada"}))

    wait_for(lambda: status().succeeded)

    assert [condition.type for condition in status().conditions] == ["Complete"]
    assert prints("hello from ada")()


def test_a_job_whose_pod_fails_has_failed_and_says_how(api):
    create(job("raise SystemExit(7)"))

    wait_for(lambda: status().conditions)

    assert status().failed == 1
    (pod,) = pods()
    assert pod.status.container_statuses[0].state.terminated.exit_code == 7


def test_a_pod_that_is_deleted_is_asked_to_end_and_lost_to_its_job(api):
    create(job(CALM))
    (pod,) = wait_for(prints("up"))

    client.CoreV1Api().delete_namespaced_pod(pod.metadata.name, "default")

    wait_for(lambda: status().conditions)
    assert status().failed == 1
    wait_for(lambda: not pods())


def test_a_pod_that_runs_out_of_memory_says_so(api):
    create(job(SLEEP))
    wait_for(prints("up"))

    api.kill(api.pods()[0], "OOMKilled")

    wait_for(lambda: status().conditions)
    ended = pods()[0].status.container_statuses[0].state.terminated
    assert (ended.reason, ended.exit_code) == ("OOMKilled", 137)


def test_the_pods_of_an_indexed_job_have_their_numbers_and_find_each_other(api):
    told = "print('I am $(JOB_COMPLETION_INDEX), the first is $(FIRST)')"
    first = {"FIRST": "work-0.gang"}
    create(job(told, env=first, completions=2, parallelism=2, completionMode="Indexed", pod={"subdomain": "gang"}))

    wait_for(lambda: status().succeeded == 2)

    assert prints("I am 0, the first is 127.0.0.1")()
    assert prints("I am 1, the first is 127.0.0.1")()


def test_when_a_pod_of_an_indexed_job_fails_the_others_go(api):
    fails = "import os, time; os.environ['JOB_COMPLETION_INDEX'] == '1' and os._exit(5); time.sleep(600)"
    create(job(fails, completions=2, parallelism=2, completionMode="Indexed"))

    wait_for(lambda: status().conditions)

    assert not [pod for pod in pods() if pod.status.phase == "Running"]


def test_an_image_that_is_not_there_is_waited_for(api):
    create(job("print()", image="nobody/has:this"))

    def waiting():
        containers = [container for pod in pods() for container in pod.status.container_statuses or ()]
        return containers and containers[0].state.waiting

    assert wait_for(waiting).reason in ("ContainerCreating", "ErrImagePull")
    wait_for(lambda: waiting().reason == "ErrImagePull")


def test_a_sidecar_is_there_before_the_others_and_ends_after_them_and_they_share_a_folder(api):
    sidecar = {"name": "beside", "image": "python:1", "restartPolicy": "Always", "args": [BESIDE]}
    mounts = [{"name": "shared", "mountPath": "/mnt/shared"}]
    made = job(WAITS)
    spec = made["spec"]["template"]["spec"]
    spec["containers"][0]["volumeMounts"] = mounts
    spec |= {"volumes": [{"name": "shared", "emptyDir": {}}], "initContainers": [{**sidecar, "volumeMounts": mounts}]}
    create(made)
    wait_for(lambda: status().succeeded)
    assert prints("it costs $1 5")()
    (pod,) = pods()
    assert pod.status.init_container_statuses[0].state.terminated.exit_code == 0


def test_a_name_is_given_once_and_faults_come_as_asked(api):
    api.fail("POST /apis/batch", 500, after=True)
    with pytest.raises(client.ApiException) as lost:
        create(job(SLEEP))
    with pytest.raises(client.ApiException) as taken:
        create(job(SLEEP))

    assert (lost.value.status, taken.value.status) == (500, 409)
    assert len(api.jobs()) == 1


def test_a_watch_tells_what_changes(api):
    create(job("print('done')"))
    seen = []
    for event in watch.Watch().stream(client.BatchV1Api().list_namespaced_job, "default", timeout_seconds=30):
        seen.append(event["type"])
        if event["object"].status.succeeded:
            break

    assert seen[0] == "ADDED"
    assert seen[-1] == "MODIFIED"


def test_nothing_that_a_cluster_started_outlives_it(tmp_path):
    image = Image({"PATH": os.environ["PATH"]}, entrypoint=(sys.executable, "-c"))
    with served(tmp_path, {"python:1": image}) as api:
        config.load_kube_config(str(api.kubeconfig))
        create(job(SLEEP))
        wait_for(prints("up"))
        (process,) = next(iter(api.kubelet.processes.values()))

    assert process.poll() is not None
