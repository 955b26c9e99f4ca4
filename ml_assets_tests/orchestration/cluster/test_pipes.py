"""A user's own image, in a pod of its own beside our chain, reports back through Dagster Pipes."""

import os
import sys

import dagster as dg
import pytest
from dagster_k8s import PipesK8sClient

from ml_assets_tests.doubles.kubernetes_api import Image, served

PROGRAM = """
from dagster_pipes import open_dagster_pipes

with open_dagster_pipes() as pipes:
    pipes.log.info("counting")
    pipes.report_asset_materialization(metadata={"rows": pipes.get_extra("rows") + 1})
"""


@dg.asset
def counted(context: dg.AssetExecutionContext, pipes: PipesK8sClient):
    limits = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    yield from pipes.run(
        context=context,
        image="theirs:1",
        command=["python", "-c", PROGRAM],
        namespace="default",
        extras={"rows": 41},
        base_pod_spec={"containers": [{"name": "theirs", **limits}]},
    ).get_results()


@pytest.mark.filterwarnings("ignore")  # of its own Pipes client
@pytest.mark.slow
def test_an_asset_that_runs_its_own_image_tells_what_it_made(tmp_path):
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])  # noqa: PTH120
    with served(tmp_path, {"theirs:1": Image({"PATH": path})}) as api:
        pipes = PipesK8sClient(load_incluster_config=False, kubeconfig_file=str(api.kubeconfig), poll_interval=0.1)

        result = dg.materialize([counted], resources={"pipes": pipes})

        (event,) = result.get_asset_materialization_events()
        assert event.materialization.metadata["rows"].value == 42
        (pod,) = [made for made in api.created if made["kind"] == "Pod"]
        assert pod["spec"]["containers"][0]["resources"]["limits"] == {"nvidia.com/gpu": "1"}
        assert api.pods() == [], "it is cleared away"
