"""Who hears the numbers of a step that gets no run to tell them to: of a command that makes a dataset, features or predictions.

Whoever makes the asset listens; where nobody does (a notebook, an evaluation that asks a model many times), they are for the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class Listener(Protocol):
    """Whoever listens."""

    def hear(self, step: int, metrics: Mapping[str, float]) -> None:
        """What a training's ``log`` would be given."""

    def meanwhile(self) -> None:
        """Called now and then while nothing is told."""


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Inside, ``listener`` hears."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def listening() -> Listener | None:
    """Who does; None where nobody does."""
    return _listener.get()
