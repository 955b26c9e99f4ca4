"""How much one request may ask, and how many may wait."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a server of models puts up with.

    Attributes:
        body_bytes: of a request.
        rows: of a request.
        waiting: requests that are being answered or wait for it, of one process; others are told to come again.
        seconds: after which who asked is told that it took too long.
        poll_seconds: how often the ledger is looked at.
        stop_seconds: how long what is being answered may take once the server is told to stop.
    """

    body_bytes: int = 8 << 20
    rows: int = 10_000
    waiting: int = 64
    seconds: float = 30.0
    poll_seconds: float = 5.0
    stop_seconds: int = 25  # Kubernetes allows 30
