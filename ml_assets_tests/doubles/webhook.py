"""A chat's incoming webhook on this machine: takes messages, or answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from ml_assets_tests.doubles.ports import free_port
from ml_assets_tests.doubles.serving import serving

SECRET = "T0PSECRET"  # in every address: tests look for it where it must not be


class Webhook:
    """Takes what is posted to ``address``.

    Attributes:
        texts: what was taken, in order.
        asked: how often somebody tried.
        status, headers: how it answers; anything but 200 takes nothing.
        hangs: whether it never answers.
    """

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.asked = 0
        self.status, self.headers = 200, dict[str, str]()
        self.hangs = False
        self.released = threading.Event()
        webhook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                webhook.asked += 1
                if webhook.hangs:
                    webhook.released.wait()
                elif webhook.status == 200:
                    webhook.texts.append(json.loads(body)["text"])
                self.send_response(webhook.status)
                for name, value in webhook.headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def do_GET(self) -> None:
                webhook.asked += 1  # a redirect that was followed
                self.send_error(405)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/services/{SECRET}"


@contextmanager
def listening() -> Iterator[Webhook]:
    webhook = Webhook()
    with serving(webhook.server):
        try:
            yield webhook
        finally:
            webhook.released.set()


def nobody_listens() -> str:
    """An address where every connection is refused."""
    return f"http://127.0.0.1:{free_port()}/services/{SECRET}"
