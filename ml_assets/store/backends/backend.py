"""The four primitives a store asks of the place where it lives: local.py has them for a folder, object_store.py elsewhere.

    put_new(key, data)   create, never replace; False if the key was taken
    get(key)             the bytes, or None
    list(folder)         the keys below a folder, sorted
    delete(key)          repair and garbage collection only
    rename(key, to)      garbage collection only

besides ``entry(key)``, when a key was last written, to see that a blob is as it was when somebody relied on it, and
``entries(folder)``, the same of many; and, for large blobs, the second and the first once more:

    stream(key)            the bytes in pieces, or None: some pieces are fetched at the same time, and no more are held
    part(key, start, stop) some of the bytes, or None
    put_file(key, source)  the bytes, or those of a local file, whether or not the key exists: only for keys named by their
                           digest, where a second write changes nothing (what is large goes up in parts, some at the same
                           time, which cannot be create-only)

Every write is atomic: a reader sees all of it or nothing (a local file is linked under its name once it is complete). And
it is durable when the call returns, "False" included: who is told that a key is taken may rely on it being there.
"False" may be the echo of our own write: when the reply to a successful request is lost, the client's retry is told that
the key is taken. So the store never concludes from it that somebody else wrote; ``create`` reads back and compares.

A write ends in one of three ways. It returns: it is done. It raises StoreUnreachable: it is not. It raises OutcomeUnknown:
nobody said which. Then nothing is taken back, since it may be done and others may rely on it; the same again finds out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Protocol, Self, TypeVar

from ml_assets.errors import CorruptBlob, OutcomeUnknown, StoreUnreachable
from ml_assets.store.backends.listing import LAST, Entry

Piece = TypeVar("Piece", bound=bytes | memoryview)

ATTEMPTS = 5  # of create(), when a key is said to be taken and is not there
PIECE = 8 << 20  # bytes of a file that are held at a time
DOCUMENT = 64 << 20  # bytes of a manifest, an entry and the like; what is larger is none of ours, and is not read
UNKNOWN = "Whether it was done is not known: doing it again is safe, and finds out."


class Backend(Protocol):
    """What a store needs of the place where it lives."""

    url: str

    def put_new(self, key: str, data: bytes) -> bool:
        """Create ``key``; False, and nothing changed, if it exists."""
        ...

    def get(self, key: str, most: int | None = None) -> bytes | None:
        """The bytes of ``key``; None if it does not exist.

        Args:
            most: how many there may be.
        Raises:
            CorruptBlob: if there are more; they are not read.
        """
        ...

    def stream(self, key: str) -> Iterator[bytes | memoryview] | None:
        """The bytes of ``key`` in pieces of some MiB, in order; None if it does not exist."""
        ...

    def part(self, key: str, start: int, stop: int) -> bytes | None:
        """The bytes of ``key`` from ``start`` to before ``stop``, fewer where it ends before; None if it does not exist."""
        ...

    def put_file(self, key: str, source: bytes | Path) -> None:
        """Write bytes, or those of a file, under ``key``, named by their digest. Readers see all or what was there before."""
        ...

    def list(self, folder: str, after: str | None = None) -> list[str]:
        """All keys below ``folder``, at any depth, that sort after ``after``; sorted."""
        ...

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        """Every key below ``folder`` that sorts after ``after`` and not after ``until``, with its stamp and time.

        Where keys are served in order (S3, GCS) this costs what is found, not what is there.

        Args:
            most: only so many, those that sort first; all of them if there are fewer.
        """
        ...

    def entry(self, key: str) -> Entry | None:
        """The stamp of ``key`` and when it was written, its bytes unread; None if it does not exist."""
        ...

    def delete(self, key: str) -> None:
        """Remove ``key``; nothing happens if it does not exist."""
        ...

    def rename(self, key: str, to: str) -> bool:
        """Let the bytes of ``key`` lie under ``to``, whatever was there, and be sent nowhere; False if there are none.

        At every moment they lie under one of the two names, or under both. Garbage collection only.
        """
        ...

    def within(self, seconds: float) -> Self:
        """The same place for somebody who cannot wait long: each call gives up after so many seconds without an answer."""
        ...


class Place(Backend, Protocol):
    """What a landing folder needs, too: files there may be replaced, and are told apart by their stamps."""

    def replace(self, key: str, data: bytes) -> None:
        """Write ``key`` whether or not it exists; readers see the old bytes or the new. Only for landing folders."""
        ...


def refuse_larger(address: str, size: int, most: int | None) -> None:
    """CorruptBlob if there are more bytes than there may be."""
    if most is not None and size > most:
        raise CorruptBlob(
            f"{address} has {size:,} bytes, where at most {most:,} can be. None of them is used. It was changed after it was "
            "written, or written by something else: restore it from the bucket's versions, or find out who did, and delete it."
        )


def at_most(most: int | None, pieces: Iterable[Piece], address: str) -> Iterator[Piece]:
    """The pieces; CorruptBlob as soon as they are more bytes than there may be."""
    size = 0
    for piece in pieces:
        size += len(piece)
        refuse_larger(address, size, most)
        yield piece


def create(backend: Backend, key: str, data: bytes) -> bytes | None:
    """Create ``key``. None if it now holds ``data`` (ours, or the same by another), else the bytes another wrote.

    Raises:
        CorruptBlob: if these are more than can be.
        OutcomeUnknown: if they cannot be read.
    """
    for _ in range(ATTEMPTS):
        if backend.put_new(key, data):
            return None
        existing = _read_back(backend, key, max(DOCUMENT, len(data)))
        if existing is not None:
            return None if existing == data else existing
    raise StoreUnreachable(f"{backend.url}/{key} is said to exist and not to exist, {ATTEMPTS} times over. Try again.")


def _read_back(backend: Backend, key: str, most: int) -> bytes | None:
    """What lies under a key that is said to be taken, perhaps by the very write that was refused."""
    try:
        return backend.get(key, most)
    except StoreUnreachable as error:
        raise OutcomeUnknown(f"{error} {backend.url}/{key} was to be created. {UNKNOWN}") from error
