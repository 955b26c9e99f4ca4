"""A real MLflow tracking server on this machine, with its database in a folder; and a line to it that can be cut.

It is MLflow's own application, started as it is: its command line starts several processes, each of which imports it anew.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ml_assets.mirrors.server import Server
from ml_assets.mirrors.tracking import API, tracking_server
from ml_assets_tests.doubles.ports import free_port

PROGRAM = """
import os, sys
folder, port = sys.argv[1:]
for name in ("FILE", "REGISTRY"):
    os.environ[f"_MLFLOW_SERVER_{name}_STORE"] = f"sqlite:///{folder}/mlflow.db"
os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = f"{folder}/artifacts"
os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
from mlflow.server import app
from mlflow.server.handlers import _get_model_registry_store, _get_tracking_store
from werkzeug.serving import make_server
_get_tracking_store(), _get_model_registry_store()  # makes the tables
server = make_server("127.0.0.1", int(port), app, threaded=True)
print("ready", flush=True)
server.serve_forever()
"""


class TrackingServer:
    """A server that can be killed and started again: its database stays."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        folder.mkdir(exist_ok=True)
        self.start()

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-W", "ignore", "-c", PROGRAM, str(self.folder), str(self.port)]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n", (self.folder / "log").read_text()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


class Seen:
    """What a server holds of a problem, as its own API says."""

    def __init__(self, address: str, problem: str) -> None:
        self.server: Server = tracking_server(address)
        self.problem = problem

    def runs(self) -> list[dict[str, Any]]:
        found = self.server.get(f"{API}/experiments/get-by-name", experiment_name=self.problem)
        asked = {"experiment_ids": [found["experiment"]["experiment_id"]], "order_by": ["attributes.start_time ASC"]}
        runs: list[dict[str, Any]] = self.server.post(f"{API}/runs/search", asked).get("runs", [])
        return runs

    def params(self, run: dict[str, Any]) -> dict[str, str]:
        return {param["key"]: param["value"] for param in run["data"].get("params", [])}

    def metrics(self, run: dict[str, Any]) -> dict[str, float]:
        return {metric["key"]: metric["value"] for metric in run["data"].get("metrics", [])}

    def tags(self, of: dict[str, Any]) -> dict[str, str]:
        return {tag["key"]: tag["value"] for tag in of.get("tags", [])}

    def history(self, run: dict[str, Any], metric: str) -> list[tuple[int, float]]:
        asked = {"run_id": run["info"]["run_id"], "metric_key": metric}
        found = self.server.get(f"{API}/metrics/get-history", **asked)["metrics"]
        return [(point["step"], point["value"]) for point in found]

    def versions(self) -> list[dict[str, Any]]:
        found = self.server.get(f"{API}/model-versions/search", filter=f"name='{self.problem}'")
        return sorted(found.get("model_versions", []), key=lambda version: int(version["version"]))

    def aliases(self) -> dict[str, str]:
        """Alias -> our version that has it."""
        ours = {version["version"]: self.tags(version)["ml_assets.version"] for version in self.versions()}
        found = self.server.get(f"{API}/registered-models/get", name=self.problem)["registered_model"]
        return {each["alias"]: ours[each["version"]] for each in found.get("aliases", [])}


class Line:
    """Hands requests on to a server until it is cut.

    Attributes:
        passed: how many were handed on.
        cut_after: so many are answered; None: all.
        loses: of the next one the answer is lost; otherwise it does not arrive at all.
    """

    def __init__(self, to: str) -> None:
        self.to, self.passed = to, 0
        self.cut_after: int | None = None
        self.loses = False
        line = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.hand_on(None)

            def do_POST(self) -> None:
                self.hand_on(self.rfile.read(int(self.headers["Content-Length"])))

            def hand_on(self, body: bytes | None) -> None:
                is_cut = line.cut_after is not None and line.passed >= line.cut_after
                if is_cut and not line.loses:
                    return
                line.passed += not is_cut
                status, answer = line.ask(self.path, body, dict(self.headers))
                if is_cut:
                    line.loses = False
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def ask(self, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(urllib.request.Request(self.to + path, body, headers)) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read()
        except (urllib.error.URLError, http.client.HTTPException, OSError):
            return 502, b""


@contextmanager
def line_to(address: str) -> Iterator[Line]:
    line = Line(address)
    thread = threading.Thread(target=line.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield line
    finally:
        line.server.shutdown()
        thread.join()
        line.server.server_close()


@contextmanager
def tracking(folder: Path) -> Iterator[TrackingServer]:
    server = TrackingServer(folder)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrackingServer]:
    with tracking(tmp_path_factory.mktemp("mlflow")) as server:
        yield server
