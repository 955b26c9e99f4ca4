"""Months, weeks, days and hours: partitions that follow each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise, takewhile
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ml_assets.errors import InvalidProblem
from ml_assets.partitions.kind import Kind, Partition

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOUR = timedelta(hours=1)
OFFSET = "%z"  # from UTC, after what the clock shows: -0500
LAST_LISTED_YEAR = 2037  # of the time zone database; after it the last rules hold for ever


@dataclass(frozen=True)
class Calendar(Kind):
    """What they have in common: partitions that follow each other, each named by when it begins as ``pattern`` says.

    Attributes:
        ahead: how many more there are that have not ended: 1 for the present one, 2 for the next one too. Their rows have
            no outcome yet and are predicted; training waits until it lands.
        zone: by whose clock they begin and end, as the IANA time zone database calls it: ``America/New_York``. What a
            partition covers is given in UTC all the same.
    """

    in_time: ClassVar[bool] = True
    name: ClassVar[str]  # of one of them
    pattern: ClassVar[str]
    written: ClassVar[str]  # the pattern as people write it
    expression: ClassVar[str]  # and as a regular expression
    fewest_days: ClassVar[float]  # that one of them has

    start: str
    end: str | None = None
    ahead: int = 0
    zone: str = "UTC"

    def __post_init__(self) -> None:
        if not _is_zone(self.zone):
            raise InvalidProblem(
                f"{self}: there is no time zone {self.zone!r}. Give a name of the IANA time zone database, such as UTC or "
                "America/New_York."
            )
        for key in filter(None, (self.start, self.end)):
            self.partition(key)
        if self.ahead < 0:
            raise InvalidProblem(f"{self}: ahead counts partitions that have not ended; give 0 or more.")

    @property
    def clock(self) -> str:
        """See ``Kind``."""
        return self.zone

    @property
    def _clock(self) -> tzinfo:
        return UTC if self.zone == "UTC" else ZoneInfo(self.zone)  # the first takes half the time

    def after(self, start: datetime, count: int = 1) -> datetime:
        """When the partition begins that comes so many after the one that begins at ``start``, or before it: -1."""
        raise NotImplementedError

    def key(self, start: datetime) -> str:
        """The key of the partition that begins then, by the clock of the zone."""
        return start.strftime(self.pattern)

    def begins(self, key: str) -> datetime:
        """When the partition with this key begins, by the clock of its zone; InvalidProblem if it cannot be one."""
        start = _read(key, self.pattern)
        if start is None:
            raise InvalidProblem(f"Partition {key!r} is not written {self.written}.")
        return start.replace(tzinfo=self._clock)

    def partition(self, key: str) -> Partition:
        """See ``Kind``."""
        start = self.begins(key)
        return Partition(key, start.astimezone(UTC), self.after(start).astimezone(UTC))

    def keys(self, until: datetime | None = None) -> list[str]:
        """See ``Kind``."""
        last = self.begins(self.end).timestamp() if self.end else math.inf
        ended, ahead, keys = (until or datetime.now(UTC)).timestamp(), self.ahead, list[str]()
        for key, ends in takewhile(lambda one: one[1] <= last, self._from_the_first()):
            if ends > ended:
                if not ahead:
                    break
                ahead -= 1
            keys.append(key)
        return keys

    def _from_the_first(self) -> Iterator[tuple[str, float]]:
        """The key of each partition, and when it ends: as a timestamp, for clocks that are put back show a time twice."""
        at = self.begins(self.start)
        while True:
            key, at = self.key(at), self.after(at)
            yield key, at.timestamp()

    def has(self, key: str) -> bool:
        """See ``Kind``."""
        return super().has(key) and self.start <= key and (self.end is None or key < self.end)

    def is_there(self, key: str, now: datetime) -> bool:
        """See ``Kind``: as many as are ahead may still go on, the one before them has ended."""
        last = self.window(key, self.ahead + 1)
        return len(last) <= self.ahead or self.after(self.begins(last[0])) <= now

    def holding(self, days: float) -> int:
        """See ``Kind``."""
        return math.ceil(days / self.fewest_days)

    def days_before(self, time: datetime, days: float) -> datetime:
        """See ``Kind``: whole days by the clock of the zone, on which one may have 23 or 25 hours, then hours that go by."""
        whole = int(days)
        same_time = time.astimezone(self._clock) - timedelta(days=whole)
        return same_time.astimezone(UTC) - timedelta(days=days - whole)

    def line(self, key: str) -> str | None:
        """See ``Kind``."""
        return None

    def lines(self) -> list[str]:
        """See ``Kind``."""
        return []

    def window(self, key: str, size: int) -> list[str]:
        """See ``Kind``."""
        first, at, keys = self.begins(self.start).timestamp(), self.begins(key), list[str]()
        while at.timestamp() >= first and len(keys) < size:
            keys.append(self.key(at))
            at = self.after(at, -1)
        return keys[::-1]


@dataclass(frozen=True)
class Monthly(Calendar):
    """Calendar months ``start`` (included) to ``end`` (excluded), each written ``YYYY-MM``; without ``end``, until now."""

    name: ClassVar[str] = "month"
    pattern: ClassVar[str] = "%Y-%m"
    written: ClassVar[str] = "YYYY-MM"
    expression: ClassVar[str] = r"\d{4}-\d{2}"
    fewest_days: ClassVar[float] = 28

    def after(self, start: datetime, count: int = 1) -> datetime:
        """See ``Calendar``."""
        months = start.year * 12 + start.month - 1 + count
        return start.replace(year=months // 12, month=months % 12 + 1)


@dataclass(frozen=True)
class Weekly(Calendar):
    """Weeks ``start`` (included) to ``end`` (excluded), each written as its first day; without ``end``, until now.

    Attributes:
        begins_on: the day on which they begin: ``monday``, as ISO 8601 has it, ``sunday``, ….
    """

    name: ClassVar[str] = "week"
    pattern: ClassVar[str] = "%Y-%m-%d"
    written: ClassVar[str] = "YYYY-MM-DD"
    expression: ClassVar[str] = r"\d{4}-\d{2}-\d{2}"
    fewest_days: ClassVar[float] = 7

    begins_on: str = "monday"

    def __post_init__(self) -> None:
        if self.begins_on not in WEEKDAYS:
            raise InvalidProblem(
                f"{self}: {self.begins_on!r} is no day of the week. Give one of {', '.join(WEEKDAYS)}."
            )
        super().__post_init__()

    def after(self, start: datetime, count: int = 1) -> datetime:
        """See ``Calendar``."""
        return start + timedelta(weeks=count)

    def begins(self, key: str) -> datetime:
        """See ``Calendar``."""
        start = super().begins(key)
        if (late := (start.weekday() - WEEKDAYS.index(self.begins_on)) % 7) != 0:
            raise InvalidProblem(
                f"Partition {key!r} is no week: it begins on a {WEEKDAYS[start.weekday()].capitalize()}, not on a "
                f"{self.begins_on.capitalize()}. Write {self.key(start - timedelta(days=late))}, or say begins_on."
            )
        return start


@dataclass(frozen=True)
class Daily(Calendar):
    """Calendar days ``start`` (included) to ``end`` (excluded), each written ``YYYY-MM-DD``; without ``end``, until now."""

    name: ClassVar[str] = "day"
    pattern: ClassVar[str] = "%Y-%m-%d"
    written: ClassVar[str] = "YYYY-MM-DD"
    expression: ClassVar[str] = r"\d{4}-\d{2}-\d{2}"
    fewest_days: ClassVar[float] = 1

    def after(self, start: datetime, count: int = 1) -> datetime:
        """See ``Calendar``."""
        return start + timedelta(days=count)

    def weekday(self, key: str) -> int | None:
        """See ``Kind``."""
        return self.begins(key).weekday()


@dataclass(frozen=True)
class Hourly(Calendar):
    """Hours ``start`` (included) to ``end`` (excluded), each written ``YYYY-MM-DDTHH``; without ``end``, until now.

    Where a clock is put forward an hour does not occur, and there is no partition of it. Where it is put back an hour occurs
    twice: the second time it is written with its offset, ``2024-11-03T01-0500``, as Dagster does it. Each has 60 minutes.
    """

    name: ClassVar[str] = "hour"
    pattern: ClassVar[str] = "%Y-%m-%dT%H"
    written: ClassVar[str] = "YYYY-MM-DDTHH"
    expression: ClassVar[str] = r"\d{4}-\d{2}-\d{2}T\d{2}(?:[+-]\d{4})?"
    fewest_days: ClassVar[float] = 1 / 24

    @property
    def block(self) -> str:
        """See ``Kind``."""
        return "hour"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not _has_whole_hours(self.zone, self.begins(self.start).year):
            raise InvalidProblem(
                f"{self}: in {self.zone} the clock is put forward or back by other than a whole hour, or back by more than one. "
                "Hours cannot be told from each other there by what a clock shows. Leave zone out: hours of UTC are the same "
                "everywhere."
            )

    def holding(self, days: float) -> int:
        """See ``Kind``: a day may have 25 hours."""
        return super().holding(days) + 1

    def after(self, start: datetime, count: int = 1) -> datetime:
        """See ``Calendar``: so many hours go by, whatever the clock shows."""
        return (start.astimezone(UTC) + timedelta(hours=count)).astimezone(self._clock)

    def key(self, start: datetime) -> str:
        """See ``Calendar``."""
        is_second = start.fold and start.utcoffset() != start.replace(fold=0).utcoffset()
        return start.strftime(f"{self.pattern}{OFFSET}" if is_second else self.pattern)

    def begins(self, key: str) -> datetime:
        """See ``Calendar``."""
        again = _read(key, self.pattern + OFFSET)
        start = self.after(again or super().begins(key), 0)
        if self.key(start) != key:
            raise InvalidProblem(
                f"Partition {key!r} is no hour by the clock of {self.zone}. Write {self.key(start)} for what is meant."
            )
        return start


def _read(key: str, pattern: str) -> datetime | None:
    """When a partition begins; None if its key is not written so."""
    try:
        start = datetime.strptime(key, pattern)
    except ValueError:
        return None
    # One partition, one key: strptime takes 2013-1 too. And each must begin and end, in UTC as well: no time is earlier
    # than the year 1 nor later than the year 9999.
    return start if start.strftime(pattern) == key and MINYEAR < start.year < MAXYEAR else None


@lru_cache
def _has_whole_hours(zone: str, since: int) -> bool:
    """Whether what a clock shows tells hours apart and in order, from a year on: they are never repeated by halves or by twos."""
    until = min(max(since, LAST_LISTED_YEAR) + 2, MAXYEAR)
    begin, end = datetime(since - 1, 12, 31, tzinfo=UTC), datetime(until, 1, 1, tzinfo=UTC)
    days = ((begin + timedelta(days=n)).astimezone(ZoneInfo(zone)) for n in range((end - begin).days))
    offsets = [day.utcoffset() or timedelta() for day in days]
    changes = {new - old for old, new in pairwise(offsets)}
    return all(not change % HOUR and change >= -HOUR for change in changes)


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # of a folder of zones, such as America, it is an OSError
        return False
