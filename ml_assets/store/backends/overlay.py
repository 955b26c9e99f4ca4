"""A store on top of another one: it reads what the other holds and writes nothing there.

Immutable things (blobs, manifests, environments, code, sources) are found in either; what moves or is remembered (refs, runs,
computations, traces) is its own alone, so that it can name other versions than the store below does. One that shares refs begins
with what the store below names, and goes on from there by itself. See also upstream.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from ml_assets.store.backends.backend import Backend
from ml_assets.store.backends.listing import LAST, Entry, first
from ml_assets.store.keys import ref_folder
from ml_assets.store.logs.log_folder import is_mark

SHARED, REFS = ("blobs", "versions", "environments", "code", "sources", "collections", "trash"), "refs"
T = TypeVar("T")


class Overlay:
    """A backend: reads fall through to ``base`` where it holds what never changes; all writes go to ``own``.

    Args:
        shares_refs: reads of refs fall through, too.
    """

    def __init__(self, base: Backend, own: Backend, *, shares_refs: bool = False) -> None:
        self.base, self.own, self.url = base, own, own.url
        self._shared: Sequence[str] = (*SHARED, REFS) if shares_refs else SHARED

    def put_new(self, key: str, data: bytes) -> bool:
        """See ``Backend``; what ``base`` has is created here too."""
        return self.own.put_new(key, data)

    def put_file(self, key: str, source: bytes | Path) -> None:
        """See ``Backend``."""
        self.own.put_file(key, source)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        """See ``Backend``."""
        return self._first(key, lambda place: place.get(key, most))

    def stream(self, key: str) -> Iterator[bytes | memoryview] | None:
        """See ``Backend``."""
        return self._first(key, lambda place: place.stream(key))

    def part(self, key: str, start: int, stop: int) -> bytes | None:
        """See ``Backend``."""
        return self._first(key, lambda place: place.part(key, start, stop))

    def list(self, folder: str, after: str | None = None) -> list[str]:
        """See ``Backend``."""
        return sorted({key for place in self._places(folder) for key in place.list(folder, after)})

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        """See ``Backend``."""
        found: dict[str, Entry] = {}
        for place in reversed(self._places(folder)):
            found |= place.entries(folder, after, until, most)
        return first(found, most)

    def entry(self, key: str) -> Entry | None:
        """See ``Backend``."""
        return self._first(key, lambda place: place.entry(key))

    def delete(self, key: str) -> None:
        """See ``Backend``; what ``base`` has stays."""
        self.own.delete(key)

    def rename(self, key: str, to: str) -> bool:
        """See ``Backend``; what ``base`` has stays."""
        return self.own.rename(key, to)

    def within(self, seconds: float) -> Overlay:
        """See ``Backend``."""
        shares_refs = REFS in self._shared
        return Overlay(self.base.within(seconds), self.own.within(seconds), shares_refs=shares_refs)

    def adopt(self, branch: str, asset: str, partition: str | None, entries: int) -> None:
        """Take over a ref of ``base`` up to this entry, as if it had not moved since."""
        folder = ref_folder(branch, asset, partition)
        for key in self.base.list(folder):
            is_before = key <= f"{folder}/{entries:010d}.json" and not is_mark(key)
            data = self.base.get(key) if is_before else None
            if data is not None:  # one that is gone is found missing by who reads the ref
                self.own.put_new(key, data)

    def _places(self, key: str) -> Sequence[Backend]:
        """Where a key, or what is below a folder, is looked for, in this order."""
        return (self.own, self.base) if key.partition("/")[0] in self._shared else (self.own,)

    def _first(self, key: str, ask: Callable[[Backend], T | None]) -> T | None:
        """The first answer that is not None."""
        return next((found for place in self._places(key) if (found := ask(place)) is not None), None)
