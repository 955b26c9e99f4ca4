"""JSON that many versions share, stored once under its digest: environments, code, lists of source files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ml_assets.errors import CorruptBlob, UnknownVersion, UnsupportedType
from ml_assets.store.backends.backend import DOCUMENT, Backend, create
from ml_assets.store.blobs import repair
from ml_assets.store.canonical import Json, as_written, canonical, digest, parse
from ml_assets.store.copies import NO_COPIES, NoCopies, is_stamp_of

KeyOf = Callable[[str], str]


@dataclass(frozen=True)
class Documents:
    """The documents of a store.

    Attributes:
        known: keys that are known to be there: not created again.
    """

    backend: Backend
    known: set[str] = field(default_factory=set)
    copies: NoCopies = NO_COPIES

    def put(self, key_of: KeyOf, value: Json) -> str:
        """Store a value once; its digest. A document that was damaged since it was written is replaced."""
        data = canonical(value)
        found = digest(data)
        key = key_of(found)
        if key not in self.known and not self._is_whole(key, data):
            self.create_exactly(key, data)
        self.known.add(key)
        return found

    def _is_whole(self, key: str, data: bytes) -> bool:
        """Whether the server says that it has these bytes; asked only where a copy says that it may have them."""
        entry = self.backend.entry(key) if self.copies.has(key) else None
        return entry is not None and is_stamp_of(entry.stamp, data)

    def has(self, key_of: KeyOf, value: Json) -> bool:
        """Whether a value is stored."""
        data = canonical(value)
        key = key_of(digest(data))
        if key not in self.known and self._is_whole(key, data):
            self.known.add(key)
        return key in self.known or self.backend.entry(key) is not None

    def get(self, key_of: KeyOf, found_by: str, what: str) -> dict[str, Json]:
        """The object with this digest.

        Args:
            what: how errors call it.
        Raises:
            UnknownVersion, CorruptBlob: if it is not stored, or was changed.
            UnreadableContent: if it is no object.
        """
        key = key_of(found_by)
        data = self.read(key, found_by)
        if data is None:
            folder = key.partition("/")[0]
            raise UnknownVersion(f"There is no {what} {found_by[:12]} in {self.backend.url}. Restore {folder}/.")
        with as_written(f"{self.backend.url}/{key}"):
            return dict(parse(data))

    def create_exactly(self, key: str, data: bytes) -> None:
        """Create a key whose name is the digest of ``data``: anything else that lies there is damage, and is replaced.

        Raises:
            UnsupportedType: if it would be too large to be read.
        """
        if len(data) > DOCUMENT:
            raise UnsupportedType(
                f"{self.backend.url}/{key} would have {len(data):,} bytes; a document of a store has at most {DOCUMENT:,}. "
                "Nothing was written. Store what is large as a value: fewer files in one folder, say."
            )
        if create(self.backend, key, data) is not None:
            repair(self.backend, key, data, digest(data))
        self.copies.keep(key, data)

    def read(self, key: str, expected: str) -> bytes | None:
        """The bytes of a key that is named by their digest; None if it does not exist.

        Raises:
            CorruptBlob: if they have another digest.
        """
        read = partial(self.backend.get, key, DOCUMENT)
        data, is_whole = self.copies.get(key, read, lambda data: digest(data) == expected)
        if data is not None and not is_whole:
            raise CorruptBlob(
                f"{self.backend.url}/{key} reads back as {digest(data)}. It was changed or truncated after it was written. "
                "Restore it from the bucket's versions."
            )
        return data
