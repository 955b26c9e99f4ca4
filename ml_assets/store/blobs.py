"""Bytes by digest: written once, verified on every read."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from ml_assets.errors import CorruptBlob, MissingBlob
from ml_assets.store.backend import Backend, create
from ml_assets.store.canonical import digest
from ml_assets.store.content import File
from ml_assets.store.keys import blob_key

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Blobs:
    """The ``blobs/`` of a store."""

    backend: Backend

    def write(self, path: str, data: bytes) -> File:
        """Make sure ``data`` is stored. A blob that was damaged since it was written is replaced."""
        file = File(path, digest(data), len(data))
        key = blob_key(file.digest)
        if create(self.backend, key, data) is not None:
            self._repair(key, data)
        return file

    def read(self, file: File, of: str = "") -> bytes:
        """The bytes of ``file``, verified.

        Args:
            of: the version that the file belongs to, for messages.
        Raises:
            MissingBlob: if it is gone.
            CorruptBlob: if what is there has another digest.
        """
        address = f"{self.backend.url}/{blob_key(file.digest)}"
        made_again = f"Restore it from the bucket's versions, or materialize {of or 'the asset it belongs to'} again."
        data = self.backend.get(blob_key(file.digest))
        if data is None:
            raise MissingBlob(f"{address} is gone, although a manifest names it as {file.path!r}. {made_again}")
        if digest(data) != file.digest:
            raise CorruptBlob(
                f"{address} reads back as {digest(data)}. It was changed or truncated after it was written. {made_again}"
            )
        return data

    def _repair(self, key: str, data: bytes) -> None:
        """Replace what lies under ``key``: its bytes are not those its name promises."""
        logger.warning("%s/%s was damaged after it was written; it is written again.", self.backend.url, key)
        self.backend.delete(key)
        if create(self.backend, key, data) is not None:
            raise CorruptBlob(
                f"{self.backend.url}/{key} was damaged, and is damaged again right after it was replaced. "
                "Something else writes there, or the disk fails: look before you store anything more."
            )
