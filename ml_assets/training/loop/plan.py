"""Which rows each step takes, in which pieces, on which rank: functions of the step's number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

from ml_assets.training.loop.loop import Loop


@dataclass(frozen=True)
class Piece:
    """Positions ``low`` … ``high - 1`` of an order of rows.

    Attributes:
        counts: False for the row that a rank without rows works on, only so that it takes part in what all do together.
    """

    low: int
    high: int
    counts: bool = True


@dataclass(frozen=True)
class Plan:
    """The steps of a training.

    Attributes:
        rows: how many there are to fit.
    """

    rows: int
    loop: Loop

    @property
    def per_epoch(self) -> int:
        """Steps of an epoch; the last may have fewer rows."""
        return math.ceil(self.rows / self.loop.batch_rows)

    @property
    def steps(self) -> int:
        """Steps of all epochs."""
        return self.per_epoch * self.loop.epochs

    def bounds(self, step: int) -> tuple[int, int]:
        """First and last-but-one position, in the order of its epoch, of a step's rows."""
        low = step % self.per_epoch * self.loop.batch_rows
        return low, min(low + self.loop.batch_rows, self.rows)


def pieces(low: int, high: int, most: int, rank: int = 0, size: int = 1) -> list[Piece]:
    """A rank's share of the positions ``low`` … ``high - 1``, in at most ``most`` pieces; as many on each rank.

    Ranks take neighbouring positions, so that together they see exactly the rows that one rank would.
    """
    rows = high - low
    first, last = low + rows * rank // size, low + rows * (rank + 1) // size
    if first == last:
        return [Piece(low, low + 1, counts=False)]
    count = max(1, min(most, rows // size))
    cuts = [first + (last - first) * number // count for number in range(count + 1)]
    return [Piece(*ends) for ends in pairwise(cuts)]
