"""What stands before every request: who may ask, how large it may be, what it is called, and how long it took.

Liveness and readiness are told to anybody who reaches the server: who asks for them has no token. A request keeps the
``X-Request-Id`` that it comes with, or gets one; the answer and the log name it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import re
import time
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml_assets.errors import NotAnswered
from ml_assets.pages.guard import host_name, token_shown
from ml_assets.serving.limits import Limits
from ml_assets.serving.metrics import Metrics

REQUEST_ID = "X-Request-Id"
AS = "ml_assets.served_as"  # in a scope: the route and the model, for the metrics
ID = "ml_assets.request_id"
FREE = ("/v2/health/live", "/v2/health/ready")
WINDOWS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}  # as zlib calls the methods of compression
_ID = re.compile(r"[\w.:/=+-]{1,128}", re.ASCII)


@dataclass(frozen=True)
class Guard:
    """The application behind the checks.

    Attributes:
        hosts: the names under which it may be asked; empty: under any.
        token: what must be shown as ``Authorization: Bearer``; empty: nothing.
    """

    app: ASGIApp
    metrics: Metrics
    hosts: frozenset[str] = frozenset()
    token: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, headers = time.perf_counter(), Headers(scope=scope)
        given = headers.get(REQUEST_ID, "")
        scope[ID] = given if _ID.fullmatch(given) else uuid.uuid4().hex
        scope[AS] = ("", "")

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message.setdefault("headers", []))[REQUEST_ID] = scope[ID]
                self._count(scope[AS], str(message["status"]), time.perf_counter() - began)
            await send(message)

        refused = self.refusal(scope["path"], headers)
        await (told(refused, scope[ID]) if refused else self.app)(scope, receive, send_counted)

    def refusal(self, path: str, headers: Headers) -> NotAnswered | None:
        """Why this request is not answered; None if it is."""
        if path in FREE:
            return None
        host = host_name(headers.get("host", ""))
        if self.hosts and host not in self.hosts:
            return NotAnswered(
                400, f"There is no answer under the name {host!r}. Use one of: {', '.join(sorted(self.hosts))}."
            )
        if self.token and not hmac.compare_digest(token_shown(headers).encode(), self.token.encode()):
            return NotAnswered(
                401, "This server asks for its token: Authorization: Bearer followed by ML_ASSETS_SERVE_TOKEN."
            )
        return None

    def _count(self, served_as: tuple[str, str], status: str, seconds: float) -> None:
        route, model = served_as
        self.metrics.add("requests", route=route, model=model, status=status)
        self.metrics.observe("request_seconds", seconds, route=route)


def told(refusal: NotAnswered, request_id: str) -> Response:
    """A refusal as JSON: its words, and where the fault is."""
    where: Mapping[str, Any] = {"column": refusal.column or None, "row": refusal.row}
    body = {"error": str(refusal), **{k: v for k, v in where.items() if v is not None}, "request_id": request_id}
    headers = {"Retry-After": str(refusal.retry_after)} if refusal.retry_after is not None else {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return as_json(body, refusal.status, headers)


def as_json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON in ASCII: any text that came in can be told again."""
    data = json.dumps(value, allow_nan=False).encode()
    return Response(data, status, {"Content-Type": "application/json", **(headers or {})})


async def body_of(request: Request, limits: Limits) -> bytes:
    """The body of a request, as it was before it was compressed.

    Raises:
        NotAnswered: 413 if it is too large, 408 if it does not come, 415 if it is compressed by another method, 400 if it is cut.
    """
    method = request.headers.get("content-encoding", "identity").lower()
    if method not in ("identity", *WINDOWS):
        raise NotAnswered(415, f"The body is compressed as {method[:20]!r}. Send it as it is, or by gzip or deflate.")
    try:
        async with asyncio.timeout(limits.seconds):
            body = await _read(request, limits.body_bytes)
    except TimeoutError:
        raise NotAnswered(408, f"The body did not come within {limits.seconds:g} s. Send it in one go.") from None
    except ClientDisconnect:
        raise NotAnswered(400, "The body ended before its length. Send all of it.") from None
    return body if method == "identity" else _unpacked(body, WINDOWS[method], limits.body_bytes)


def _unpacked(body: bytes, window: int, most: int) -> bytes:
    """No more than it may have is ever unpacked."""
    unpacking = zlib.decompressobj(window)
    try:
        found = unpacking.decompress(body, most + 1)
    except zlib.error as error:
        raise NotAnswered(400, f"The body cannot be unpacked: {error}. Send it as it is.") from None
    if len(found) > most:
        raise _too_large(most)
    if not unpacking.eof:
        raise NotAnswered(400, "The body ends before what was compressed does. Send all of it.")
    return found


async def _read(request: Request, most: int) -> bytes:
    said, found, size = request.headers.get("content-length", ""), list[bytes](), 0
    if said.isascii() and said.isdecimal() and int(said[:20]) > most:
        raise _too_large(most)
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise _too_large(most)
        found.append(piece)
    return b"".join(found)


def _too_large(most: int) -> NotAnswered:
    return NotAnswered(
        413, f"The body has more than {most:,} bytes. Send fewer rows at a time, or Arrow, which is smaller."
    )
