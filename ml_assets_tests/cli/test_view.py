from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ml_assets.cli.view import default_port
from ml_assets.settings import Settings
from ml_assets_tests.doubles.ports import free_port

ROOT = Path(__file__).parents[2]
TOKEN = "correct horse battery staple"
SECONDS = 240  # more than starting and stopping ever take


def environment(**given: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ML_ASSETS_") or k == "ML_ASSETS_STORE"}
    return {**kept, **given}


@contextmanager
def view(*arguments: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a process of its own, and the address it printed."""
    command = [sys.executable, "-m", "ml_assets_tests.cli.view_tiny_problems", *arguments]
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = server.stdout.readline()
        assert line, server.stderr.read()
        yield server, line
    finally:
        server.kill()
        server.communicate(timeout=SECONDS)


def address(line: str) -> str:
    return re.match(r"http://127\.0\.0\.1:\d+", line)[0]


def get(url: str, **headers: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=SECONDS) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def test_it_says_where_it_is_answers_there_and_stops_with_ctrl_c(shared):
    with view("--port", "0") as (server, line):
        assert line.endswith(f" shows {shared.url}, branch main\n")
        status, page = get(address(line))
        assert (status, "umbrellas" in page) == (200, True)
        assert get(address(line), Host="evil.example")[0] == 400

        server.send_signal(signal.SIGINT)
        _, said = server.communicate(timeout=SECONDS)
    assert server.returncode == 0
    assert said == "stop it with Ctrl-C\n"


def test_the_token_is_asked_for_and_never_printed(shared):
    with view("--port", "0", ML_ASSETS_PAGES_TOKEN=TOKEN) as (server, line):
        assert line.endswith("(asks for the token)\n")
        assert get(address(line))[0] == 401
        assert get(address(line), Authorization=f"Bearer {TOKEN}")[0] == 200

        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=SECONDS)
    assert TOKEN not in line + out + err


def test_a_taken_port_is_refused(shared, refused):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(3, "view", "--port", str(port))

    assert said.startswith(f"Refused: Port {port} of 127.0.0.1 cannot be taken: Address already in use.")


def test_elsewhere_it_does_not_start_without_a_token(shared, refused, monkeypatch):
    monkeypatch.delenv("ML_ASSETS_PAGES_TOKEN", raising=False)

    assert "export ML_ASSETS_PAGES_TOKEN=" in refused(2, "view", "--host", "0.0.0.0")


@pytest.mark.parametrize("port", ["x", "-1", "65536", "٣"])
def test_what_is_no_port_is_not_understood(refused, port):
    assert "is no port: give a number from 1 to 65535" in refused(2, "view", f"--port={port}")


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ("http://127.0.0.1:4005", 4005),
        ("http://localhost:4005", 4005),
        ("https://models.example:8443", 3001),
        ("", 3001),
    ],
)
def test_it_listens_where_the_ui_links_to(pages, expected):
    assert default_port(Settings(pages=pages)) == expected


@pytest.mark.parametrize("port", ["--port=0", "--json"])
def test_an_address_of_the_pages_that_is_none_is_refused_with_and_without_a_port(shared, refused, monkeypatch, port):
    monkeypatch.setenv("ML_ASSETS_PAGES", "http://[::1")

    assert "ML_ASSETS_PAGES='http://[::1' is no address: Invalid IPv6 URL. Write" in refused(2, "view", port)


# ---------------------------------------------------------------- make dev


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The Makefile with a Dagster that only waits, and the real pages."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for name in ("pyproject.toml", "constraints.txt"):
        (tmp_path / name).write_text("")
    programs = tmp_path / ".venv" / "bin"
    programs.mkdir(parents=True)
    (programs / "ml-assets").symlink_to(Path(sys.executable).parent / "ml-assets")
    _program(programs / "dg", "echo started; exec sleep 600")
    (tmp_path / ".venv" / ".ready").write_text("")
    return tmp_path


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@contextmanager
def make_dev(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["make", "dev"],
            cwd=folder,
            env=environment(ML_ASSETS_PAGES=f"http://127.0.0.1:{port}", ML_ASSETS_STORE=str(folder / "store")),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        if left(process):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=SECONDS)


def left(session: subprocess.Popen[str]) -> list[str]:
    """The processes of its session that still run."""
    found = subprocess.run(
        ["ps", "-o", "stat=,args=", "-s", str(session.pid)], capture_output=True, text=True, check=False
    )
    return [line for line in found.stdout.splitlines() if not line.startswith("Z")]


def eventually(is_so, what: str, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"{what} never came; it said:\n{log.read_text()}"
        time.sleep(0.1)


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(lambda make: os.killpg(make.pid, signal.SIGINT), id="ctrl-c"),
        pytest.param(lambda make: os.kill(make.pid, signal.SIGTERM), id="terminated"),
    ],
)
def test_make_dev_starts_the_pages_beside_dagster_and_leaves_nothing_behind(checkout, stop):
    log, port = checkout / "log", free_port()
    with make_dev(checkout, port) as make:
        eventually(lambda: " shows " in log.read_text() and "started" in log.read_text(), "both", log)
        assert get(f"http://127.0.0.1:{port}")[0] == 200

        stop(make)
        eventually(lambda: not left(make), "the end of both", log)


def test_make_dev_goes_on_without_the_pages_where_their_port_is_taken(checkout):
    log = checkout / "log"
    with socket.create_server(("127.0.0.1", 0)) as taken, make_dev(checkout, taken.getsockname()[1]) as make:
        eventually(lambda: "cannot be taken" in log.read_text() and "started" in log.read_text(), "the refusal", log)
        assert any("sleep 600" in line for line in left(make))

        os.killpg(make.pid, signal.SIGINT)
        eventually(lambda: not left(make), "the end", log)
