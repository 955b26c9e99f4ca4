"""Bytes by digest: written once, verified on every read of the store or of a copy on the disk.

What a store has already is not written again, and hardly read. Of a small blob, the write is refused and the bytes that are
there are compared. Of a large one (more than a piece) the store is asked first: its size, and a few samples of its bytes, must
be right. That finds what was cut short, filled up with zeros, or replaced by something else, and replaces it. A large blob of
which single bytes were changed is found by every read, and by ``ml-assets verify``, which say so: delete it, then store it again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from blake3 import blake3

from ml_assets.errors import CorruptBlob, MissingBlob, UnreadableContent
from ml_assets.store.backends.backend import PIECE, Backend, at_most, create
from ml_assets.store.canonical import digest
from ml_assets.store.collecting.trash import in_trash, refusal
from ml_assets.store.content import File
from ml_assets.store.copies import NO_COPIES, NoCopies, by_digest
from ml_assets.store.keys import blob_key
from ml_assets.store.pieces import Piece, are_whole
from ml_assets.store.together import side_by_side

logger = logging.getLogger(__name__)

SAMPLE, SAMPLES = 1 << 16, 4  # bytes of each; of a large blob that is there already


@dataclass(frozen=True)
class Blobs:
    """The ``blobs/`` of a store, and copies of them."""

    backend: Backend
    copies: NoCopies = NO_COPIES

    def write(self, path: str, source: bytes | Path) -> File:
        """Make sure that bytes, or those of a local file, are stored. A blob that is seen to be damaged is replaced.

        A large file is never held in memory as a whole.
        """
        if isinstance(source, Path) and source.stat().st_size <= PIECE:
            source = source.read_bytes()
        file = File(path, *_digest_and_size(source))
        key = blob_key(file.digest)
        if not (self._has_large(file, source) if file.size > PIECE else self._has_now(key, source)):
            repair(self.backend, key, source, file.digest)
        if isinstance(source, Path):
            self.copies.keep_file(key, source)
        else:
            self.copies.keep(key, source)
        return file

    def _has_now(self, key: str, source: bytes | Path) -> bool:
        """Create a small blob if it is not there; whether these are its bytes."""
        return create(self.backend, key, source if isinstance(source, bytes) else source.read_bytes()) is None

    def _has_large(self, file: File, source: bytes | Path) -> bool:
        """As ``_has_now``, of a large one: whether size and samples are right. Of one that is not there, one request tells."""
        key = blob_key(file.digest)
        first, *others = spots(file.size)
        sample = self.backend.part(key, first, first + SAMPLE)
        if sample is None:
            self.backend.put_file(key, source)
            return True
        if sample != _part(source, first, first + SAMPLE):
            return False
        entry = self.backend.entry(key)
        is_as_long = entry is not None and entry.size == file.size
        return is_as_long and all(side_by_side(lambda at: self._is_same(key, source, at), others))

    def _is_same(self, key: str, source: bytes | Path, at: int) -> bool:
        return self.backend.part(key, at, at + SAMPLE) == _part(source, at, at + SAMPLE)

    def read(self, file: File, of: str = "") -> bytes:
        """The bytes of ``file``, verified.

        Args:
            of: the version that the file belongs to, for messages.
        Raises:
            Collected, MissingBlob: if it was collected, or is gone otherwise.
            CorruptBlob: if what is there has another digest.
        """
        data, is_whole = by_digest(self.copies, self.backend, blob_key(file.digest), file.digest, file.size)
        if data is None:
            data = in_trash(self.backend, file.digest, lambda key: self.backend.get(key, file.size or None))
            is_whole = data is not None and digest(data) == file.digest
        if data is None:
            raise self._missing(file, of)
        if not is_whole:
            raise self._corrupt(file, digest(data), of)
        self._refuse_other_size(file, len(data), of)
        return data

    def part(self, file: File, pieces: Sequence[Piece], of: str = "") -> bytes:
        """The bytes of some pieces of ``file`` that follow each other, each verified; see ``read``."""
        start, stop = pieces[0].start, pieces[-1].stop
        key, read = blob_key(file.digest), partial(self.backend.part, start=start, stop=stop)
        data, is_whole = self.copies.get(f"{key} {start}-{stop}", partial(read, key), partial(are_whole, pieces))
        if data is None:
            data = in_trash(self.backend, file.digest, read)
            is_whole = data is not None and are_whole(pieces, data)
        if data is None:
            raise self._missing(file, of)
        if not is_whole:
            raise self._corrupt(file, f"other bytes between {start:,} and {stop:,}", of)
        return data

    def has_copy(self, file: File) -> bool:
        """Whether all of its bytes are near."""
        return self.copies.has(blob_key(file.digest))

    def copy(self, file: File, to: Path, of: str = "") -> None:
        """Write the bytes of ``file`` to a new local file, a piece at a time. Verified once it returns; see ``read``."""
        key = blob_key(file.digest)
        copied = self.copies.pieces(key)
        if copied is not None:
            if _written(copied, to) == file.digest:
                return
            self.copies.drop(key)
        pieces = self.backend.stream(key) or in_trash(self.backend, file.digest, self.backend.stream)
        if pieces is None:
            raise self._missing(file, of)
        found = _written(at_most(file.size or None, pieces, self._address(file)), to)
        if found != file.digest:
            raise self._corrupt(file, found, of)
        self._refuse_other_size(file, to.stat().st_size, of)
        self.copies.keep_file(key, to)

    def check(self, file: File, of: str = "") -> None:
        """Read the bytes of ``file`` again, a piece at a time, and let go of them; see ``read``."""
        read = partial(streamed_digest, self.backend)
        found = read(blob_key(file.digest)) or in_trash(self.backend, file.digest, read)
        if found is None:
            raise self._missing(file, of)
        if found != file.digest:
            raise self._corrupt(file, found, of)

    def _refuse_other_size(self, file: File, size: int, of: str) -> None:
        if file.size not in (0, size):
            raise UnreadableContent(
                f"{self._address(file)} has {size:,} bytes, and {of or 'what'} names it with {file.size:,}: that was written by "
                "something else. Do not trust where it came from."
            )

    def _missing(self, file: File, of: str) -> MissingBlob:
        return refusal(self.backend, of) or MissingBlob(
            f"{self._address(file)} is gone, although a manifest names it as {file.path!r}. {_made_again(of)}"
        )

    def _corrupt(self, file: File, found: str, of: str) -> CorruptBlob:
        return CorruptBlob(
            f"{self._address(file)} reads back as {found}. It was changed or truncated after it was written. "
            f"{_made_again(of, 'delete it and ')}"
        )

    def _address(self, file: File) -> str:
        return f"{self.backend.url}/{blob_key(file.digest)}"


def _written(pieces: Iterable[bytes | memoryview], to: Path) -> str:
    """Write a file; the digest of what was written."""
    found = blake3()
    with to.open("wb") as file:
        for piece in pieces:
            found.update(piece)
            file.write(piece)
    return found.hexdigest()


def streamed_digest(backend: Backend, key: str) -> str | None:
    """The digest of what lies under ``key``, which is never held in memory as a whole; None if there is nothing."""
    pieces = backend.stream(key)
    if pieces is None:
        return None
    found = blake3()
    for piece in pieces:
        found.update(piece)
    return found.hexdigest()


def spots(size: int) -> list[int]:
    """Where the samples of so many bytes begin: the first at the beginning, the last at the end."""
    return [(size - SAMPLE) * n // (SAMPLES - 1) for n in range(SAMPLES)]


def _digest_and_size(source: bytes | Path) -> tuple[str, int]:
    if isinstance(source, bytes):
        return digest(source), len(source)
    return blake3().update_mmap(source).hexdigest(), source.stat().st_size


def _part(source: bytes | Path, start: int, stop: int) -> bytes:
    if isinstance(source, bytes):
        return source[start:stop]
    with source.open("rb") as file:
        file.seek(start)
        return file.read(stop - start)


def repair(backend: Backend, key: str, source: bytes | Path, expected: str) -> None:
    """Replace what lies under ``key``, at once: its bytes are not those its name, their digest, promises.

    It is never absent meanwhile, so that nobody who relies on it, or repairs it too, can miss it.
    """
    logger.warning("%s/%s was damaged after it was written; it is written again.", backend.url, key)
    backend.put_file(key, source)
    if streamed_digest(backend, key) != expected:
        raise CorruptBlob(
            f"{backend.url}/{key} was damaged, and is damaged again right after it was replaced. "
            "Something else writes there, or the disk fails: look before you store anything more."
        )


def _made_again(of: str, first: str = "") -> str:
    return f"Restore it from the bucket's versions, or {first}materialize {of or 'the asset it belongs to'} again."
