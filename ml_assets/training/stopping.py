"""A process that is about to be taken away is told by SIGTERM: a training that looks is let save first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = signal.Handlers | Callable[[int, FrameType | None], Any] | int


@contextmanager
def asked_by_sigterm() -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM is a question that the training answers: whether it was asked.

    A training that has never looked will not look now: it is interrupted as if this were not here, and so is one that is
    asked twice, and whatever follows one that came to its end meanwhile. Outside of the main thread, where Python tells of
    no signals, nobody ever asks.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = signal.getsignal(signal.SIGTERM)
    asked = _Asked(before)
    signal.signal(signal.SIGTERM, asked.on_signal)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, asked.before)
    if asked.is_asked:
        signal.raise_signal(signal.SIGTERM)


class _Asked:
    def __init__(self, before: Handler | None) -> None:
        self.before: Handler = signal.SIG_DFL if before is None else before
        self.is_asked = self._has_looked = False

    def __call__(self) -> bool:
        self._has_looked = True
        return self.is_asked

    def on_signal(self, number: int, _: FrameType | None) -> None:
        if self.is_asked or not self._has_looked:
            signal.signal(number, self.before)
            signal.raise_signal(number)
        self.is_asked = True
