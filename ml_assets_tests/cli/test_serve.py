"""`ml-assets serve` as a process: it follows the champion, and finishes what it began when it stops."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ml_assets_tests.cli.test_view import ROOT, SECONDS, environment

ROW = {"clouds": 0.5, "above_usual": 0.25, "shop": "east"}
TOKEN = "correct horse battery staple"


@contextmanager
def serving(*arguments: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command as a process of its own, and its address, once it is ready."""
    command = [sys.executable, "-m", "ml_assets_tests.cli.serve_tiny_problems", *arguments, "--port", "0"]
    server = subprocess.Popen(
        command, cwd=ROOT, env=environment(**variables), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = server.stdout.readline()
        assert line, server.stderr.read()
        yield server, re.match(r"http://127\.0\.0\.1:\d+", line)[0]
    finally:
        server.terminate()
        server.communicate(timeout=SECONDS)


def ask(url: str, body: Any = None, **headers: str) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | {name.replace("_", "-"): text for name, text in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=SECONDS) as reply:
            text = reply.read().decode()
            return reply.status, json.loads(text) if text.startswith("{") else text
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, json.loads(refused.read())


def until(is_so: Callable[[], bool], server: subprocess.Popen[str]) -> None:
    """Ask until something is so; a worker may end as it is asked, and a server that ends has said why."""
    while not _is(is_so):
        assert server.poll() is None, server.stderr.read()


def _is(so: Callable[[], bool]) -> bool:
    try:
        return so()
    except (urllib.error.URLError, ConnectionError):
        return False


def is_ready(url: str) -> bool:
    return ask(f"{url}/v2/health/ready")[0] == 200


@pytest.mark.slow
def test_it_answers_follows_a_move_and_stops_with_what_it_had_begun(own, call):
    with serving("umbrellas", "--poll", "0.01") as (server, url):
        assert ask(f"{url}/v2/health/live") == (200, {"live": True})
        until(lambda: is_ready(url), server)
        status, first = ask(f"{url}/problems/umbrellas/predict", {"rows": [ROW]})
        assert status == 200

        moved = call("promote", "umbrellas/model@2024-02", "--why", "for a test", "--json").json["version"]
        assert moved != first["model_version"]
        until(lambda: ask(f"{url}/problems/umbrellas/predict", {"rows": [ROW]})[1]["model_version"] == moved, server)

        host, port = url.removeprefix("http://").split(":")
        body = json.dumps({"rows": [ROW]}).encode()
        with socket.create_connection((host, int(port)), timeout=SECONDS) as begun:
            head = f"POST /problems/umbrellas/predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
            begun.sendall(f"{head}Content-Type: application/json\r\nExpect: 100-continue\r\n\r\n".encode())
            assert begun.recv(1_000).startswith(b"HTTP/1.1 100")  # it waits for the body
            server.send_signal(signal.SIGTERM)
            until_closed(host, int(port))
            begun.sendall(body)
            assert begun.recv(1_000).startswith(b"HTTP/1.1 200")
        _, said = server.communicate(timeout=SECONDS)
    assert server.returncode == 0
    assert f"{first['model_version'][:12]} serves; it answers as its evaluation" in said
    assert f"{moved[:12]} serves instead of {first['model_version'][:12]}" in said


def until_closed(host: str, port: int) -> None:
    """Until nobody takes connections there any more."""
    while True:
        try:
            socket.create_connection((host, port), timeout=SECONDS).close()
        except ConnectionError:  # refused; reset, where it stopped listening in that moment
            return


@pytest.mark.slow
def test_several_workers_count_together_and_one_that_ends_is_started_again(own):
    with serving("umbrellas", "--workers", "2", "--poll", "0.01", ML_ASSETS_SERVE_TOKEN=TOKEN) as (server, url):
        asked = {"Authorization": f"Bearer {TOKEN}"}
        until(lambda: is_ready(url), server)
        until(lambda: ask(f"{url}/problems/umbrellas/predict", {"rows": [ROW]}, **asked)[0] == 200, server)
        children = children_of(server.pid)
        assert len(children) == 2
        until(lambda: counted(url, asked) >= 1, server)  # whichever answers tells of both

        subprocess.run(["kill", "-9", str(children[0])], check=True)
        until(lambda: len(children_of(server.pid)) == 2 and children_of(server.pid) != children, server)
        until(lambda: is_ready(url), server)
        until(lambda: counted(url, asked) >= 1, server)

        assert ask(f"{url}/metrics")[0] == 401
        server.send_signal(signal.SIGTERM)
        _, said = server.communicate(timeout=SECONDS)
    assert server.returncode == 0
    assert "ended (-9); it is started again" in said and TOKEN not in said


def counted(url: str, asked: dict[str, str]) -> float:
    """How many predictions all workers have answered."""
    text = ask(f"{url}/metrics", **asked)[1]
    found = re.search(r'rows_total\{model="umbrellas",version="\w+"\} (\d+)', text)
    return float(found[1]) if found else 0.0


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_what_cannot_be_served_is_said_before_anything_listens(shared, refused, monkeypatch):
    monkeypatch.delenv("ML_ASSETS_SERVE_TOKEN", raising=False)

    assert "There is no problem 'rain'" in refused(2, "serve", "rain")
    assert "export ML_ASSETS_SERVE_TOKEN=" in refused(2, "serve", "umbrellas", "--host", "0.0.0.0")
    assert "give a whole number from 1 to 512" in refused(2, "serve", "umbrellas", "--workers", "0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert "If the models are open already" in refused(3, "serve", "umbrellas", "--port", port)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("umbrellas@x",), "UnknownVersion: umbrellas has no line 'x'. It has one champion: leave the line out."),
        (("ice_cream@west",), "ice_cream has no line 'west'. Its lines: north, south/east."),
        (("umbrellas", "--shadow", "ice_cream=x/y@z"), "--shadow ice_cream=x/y@z: ice_cream is not served here."),
        (("umbrellas", "--shadow", "umbrellas"), "names no model. Write PROBLEM=REF"),
        (("umbrellas", "--shadow", "umbrellas=umbrellas/split@2024-01"), "is no model of umbrellas."),
    ],
)
def test_what_is_no_line_or_no_model_is_said(shared, call, arguments, said):
    answer = call("serve", *arguments, "--port", "0")

    assert answer.code in (2, 3) and said in answer.err
