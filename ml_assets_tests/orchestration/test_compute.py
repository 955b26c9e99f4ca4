"""What a training's pod asks for: the whole Job that comes of it is valid, and is what the problem says."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import kubernetes_validate
import pytest
from dagster_k8s.job import DagsterK8sJobConfig, construct_dagster_k8s_job, get_user_defined_k8s_config
from kubernetes.client import ApiClient

from ml_assets.commands.beside import script
from ml_assets.orchestration.compute import COMPUTE_TAG, K8S_TAG, compute_of, k8s_config, op_tags
from ml_assets.problem import Compute

EVERYTHING = Compute(
    cpus=7.5,
    memory_gib=30,
    gpus=2,
    gpu_type="NVIDIA-A100-SXM4-40GB",
    shared_memory_gib=8,
    disk_gib=100,
    spot=True,
    queue="research",
    retries=2,
)


def job(compute: Compute) -> dict[str, Any]:
    """The Job that dagster-k8s makes of it, as the API gets it."""
    return job_of(k8s_config(compute))


def job_of(tag: dict[str, Any]) -> dict[str, Any]:
    config = get_user_defined_k8s_config({K8S_TAG: json.dumps(tag)})
    made = construct_dagster_k8s_job(
        DagsterK8sJobConfig(job_image="image:1", dagster_home="/dagster", instance_config_map="instance"),
        ["dagster"],
        "job",
        user_defined_k8s_config=config,
        component="step_worker",
    )
    plain: dict[str, Any] = ApiClient().sanitize_for_serialization(made)
    return plain


def pod(compute: Compute) -> dict[str, Any]:
    spec: dict[str, Any] = job(compute)["spec"]["template"]["spec"]
    return spec


def resources(compute: Compute) -> dict[str, Any]:
    asked: dict[str, Any] = pod(compute)["containers"][0]["resources"]
    return asked


@pytest.mark.parametrize(
    "compute",
    [Compute(), Compute(gpus=1), Compute(spot=True), Compute(shared_memory_gib=1), Compute(queue="q"), EVERYTHING],
    ids=["nothing", "gpu", "spot", "shared memory", "queue", "everything"],
)
def test_the_job_is_one_that_kubernetes_takes(compute):
    kubernetes_validate.validate(job(compute), "1.31", strict=True)


def test_a_pod_asks_for_what_the_problem_says():
    assert resources(EVERYTHING) == {
        "requests": {"cpu": "7500m", "memory": "30720Mi", "ephemeral-storage": "102400Mi", "nvidia.com/gpu": "2"},
        "limits": {"memory": "30720Mi", "ephemeral-storage": "102400Mi", "nvidia.com/gpu": "2"},
    }
    assert pod(EVERYTHING)["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}
    (volume,) = pod(EVERYTHING)["volumes"]
    (mount,) = pod(EVERYTHING)["containers"][0]["volumeMounts"]
    assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": "8192Mi"}
    assert (mount["name"], mount["mountPath"]) == (volume["name"], "/dev/shm")
    assert job(EVERYTHING)["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "research"


def test_a_pod_asks_for_nothing_that_the_problem_does_not_say():
    assert resources(Compute()) == {"requests": {"cpu": "1000m", "memory": "2048Mi"}, "limits": {"memory": "2048Mi"}}
    assert not {"nodeSelector", "tolerations", "affinity"} & set(pod(Compute()))
    assert not pod(Compute()).get("volumes")
    assert "kueue.x-k8s.io/queue-name" not in job(Compute())["metadata"]["labels"]


def test_the_job_of_a_pod_that_failed_makes_no_second_one():
    assert job(EVERYTHING)["spec"]["backoffLimit"] == 0
    assert pod(EVERYTHING)["restartPolicy"] == "Never"
    assert pod(EVERYTHING)["terminationGracePeriodSeconds"] >= 60


def test_spot_is_tolerated_and_preferred_and_not_required():
    spot = pod(Compute(spot=True))
    tolerated = {toleration["key"] for toleration in spot["tolerations"]}
    preferred = spot["affinity"]["nodeAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    wanted = {term["preference"]["matchExpressions"][0]["key"] for term in preferred}

    assert {"cloud.google.com/gke-spot", "kubernetes.azure.com/scalesetpriority"} <= tolerated
    assert wanted == tolerated
    assert "requiredDuringSchedulingIgnoredDuringExecution" not in spot["affinity"]["nodeAffinity"]


@pytest.mark.parametrize(
    ("compute", "threads"),
    [(Compute(cpus=0.5), "1"), (Compute(cpus=4), "4"), (Compute(cpus=8, gpus=4), "2")],
    ids=["half a core", "four", "eight for four GPUs"],
)
def test_threads_are_as_many_as_cores_were_asked_for_each_process(compute, threads):
    assert {"name": "OMP_NUM_THREADS", "value": threads} in pod(compute)["containers"][0]["env"]


def test_the_step_of_several_machines_is_small_itself():
    tags = op_tags(Compute(gpus=8, memory_gib=200, nodes=4))

    assert "nvidia.com/gpu" not in json.dumps(tags[K8S_TAG])
    assert tags[K8S_TAG] == k8s_config(Compute(cpus=1, memory_gib=2))


def test_what_an_op_was_tagged_with_comes_back():
    @dg.op(tags=op_tags(EVERYTHING))
    def train(): ...

    assert compute_of(train.tags) == EVERYTHING
    assert set(train.tags) == {K8S_TAG, COMPUTE_TAG}
    assert op_tags(None) == {}
    assert compute_of({}) is None


def pod_of(tags: dict[str, Any]) -> dict[str, Any]:
    """As the API gets it, once Kubernetes has been found to take it."""
    made = job_of(tags[K8S_TAG])
    kubernetes_validate.validate(made, "1.31", strict=True)
    spec: dict[str, Any] = made["spec"]["template"]["spec"]
    return spec


def test_a_commands_image_is_that_of_a_sidecar_which_gets_what_the_problem_asks_for():
    spec = pod_of(op_tags(EVERYTHING, "r:4.5"))
    (main,), (beside,) = spec["containers"], spec["initContainers"]

    assert (main["image"], beside["image"], beside["restartPolicy"]) == ("image:1", "r:4.5", "Always")
    assert beside["resources"] == resources(EVERYTHING)
    assert main["resources"] == {"requests": {"cpu": "1000m", "memory": "2048Mi"}, "limits": {"memory": "30720Mi"}}
    told = {one["name"]: one.get("value") for one in main["env"]}
    assert (told["ML_ASSETS_BESIDE_IMAGE"], told["OMP_NUM_THREADS"]) == ("r:4.5", "3")
    assert "env" not in beside


def test_both_have_one_folder_and_the_sidecar_no_credentials_and_no_privileges():
    spec = pod_of(op_tags(EVERYTHING, "r:4.5"))
    (main,), (beside,) = spec["containers"], spec["initContainers"]
    shared = {one["name"]: one["mountPath"] for one in main["volumeMounts"]}

    assert {"name": "beside", "emptyDir": {}} in spec["volumes"]
    assert shared == {"shared-memory": "/dev/shm", "beside": "/mnt/ml_assets"}
    assert {"name": "ML_ASSETS_BESIDE", "value": shared["beside"]} in main["env"]
    assert beside["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    *mounts, in_place_of_a_token = beside["volumeMounts"]
    assert mounts == main["volumeMounts"]
    assert in_place_of_a_token["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"


def test_the_sidecar_gets_the_script_as_it_is():
    (beside,) = pod_of(op_tags(None, "r:4.5"))["initContainers"]
    sh, option, text, name, folder = beside["command"]

    assert (sh, option, name, folder) == ("sh", "-c", "sh", "/mnt/ml_assets")
    assert text.replace("$$", "$") == script()  # Kubernetes reads it so


def test_a_function_that_trains_beside_a_command_that_predicts_gets_what_the_problem_asks_for():
    spec = pod_of(op_tags(EVERYTHING, "r:4.5", computes_here=True))

    assert spec["containers"][0]["resources"] == resources(EVERYTHING)
    assert "nvidia.com/gpu" not in json.dumps(spec["initContainers"])


def test_a_step_whose_commands_have_no_image_has_no_sidecar():
    assert "initContainers" not in pod_of(op_tags(Compute()))
    assert op_tags(None, "r:4.5") == op_tags(Compute(), "r:4.5")
