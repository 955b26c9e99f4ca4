"""What is asked of every kind of partitions, answered for those without order in time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from ml_assets.errors import InvalidProblem, UsageError

FEW = 3  # are named one by one
PARTITION = "partition"  # the place of a whole key in the name of a file
ANYTHING = "[^/]+"


@dataclass(frozen=True)
class Partition:
    """One partition of a problem's data: its key and, where there is time, the half-open span that it covers (UTC).

    Attributes:
        values: what it is of, where it is of two things, as in ``{"month": "2013-05", "origin": "EWR"}``; else empty.
    """

    key: str
    start: datetime | None = None
    end: datetime | None = None
    values: Mapping[str, str] = field(default_factory=dict, hash=False)


class Kind:
    """How data is cut. Every partition belongs to one *line*: what shares a champion and, where there is time, follows in it.

    Attributes:
        in_time: whether the partitions of a line follow each other, so that there is a previous one and a next one.
    """

    in_time: ClassVar[bool] = False

    @property
    def block(self) -> str:
        """The span of time whose rows are not independent of each other: a ``day``, or an ``hour`` where partitions are those."""
        return "day"

    @property
    def clock(self) -> str:
        """The time zone by whose clock days are told apart."""
        return "UTC"

    @property
    def line_name(self) -> str:
        """What a line is called, where there are several."""
        return PARTITION

    def partition(self, key: str) -> Partition:
        """The partition with this key; InvalidProblem if it cannot be one."""
        raise NotImplementedError

    def keys(self, until: datetime | None = None) -> list[str]:
        """All partitions in order; where there is time those that have ended by ``until`` (now), and those wanted ahead."""
        raise NotImplementedError

    def has(self, key: str) -> bool:
        """Whether this is a partition, or will be one."""
        try:
            return self.partition(key).key == key
        except InvalidProblem:
            return False

    def is_there(self, key: str, now: datetime) -> bool:
        """Whether a partition is among ``keys`` by now: where there is time it has ended, or is wanted ahead."""
        return True

    def line(self, key: str) -> str | None:
        """The line that a partition belongs to; None where there is only one. Asked of any key that a store may hold."""
        return key

    def lines(self) -> list[str]:
        """All lines, as far as they are known beforehand; none where there is only one."""
        return self.keys()

    def window(self, key: str, size: int) -> list[str]:
        """The ``size`` partitions of its line that end with ``key``, oldest first; fewer where the first one cuts them."""
        return [self.partition(key).key]

    def previous(self, key: str) -> str | None:
        """The partition before it in its line; None if it is the first."""
        return next(iter(self.window(key, 2)[:-1]), None)

    def holding(self, days: float) -> int:
        """How many partitions of a line the days before the end of one take up at most."""
        return 1

    def days_before(self, time: datetime, days: float) -> datetime:
        """So many days before a time, by the clock that cuts the partitions (UTC)."""
        return time - timedelta(days=days)

    def weekday(self, key: str) -> int | None:
        """Which day of the week a partition is, 0 for Monday; None where it is no day."""
        return None

    def moment(self, key: str) -> str:
        """Where a partition stands in its line: its month, week, day or hour."""
        return key

    def in_order(self, keys: Iterable[str]) -> list[str]:
        """Partitions in the order in which they are made: no line's later one before an earlier one."""
        return sorted(keys)

    # ------------------------------------------------------------ names of files

    @property
    def places(self) -> Mapping[str, str]:
        """What may stand in braces in the name of a file -> a regular expression of what takes its place."""
        return {PARTITION: ANYTHING}

    def named(self, found: Mapping[str, str]) -> list[str]:
        """The partitions that a file belongs to, given what its name has in which places."""
        return [found[PARTITION]]

    def in_places(self, key: str) -> dict[str, str]:
        """What the names of a partition's files have in which places."""
        return {PARTITION: key, **self.partition(key).values}

    # ------------------------------------------------------------ ranges

    def between(self, keys: Sequence[str], first: str | None, last: str | None) -> list[str]:
        """Of ``keys`` (those that there are, in order) the ones from first to last; None where it is the end.

        Raises:
            UsageError: if there is no such partition, or none between them.
        """
        for key in (first, last):
            if key is not None and key not in keys:
                raise no_partition(key, keys)
        chosen = keys[keys.index(first) if first else 0 : keys.index(last) + 1 if last else None]
        return some(chosen, first, last)


def no_partition(key: str, keys: Sequence[str]) -> UsageError:
    """That there is no such partition, and which there are."""
    if len(keys) < FEW:
        known = f"There {'are' if len(keys) > 1 else 'is'} {', '.join(keys)}." if keys else "There are none yet."
    else:
        known = f"There are {len(keys)}, from {keys[0]} to {keys[-1]}."
    return UsageError(f"There is no partition {key!r}. {known}")


def some(chosen: Sequence[str], first: str | None, last: str | None) -> list[str]:
    """The chosen ones, unless there are none."""
    if not chosen and first is None and last is None:
        raise UsageError("There are no partitions yet.")
    if not chosen:
        raise UsageError(f"{last} comes before {first}. Write the earlier partition first.")
    return list(chosen)
