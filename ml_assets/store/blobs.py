"""Bytes by digest: written once, verified on every read of the store or of a copy on the disk."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from blake3 import blake3

from ml_assets.errors import CorruptBlob, MissingBlob
from ml_assets.store.backend import PIECE, Backend, create
from ml_assets.store.canonical import digest
from ml_assets.store.content import File
from ml_assets.store.copies import NO_COPIES, NoCopies, by_digest
from ml_assets.store.keys import blob_key

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Blobs:
    """The ``blobs/`` of a store, and copies of them."""

    backend: Backend
    copies: NoCopies = NO_COPIES

    def write(self, path: str, data: bytes) -> File:
        """Make sure ``data`` is stored. A blob that was damaged since it was written is replaced."""
        file = File(path, digest(data), len(data))
        key = blob_key(file.digest)
        if create(self.backend, key, data) is not None:
            repair(self.backend, key, data)
        self.copies.keep(key, data)
        return file

    def write_file(self, path: str, source: Path) -> File:
        """As ``write``, for the bytes of a local file, which are never held in memory as a whole."""
        found = blake3()
        with source.open("rb") as data:
            while piece := data.read(PIECE):
                found.update(piece)
        file = File(path, found.hexdigest(), source.stat().st_size)
        if not self._is_whole(file):
            self.backend.put_file(blob_key(file.digest), source)
        self.copies.keep_file(blob_key(file.digest), source)
        return file

    def read(self, file: File, of: str = "") -> bytes:
        """The bytes of ``file``, verified.

        Args:
            of: the version that the file belongs to, for messages.
        Raises:
            MissingBlob: if it is gone.
            CorruptBlob: if what is there has another digest.
        """
        data, is_whole = by_digest(self.copies, self.backend, blob_key(file.digest), file.digest)
        if data is None:
            raise self._missing(file, of)
        if not is_whole:
            raise self._corrupt(file, digest(data), of)
        return data

    def copy(self, file: File, to: Path, of: str = "") -> None:
        """Write the bytes of ``file`` to a new local file, a piece at a time. Verified once it returns; see ``read``."""
        key = blob_key(file.digest)
        copied = self.copies.pieces(key)
        if copied is not None:
            if _written(copied, to) == file.digest:
                return
            self.copies.drop(key)
        pieces = self.backend.stream(key)
        if pieces is None:
            raise self._missing(file, of)
        found = _written(pieces, to)
        if found != file.digest:
            raise self._corrupt(file, found, of)
        self.copies.keep_file(key, to)

    def check(self, file: File, of: str = "") -> None:
        """Read the bytes of ``file`` again, a piece at a time, and let go of them; see ``read``."""
        found = streamed_digest(self.backend, blob_key(file.digest))
        if found is None:
            raise self._missing(file, of)
        if found != file.digest:
            raise self._corrupt(file, found, of)

    def _is_whole(self, file: File) -> bool:
        """Whether the store has it already, undamaged."""
        return streamed_digest(self.backend, blob_key(file.digest)) == file.digest

    def _missing(self, file: File, of: str) -> MissingBlob:
        return MissingBlob(
            f"{self._address(file)} is gone, although a manifest names it as {file.path!r}. {_made_again(of)}"
        )

    def _corrupt(self, file: File, found: str, of: str) -> CorruptBlob:
        return CorruptBlob(
            f"{self._address(file)} reads back as {found}. It was changed or truncated after it was written. {_made_again(of)}"
        )

    def _address(self, file: File) -> str:
        return f"{self.backend.url}/{blob_key(file.digest)}"


def _written(pieces: Iterable[bytes], to: Path) -> str:
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


def repair(backend: Backend, key: str, data: bytes) -> None:
    """Replace what lies under ``key``, at once: its bytes are not those its name, their digest, promises.

    It is never absent meanwhile, so that nobody who relies on it, or repairs it too, can miss it.
    """
    logger.warning("%s/%s was damaged after it was written; it is written again.", backend.url, key)
    with NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        backend.put_file(key, Path(file.name))
    if backend.get(key) != data:
        raise CorruptBlob(
            f"{backend.url}/{key} was damaged, and is damaged again right after it was replaced. "
            "Something else writes there, or the disk fails: look before you store anything more."
        )


def _made_again(of: str) -> str:
    return f"Restore it from the bucket's versions, or materialize {of or 'the asset it belongs to'} again."
