"""Months and days: partitions that follow each other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, tzinfo
from typing import ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ml_assets.errors import InvalidProblem
from ml_assets.partitions.kind import Kind, Partition


@dataclass(frozen=True)
class Calendar(Kind):
    """What months and days have in common: partitions that follow each other, each named by its first day as ``pattern`` says.

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
    def _clock(self) -> tzinfo:
        return UTC if self.zone == "UTC" else ZoneInfo(self.zone)  # the first takes half the time

    @staticmethod
    def next(start: datetime) -> datetime:
        """When the partition that begins at ``start`` ends."""
        raise NotImplementedError

    def begins(self, key: str) -> datetime:
        """When the partition with this key begins, by the clock of its zone; InvalidProblem if it cannot be one."""
        start = _first_day(key, self.pattern)
        if start is None:
            raise InvalidProblem(f"Partition {key!r} is not written {self.written}.")
        return start.replace(tzinfo=self._clock)

    def partition(self, key: str) -> Partition:
        """See ``Kind``."""
        start = self.begins(key)
        return Partition(key, start.astimezone(UTC), self.next(start).astimezone(UTC))

    def keys(self, until: datetime | None = None) -> list[str]:
        """See ``Kind``."""
        at, last = self.begins(self.start), self.begins(self.end) if self.end else None
        ended, ahead = until or datetime.now(UTC), self.ahead
        keys: list[str] = []
        while last is None or self.next(at) <= last:
            if self.next(at) > ended:
                if not ahead:
                    break
                ahead -= 1
            keys.append(at.strftime(self.pattern))
            at = self.next(at)
        return keys

    def has(self, key: str) -> bool:
        """See ``Kind``."""
        return super().has(key) and self.start <= key and (self.end is None or key < self.end)

    def days_before(self, time: datetime, days: int) -> datetime:
        """See ``Kind``: by the clock of the zone, on which a day may have 23 or 25 hours."""
        return (time.astimezone(self._clock) - timedelta(days=days)).astimezone(UTC)

    def line(self, key: str) -> str | None:
        """See ``Kind``."""
        return None

    def lines(self) -> list[str]:
        """See ``Kind``."""
        return []

    def window(self, key: str, size: int) -> list[str]:
        """See ``Kind``."""
        first, at, keys = self.begins(self.start), self.begins(key), list[str]()
        while at >= first and len(keys) < size:
            keys.append(at.strftime(self.pattern))
            at = self.begins((at - timedelta(days=1)).strftime(self.pattern))
        return keys[::-1]


@dataclass(frozen=True)
class Monthly(Calendar):
    """Calendar months ``start`` (included) to ``end`` (excluded), each written ``YYYY-MM``; without ``end``, until now."""

    name: ClassVar[str] = "month"
    pattern: ClassVar[str] = "%Y-%m"
    written: ClassVar[str] = "YYYY-MM"
    expression: ClassVar[str] = r"\d{4}-\d{2}"

    @staticmethod
    def next(start: datetime) -> datetime:
        """The first of the next month."""
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)


@dataclass(frozen=True)
class Daily(Calendar):
    """Calendar days ``start`` (included) to ``end`` (excluded), each written ``YYYY-MM-DD``; without ``end``, until now."""

    name: ClassVar[str] = "day"
    pattern: ClassVar[str] = "%Y-%m-%d"
    written: ClassVar[str] = "YYYY-MM-DD"
    expression: ClassVar[str] = r"\d{4}-\d{2}-\d{2}"

    @staticmethod
    def next(start: datetime) -> datetime:
        """The next day."""
        return start + timedelta(days=1)

    def weekday(self, key: str) -> int | None:
        """See ``Kind``."""
        return self.begins(key).weekday()


def _first_day(key: str, pattern: str) -> datetime | None:
    """When a partition begins; None if its key is not written so."""
    try:
        start = datetime.strptime(key, pattern)
    except ValueError:
        return None
    # One partition, one key: strptime takes 2013-1 too. And each must begin and end, in UTC as well: no time is earlier
    # than the year 1 nor later than the year 9999.
    return start if start.strftime(pattern) == key and MINYEAR < start.year < MAXYEAR else None


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError):  # of a folder of zones, such as America, it is an OSError
        return False
