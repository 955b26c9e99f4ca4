"""How a problem's data is cut: months, days, a fixed list, or a list that grows as files land.

To be imported from ``ml_assets.problem``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import ClassVar

from ml_assets.errors import InvalidProblem

LONGEST_STATIC_KEY_BYTES = 64
_DYNAMIC_KEY = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Partition:
    """One partition of a problem's data: its key and, for calendar partitions, the half-open time span it covers (UTC)."""

    key: str
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Calendar:
    """What months and days have in common: partitions that follow each other, each named by its first day as ``pattern`` says.

    Attributes:
        ahead: how many more there are that have not ended: 1 for the present one, 2 for the next one too. Their rows have
            no outcome yet and are predicted; training waits until it lands.
    """

    pattern: ClassVar[str]
    written: ClassVar[str]  # the pattern as people write it

    start: str
    end: str | None = None
    ahead: int = 0

    def __post_init__(self) -> None:
        for key in filter(None, (self.start, self.end)):
            self.partition(key)
        if self.ahead < 0:
            raise InvalidProblem(f"{self}: ahead counts partitions that have not ended; give 0 or more.")

    @staticmethod
    def next(start: datetime) -> datetime:
        """When the partition that begins at ``start`` ends."""
        raise NotImplementedError

    def partition(self, key: str) -> Partition:
        """The partition with this key; InvalidProblem if it cannot be one."""
        start = _first_day(key, self.pattern)
        if start is None:
            raise InvalidProblem(f"Partition {key!r} is not written {self.written}.")
        return Partition(key, start, self.next(start))

    def keys(self, until: datetime | None = None) -> list[str]:
        """All partitions in order; of calendar partitions those that have ended by ``until``, and ``ahead`` more."""
        at = self.partition(self.start).start
        last = self.partition(self.end).start if self.end else None
        ended, ahead = until or datetime.now(UTC), self.ahead
        keys: list[str] = []
        while at is not None and (last is None or self.next(at) <= last):
            if self.next(at) > ended:
                if not ahead:
                    break
                ahead -= 1
            keys.append(at.strftime(self.pattern))
            at = self.next(at)
        return keys


@dataclass(frozen=True)
class Monthly(Calendar):
    """Calendar months ``start`` (included) to ``end`` (excluded), each written ``YYYY-MM``; without ``end``, until now."""

    pattern: ClassVar[str] = "%Y-%m"
    written: ClassVar[str] = "YYYY-MM"

    @staticmethod
    def next(start: datetime) -> datetime:
        """The first of the next month."""
        return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)


@dataclass(frozen=True)
class Daily(Calendar):
    """Calendar days ``start`` (included) to ``end`` (excluded), each written ``YYYY-MM-DD``; without ``end``, until now."""

    pattern: ClassVar[str] = "%Y-%m-%d"
    written: ClassVar[str] = "YYYY-MM-DD"

    @staticmethod
    def next(start: datetime) -> datetime:
        """The next day."""
        return start + timedelta(days=1)


@dataclass(frozen=True)
class Static:
    """A fixed list of partitions without order in time (regions, customers): each is a world with a champion of its own."""

    partition_keys: tuple[str, ...]

    def __post_init__(self) -> None:
        keys = self.partition_keys
        odd = [key for key in keys if not _is_static_key(key)]
        if isinstance(keys, str) or odd or not keys or len(set(keys)) < len(keys):
            raise InvalidProblem(
                f"Static partitions {odd or keys} cannot be. Give a tuple of at least one key, each once, of 1 to "
                f"{LONGEST_STATIC_KEY_BYTES} bytes that can be printed, without '..' and without spaces around it."
            )

    def partition(self, key: str) -> Partition:
        """The partition with this key; InvalidProblem if it cannot be one."""
        if key not in self.partition_keys:
            raise InvalidProblem(f"Partition {key!r} is not one of {', '.join(self.partition_keys)}.")
        return Partition(key)

    def keys(self, until: datetime | None = None) -> list[str]:
        """All partitions in order; of calendar partitions those that have ended by ``until``, and ``ahead`` more."""
        return list(self.partition_keys)


@dataclass(frozen=True)
class Dynamic:
    """Partitions that appear as their files land (new shops, new customers): like ``Static``, with a list that grows.

    A key is the part of a landed file's name that ``{partition}`` stands for in ``Problem.files``.
    """

    def partition(self, key: str) -> Partition:
        """The partition with this key; InvalidProblem if it cannot be one."""
        if not _DYNAMIC_KEY.fullmatch(key):
            raise InvalidProblem(
                f"Partition {key!r} cannot be one: write it with letters, digits, '.', '_' and '-', without '..', beginning "
                "with a letter or digit, at most 100 of them. Rename the file that it comes from."
            )
        return Partition(key)

    def keys(self, until: datetime | None = None) -> list[str]:
        """None: which there are, Dagster's instance and the store know."""
        return []


Partitions = Monthly | Daily | Static | Dynamic


def is_calendar(partitions: Partitions) -> bool:
    """Whether partitions follow each other in time, so that there is a previous one and a next one."""
    return isinstance(partitions, (Monthly, Daily))


def window_keys(partitions: Partitions, key: str, size: int) -> list[str]:
    """The ``size`` partitions that end with ``key``, oldest first; fewer where the problem's first partition cuts them."""
    partition = partitions.partition(key)
    if not isinstance(partitions, (Monthly, Daily)):
        return [partition.key]
    first, at, keys = partitions.partition(partitions.start).start, partition.start, list[str]()
    while first is not None and at is not None and at >= first and len(keys) < size:
        keys.append(at.strftime(partitions.pattern))
        at = partitions.partition((at - timedelta(days=1)).strftime(partitions.pattern)).start
    return keys[::-1]


def _first_day(key: str, pattern: str) -> datetime | None:
    """When a partition begins; None if its key is not written so."""
    try:
        start = datetime.strptime(key, pattern).replace(tzinfo=UTC)
    except ValueError:
        return None
    # One partition, one key: strptime takes 2013-1 too. And each must end: no time is later than the year 9999.
    return start if start.strftime(pattern) == key and start.year < MAXYEAR else None


def _is_static_key(key: str) -> bool:
    """Whether Dagster, a range A..B and the store's keys can hold it (there a byte takes up to three)."""
    return (
        key.isprintable() and key == key.strip() != "" and ".." not in key and _bytes(key) <= LONGEST_STATIC_KEY_BYTES
    )


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))
