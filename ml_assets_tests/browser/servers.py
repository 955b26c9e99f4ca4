"""The two servers that people look at, as processes of their own: Dagster's UI without its daemon, and the artifact pages."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ml_assets_tests.doubles.dagster_dev import ROOT
from ml_assets_tests.doubles.ports import free_port

PATIENCE_SECONDS = 120
QUIET_INSTANCE = "telemetry: {enabled: false}\nnux: {enabled: false}\n"
"""A dagster.yaml that keeps everything beside itself and asks nobody for an e-mail address."""


@contextmanager
def dagster_ui(home: Path, module: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Its address, while the block runs. ``home`` is the folder of the Dagster instance."""
    port = free_port()
    command = ["-W", "ignore", "-m", "dagster_webserver", "-m", module, "-h", "127.0.0.1", "-p", str(port)]
    with _serving(command, home, port, "/server_info", environment) as address:
        yield address


@contextmanager
def artifact_pages(folder: Path, port: int, environment: Mapping[str, str], *program: str) -> Iterator[str]:
    """Their address, while the block runs. The UI links to them, so their port is chosen before anything is made.

    Args:
        program: what Python is to run: `ml-assets view`, or one like it.
    """
    with _serving([*program, "--port", str(port)], folder, port, "/style.css", environment) as address:
        yield address


def surroundings(folder: Path, added: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program that is to know of no other store and no other instance than those in ``folder``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ML_ASSETS_", "DAGSTER_"))}
    return {**kept, "DAGSTER_HOME": str(folder), "PYTHONPATH": str(ROOT), **added}


@contextmanager
def _serving(
    arguments: Sequence[str], folder: Path, port: int, answers: str, environment: Mapping[str, str]
) -> Iterator[str]:
    log = folder / f"server-{port}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=folder,
            env=surroundings(folder, environment),
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}{answers}", server, log)
        yield address
    finally:
        _stop(server)


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _answers(url):
        assert server.poll() is None, f"it ended:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"{url} does not answer:\n{log.read_text()}"
        time.sleep(0.1)
    assert "Traceback" not in log.read_text(), log.read_text()  # Dagster serves what cannot be loaded, too: as an error


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE_SECONDS) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C does; what is left of its session after that is killed."""
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGINT)
    with suppress(subprocess.TimeoutExpired):
        server.wait(30)
    with suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
