"""Copies of what never changes in a store far away: a process fetches each object once, and the next process not at all.

    asked ──▶ memory of this process ──▶ folder of this machine ──▶ the store
              verified when it came      verified by each read      verified by each read

What never changes is named by its digest (blobs, manifests, environments, code, sources), or is an entry of a log or a
memory of a computation, which a stamp of the store tells apart from others of that name. Which entries there are, and where
a log ends, does change and is never copied. What is not whole is never kept: a damaged copy is dropped and fetched anew.

A copy says that the object was whole in this store when it was fetched or written, and no more: what was damaged or deleted
there since is read from the copy all the same. ``Store.without_copies`` sees it, with which ``ml-assets verify`` reads.
"""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import md5
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from blake3 import blake3

from ml_assets.store.backends.backend import DOCUMENT, PIECE, Backend, at_most
from ml_assets.store.backends.object_store import CLOUDS
from ml_assets.store.canonical import digest, unsealed
from ml_assets.store.copy_folder import CopyFolder
from ml_assets.store.together import Together

MEMORY = 128 << 20  # bytes of one process
SHARE = 4  # one copy takes at most this part of the room

Read = Callable[[], bytes | None]
IsWhole = Callable[[bytes], bool]


class Copy(NamedTuple):
    """What was found of an object: its bytes, None if there is none, and whether they are what they ought to be."""

    data: bytes | None
    is_whole: bool


class NoCopies:
    """Everything is read from the store each time it is asked for."""

    def get(self, name: str, read: Read, is_whole: IsWhole) -> Copy:
        """The object ``name``: what ``read`` returns, and whether that is whole."""
        data = read()
        return Copy(data, data is not None and is_whole(data))

    def has(self, name: str) -> bool:
        """Whether there is a copy, which need not be whole."""
        return False

    def pieces(self, name: str) -> Iterator[bytes] | None:
        """The bytes of a copy in pieces, unverified; None if there is none."""
        return None

    def keep(self, name: str, data: bytes) -> None:
        """Bytes that are whole in the store."""

    def keep_file(self, name: str, path: Path) -> None:
        """As ``keep``, of a local file."""

    def drop(self, name: str) -> None:
        """A copy that is damaged."""


NO_COPIES = NoCopies()


def by_digest(copies: NoCopies, backend: Backend, key: str, expected: str, size: int) -> Copy:
    """What lies under ``key``, which is named by the digest of its bytes, or a copy of it.

    Args:
        size: that it ought to have: what is large is fetched in pieces, some at the same time. 0: that is not known.
    Raises:
        CorruptBlob: if it has more.
    """
    if size <= PIECE:
        return copies.get(key, partial(backend.get, key, size or None), lambda data: digest(data) == expected)
    fetched = _Fetched(backend, key, size)
    return copies.get(key, fetched.fetch, lambda data: fetched.digest_of(data) == expected)


class _Fetched:
    """A large object, which is hashed while it comes."""

    def __init__(self, backend: Backend, key: str, size: int) -> None:
        self._backend, self._key, self._size = backend, key, size
        self._data, self._digest = b"", ""

    def fetch(self) -> bytes | None:
        """Its bytes; None if it is not there."""
        pieces = self._backend.stream(self._key)
        if pieces is None:
            return None
        whole, found = io.BytesIO(), blake3()  # its value is given away without a copy
        for piece in at_most(self._size, pieces, f"{self._backend.url}/{self._key}"):
            whole.write(piece)
            found.update(piece)
        self._data, self._digest = whole.getvalue(), found.hexdigest()
        return self._data

    def digest_of(self, data: bytes) -> str:
        """The digest of what was fetched, or of other bytes."""
        return self._digest if data is self._data else digest(data)


def by_stamp(copies: NoCopies, backend: Backend, key: str, stamp: str) -> bytes | None:
    """What lies under ``key``, which seals itself and has this stamp now, or a copy of it; None if there is nothing."""
    return copies.get(
        _stamped(key, stamp), partial(backend.get, key, DOCUMENT), lambda data: unsealed(data) is not None
    ).data


