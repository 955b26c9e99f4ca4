"""A Dagster home and a cluster, and what a test does there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import pytest
from dagster._core.execution.api import execute_run_iterator

from ml_assets_tests.doubles import on_command
from ml_assets_tests.doubles.diary import Diary
from ml_assets_tests.doubles.kubernetes_api import Api, Image, served

ROOT = Path(__file__).parents[3]
IMAGE = "ml-assets:1"
PATIENCE_SECONDS = 240
IN_NEW_INTERPRETERS = pytest.mark.parametrize("place", [subprocess.Popen], ids=["new interpreters"], indirect=True)

T = TypeVar("T")


@dataclass
class Place:
    """Attributes:
    diary: of the training in ``on_command``.
    environment: of the pods.
    """

    folder: Path
    api: Api
    diary: Diary
    environment: dict[str, str]
    threads: list[threading.Thread] = field(default_factory=list)

    def instance(self) -> dg.DagsterInstance:
        return dg.DagsterInstance.from_config(str(self.folder))

    def start(self, job: dg.JobDefinition = on_command.training) -> Callable[[], dg.DagsterRun]:
        """Run a job in this process, beside the test; what is returned waits for its end."""
        ended: list[dg.DagsterRun] = []

        def run() -> None:
            recon = dg.reconstructable(getattr(on_command, job.name))
            with self.instance() as instance:
                origin = recon.get_python_origin()
                made = instance.create_run_for_job(job_def=job, job_code_origin=origin, run_config=QUIET)
                list(execute_run_iterator(recon, made, instance))
                ended.extend(instance.get_runs())

        return self.beside(run, lambda: ended[0])

    def beside(self, run: Callable[[], None], result: Callable[[], T]) -> Callable[[], T]:
        thread = threading.Thread(target=run, daemon=True)
        self.threads.append(thread)
        thread.start()

        def ended() -> T:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive(), f"the run hangs: {self.told()}"
            return result()

        return ended

    def wait_for(self, seen: Callable[[], T | None], what: str) -> T:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = seen()
            if found:
                return found
            time.sleep(0.05)
        printed = "\n".join(self.api.log(pod)[-3000:] for pod in self.api.created if pod["kind"] == "Pod")
        raise AssertionError(f"{what} did not happen. {self.diary.lines()}\n{self.told()}\n{printed}")

    def wait_for_lines(self, *lines: str) -> None:
        self.wait_for(lambda: set(lines) <= set(self.diary.lines()), f"{lines}")

    def running_pod(self, step: str = "learn") -> dict[str, Any]:
        return self.wait_for(lambda: next(filter(_runs, self.api.pods(op=step)), None), f"a pod for {step}")

    def told(self, *kinds: str) -> list[str]:
        """What the event log says of the newest run, of some kinds of event or all."""
        with self.instance() as instance:
            run = next(iter(instance.get_runs(limit=1)), None)
            logs = instance.all_logs(run.run_id) if run else []
        events = [log.dagster_event for log in logs if log.dagster_event]
        return [_said(event) for event in events if not kinds or event.event_type_value in kinds]


QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def _runs(pod: dict[str, Any]) -> bool:
    return pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]


def _said(event: dg.DagsterEvent) -> str:
    error = getattr(event.event_specific_data, "error", None)
    return f"{event.event_type_value}: {event.message} {error.message if error else ''}"


def dagster_yaml(kubeconfig: Path, folder: Path, image: str = IMAGE, **more: Any) -> str:
    """Args:
    more: of the run launcher's configuration.
    """
    config = {
        "service_account_name": "default",
        "instance_config_map": "dagster-instance",
        "dagster_home": str(folder),
        "job_image": image,
        "job_namespace": "default",
        "load_incluster_config": False,
        "kubeconfig_file": str(kubeconfig),
        **more,
    }
    launcher = {"module": "ml_assets.orchestration.cluster.run_launcher", "class": "ClusterRunLauncher"}
    return json.dumps({"telemetry": {"enabled": False}, "run_launcher": {**launcher, "config": config}})


@contextmanager
def place_in(folder: Path, start: Callable[..., Any], images: Mapping[str, Image] | None = None) -> Iterator[Place]:
    """Everything is stopped at the end, and nothing goes on.

    Args:
        start: a pod's process, as ``subprocess.Popen`` does.
        images: further ones, by name.
    """
    landing = folder / "landing"
    landing.mkdir()
    (landing / "command").write_text("0")
    told = {
        "ML_ASSETS_STORE": str(folder / "store"),
        "ML_ASSETS_LANDING": str(landing),
        "ML_ASSETS_EXECUTION": "kubernetes",
        "ML_ASSETS_USER": "ada",
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    here = {"PATH": path, "PYTHONPATH": str(ROOT), "HOME": str(folder), "PYTHONWARNINGS": "ignore"}
    with served(folder, {IMAGE: Image({**told, **here}, start=start), **(images or {})}) as api:
        (folder / "dagster.yaml").write_text(dagster_yaml(api.kubeconfig, folder))
        place = Place(folder, api, Diary(landing), told)
        place.instance().dispose()  # its databases are made by one alone: two at once would make them twice
        yield place
        place.diary.allow(1_000)
        for thread in place.threads:
            thread.join(PATIENCE_SECONDS)
