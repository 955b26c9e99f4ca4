"""What stands before every page: who may ask, how, and what a browser may do with the answer.

A page on the loopback address can be reached by any web site that a person on this machine visits, through a name of the
site's own that suddenly leads to 127.0.0.1 (DNS rebinding): so the Host header must be one of ours. Where the pages can
be reached from other machines, they are shown to who has the token.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ml_assets.pages.render import error_page

METHODS = ("GET", "HEAD")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
ASK_FOR_TOKEN = {"WWW-Authenticate": 'Basic realm="ml-assets", charset="UTF-8"'}


@dataclass(frozen=True)
class Guard:
    """The application behind the checks.

    Attributes:
        hosts: the names under which it may be asked; empty: under any.
        token: what must be shown, as ``Authorization: Bearer`` or as a Basic password; empty: nothing.
    """

    app: ASGIApp
    hosts: frozenset[str] = frozenset()
    token: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        refused = self.refusal(scope["method"], Headers(scope=scope))
        await (refused or self.app)(scope, receive, _with_headers(send))

    def refusal(self, method: str, headers: Headers) -> Response | None:
        """Why this request is not answered; None if it is."""
        if method not in METHODS:
            message = "These pages can only be read: GET and HEAD."
            return error_page(405, "Read only", message, headers={"Allow": ", ".join(METHODS)})
        host = host_name(headers.get("host", ""))
        if self.hosts and host not in self.hosts:
            known = ", ".join(sorted(self.hosts))
            message = f"These pages do not answer under the name {host!r}. Use one of: {known}, or set ML_ASSETS_PAGES."
            return error_page(400, "Unknown host", message)
        if self.token and not hmac.compare_digest(token_shown(headers).encode(), self.token.encode()):
            message = (
                "These pages ask for the token that `ml-assets view` was started with: as password, with any user name."
            )
            return error_page(401, "Token needed", message, headers=ASK_FOR_TOKEN)
        return None


def host_name(header: str) -> str:
    """The name in a Host header, without port and brackets; empty if it has none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def token_shown(headers: Headers) -> str:
    """The token that came with a request; empty if none did."""
    scheme, _, credentials = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials, validate=True).decode().partition(":")[2]
    except ValueError:  # no base64, or no UTF-8
        return ""


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-cache")
        await send(message)

    return send_with_headers
