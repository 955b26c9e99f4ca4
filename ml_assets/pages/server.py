"""Where the pages listen, and to whom: this machine by default; others only with a token."""

from __future__ import annotations

import ipaddress
import os
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.types import ASGIApp

from ml_assets.errors import Refused, UsageError

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
SHORTEST_TOKEN = 16
SECONDS_TO_FINISH = 3  # what is being answered when it is told to stop
MAKE_A_TOKEN = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"  # noqa: S105  # it makes one


@dataclass(frozen=True)
class Door:
    """What listens, in words for who starts it.

    Attributes:
        verb: of `ml-assets`.
        variable: of the environment, which holds its token.
        shown: how the token is shown.
    """

    name: str
    verb: str
    variable: str
    shown: str


PAGES = Door("pages", "view", "ML_ASSETS_PAGES_TOKEN", "Browsers then ask for it as password, with any user name.")


@dataclass(frozen=True)
class Listening:
    """An address that is ours, and who may ask there.

    Attributes:
        hosts: names under which it answers; empty: any, because the token says who may ask.
    """

    socket: socket.socket
    hosts: frozenset[str]

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        host, port = self.socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def listen(host: str, port: int, *, token: str, pages: str, door: Door = PAGES) -> Listening:
    """Take the address.

    Args:
        token: needed where other machines can reach it.
        pages: where people reach it, if that is another name: a proxy's.
    Raises:
        UsageError: if other machines could read without a token, or if the host is none of this machine's.
        Refused: if the port is taken.
    """
    local = is_loopback(host)
    _expect_token(host, token, door, needed=not local)
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        taken = socket.create_server((host, port), family=family, backlog=128)
    except (socket.gaierror, OverflowError) as error:
        raise UsageError(
            f"Nothing can listen on {host!r}, port {port}: {error}. Give --host 127.0.0.1 --port 3001."
        ) from None
    except OSError as error:
        raise Refused(
            f"Port {port} of {host} cannot be taken: {os.strerror(error.errno or 0)}. If the {door.name} are open already, look "
            f"at http://{host}:{port}; else choose another port: ml-assets {door.verb} --port {port + 1}"
        ) from None
    named = urlsplit(pages).hostname
    return Listening(taken, LOOPBACK_NAMES | {host, *filter(None, [named])} if local else frozenset())


def serve(app: ASGIApp, at: Listening) -> None:
    """Answer until Ctrl-C or SIGTERM; what is being answered then is finished first."""
    import uvicorn

    config = uvicorn.Config(
        app,
        lifespan="off",
        ws="none",
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    try:
        uvicorn.Server(config).run(sockets=[at.socket])
    except KeyboardInterrupt:  # uvicorn has stopped already, and passes the signal on
        return


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _expect_token(host: str, token: str, door: Door, *, needed: bool) -> None:
    if (token or needed) and len(token) < SHORTEST_TOKEN:
        state = "is too short" if token else "is not set"
        raise UsageError(
            f"On {host} the {door.name} ask for a token, and {door.variable} {state}: give at least {SHORTEST_TOKEN} "
            f'characters nobody can guess.\n    export {door.variable}="$({MAKE_A_TOKEN})"\n'
            f"{door.shown} Put TLS in front: it travels with every request."
        )
