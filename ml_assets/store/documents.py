"""JSON that many versions share, stored once under its digest: environments, code, lists of source files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ml_assets.errors import CorruptBlob, UnknownVersion
from ml_assets.store.backend import Backend, create
from ml_assets.store.blobs import repair
from ml_assets.store.canonical import Json, canonical, digest, parse

KeyOf = Callable[[str], str]


@dataclass(frozen=True)
class Documents:
    """The documents of a store.

    Attributes:
        known: keys that are known to be there: not created again.
    """

    backend: Backend
    known: set[str] = field(default_factory=set)

    def put(self, key_of: KeyOf, value: Json) -> str:
        """Store a value once; its digest. A document that was damaged since it was written is replaced."""
        data = canonical(value)
        found = digest(data)
        if key_of(found) not in self.known:
            self.create_exactly(key_of(found), data)
            self.known.add(key_of(found))
        return found

    def has(self, key_of: KeyOf, value: Json) -> bool:
        """Whether a value is stored."""
        key = key_of(digest(canonical(value)))
        return key in self.known or self.backend.entry(key) is not None

    def get(self, key_of: KeyOf, found_by: str, what: str) -> Json:
        """The value with this digest.

        Args:
            what: how errors call it.
        Raises:
            UnknownVersion, CorruptBlob: if it is not stored, or was changed.
        """
        key = key_of(found_by)
        data = self.backend.get(key)
        if data is None:
            folder = key.partition("/")[0]
            raise UnknownVersion(f"There is no {what} {found_by[:12]} in {self.backend.url}. Restore {folder}/.")
        self.refuse_changed(key, data, found_by)
        return parse(data)

    def create_exactly(self, key: str, data: bytes) -> None:
        """Create a key whose name is the digest of ``data``: anything else that lies there is damage, and is replaced."""
        if create(self.backend, key, data) is not None:
            repair(self.backend, key, data)

    def refuse_changed(self, key: str, data: bytes, expected: str) -> None:
        """CorruptBlob unless ``data``, read from ``key``, has the digest that names it."""
        if digest(data) != expected:
            raise CorruptBlob(
                f"{self.backend.url}/{key} reads back as {digest(data)}. It was changed or truncated after it was written. "
                "Restore it from the bucket's versions."
            )