def keep_sealed(copies: NoCopies, key: str, data: bytes) -> None:
    """What this process has written under ``key``, for who asks for it by its stamp."""
    if copies is not NO_COPIES:
        copies.keep(_stamped(key, stamp_on_s3(data)), data)


def stamp_on_s3(data: bytes) -> str:
    """How S3 and its like stamp what was written by one request: with the MD5 of the bytes, but for quotes.

    A server that stamps otherwise (one that encrypts with keys of its own) is asked, where this one need not be.
    """
    return f"{md5(data, usedforsecurity=False).hexdigest()} {len(data)}"


def is_stamp_of(stamp: str, data: bytes) -> bool:
    """Whether a stamp says that it is of these bytes; False where it says nothing of bytes."""
    return stamp.replace('"', "") == stamp_on_s3(data)


def _stamped(key: str, stamp: str) -> str:
    unquoted = stamp.replace('"', "")
    return f"{key} {unquoted}"


class Copies(NoCopies):
    """Copies of the objects of one store. Safe to use from many threads, and in many processes on one folder.

    Args:
        url: of the store; another one's objects are others, even of the same name.
        folder: None: only this process keeps copies.
        memory: bytes that this process keeps at most; those asked for last stay.
    """

    def __init__(self, url: str, folder: CopyFolder | None = None, memory: int = MEMORY) -> None:
        self._url, self._folder, self._room = url, folder, memory
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._size, self._lock, self._together = 0, threading.Lock(), Together()

    def get(self, name: str, read: Read, is_whole: IsWhole) -> Copy:
        """See ``NoCopies``. Threads that ask for the same at the same time make one request."""
        data = self._remembered(name)
        if data is not None:
            return Copy(data, True)
        return self._together.ask(name, lambda: self._found(name, read, is_whole))

    def _found(self, name: str, read: Read, is_whole: IsWhole) -> Copy:
        data = self._remembered(name)  # who asked just before has it
        if data is None and self._folder is not None:
            data = self._folder.get(self._place(name), is_whole)
            if data is not None:
                self._remember(name, data)
        if data is not None:
            return Copy(data, True)
        found = super().get(name, read, is_whole)
        if found.data is not None and found.is_whole:
            self.keep(name, found.data)
        return found

    def has(self, name: str) -> bool:
        """See ``NoCopies``."""
        return name in self._kept or (self._folder is not None and self._folder.has(self._place(name)))

    def pieces(self, name: str) -> Iterator[bytes] | None:
        """See ``NoCopies``."""
        return None if self._folder is None else self._folder.pieces(self._place(name))

    def keep(self, name: str, data: bytes) -> None:
        """See ``NoCopies``."""
        self._remember(name, data)
        if self._folder is not None:
            self._folder.put(self._place(name), data)

    def keep_file(self, name: str, path: Path) -> None:
        """See ``NoCopies``."""
        if self._folder is not None:
            self._folder.put_file(self._place(name), path)

    def drop(self, name: str) -> None:
        """See ``NoCopies``."""
        if self._folder is not None:
            self._folder.drop(self._place(name))

    def _place(self, name: str) -> str:
        return f"{self._url}/{name}"

    def _remembered(self, name: str) -> bytes | None:
        with self._lock:
            if name in self._kept:
                self._kept.move_to_end(name)
            return self._kept.get(name)

    def _remember(self, name: str, data: bytes) -> None:
        if len(data) > self._room // SHARE:
            return
        with self._lock:
            self._size += len(data) - len(self._kept.pop(name, b""))
            self._kept[name] = data
            while self._size > self._room:
                self._size -= len(self._kept.popitem(last=False)[1])


def copies_of(url: str, folder: Path, room_gib: float, trusted: str = "") -> NoCopies:
    """Those of the store at this address: of one on this machine none are kept, it is as near as they are.

    Args:
        folder: where this machine keeps them, of all stores.
        room_gib: of that folder; 0: only the process keeps copies.
        trusted: whose signatures what is copied was checked for: who trusts others has other copies.
    """
    if urlsplit(url).scheme not in CLOUDS:
        return NO_COPIES
    of = f"{url.rstrip('/')}#{trusted}" if trusted else url.rstrip("/")
    return Copies(of, CopyFolder(folder, round(room_gib * 2**30)) if room_gib else None)
