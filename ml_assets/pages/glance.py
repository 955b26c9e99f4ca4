"""A store's backend as one page sees it. An object store answers in tens of milliseconds, and a page has hundreds of questions.

What never changes (entries of refs) is read once and kept for all pages. What may change (which entries and versions there
are) is listed once per page, a problem or all versions at a time, and the newest entries are read beside each other.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from ml_assets.errors import Refused
from ml_assets.lineage.reading import beside
from ml_assets.promotion.ledger import LEDGER
from ml_assets.store import Backend, Entry

REMEMBERED = 65_536  # entries of some 500 bytes
LISTED_AT = {"refs": 3, "versions": 1}  # parts of a key: refs/<branch>/<problem>, versions; docs/STORE.md
Keys = list[str]


class Memory:
    """What was read of a backend and never changes. Safe to use from many threads."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self._existing = lru_cache(maxsize=REMEMBERED)(self._read)

    def get(self, key: str) -> bytes | None:
        """The bytes; None, and asked again the next time, if there are none."""
        try:
            return self._existing(key)
        except KeyError:
            return None

    def _read(self, key: str) -> bytes:
        data = self.backend.get(key)
        if data is None:
            raise KeyError(key)
        return data


class Glance:
    """A backend for as long as a page is made; it cannot be written to."""

    def __init__(self, memory: Memory) -> None:
        self.url = memory.backend.url
        self._memory = memory
        self._listed: dict[str, Keys] = {}

    def get(self, key: str) -> bytes | None:
        """See ``Backend``."""
        return self._memory.get(key) if key.startswith("refs/") else self._memory.backend.get(key)

    def stream(self, key: str) -> Iterator[bytes] | None:
        """See ``Backend``."""
        return self._memory.backend.stream(key)

    def list(self, folder: str, after: str | None = None) -> Keys:
        """See ``Backend``."""
        parts = folder.split("/")
        names = self._below("/".join(parts[: LISTED_AT.get(parts[0])]))
        start, end = bisect_left(names, f"{folder}/"), bisect_left(names, f"{folder}0")  # 0 sorts right after /
        return names[max(start, bisect_right(names, after or "")) : end]

    def entry(self, key: str) -> Entry | None:
        """See ``Backend``."""
        return self._memory.backend.entry(key)

    def within(self, seconds: float) -> Glance:
        """See ``Backend``; whoever serves pages has said how long they may take."""
        return self

    def put_new(self, key: str, data: bytes) -> bool:
        """See ``Backend``."""
        raise Refused(f"{self.url}/{key} was not written: pages only read.")

    def put_file(self, key: str, path: Path) -> None:
        """See ``Backend``."""
        raise Refused(f"{self.url}/{key} was not written: pages only read.")

    def delete(self, key: str) -> None:
        """See ``Backend``."""
        raise Refused(f"{self.url}/{key} was not deleted: pages only read.")

    def _below(self, folder: str) -> Keys:
        if folder not in self._listed:
            self._listed[folder] = self._memory.backend.list(folder)
            self._read_ahead(self._listed[folder] if folder.startswith("refs/") else [])
        return self._listed[folder]

    def _read_ahead(self, entries: Keys) -> None:
        """The newest entry of each ref, and all of the ledger: what pages show."""
        newest = {entry.rpartition("/")[0]: entry for entry in entries}
        moves = [entry for entry in entries if f"/{LEDGER}/" in entry]
        beside(self._memory.get, {*newest.values(), *moves})
