"""Every object of the chart is one that Kubernetes takes, in a namespace with pod security *restricted*."""

from __future__ import annotations

import json
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from ml_assets.orchestration.compute import k8s_config
from ml_assets.problem import Compute
from ml_assets_tests.deploy import kueue
from ml_assets_tests.deploy.conftest import CHART, of_kind, templates
from ml_assets_tests.deploy.schemas import strict, unknown

KUBERNETES = ("1.34", "1.37")
OF_KUEUE = {"ResourceFlavor", "ClusterQueue", "LocalQueue"}
VALUES = (CHART / "values.yaml").read_text()
WRITABLE = {"/tmp", "/dagster"}
SPOOLS = {"ml-assets-serve-kserved": {"/spool"}}  # answers that wait for the store


@pytest.fixture(scope="session")
def pods(objects, run_job) -> dict[str, Any]:
    """The template of every pod, runs' included, by the name of what makes it."""
    return {**templates(objects), run_job["metadata"]["name"]: run_job["spec"]["template"]}


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_takes_every_object(objects, run_job, version):
    for each in [*objects, run_job]:
        if each["kind"] not in {*OF_KUEUE, "InferenceService"}:
            kubernetes_validate.validate(each, version, strict=True)


def test_there_is_a_pod_of_every_kind(pods):
    served = {"ml-assets-serve-flights", "ml-assets-serve-kserved"}
    parts = {"ml-assets-webserver", "dagster-daemon", "dagster-ml-assets", "ml-assets-pages", "run-1"}
    assert pods.keys() == parts | served


def test_no_pod_asks_for_more_than_the_restricted_level_allows(pods):
    for name, pod in pods.items():
        assert not {"hostNetwork", "hostPID", "hostIPC"} & pod["spec"].keys(), name
        assert pod["spec"]["securityContext"]["runAsNonRoot"] is True, name
        assert pod["spec"]["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert all(volume.keys() & {"emptyDir", "configMap"} for volume in pod["spec"]["volumes"]), name
        for container in containers(pod):
            context = container["securityContext"]
            assert context["runAsNonRoot"] is True and context["runAsUser"] == 1000, name
            assert context["allowPrivilegeEscalation"] is False and not context["privileged"], name
            assert context["capabilities"] == {"drop": ["ALL"]}, name


def test_nothing_can_be_written_but_two_folders_and_they_do_not_fill_the_node(pods):
    for name, pod in pods.items():
        volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
        for container in containers(pod):
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
        for container in pod["spec"]["containers"]:
            mounts = container["volumeMounts"]
            writable = {
                each["mountPath"]: volumes[each["name"]] for each in mounts if "emptyDir" in volumes[each["name"]]
            }
            assert writable.keys() - SPOOLS.get(name, set()) == WRITABLE, name
            limited = "ephemeral-storage" in container["resources"]["limits"]
            assert limited or all(volume["emptyDir"]["sizeLimit"] for volume in writable.values()), name


def test_every_container_says_what_it_needs_and_how_much_memory_it_may_take(pods):
    for name, pod in pods.items():
        for container in containers(pod):
            assert container["resources"]["requests"].keys() >= {"cpu", "memory"}, name
            assert container["resources"]["limits"]["memory"], name


def test_all_of_ours_is_one_image_and_no_image_is_the_latest(objects, render):
    others = render({"site": {"image": {"tag": "9.9.9"}}})

    def images(rendered: list[Any]) -> set[str]:
        return {c["image"] for each in of_kind(rendered, "Deployment") for c in containers(each["spec"]["template"])}

    assert images(objects) == {"registry.example.com/ml_assets:0.1.0", "docker.io/library/busybox:1.28.4"}
    assert not any(image.endswith(":latest") or ":" not in image for image in images(objects))
    assert "registry.example.com/ml_assets:9.9.9" in images(others)


def test_one_edit_of_the_file_changes_the_image_everywhere(render):
    edited = yaml.safe_load(VALUES.replace("tag: 0.1.0", "tag: 9.9.9"))
    deployments = of_kind(render(edited), "Deployment")
    tags = {
        c["image"].rpartition(":")[2] for each in deployments for c in each["spec"]["template"]["spec"]["containers"]
    }

    assert tags == {"9.9.9"}


@pytest.mark.parametrize(
    "name", ["bucket", "region", "postgresHost", "postgresUser", "postgresDatabase", "postgresSecret"]
)
def test_what_both_charts_need_is_said_once(name):
    assert len(re.findall(rf"&{name}\b", VALUES)) == 1
    assert re.search(rf"\*{name}\b", VALUES)


@pytest.mark.parametrize(
    ("site", "told"),
    [
        ({"image": {"tag": "latest"}}, "tag"),
        ({"bucket": "Not A Bucket"}, "bucket"),
        ({"roles": {"runs": "ml-assets-runs"}}, "runs"),
        ({"bukcet": "x"}, "bukcet"),
    ],
    ids=["the latest image", "no bucket name", "no role", "a misspelt key"],
)
def test_a_value_that_cannot_be_right_is_refused_by_its_name(render, site, told):
    helm = pytest.importorskip("helm_python")
    with pytest.raises(helm.HelmValuesError, match=told):
        render({"site": site})


def test_every_value_of_a_site_is_required_by_the_schema():
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]["site"]

    assert set(schema["required"]) == set(schema["properties"]) == set(yaml.safe_load(VALUES)["site"])


def test_without_kueue_nothing_of_it_is_made(objects, render):
    assert {each["kind"] for each in objects} >= OF_KUEUE
    assert not OF_KUEUE & {each["kind"] for each in render({})}


@pytest.fixture(params=["as we read them", "Kueue's own"])
def specs(request) -> dict[str, Any]:
    return kueue.SPECS if request.param == "as we read them" else kueue.definitions()


def test_kueue_takes_its_objects_and_knows_every_key(objects, specs):
    ours = [each for each in objects if each["kind"] in OF_KUEUE]

    assert specs.keys() == OF_KUEUE == {each["kind"] for each in ours}
    for each in ours:
        assert each["apiVersion"] == kueue.API_VERSION
        Draft202012Validator(strict(specs[each["kind"]])).validate(each["spec"])


def test_a_key_that_kueue_does_not_know_is_noticed(objects, specs):
    (queue,) = of_kind(objects, "ClusterQueue")

    assert unknown(specs["ClusterQueue"], {**queue["spec"], "cohort": "x"}) == {"cohort"}  # its name in v1beta1


def asked_for(run_job: dict[str, Any]) -> set[str]:
    """Of a training: what the container of every run has, and its Compute."""
    training = k8s_config(Compute(gpus=1, disk_gib=1))["container_config"]["resources"]["requests"]
    (container,) = run_job["spec"]["template"]["spec"]["containers"]
    return {*training, *container["resources"]["requests"]}


def test_kueues_objects_lead_from_the_queue_of_the_namespace_to_gpus(objects, run_job):
    (flavor,), (cluster,), (local,) = (
        of_kind(objects, kind) for kind in ("ResourceFlavor", "ClusterQueue", "LocalQueue")
    )
    (group,) = cluster["spec"]["resourceGroups"]
    (quota,) = group["flavors"]

    assert local["metadata"]["name"] == "trainings"
    assert local["spec"]["clusterQueue"] == cluster["metadata"]["name"]
    assert quota["name"] == flavor["metadata"]["name"]
    assert [each["name"] for each in quota["resources"]] == group["coveredResources"]
    assert set(group["coveredResources"]) == asked_for(run_job), "Kueue admits nothing that asks for more"
    assert flavor["spec"]["nodeLabels"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
