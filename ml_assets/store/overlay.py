"""A store on top of another one: it reads what the other holds and writes nothing there.

Immutable things (blobs, manifests, environments, code, sources) are found in either; what moves or is remembered (refs, runs,
computations, traces) is its own alone, so that it can name other versions than the store below does. One that shares refs begins
with what the store below names, and goes on from there by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ml_assets.store.backend import Backend
from ml_assets.store.keys import ref_folder
from ml_assets.store.listing import LAST, Entry, first

SHARED, REFS = ("blobs", "versions", "environments", "code", "sources"), "refs"


class Overlay:
    """A backend: reads fall through to ``base`` where it holds what never changes; all writes go to ``own``.

    Args:
        shares_refs: reads of refs fall through, too.
    """

    def __init__(self, base: Backend, own: Backend, *, shares_refs: bool = False) -> None:
        self.base, self.own, self.url = base, own, own.url
        self._shared = (*SHARED, REFS) if shares_refs else SHARED

    def put_new(self, key: str, data: bytes) -> bool:
        """See ``Backend``; what ``base`` has is created here too."""
        return self.own.put_new(key, data)

    def put_file(self, key: str, path: Path) -> None:
        """See ``Backend``."""
        self.own.put_file(key, path)

    def get(self, key: str) -> bytes | None:
        """See ``Backend``."""
        data = self.own.get(key)
        return self.base.get(key) if data is None and self._is_shared(key) else data

    def stream(self, key: str) -> Iterator[bytes] | None:
        """See ``Backend``."""
        pieces = self.own.stream(key)
        return self.base.stream(key) if pieces is None and self._is_shared(key) else pieces

    def list(self, folder: str, after: str | None = None) -> list[str]:
        """See ``Backend``."""
        below = self.base.list(folder, after) if self._is_shared(folder) else []
        return sorted({*self.own.list(folder, after), *below})

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        """See ``Backend``."""
        below = self.base.entries(folder, after, until, most) if self._is_shared(folder) else {}
        return first({**below, **self.own.entries(folder, after, until, most)}, most)

    def entry(self, key: str) -> Entry | None:
        """See ``Backend``."""
        entry = self.own.entry(key)
        return self.base.entry(key) if entry is None and self._is_shared(key) else entry

    def delete(self, key: str) -> None:
        """See ``Backend``; what ``base`` has stays."""
        self.own.delete(key)

    def within(self, seconds: float) -> Overlay:
        """See ``Backend``."""
        shares_refs = REFS in self._shared
        return Overlay(self.base.within(seconds), self.own.within(seconds), shares_refs=shares_refs)

    def adopt(self, branch: str, asset: str, partition: str | None, entries: int) -> None:
        """Take over a ref of ``base`` up to this entry, as if it had not moved since."""
        folder = ref_folder(branch, asset, partition)
        for key in self.base.list(folder):
            data = self.base.get(key) if key <= f"{folder}/{entries:010d}.json" else None
            if data is not None:  # one that is gone is found missing by who reads the ref
                self.own.put_new(key, data)

    def _is_shared(self, key: str) -> bool:
        return key.partition("/")[0] in self._shared
