"""A training on two machines, for real but for the machines: pods are processes of this one; see kubernetes_api."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ml_assets.compute import Devices
from ml_assets.orchestration.distributed import train_on
from ml_assets.store import Store
from ml_assets.training.run import Run
from ml_assets_tests.doubles import tides
from ml_assets_tests.doubles.kubernetes_api import Api, Image, served
from ml_assets_tests.doubles.ports import free_port

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
COMPUTATION = "c" * 64


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    with served(tmp_path, {"ml_assets:1": Image({"PYTHONPATH": str(ROOT)}, cwd=str(ROOT))}) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return tides.store_in(str(tmp_path / "store"))


def step(api: Api, store: Store, name: str, accidents: Path) -> str:
    """Run a step in a pod of its own; what it printed last."""
    module = "ml_assets_tests.orchestration.distributed.node_step"
    command = [sys.executable, "-m", module, store.url, COMPUTATION, str(free_port()), str(accidents)]
    env = [{"name": "KUBECONFIG", "value": str(api.kubeconfig)}, {"name": "DAGSTER_PG_PASSWORD", "value": "hush"}]
    pod = {
        "metadata": {"name": name, "labels": {"dagster/run-id": "r-1"}},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "dagster", "image": "ml_assets:1", "command": command, "env": env}],
        },
    }
    made = api.objects.create("pods", "default", pod)
    while (phase := status(api, made)) in ("Pending", "Running"):
        time.sleep(0.2)
    said = api.log(made).strip()
    assert phase == "Succeeded", said
    return said.splitlines()[-1]


def status(api: Api, pod: dict[str, Any]) -> str:
    return next(one["status"]["phase"] for one in api.pods() if one["metadata"]["name"] == pod["metadata"]["name"])


def test_two_nodes_train_together_and_go_on_after_one_was_killed(api: Api, store: Store, tmp_path: Path):
    api.fail("POST /apis/batch", 500, after=True)
    (tmp_path / "1-4").write_text("node 9")

    first = step(api, store, "step-1", tmp_path)
    second = step(api, store, "step-2", tmp_path)

    assert first.startswith("RankLost: ")
    digest, resumed = second.split(" ", 2)[1:]
    assert resumed.startswith("resumed from step ")
    assert digest == in_two_processes_here(store)
    assert [made["spec"]["completions"] for made in api.created if made["kind"] == "Job"] == [2, 2]
    assert not [one for one in api.pods() if one["metadata"]["name"].startswith("train-")]
    assert not list(api.objects.of("services"))


def in_two_processes_here(store: Store) -> str:
    made = train_on(
        Devices(2),
        tides.PROBLEM,
        tides.split_in(store),
        tides.TideParams(),
        Run(0, print),
        store=store,
        computation="d" * 64,
    )
    return made.content.digest
