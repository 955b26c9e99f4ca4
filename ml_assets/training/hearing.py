"""Who hears the numbers of a step that gets no run to tell them to: of a command that makes a dataset, features or predictions.

Whoever makes the asset listens; where nobody does (a notebook, an evaluation that asks a model many times), they are for the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[int, Mapping[str, float]], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Inside, ``listener`` is given a step and numbers by name, as a training's ``log`` is."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(step: int, metrics: Mapping[str, float]) -> None:
    """Tell whoever listens, if anybody does."""
    listener = _listener.get()
    if listener is not None:
        listener(step, metrics)
