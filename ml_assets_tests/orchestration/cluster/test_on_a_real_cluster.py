"""The executor on a real cluster, where one is given.

``ML_ASSETS_TEST_KUBECONFIG`` reaches it; ``ML_ASSETS_TEST_IMAGE`` has this project with its tests and is on its nodes;
``ML_ASSETS_TEST_SHARED`` is a folder that this machine and all nodes have under one name (kind's ``extraMounts``, k3s on this
machine), where everybody may write. Without them the tests are skipped.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.api import execute_run_iterator
from kubernetes import client, config

from ml_assets_tests.doubles import on_command
from ml_assets_tests.doubles.diary import STEPS, Diary
from ml_assets_tests.orchestration.cluster.place import QUIET, dagster_yaml

NEEDED = ("ML_ASSETS_TEST_KUBECONFIG", "ML_ASSETS_TEST_IMAGE", "ML_ASSETS_TEST_SHARED")
MISSING = [name for name in NEEDED if not os.environ.get(name)]
PATIENCE_SECONDS = 240
pytestmark = [pytest.mark.k8s, pytest.mark.skipif(bool(MISSING), reason=f"no cluster: {', '.join(MISSING)} not set")]


@pytest.fixture
def diary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Diary]:
    kubeconfig, image, shared = (os.environ[name] for name in NEEDED)
    with tempfile.TemporaryDirectory(dir=shared, prefix="ml-assets-") as folder:
        home = Path(folder)
        home.chmod(0o777)
        (home / "command").write_text("0")
        monkeypatch.setenv("ML_ASSETS_LANDING", folder)
        monkeypatch.setenv("DAGSTER_HOME", folder)
        same = {"name": "shared", "hostPath": {"path": folder}}
        mounted = {"name": "shared", "mountPath": folder}
        more: dict[str, Any] = {"volumes": [same], "volume_mounts": [mounted]}
        more["env_vars"] = [f"ML_ASSETS_LANDING={folder}", "ML_ASSETS_EXECUTION=kubernetes"]
        (home / "dagster.yaml").write_text(dagster_yaml(Path(kubeconfig), home, image, **more))
        config.load_kube_config(kubeconfig)
        yield Diary(home)


def started(diary: Diary) -> Callable[[], dg.DagsterRun]:
    runs: list[dg.DagsterRun] = []

    def run() -> None:
        job = dg.reconstructable(on_command.modest)
        with dg.DagsterInstance.from_config(str(diary.folder)) as instance:
            origin = job.get_python_origin()
            made = instance.create_run_for_job(job_def=on_command.modest, job_code_origin=origin, run_config=QUIET)
            list(execute_run_iterator(job, made, instance))
            runs.extend(instance.get_runs())

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def ended() -> dg.DagsterRun:
        thread.join(PATIENCE_SECONDS)
        return runs[0]

    return ended


def wait_for(diary: Diary, line: str) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while line not in diary.lines():
        assert time.monotonic() < until, diary.lines()
        time.sleep(0.1)


def test_a_training_whose_pod_is_deleted_goes_on(diary):
    ended = started(diary)
    diary.allow(2)
    wait_for(diary, "step 2")
    core = client.CoreV1Api()
    (pod,) = core.list_namespaced_pod("default", label_selector="dagster/op=learn").items
    core.delete_namespaced_pod(pod.metadata.name, "default")
    wait_for(diary, "begin 2")
    diary.allow(STEPS)

    assert ended().is_success
    assert [line for line in diary.lines() if line.startswith("step")] == [f"step {n}" for n in range(1, STEPS + 1)]
