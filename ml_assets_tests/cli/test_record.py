"""`ml-assets serve --record` as a process that is killed: what was acknowledged is in the store, once."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import threading
import urllib.error
import urllib.request
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ml_assets.lineage.answers import answers_between
from ml_assets.store import Store
from ml_assets_tests.cli.test_serve import ROW, children_of, is_ready, serving, until
from ml_assets_tests.cli.test_view import SECONDS

RECORDING = ("umbrellas", "--poll", "0.01", "--record-seconds", "0.05")


def answered(store: Store) -> Counter[str]:
    """How often each request is in the store."""
    now = datetime.now(UTC)
    frames = answers_between(store, "umbrellas", None, now - timedelta(days=1), now + timedelta(days=1))
    return Counter(request for frame in frames for request in frame["request_id"])


def predict(url: str, request_id: str) -> bool:
    """Whether the answer came, and says that it is recorded."""
    headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
    body = json.dumps({"rows": [ROW | {"visit": request_id}]}).encode()
    try:
        asked = urllib.request.Request(f"{url}/problems/umbrellas/predict", body, headers)
        with urllib.request.urlopen(asked, timeout=SECONDS) as reply:
            reply.read()
            return reply.headers["X-Recorded"] == "true"
    except (OSError, urllib.error.URLError, ConnectionError):
        return False


def asked_until(server: subprocess.Popen[str], url: str, ids: itertools.count[int], enough: int, end) -> set[str]:
    """Ask from four threads; after so many acknowledged answers ``end`` is called, in the middle of others."""
    acknowledged, lock = set[str](), threading.Lock()

    def client() -> None:
        while server.poll() is None:
            with lock:
                request = f"request-{next(ids)}"
            if not predict(url, request):
                return
            with lock:
                acknowledged.add(request)
                if len(acknowledged) == enough:
                    end()

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return acknowledged


@pytest.mark.slow
def test_a_server_is_killed_and_killed_again_and_what_it_acknowledged_is_in_the_store_once(own, tmp_path):
    ids, acknowledged, spool = itertools.count(), set[str](), tmp_path / "spool"
    for enough in (60, 150):
        with serving(*RECORDING, "--record", str(spool)) as (server, url):
            until(lambda url=url: is_ready(url), server)
            acknowledged |= asked_until(server, url, ids, enough, server.kill)
    assert len(acknowledged) >= 210 and [*spool.glob("*/lock")] != []

    with serving(*RECORDING, "--record", str(spool)) as (server, url):
        until(lambda: is_ready(url), server)
        acknowledged |= asked_until(server, url, ids, 20, lambda: server.send_signal(signal.SIGTERM))
        server.communicate(timeout=SECONDS)
    found = answered(own)
    assert server.returncode == 0 and acknowledged <= {*found} and {*found.values()} == {1}
    assert len(found) <= len(acknowledged) + 3 * 4  # what was written when nobody could be told any more
    assert [*spool.iterdir()] == []


@pytest.mark.slow
def test_a_worker_is_killed_and_others_enter_what_it_left(own, tmp_path):
    ids, spool = itertools.count(), tmp_path / "spool"
    with serving(*RECORDING, "--workers", "2", "--record", str(spool)) as (server, url):
        until(lambda: is_ready(url), server)
        until(lambda: len(children_of(server.pid)) == 2, server)

        def kill_a_worker() -> None:
            subprocess.run(["kill", "-9", str(children_of(server.pid)[0])], check=True)

        acknowledged = asked_until(server, url, ids, 40, kill_a_worker)
        until(lambda: acknowledged <= {*answered(own)}, server)
    assert {*answered(own).values()} == {1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--record-share", "0.5"), "Nothing is recorded without --record FOLDER."),
        (("--record", "spool", "--record-share", "2"), "give a share of the requests, such as 0.1"),
        (("--record", "spool", "--record-hashed", "visit"), "export ML_ASSETS_RECORD_KEY="),
        (("--record", "/dev/null/spool"), "--record /dev/null/spool cannot be used: "),
    ],
)
def test_what_cannot_be_recorded_is_said_before_anything_listens(shared, refused, monkeypatch, arguments, said):
    monkeypatch.delenv("ML_ASSETS_RECORD_KEY", raising=False)

    assert said in refused(2, "serve", "umbrellas", "--port", "0", *arguments)
    assert not Path("spool").exists()
