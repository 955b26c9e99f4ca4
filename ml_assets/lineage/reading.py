"""Many manifests at once: an object store answers in tens of milliseconds, and one question may read thousands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from ml_assets.store import Manifest, Store, VersionKey

READERS = 16  # requests at the same time
T = TypeVar("T")


def beside(read: Callable[[T], object], items: Iterable[T]) -> None:
    """Read every item, a few at the same time. (A thread per share of them: handing over each takes longer than a read.)"""
    waiting = list(items)

    def read_share(first: int) -> None:
        for item in waiting[first::READERS]:
            read(item)

    if len(waiting) == 1:
        read_share(0)
    elif waiting:
        with ThreadPoolExecutor(READERS) as pool:
            list(pool.map(read_share, range(min(READERS, len(waiting)))))


def manifests(store: Store, keys: Iterable[VersionKey]) -> dict[VersionKey, Manifest]:
    """The manifests of versions, each read once, in the order of ``keys``.

    Raises:
        UnknownVersion, CorruptBlob: if one is gone or changed.
    """
    found = dict.fromkeys(keys)

    def read(key: VersionKey) -> None:
        found[key] = store.manifest(key)

    beside(read, found)
    return {key: manifest for key, manifest in found.items() if manifest is not None}
