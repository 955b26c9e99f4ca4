"""How long a place that does not answer is asked again. One policy for every operation on every server.

    try ─ fails ─ 0.2 s ─ try ─ fails ─ 0.4 s ─ try ─ … ─ 15 s ─ try ─ fails ─ the time is up: an error says for how long

A server that has answered this process is known to be the right one, so it is waited for: it restarts, and what a training
made would be lost. One that never answered may be a misspelt address, so it is given up sooner. Each pause is shortened
at random by up to a half, so that many clients do not come back at the same moment.

Written here and not taken from a library (tenacity, stamina): those read the clock themselves, and a test of minutes must
take none.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0  # seconds
SAID_AFTER, SAID_AGAIN_AFTER = 5.0, 60.0  # seconds of waiting, after which the log says so
T = TypeVar("T")


class GaveUp(Exception):  # never leaves the store: backends tell their callers what it means
    """The time is up; the cause is the last error."""

    def __init__(self, attempts: int, seconds: float) -> None:
        super().__init__(f"no success in {times(attempts)} over {duration(seconds)}")
        self.attempts, self.seconds = attempts, seconds


@dataclass(frozen=True)
class Patience:
    """How long to go on asking.

    Attributes:
        seconds: a server that has answered before. No attempt begins later; the last one has its own time limit.
        seconds_at_first: one that never answered; ``seconds`` if that is less.
        clock: seconds that only grow.
        sleep: waits for so many seconds.
        chance: a random number from 0 to 1.
    """

    seconds: float = 300.0
    seconds_at_first: float = 30.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def at_most(self, seconds: float) -> Patience:
        """The same for somebody who cannot wait longer than that."""
        return replace(self, seconds=min(seconds, self.seconds))

    def ask(self, what: str, do: Callable[[], T], may_pass: Callable[[Exception], bool], *, known: bool) -> T:
        """What ``do`` returns, tried again as long as its errors may pass and time is left.

        Args:
            what: is tried, for the log.
            known: whether the server has answered before.
        Raises:
            GaveUp: when the time is up.
            Exception: what ``do`` raises and does not pass, at once.
        """
        started, attempts, said = self.clock(), 0, SAID_AFTER
        limit = self.seconds if known else min(self.seconds, self.seconds_at_first)
        while True:
            attempts += 1
            try:
                return do()
            except Exception as error:
                if not may_pass(error):
                    raise
                waited, pause = self.clock() - started, self._pause(attempts)
                if waited + pause > limit:
                    raise GaveUp(attempts, waited) from error
                if waited >= said:
                    logger.warning("Cannot %s for %s now; it is tried for %s.", what, duration(waited), duration(limit))
                    said = waited + SAID_AGAIN_AFTER
            self.sleep(pause)

    def _pause(self, attempts: int) -> float:
        longest: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 10))
        return longest * (1 - self.chance() / 2)


def duration(seconds: float) -> str:
    """As people say it: ``0.3 s``, ``41 s``, ``5 min 2 s``."""
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def times(count: int) -> str:
    """``1 try``, ``27 tries``."""
    return "1 try" if count == 1 else f"{count} tries"
