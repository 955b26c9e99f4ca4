"""A process that is about to end is told by a signal: a training that looks is let save first.

SIGTERM comes from machines that are taken away, SIGINT from Ctrl-C and from Dagster, where somebody cancels a run.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

Handler = signal.Handlers | Callable[[int, FrameType | None], Any] | int
SIGNALS = (signal.SIGTERM, signal.SIGINT)
ONCE_SECONDS = 2.0  # the terminal and Dagster both pass one Ctrl-C on


@contextmanager
def asked_by_signal() -> Iterator[Callable[[], bool]]:
    """Inside, SIGTERM and SIGINT are a question that the training answers: whether it was asked.

    A training that has never looked will not look now: it is interrupted as if this were not here, and so is one that is
    asked again a while later, and whatever follows one that came to its end meanwhile. Outside of the main thread, where
    Python tells of no signals, nobody ever asks.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    asked = _Asked({number: signal.getsignal(number) for number in SIGNALS})
    for number in SIGNALS:
        signal.signal(number, asked.on_signal)
    try:
        yield asked
    finally:
        asked.restore()
    if asked.by is not None:
        signal.raise_signal(asked.by)


class _Asked:
    def __init__(self, before: Mapping[signal.Signals, Handler | None]) -> None:
        self._before = before
        self.by: int | None = None
        self._at, self._has_looked = 0.0, False

    def __call__(self) -> bool:
        self._has_looked = True
        return self.by is not None

    def on_signal(self, number: int, _: FrameType | None) -> None:
        is_again = self.by is not None and time.monotonic() - self._at >= ONCE_SECONDS
        if is_again or not self._has_looked:
            self.restore()
            signal.raise_signal(number)
        elif self.by is None:
            self.by, self._at = number, time.monotonic()

    def restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
