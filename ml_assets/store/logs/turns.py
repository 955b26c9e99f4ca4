"""Who goes first where many move one ref at once: whoever has lost most often.

    lost once or twice ── pause, long ──▶ look, try ── lost again ── pause, shorter ──▶ look, try ── … ── no pause ──▶ try

A loser is told who won, so it could try again at once. If all do, a few are always quicker (those whose server, network or
processor is), and somebody loses a hundred times in a row. So who has lost little gives way: it pauses at random, for up to a
few times as long as a try takes, and less with every race that it loses. Who has lost often does not pause, and every other
time does not even look. And who has just won after a race pauses before it asks for the next turn. Nobody waits where nobody
races.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

AGED = 6  # races lost, after which nobody is given way to
WIDTH = 4.0  # of the first pause, in tries
LONGEST = 5.0  # seconds


@dataclass(frozen=True)
class Turns:
    """How long to give way.

    Attributes:
        clock: seconds that only grow.
        sleep: waits for so many seconds.
        chance: a random number from 0 to 1.
    """

    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = random.random

    def give_way(self, lost: int, seconds: float) -> bool:
        """Pause if others may have waited longer; whether it paused, so that more may have happened.

        Args:
            lost: races so far.
            seconds: that a try takes.
        """
        pause = min(LONGEST, seconds * WIDTH * max(0.0, 1 - lost / AGED)) * self.chance()
        if pause:
            self.sleep(pause)
        return pause > 0
