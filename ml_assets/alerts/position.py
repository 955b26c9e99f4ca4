"""How far a log was read whose entries are numbered in order, but may be written late.

Number 11 can become visible after 12. So everything after ``number`` is read again, what is in ``seen`` is skipped, and the
number follows only past what is two minutes old.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SETTLED_SECONDS = 120  # nobody writes an entry that late


@dataclass(frozen=True)
class Position:
    """How far it was read.

    Attributes:
        number: everything up to this number was read.
        seen: numbers after it that were read too, and when they happened, in seconds since 1970.
    """

    number: int = 0
    seen: Mapping[int, float] = field(default_factory=dict)

    def after(self, read: Mapping[int, float], now: float, unread: int | None = None) -> Position:
        """With these read too; ``unread`` is the number of the first one that was left for the next look."""
        seen, number = {**self.seen, **read}, self.number
        for entry, at in sorted(seen.items()):
            if (unread is not None and entry >= unread) or at > now - SETTLED_SECONDS:
                break
            number = entry
        return Position(number, {entry: at for entry, at in seen.items() if entry > number})
