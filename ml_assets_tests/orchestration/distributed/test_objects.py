from __future__ import annotations

from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest

from ml_assets.orchestration.compute import k8s_config
from ml_assets.orchestration.distributed.api import spelled
from ml_assets.orchestration.distributed.objects import Placed, name_of
from ml_assets.problem import Compute
from ml_assets_tests.worker.test_order import ORDER

COMPUTE = Compute(
    cpus=8,
    memory_gib=64,
    gpus=4,
    gpu_type="NVIDIA-L4",
    nodes=2,
    shared_memory_gib=8,
    disk_gib=20,
    spot=True,
    queue="training",
)
OWN: dict[str, Any] = {
    "metadata": {
        "name": "dagster-step-1",
        "namespace": "ml",
        "uid": "u-1",
        "labels": {"dagster/run-id": "r-1", "dagster/op": "model"},
    },
    "spec": {
        "serviceAccountName": "training",
        "securityContext": {"runAsNonRoot": True},
        "nodeSelector": {"pool": "ml"},
        "tolerations": [{"key": "team", "operator": "Exists"}],
        "volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "kube-api-access-x7", "projected": {"sources": []}}],
        "containers": [
            {
                "name": "dagster",
                "image": "ml_assets:1",
                "args": ["dagster", "api", "execute_step"],
                "env": [
                    {"name": "ML_ASSETS_STORE", "value": "s3://ml/prod"},
                    {"name": "DAGSTER_PG_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "pg", "key": "password"}}},
                    {"name": "OMP_NUM_THREADS", "value": "1"},
                ],
                "securityContext": {"readOnlyRootFilesystem": True},
                "volumeMounts": [
                    {"name": "tmp", "mountPath": "/tmp"},
                    {"name": "kube-api-access-x7", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"},
                ],
                "resources": {"limits": {"memory": "2Gi"}},
            }
        ],
    },
}
PLACED = Placed(name_of(ORDER.computation, "a1b2c3d4e5"), OWN, {}, nodes=2, local=4, seconds_to_stop=45)


@pytest.fixture(scope="module")
def placed() -> Placed:
    return replace(PLACED, config=spelled(k8s_config(COMPUTE)))


def pod(placed: Placed) -> dict[str, Any]:
    return placed.job(ORDER)["spec"]["template"]["spec"]


def container(placed: Placed) -> dict[str, Any]:
    return pod(placed)["containers"][0]


def test_both_objects_are_what_kubernetes_knows(placed: Placed):
    for made in (placed.job(ORDER), placed.service()):
        kubernetes_validate.validate(made, "1.31", strict=True)


def test_there_is_a_pod_per_node_and_when_one_fails_all_end(placed: Placed):
    spec = placed.job(ORDER)["spec"]

    assert (spec["completionMode"], spec["completions"], spec["parallelism"], spec["backoffLimit"]) == (
        "Indexed",
        2,
        2,
        0,
    )


def test_each_node_has_what_the_problem_asks_for(placed: Placed):
    resources = container(placed)["resources"]

    assert resources["limits"] == {"memory": "65536Mi", "ephemeral-storage": "20480Mi", "nvidia.com/gpu": "4"}
    assert resources["requests"]["cpu"] == "8000m"
    assert pod(placed)["nodeSelector"] == {"pool": "ml", "nvidia.com/gpu.product": "NVIDIA-L4"}
    assert {one["key"] for one in pod(placed)["tolerations"]} >= {"team", "nvidia.com/gpu", "cloud.google.com/gke-spot"}
    assert {"name": "shared-memory", "mountPath": "/dev/shm"} in container(placed)["volumeMounts"]
    assert placed.job(ORDER)["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "training"


def test_pods_are_made_in_the_image_of_the_steps_own(placed: Placed):
    made = container(placed)

    assert pod(placed)["serviceAccountName"] == "training"
    assert (made["image"], made["securityContext"]) == ("ml_assets:1", {"readOnlyRootFilesystem": True})
    assert {"name": "ML_ASSETS_STORE", "value": "s3://ml/prod"} in made["env"]
    assert {"name": "tmp", "mountPath": "/tmp"} in made["volumeMounts"]


def test_ranks_get_neither_dagsters_database_nor_the_clusters_api(placed: Placed):
    names = [
        one["name"] for one in (*container(placed)["env"], *pod(placed)["volumes"], *container(placed)["volumeMounts"])
    ]

    assert not [name for name in names if name.startswith(("DAGSTER_", "kube-api-access-"))]
    assert pod(placed)["automountServiceAccountToken"] is False


def test_what_is_asked_for_replaces_what_the_step_has(placed: Placed):
    threads = [one["value"] for one in container(placed)["env"] if one["name"] == "OMP_NUM_THREADS"]

    assert threads == ["2"]


def test_ranks_meet_at_the_name_that_the_service_gives_node_0(placed: Placed):
    service, arguments = placed.service(), container(placed)["args"]
    labels = placed.job(ORDER)["spec"]["template"]["metadata"]["labels"]

    assert service["spec"]["selector"].items() <= labels.items()
    assert (service["spec"]["clusterIP"], service["spec"]["publishNotReadyAddresses"]) == ("None", True)
    assert pod(placed)["subdomain"] == service["metadata"]["name"]
    assert f"--master-addr={placed.name}-0.{placed.name}" in arguments
    assert "--node-rank=$(JOB_COMPLETION_INDEX)" in arguments
    assert {"--nnodes=2", "--nproc-per-node=4"} <= set(arguments)


def test_both_objects_go_with_the_steps_pod(placed: Placed):
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "dagster-step-1", "uid": "u-1"}

    assert [made["metadata"]["ownerReferences"] for made in (placed.job(ORDER), placed.service())] == [[owner]] * 2


def test_no_label_says_that_the_pods_are_steps_of_dagster(placed: Placed):
    labels = placed.job(ORDER)["spec"]["template"]["metadata"]["labels"]

    assert not [label for label in labels if label.startswith("dagster/")]


def test_the_names_of_pods_are_host_names():
    assert len(f"{PLACED.name}-99") <= 63
