"""What a benchmark says: ours beside a named alternative, measured in turns, so that the ratio holds on any machine."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """One row of the table; seconds of CPU, or of the clock where waiting is the point; one per round.

    Attributes:
        at_most: the largest ratio of medians that we claim.
    """

    ours: str
    theirs: str
    our_seconds: list[float]
    their_seconds: list[float]
    at_most: float

    @property
    def ratio(self) -> float:
        return statistics.median(self.our_seconds) / statistics.median(self.their_seconds)

    @property
    def holds(self) -> bool:
        return self.ratio <= self.at_most


def in_turns(
    measure_ours: Callable[[], float], measure_theirs: Callable[[], float], rounds: int
) -> tuple[list[float], list[float]]:
    """Measure both alternately: what slows the machine down for a while slows both."""
    pairs = [(measure_ours(), measure_theirs()) for _ in range(rounds)]
    return [ours for ours, _ in pairs], [theirs for _, theirs in pairs]
