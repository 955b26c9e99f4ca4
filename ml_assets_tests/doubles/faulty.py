"""An HTTP server between a client and a real one, that does to some requests what networks and busy servers do.

    with faulty(upstream) as server:
        server.faults.append(Fault("PUT", reset_after))

A fault is a function of the request and of what answers it; the first one that fits a request is used up first.
"""

from __future__ import annotations

import http.client
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import urlsplit

HOP_BY_HOP = frozenset(("connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"))
FOR_EVER = 1_000_000


class Reply(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Dropped(Exception):
    """The connection is reset; ``sent`` goes out before."""

    def __init__(self, reply: Reply | None = None, sent: int = 0) -> None:
        self.reply, self.sent = reply, sent


Answer = Callable[[], Reply]
"""Lets the real server answer; what was asked is done by then."""

Effect = Callable[[Answer], Reply]


@dataclass
class Fault:
    """What happens to the next ``times`` requests whose first line ("PUT /bucket/key") ``matches``, after ``spared`` others."""

    matches: str
    effect: Effect
    times: int = 1
    spared: int = 0
    hits: int = 0

    def takes(self, line: str) -> bool:
        if re.match(self.matches, line) is None:
            return False
        self.hits += 1
        return self.spared < self.hits <= self.spared + self.times


def reset(answer: Answer) -> Reply:
    """The connection breaks before the server did anything."""
    raise Dropped


def reset_after(answer: Answer) -> Reply:
    """The server did what it was asked; its reply is lost."""
    answer()
    raise Dropped


def truncated(answer: Answer) -> Reply:
    """The connection breaks in the middle of the body."""
    reply = answer()
    raise Dropped(reply, len(reply.body) // 2)


def corrupted(answer: Answer) -> Reply:
    """A bit of the body is another one."""
    reply = answer()
    body = bytearray(reply.body)
    if body:
        body[len(body) // 2] ^= 1
    return reply._replace(body=bytes(body))


def late(seconds: float) -> Effect:
    """The reply takes its time."""

    def effect(answer: Answer) -> Reply:
        time.sleep(seconds)
        return answer()

    return effect


def status(code: int, error: str, *, after: bool = False) -> Effect:
    """The server says no; ``after``: although it did what it was asked."""

    def effect(answer: Answer) -> Reply:
        if after:
            answer()
        return Reply(code, [("Content-Type", "application/xml")], _xml(error))

    return effect


def stalled(until: threading.Event) -> Effect:
    """No reply comes, until somebody lets it."""

    def effect(answer: Answer) -> Reply:
        until.wait()
        raise Dropped

    return effect


@dataclass
class Faulty:
    """The server: its address, the faults to come, and of each request its first line and the access key that signed it."""

    upstream: str
    faults: list[Fault] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    signers: list[str] = field(default_factory=list)
    is_listening: bool = False
    port: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def listen(self) -> None:
        if not self.is_listening:
            self._server = _Server(self)
            self.port, self.is_listening = self._server.server_port, True
            self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
            self._thread.start()

    def stop_listening(self) -> None:
        """Connections are refused, those that are open break at the next request."""
        if self.is_listening:
            self.is_listening = False
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def fault_of(self, line: str) -> Fault | None:
        with self._lock:
            self.requests.append(line)
            return next((fault for fault in self.faults if fault.takes(line)), None)


@contextmanager
def faulty(upstream: str) -> Iterator[Faulty]:
    """The server, while the block runs."""
    double = Faulty(urlsplit(upstream).netloc)
    double.listen()
    try:
        yield double
    finally:
        double.stop_listening()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False  # a client keeps its connections open

    def __init__(self, double: Faulty) -> None:
        super().__init__(("127.0.0.1", double.port), _Handler)
        self.double = double


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        double: Faulty = self.server.double  # type: ignore[attr-defined]
        double.signers.append(self.headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0])
        fault = double.fault_of(f"{self.command} {self.path}") if double.is_listening else Fault(".*", reset)
        try:
            reply = fault.effect(lambda: self._upstream(body)) if fault else self._upstream(body)
        except Dropped as dropped:
            self._drop(dropped)
        else:
            self._send(reply, len(reply.body))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # of any method
            return self._serve
        raise AttributeError(name)

    def _upstream(self, body: bytes) -> Reply:
        connection = http.client.HTTPConnection(self.server.double.upstream)  # type: ignore[attr-defined]
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in HOP_BY_HOP]
            length = answer.getheader("Content-Length")
            if self.command == "HEAD" and length:
                headers.append(("Content-Length", length))
            return Reply(answer.status, headers, answer.read())
        finally:
            connection.close()

    def _send(self, reply: Reply, length: int) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body[:length])

    def _drop(self, dropped: Dropped) -> None:
        if dropped.reply is not None:
            self._send(dropped.reply, dropped.sent)
        self.wfile.flush()
        self.close_connection = True
        if dropped.reply is None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(
                self.connection.detach()
            )  # with this option a reset; closing it the usual way says goodbye before

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


def _xml(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>a test</Message></Error>".encode()
