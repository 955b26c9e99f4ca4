"""What a stored value consists of: a codec, what the codec has to remember, and the files it wrote."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ml_assets.store.canonical import Json, canonical, checked, digest, plain
from ml_assets.store.keys import is_digest

EMPTY = digest(b"")


@dataclass(frozen=True)
class File:
    """Bytes by digest, and the name they have inside their value.

    Attributes:
        size: 0 also where it is not known.
    """

    path: str
    digest: str
    size: int


@dataclass(frozen=True)
class Content:
    """A stored value. Equal values have equal content digests: that is what Dagster is told as data version.

    Attributes:
        codec: who can read it, e.g. ``table``.
        meta: what that codec remembers besides the files.
        files: sorted by path.
    """

    codec: str
    meta: Mapping[str, Json]
    files: tuple[File, ...]

    @cached_property
    def digest(self) -> str:
        """BLAKE3 of the canonical JSON of codec, meta and files."""
        return digest(canonical(self.to_json()))

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    def to_json(self) -> dict[str, Json]:
        """As it stands in a manifest."""
        fields: dict[str, Json] = plain(self)
        return fields

    @classmethod
    def from_json(cls, data: Json) -> Content:
        """The inverse of ``to_json``; ValueError, KeyError or TypeError for what that does not write."""
        files = tuple(checked(File(**file)) for file in data["files"])
        if not all(
            is_digest(file.digest) and (file.size > 0 or (file.size == 0 and file.digest == EMPTY)) for file in files
        ):
            raise ValueError("a content has a file without a digest, or with a size that it cannot have")
        if len({file.path for file in files}) != len(files):
            raise ValueError("a content has a file twice")
        return checked(cls(data["codec"], data["meta"], files))
