"""JSON that many versions share, stored once under its digest: environments, code, lists of source files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ml_assets.errors import CorruptBlob, UnknownVersion
from ml_assets.store.backends.backend import Backend, create
from ml_assets.store.blobs import repair
from ml_assets.store.canonical import Json, canonical, digest, parse
from ml_assets.store.copies import NO_COPIES, NoCopies, by_digest, is_stamp_of

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

    def get(self, key_of: KeyOf, found_by: str, what: str) -> Json:
        """The value with this digest.

        Args:
            what: how errors call it.
        Raises:
            UnknownVersion, CorruptBlob: if it is not stored, or was changed.
        """
        key = key_of(found_by)
        data = self.read(key, found_by)
        if data is None:
            folder = key.partition("/")[0]
            raise UnknownVersion(f"There is no {what} {found_by[:12]} in {self.backend.url}. Restore {folder}/.")
        return parse(data)

    def create_exactly(self, key: str, data: bytes) -> None:
        """Create a key whose name is the digest of ``data``: anything else that lies there is damage, and is replaced."""
        if create(self.backend, key, data) is not None:
            repair(self.backend, key, data, digest(data))
        self.copies.keep(key, data)

    def read(self, key: str, expected: str) -> bytes | None:
        """The bytes of a key that is named by their digest; None if it does not exist.

        Raises:
            CorruptBlob: if they have another digest.
        """
        data, is_whole = by_digest(self.copies, self.backend, key, expected)
        if data is not None and not is_whole:
            raise CorruptBlob(
                f"{self.backend.url}/{key} reads back as {digest(data)}. It was changed or truncated after it was written. "
                "Restore it from the bucket's versions."
            )
        return data
