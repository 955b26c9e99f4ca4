"""Partitions without order in time: a fixed list, or one that grows. Each is a line of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ml_assets.errors import InvalidProblem
from ml_assets.partitions.kind import Kind, Partition

LONGEST_STATIC_KEY_BYTES = 64
_DYNAMIC_KEY = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class Static(Kind):
    """A fixed list of partitions without order in time (regions, customers): each is a world with a champion of its own."""

    partition_keys: tuple[str, ...]

    def __post_init__(self) -> None:
        keys = self.partition_keys
        if odd := odd_keys(keys, LONGEST_STATIC_KEY_BYTES):
            raise InvalidProblem(
                f"Static partitions {odd} cannot be. Give a tuple of at least one key, each once, of 1 to "
                f"{LONGEST_STATIC_KEY_BYTES} bytes that can be printed, without '..' and without spaces around it."
            )

    def partition(self, key: str) -> Partition:
        """See ``Kind``."""
        if key not in self.partition_keys:
            raise InvalidProblem(f"Partition {key!r} is not one of {', '.join(self.partition_keys)}.")
        return Partition(key)

    def keys(self, until: datetime | None = None) -> list[str]:
        """See ``Kind``."""
        return list(self.partition_keys)


@dataclass(frozen=True)
class Dynamic(Kind):
    """Partitions that appear as their files land (new shops, new customers): like ``Static``, with a list that grows.

    A key is the part of a landed file's name that ``{partition}`` stands for in ``Problem.files``.

    None comes before another, although they arrive one after the other. Dagster maps a partition to those before it only where
    partitions are spans of time: a mapping of our own is not sent to its daemon, so that what a window holds would be made
    again unseen. And a batch that arrives late would change the windows after it, or its key would lie about its place.
    Batches that are learnt from in order are cut by their time, see ``calendar.py``.
    """

    def partition(self, key: str) -> Partition:
        """See ``Kind``."""
        if not _DYNAMIC_KEY.fullmatch(key):
            raise InvalidProblem(
                f"Partition {key!r} cannot be one: write it with letters, digits, '.', '_' and '-', without '..', beginning "
                "with a letter or digit, at most 100 of them. Rename the file that it comes from."
            )
        return Partition(key)

    def keys(self, until: datetime | None = None) -> list[str]:
        """None: which there are, Dagster's instance and the store know."""
        return []


def odd_keys(keys: Sequence[str], longest: int, without: str = "") -> object:
    """What of a list cannot be, nothing if all can: Dagster, a range A..B and the store's keys must be able to hold each.

    Args:
        longest: in bytes; in the store's keys a byte takes up to three.
        without: characters that none may have.
    """
    if isinstance(keys, str) or not keys or len(set(keys)) < len(keys):
        return keys or "()"
    return [key for key in keys if not _is_key(key, longest) or set(without) & set(key)]


def _is_key(key: str, longest: int) -> bool:
    return key.isprintable() and key == key.strip() != "" and ".." not in key and _bytes(key) <= longest


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))
