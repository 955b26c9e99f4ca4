"""Backends that misbehave in the ways that real ones do, around one that does not."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from ml_assets.store import Backend, Entry
from ml_assets.store.backends.listing import LAST


@dataclass
class Wrapped:
    """Passes everything on."""

    inner: Backend

    @property
    def url(self) -> str:
        return self.inner.url

    def put_new(self, key: str, data: bytes) -> bool:
        return self.inner.put_new(key, data)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        return self.inner.get(key, most)

    def stream(self, key: str) -> Iterator[bytes] | None:
        return self.inner.stream(key)

    def part(self, key: str, start: int, stop: int) -> bytes | None:
        return self.inner.part(key, start, stop)

    def put_file(self, key: str, source: bytes | Path) -> None:
        self.inner.put_file(key, source)

    def list(self, folder: str, after: str | None = None) -> list[str]:
        return self.inner.list(folder, after)

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        return self.inner.entries(folder, after, until, most)

    def entry(self, key: str) -> Entry | None:
        return self.inner.entry(key)

    def delete(self, key: str) -> None:
        self.inner.delete(key)

    def rename(self, key: str, to: str) -> bool:
        return self.inner.rename(key, to)

    def within(self, seconds: float) -> Self:
        return replace(self, inner=self.inner.within(seconds))


class LosesReplies(Wrapped):
    """Every write succeeds, and its reply is lost: the client's retry finds the key taken."""

    def put_new(self, key: str, data: bytes) -> bool:
        self.inner.put_new(key, data)
        return False


class IgnoresCreateOnly(Wrapped):
    """Like some S3-compatible servers: the condition is accepted and ignored."""

    def put_new(self, key: str, data: bytes) -> bool:
        self.inner.delete(key)
        return self.inner.put_new(key, data)


@dataclass
class Counted(Wrapped):
    """Calls ``at(n, key)`` before and after each primitive call; n counts both."""

    at: Callable[[int, str], None]
    n: int = 0
    written: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def _tick(self, key: str) -> None:
        with self._lock:
            self.n += 1
            self.at(self.n, key)

    def put_new(self, key: str, data: bytes) -> bool:
        self._tick(key)
        created = super().put_new(key, data)
        if created:
            self.written.append(key)
        self._tick(key)
        return created

    def put_file(self, key: str, source: bytes | Path) -> None:
        self._tick(key)
        super().put_file(key, source)
        self.written.append(key)
        self._tick(key)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        self._tick(key)
        data = super().get(key, most)
        self._tick(key)
        return data

    def list(self, folder: str, after: str | None = None) -> list[str]:
        self._tick(folder)
        keys = super().list(folder, after)
        self._tick(folder)
        return keys

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        self._tick(folder)
        found = super().entries(folder, after, until, most)
        self._tick(folder)
        return found


@dataclass
class Interrupted(Wrapped):
    """The first time a key below ``folder`` has been created, something else happens before its writer goes on."""

    folder: str
    happen: Callable[[], None]
    happened: bool = False

    def put_new(self, key: str, data: bytes) -> bool:
        created = self.inner.put_new(key, data)
        if key.startswith(self.folder) and not self.happened:
            self.happened = True
            self.happen()
        return created
