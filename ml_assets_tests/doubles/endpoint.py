"""A server on this machine that takes JSON, or answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ml_assets_tests.doubles.serving import serving

SECRET = "T0PSECRET"  # in every address: tests look for it where it must not be


class Endpoint:
    """Takes what is posted to ``address``.

    Attributes:
        taken: what was taken, in order.
        asked: paths and authorizations of all requests.
        status, answer, headers: how it answers; anything but 200 takes nothing.
        takes: after so many it answers 503; None: it takes all.
        refuses: an event type that it answers with 422.
        hangs: whether it never answers.
    """

    def __init__(self) -> None:
        self.taken: list[Any] = []
        self.asked: list[tuple[str, str | None]] = []
        self.status, self.answer, self.headers = 200, b"", dict[str, str]()
        self.takes: int | None = None
        self.refuses = ""
        self.hangs = False
        self.released = threading.Event()
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.asked.append((self.path, self.headers.get("Authorization")))
                if endpoint.hangs:
                    endpoint.released.wait()
                    return
                is_full = endpoint.takes is not None and len(endpoint.taken) >= endpoint.takes
                status = 503 if is_full else endpoint.status
                if endpoint.refuses and body["eventType"] == endpoint.refuses:
                    status = 422
                if status == 200:
                    endpoint.taken.append(body)
                self.reply(status)

            def do_GET(self) -> None:
                endpoint.asked.append((self.path, self.headers.get("Authorization")))
                self.reply(endpoint.status)

            def reply(self, status: int) -> None:
                self.send_response(status)
                for name, value in endpoint.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(endpoint.answer)))
                self.end_headers()
                self.wfile.write(endpoint.answer)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://ada:{SECRET}@127.0.0.1:{self.server.server_port}"


@contextmanager
def taking() -> Iterator[Endpoint]:
    endpoint = Endpoint()
    with serving(endpoint.server):
        try:
            yield endpoint
        finally:
            endpoint.released.set()
