"""The chart rendered as `helm install ml-assets deploy/chart -n ml-assets` would, by the real Helm; no cluster is asked.

Dagster's chart is the dependency of ours. Where it is at hand, the tests run on it: fetched by `helm dependency build
deploy/chart`, or a folder or archive that ``ML_ASSETS_DAGSTER_CHART`` names. Everywhere else they run on a double of it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from ml_assets_tests.deploy import dagster_chart, kserve
from ml_assets_tests.deploy.schemas import offline

DEPLOY = Path(__file__).parents[2] / "deploy"
CHART = DEPLOY / "chart"
NAMESPACE = "ml-assets"
SERVED = [
    {
        "name": "flights",
        "problems": ["flight_delays", "arrival_minutes@EWR"],
        "replicas": {"most": 6},
        "clients": ["shop"],
    },
    {"name": "kserved", "problems": ["flight_delays"], "workers": 2, "threads": 2, "recordMib": 1024, "kserve": True},
]
EVERYTHING = {
    "site": {"kueue": {"enabled": True, "nodeLabels": {"nvidia.com/gpu.product": "NVIDIA-L4"}}, "serving": SERVED}
}

Manifest = dict[str, Any]
Render = Callable[[dict[str, Any]], list[Manifest]]


def dagsters_chart() -> Path | None:
    """Dagster's own chart, a folder or an archive, if there is one."""
    named = os.environ.get("ML_ASSETS_DAGSTER_CHART")
    found = [Path(named)] if named else sorted((CHART / "charts").glob("dagster*"))
    return found[0] if found else None


@pytest.fixture(scope="session")
def dagsters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dagster's own chart as a folder, its schemas without the parts that would have to be fetched."""
    given = dagsters_chart()
    if given is None:
        pytest.skip("Dagster's chart is not here: `helm dependency build deploy/chart`, or ML_ASSETS_DAGSTER_CHART")
    folder = tmp_path_factory.mktemp("charts")
    if given.is_dir():
        shutil.copytree(given, folder / "dagster")
    else:
        shutil.unpack_archive(given, folder, filter="data")
    for schema in folder.rglob("values.schema.json"):
        schema.write_text(json.dumps(offline(json.loads(schema.read_text()))))
    return folder / "dagster"


@pytest.fixture(scope="session")
def chart(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Our chart, with Dagster's inside where that is at hand."""
    folder = tmp_path_factory.mktemp("chart") / "ml-assets"
    shutil.copytree(CHART, folder, ignore=shutil.ignore_patterns("charts", "Chart.lock"))
    if dagsters_chart():
        shutil.copytree(request.getfixturevalue("dagsters"), folder / "charts" / "dagster")
    return folder


@pytest.fixture(scope="session")
def render(chart: Path) -> Render:
    """Every object that the chart makes of values; Dagster's come from the double where its chart is not at hand."""
    helm = pytest.importorskip("helm_python", reason="helm-python-sdk is for Linux only")

    def rendered(values: dict[str, Any]) -> list[Manifest]:
        with helm.Chart.load(str(chart)) as loaded:
            loaded.validate_schema(values)
            texts = loaded.render(values, name="ml-assets", namespace=NAMESPACE)
            merged = loaded.merge_values(values)
        made = [each for name, text in sorted(texts.items()) if name.endswith(".yaml") for each in documents(text)]
        return made if dagsters_chart() else made + dagster_chart.rendered(merged["dagster"])

    return rendered


def documents(text: str) -> Iterator[Manifest]:
    return (each for each in yaml.safe_load_all(text) if each)


@pytest.fixture(scope="session")
def objects(render: Render) -> list[Manifest]:
    """All objects: Kueue's included, and champions over HTTP as a Deployment and as a predictor of KServe."""
    return render(EVERYTHING)


@pytest.fixture(scope="session")
def instance(objects: list[Manifest]) -> Manifest:
    """The dagster.yaml of the cluster."""
    return yaml.safe_load(named(objects, "ConfigMap", "dagster-instance")["data"]["dagster.yaml"])


def of_kind(objects: list[Manifest], kind: str) -> list[Manifest]:
    return [each for each in objects if each["kind"] == kind]


def templates(objects: list[Manifest]) -> dict[str, Manifest]:
    """The template of every pod that the chart has, by the name of what makes it: the predictor of KServe is one, too."""
    made = {each["metadata"]["name"]: each["spec"]["template"] for kind in MAKERS for each in of_kind(objects, kind)}
    predictors = {each["metadata"]["name"]: each["spec"]["predictor"] for each in of_kind(objects, "InferenceService")}
    return made | {
        name: {
            "metadata": {key: given[key] for key in ("labels", "annotations")},
            "spec": {key: value for key, value in given.items() if key not in kserve.PREDICTOR["properties"]},
        }
        for name, given in predictors.items()
    }


MAKERS = ("Deployment", "Job")


def named(objects: list[Manifest], kind: str, name: str) -> Manifest:
    (found,) = (each for each in of_kind(objects, kind) if each["metadata"]["name"] == name)
    return found


@pytest.fixture(scope="session")
def run_job(instance: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The Job of a run, as dagster-k8s makes it from the cluster's dagster.yaml. A step's has the same, and its Compute."""
    import dagster as dg
    from dagster_k8s.container_context import K8sContainerContext
    from dagster_k8s.job import construct_dagster_k8s_job
    from kubernetes.client import ApiClient

    run = dg.DagsterRun(job_name="flight_delays")
    with environment(DAEMON):
        launcher = launcher_of(instance, tmp_path_factory.mktemp("kubeconfig"))
        context = K8sContainerContext.create_for_run(run, launcher, include_run_tags=False)
        config = context.get_k8s_job_config("registry.example.com/ml_assets:0.1.0", launcher)
    job = construct_dagster_k8s_job(
        config,
        ["dagster", "api", "execute_run"],
        "run-1",
        component="run_worker",
        user_defined_k8s_config=context.run_k8s_config,
        labels={"dagster/run-id": run.run_id},
    )
    return ApiClient().sanitize_for_serialization(job)


DAEMON = {"DAGSTER_HOME": "/dagster", "DAGSTER_PG_PASSWORD": "secret", "ML_ASSETS_NAMESPACE": NAMESPACE}
"""What the daemon and every run have in their environment, of what the dagster.yaml of the cluster refers to."""


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


def launcher_of(instance: Manifest, folder: Path) -> Any:
    """The real run launcher, its configuration checked by Dagster; only where it would find a cluster is replaced."""
    from dagster._serdes import ConfigurableClassData

    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    given = instance["run_launcher"]
    config = {**given["config"], "load_incluster_config": False, "kubeconfig_file": str(kubeconfig)}
    return ConfigurableClassData(given["module"], given["class"], yaml.safe_dump(config)).rehydrate()


KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: nowhere
clusters: [{name: nowhere, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: nobody, user: {token: nothing}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
"""
