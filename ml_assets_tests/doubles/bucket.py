"""A bucket in memory that counts requests as S3 would: a page of a listing each, two for what is looked at and not there."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from hashlib import md5
from pathlib import Path
from typing import Self

from ml_assets.store import Entry
from ml_assets.store.backends.listing import LAST, PAGE


class Bucket:
    """A backend, also for a landing folder. Stamps are MD5s, as on S3.

    Attributes:
        requests: how many there were, by kind.
        asked: what for, in order: ``get blobs/3f/…``, ``list refs/main``.
    """

    def __init__(self, url: str = "s3://bucket/store") -> None:
        self.url = url
        self.objects: dict[str, tuple[bytes, float]] = {}
        self.asked: list[str] = []
        self._lock = threading.RLock()

    @property
    def requests(self) -> Counter[str]:
        return Counter(question.partition(" ")[0] for question in self.asked)

    def put_new(self, key: str, data: bytes) -> bool:
        self._ask("put", key)
        with self._lock:
            return key not in self.objects and self._put(key, data)

    def replace(self, key: str, data: bytes) -> None:
        self._ask("put", key)
        self._put(key, data)

    def put_file(self, key: str, source: bytes | Path) -> None:
        self.replace(key, source if isinstance(source, bytes) else source.read_bytes())

    def part(self, key: str, start: int, stop: int) -> bytes | None:
        data = self.get(key)
        return None if data is None else data[start:stop]

    def get(self, key: str, most: int | None = None) -> bytes | None:
        self._ask("get", key)
        return self.objects[key][0] if key in self.objects else None

    def stream(self, key: str) -> Iterator[bytes] | None:
        self._ask("head", key)
        data = self.get(key)
        return None if data is None else iter([data])

    def list(self, folder: str, after: str | None = None) -> list[str]:
        return sorted(self.entries(folder, after or ""))

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        below = f"{folder}/" if folder else ""
        with self._lock:
            names = sorted(name for name in self.objects if name.startswith(below) and after < name <= until)[:most]
        found = {name: self._entry(name) for name in names}
        is_cut = most is not None and len(found) == most
        for _ in range(max(1, -(-len(found) // PAGE)) + (len(found) % PAGE == 0 and not is_cut)):
            self._ask("list", folder)
        return found

    def entry(self, key: str) -> Entry | None:
        self._ask("head", key)
        if key not in self.objects:
            self._ask("get", key)  # a HEAD has no body to say whether it is the bucket that is absent
            return None
        return self._entry(key)

    def delete(self, key: str) -> None:
        self._ask("delete", key)
        self.objects.pop(key, None)

    def rename(self, key: str, to: str) -> bool:
        self._ask("copy", key)
        self._ask("delete", key)
        with self._lock:
            data = self.objects.pop(key, None)
            return data is not None and self._put(to, data[0])

    def within(self, seconds: float) -> Self:
        return self

    def _put(self, key: str, data: bytes) -> bool:
        self.objects[key] = (data, time.time())
        return True

    def _entry(self, key: str) -> Entry:
        data, modified = self.objects[key]
        return Entry(f'"{md5(data, usedforsecurity=False).hexdigest()}" {len(data)}', modified)

    def _ask(self, kind: str, key: str) -> None:
        with self._lock:
            self.asked.append(f"{kind} {key}")
