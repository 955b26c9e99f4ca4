"""Spans of time, each by something else: the origin of a flight, a market, a sensor. Here keys are made, and taken apart.

A key is written as Dagster writes those of two dimensions: the values, joined by ``|``, in the alphabetical order of the
dimensions' names. The dimensions are the time's, such as ``month``, and ``by``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from ml_assets.errors import InvalidProblem, UsageError
from ml_assets.partitions.calendar import Daily, Hourly, Monthly, Weekly
from ml_assets.partitions.kind import ANYTHING, PARTITION, Kind, Partition, no_partition, some
from ml_assets.partitions.lists import odd_keys

BETWEEN = "|"
NOT_IN_VALUES = "|,[]/"  # Dagster takes none of the first four; a name of a file, no slash
LONGEST_VALUE_BYTES = 60  # a day beside it, the store's keys can hold it


@dataclass(frozen=True)
class Grid(Kind):
    """Every month (week, day, hour) by every value: ``Grid(Monthly("2013-01"), by="origin", values=("EWR", "JFK"))``.

    Each value is a line of its own through time: windows, the datasets before, the champion and the age of its models are
    those of that value alone. A partition is written ``2013-05|EWR``.

    Attributes:
        by: what the values are, an identifier: ``Partition.values`` and the names of files call it so.
    """

    in_time: ClassVar[bool] = True

    time: Monthly | Weekly | Daily | Hourly
    by: str
    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.by.isidentifier() or self.by in (PARTITION, self.time.name):
            raise InvalidProblem(f"Grid(by={self.by!r}) needs another name, one such as origin, not {self.time.name}.")
        if odd := odd_keys(self.values, LONGEST_VALUE_BYTES, NOT_IN_VALUES):
            raise InvalidProblem(
                f"Grid values {odd} cannot be. Give a tuple of at least one value, each once, of 1 to {LONGEST_VALUE_BYTES} "
                f"bytes that can be printed, without '..', without any of {NOT_IN_VALUES} and without spaces around it."
            )

    @property
    def block(self) -> str:
        """See ``Kind``."""
        return self.time.block

    @property
    def clock(self) -> str:
        """See ``Kind``."""
        return self.time.clock

    @property
    def line_name(self) -> str:
        """See ``Kind``."""
        return self.by

    @property
    def dimensions(self) -> tuple[str, str]:
        """The names of time and of the values, in the order of keys."""
        first, second = sorted((self.time.name, self.by))
        return first, second

    def key(self, at: str, value: str) -> str:
        """The key of a span of time and a value."""
        parts = {self.time.name: at, self.by: value}
        return BETWEEN.join(parts[name] for name in self.dimensions)

    def parts(self, key: str) -> tuple[str, str]:
        """Its inverse; InvalidProblem if that is no key."""
        found = dict(zip(self.dimensions, key.split(BETWEEN), strict=False))
        if key.count(BETWEEN) != 1:
            raise InvalidProblem(f"Partition {key!r} is not written {self.key(self.time.written, self.by.upper())}.")
        return found[self.time.name], found[self.by]

    def partition(self, key: str) -> Partition:
        """See ``Kind``."""
        at, value = self.parts(key)
        if value not in self.values:
            raise InvalidProblem(f"Partition {key!r} has no {self.by} of {', '.join(self.values)}.")
        span = self.time.partition(at)
        return Partition(key, span.start, span.end, {self.time.name: at, self.by: value})

    def keys(self, until: datetime | None = None) -> list[str]:
        """See ``Kind``."""
        return [self.key(at, value) for at in self.time.keys(until) for value in self.values]

    def has(self, key: str) -> bool:
        """See ``Kind``."""
        return super().has(key) and self.time.has(self.parts(key)[0])

    def is_there(self, key: str, now: datetime) -> bool:
        """See ``Kind``."""
        return self.time.is_there(self.parts(key)[0], now)

    def line(self, key: str) -> str | None:
        """See ``Kind``; a key of another kind, left from before, is in a line of its own."""
        return self.parts(key)[1] if key.count(BETWEEN) == 1 else key

    def lines(self) -> list[str]:
        """See ``Kind``."""
        return list(self.values)

    def window(self, key: str, size: int) -> list[str]:
        """See ``Kind``."""
        at, value = self.parts(self.partition(key).key)
        return [self.key(time, value) for time in self.time.window(at, size)]

    def holding(self, days: float) -> int:
        """See ``Kind``."""
        return self.time.holding(days)

    def days_before(self, time: datetime, days: float) -> datetime:
        """See ``Kind``."""
        return self.time.days_before(time, days)

    def weekday(self, key: str) -> int | None:
        """See ``Kind``."""
        return self.time.weekday(self.parts(key)[0])

    def moment(self, key: str) -> str:
        """See ``Kind``."""
        return self.parts(key)[0]

    def in_order(self, keys: Iterable[str]) -> list[str]:
        """See ``Kind``: by time, whatever stands first in a key."""
        return sorted(keys, key=self.parts)

    @property
    def places(self) -> Mapping[str, str]:
        """See ``Kind``."""
        return {
            PARTITION: ANYTHING,
            self.time.name: self.time.expression,
            self.by: "|".join(map(re.escape, self.values)),
        }

    def named(self, found: Mapping[str, str]) -> list[str]:
        """See ``Kind``: a file of a month alone belongs to all values of it, one of a value alone to all of its months."""
        if PARTITION in found:
            return [found[PARTITION]]
        times = [found[self.time.name]] if self.time.name in found else self.time.keys()
        values = [found[self.by]] if self.by in found else self.values
        return [self.key(at, value) for at in times for value in values]

    def between(self, keys: Sequence[str], first: str | None, last: str | None) -> list[str]:
        """See ``Kind``. An end that is a time stands for all values of it; one that is a key, for its value alone.

        ``2013-01..2013-06`` is half a year of all values, ``2013-01|EWR..2013-06|EWR`` of one, ``2013-01|EWR..`` all of it.
        """
        (begin, one), (end, other) = (self._end(keys, first), self._end(keys, last))
        if one and other and one != other:
            raise UsageError(
                f"{first}..{last} begins in one {self.by} and ends in another. Write {self.key(begin or '', one)}.."
                f"{self.key(end or '', one)} for {one} alone, {begin}..{end} for all."
            )
        within = [(key, *self.parts(key)) for key in keys]
        chosen = [
            key for key, at, value in within if (begin or at) <= at <= (end or at) and (one or other or value) == value
        ]
        return some(chosen, first, last)

    def _end(self, keys: Sequence[str], end: str | None) -> tuple[str | None, str | None]:
        """The span of time and the value that an end of a range names; None where it names none."""
        if end is None:
            return None, None
        if end in keys:
            return self.parts(end)
        if any(self.parts(key)[0] == end for key in keys):
            return end, None
        raise no_partition(end, keys)
