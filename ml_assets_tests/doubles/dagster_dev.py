"""`dagster dev`, the real one: webserver, daemon and code server of a code location, in a folder, on a free port."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ml_assets_tests.doubles.ports import free_port

ROOT = Path(__file__).parents[2]
TINY = "ml_assets_tests.cli.definitions"  # the two tiny problems
PATIENCE_SECONDS = 240  # until something that must happen counts as never happening

DAGSTER = (sys.executable, "-W", "ignore", "-m", "dagster")

T = TypeVar("T")

LOCATION = "{ workspaceOrError { ... on Workspace { locationEntries { name } } } }"
RELOAD = "mutation($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }"

RUNS = """{ runsOrError(limit: 1000) { ... on Runs { results {
    runId status startTime endTime creationTime tags { key value } assetSelection { path } } } } }"""
LAUNCH = """mutation($params: ExecutionParams!) { launchPipelineExecution(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } } ... on PythonError { message } } }"""
LOADED = """{ workspaceOrError { ... on Workspace { locationEntries { loadStatus locationOrLoadError {
    __typename ... on PythonError { message } } } } } }"""


@dataclass(frozen=True)
class Run:
    """A run as people see it. Times in seconds since 1970."""

    id: str
    status: str
    partition: str
    nouns: frozenset[str]
    created: float
    started: float | None
    ended: float | None

    @property
    def succeeded(self) -> bool:
        return self.status == "SUCCESS"


@dataclass
class DagsterDev:
    folder: Path
    url: str
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.folder / "dagster-dev.log").read_text()

    def graphql(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
            said = json.load(answer)
        assert not said.get("errors"), said["errors"]
        return said["data"]

    def runs(self) -> list[Run]:
        """All runs, in the order in which they were created."""
        return sorted(map(_run, self.graphql(RUNS)["runsOrError"]["results"]), key=lambda run: run.created)

    def reload(self) -> None:
        """As somebody who clicks on *Reload definitions*."""
        (location,) = self.graphql(LOCATION)["workspaceOrError"]["locationEntries"]
        self.graphql(RELOAD, name=location["name"])

    def launch(
        self,
        problem: str,
        nouns: Iterable[str],
        partition: str,
        ops: dict[str, Any] | None = None,
        *,
        location: str = "",
        prefix: tuple[str, ...] = (),
    ) -> Any:
        """As the launchpad's button does; what Dagster answers."""
        if not location:
            (only,) = self.graphql(LOCATION)["workspaceOrError"]["locationEntries"]
            location = only["name"]
        asked = {
            "selector": {
                "repositoryName": "__repository__",
                "repositoryLocationName": location,
                "pipelineName": "__ASSET_JOB",
                "assetSelection": [{"path": [*prefix, problem, noun]} for noun in nouns],
            },
            "mode": "default",
            "runConfigData": json.dumps({"ops": ops or {}}),
            "executionMetadata": {"tags": [{"key": "dagster/partition", "value": partition}]},
        }
        return self.graphql(LAUNCH, params=asked)["launchPipelineExecution"]

    def wait_for(self, seen: Callable[[], T | None], what: str) -> T:
        """What ``seen`` returns once it is true."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = seen()
            if found:
                return found
            assert self.process.poll() is None, f"dagster dev ended: {self.log[-3000:]}"
            time.sleep(0.25)
        raise AssertionError(f"{what} did not happen within {PATIENCE_SECONDS} s. {self.log[-3000:]}")

    def wait_until_quiet(self, n_runs: int) -> list[Run]:
        """All runs, once there are at least so many and all have ended."""
        done = lambda: (runs := self.runs()) and len(runs) >= n_runs and all(run.ended for run in runs) and runs  # noqa: E731
        return self.wait_for(done, f"the end of {n_runs} runs")


@contextmanager
def dagster_dev(
    folder: Path, module: str = TINY, *, workspace: Path | None = None, **environment: str
) -> Iterator[DagsterDev]:
    """Start it in ``folder`` with the project's dagster.yaml; stopped, with all its processes, at the end.

    Args:
        workspace: a file with code locations, instead of the module.
    """
    if not (folder / "dagster.yaml").exists():
        shutil.copy(ROOT / "dagster.yaml", folder)
    url = f"http://127.0.0.1:{(port := free_port())}"
    loaded = ["-w", str(workspace)] if workspace else ["-m", module]
    command = [*DAGSTER, "dev", *loaded, "-h", "127.0.0.1", "-p", str(port)]
    with (folder / "dagster-dev.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=_environment(folder, environment), stdout=log, stderr=log, start_new_session=True
        )
    dev = DagsterDev(folder, url, process)
    try:
        dev.wait_for(lambda: _loaded(dev), "the code location to load")
        yield dev
    finally:
        _stop(process)


@contextmanager
def code_server(folder: Path, name: str, module: str = TINY, **environment: str) -> Iterator[int]:
    """A code location in a process of its own, with an environment of its own; its port, once it listens there."""
    command = [*DAGSTER, "api", "grpc", "-m", module, "-h", "127.0.0.1", "-p", str(port := free_port())]
    with (folder / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [*command, "--location-name", name],
            cwd=folder,
            env=_environment(folder, environment),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _listens(port):
            assert process.poll() is None and time.monotonic() < deadline, (folder / f"{name}.log").read_text()[-3000:]
            time.sleep(0.25)
        yield port
    finally:
        _stop(process)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _environment(folder: Path, added: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ML_ASSETS_", "DAGSTER_"))}
    ours = {"DAGSTER_HOME": str(folder), "PYTHONPATH": str(ROOT), "ML_ASSETS_USER": "ada"}
    return {**kept, **ours, **added}


def _loaded(dev: DagsterDev) -> bool:
    try:
        entries = dev.graphql(LOADED)["workspaceOrError"]["locationEntries"]
    except OSError:  # not listening yet
        return False
    for entry in entries:
        assert entry["locationOrLoadError"]["__typename"] != "PythonError", entry
    return bool(entries) and all(entry["loadStatus"] == "LOADED" for entry in entries)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask the whole session to end as Ctrl-C does; what does not is killed."""
    try:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
    except subprocess.TimeoutExpired:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _run(plain: dict[str, Any]) -> Run:
    tags = {tag["key"]: tag["value"] for tag in plain["tags"]}
    return Run(
        plain["runId"],
        plain["status"],
        tags.get("dagster/partition", ""),
        frozenset(key["path"][-1] for key in plain["assetSelection"] or []),
        plain["creationTime"],
        plain["startTime"],
        plain["endTime"],
    )
