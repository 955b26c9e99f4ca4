"""Ports for servers that take a number and not a socket."""

from __future__ import annotations

import secrets
import socket

BELOW_EPHEMERAL = range(20_000, 32_768)
"""Linux gives outgoing connections numbers from 32,768 on: one that was free there may be taken before its server starts."""


def free_port() -> int:
    """A port of this machine that nobody listens on. Nothing holds it: start its server soon."""
    while True:
        port = secrets.choice(BELOW_EPHEMERAL)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections that just ended do not matter
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
