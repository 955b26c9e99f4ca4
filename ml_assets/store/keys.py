"""Names become keys: whatever a user types, it stays inside its prefix and can be read back. docs/STORE.md, "Keys".

A name's UTF-8 bytes ``A-Z a-z 0-9 . _ -`` stand for themselves, every other byte is ``=XX``. Four names are special:
``.``, ``..`` and ``_`` are written ``=2E``, ``=2E=2E`` and ``=5F``, the empty name ``=``; no partition is ``_``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ml_assets.errors import InvalidKey
from ml_assets.store.canonical import Json, checked

NO_PARTITION = "_"
LONGEST_SEGMENT = 200  # file systems allow 255 bytes, of which a write in progress takes a few
LONGEST_NAME = 600  # S3 allows 1024 bytes for the whole key

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_SPECIAL = {"": "=", ".": "=2E", "..": "=2E=2E", "_": "=5F"}
_VERSION = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class VersionKey:
    """One immutable version: an asset such as ``flight_delays/model``, its partition and the digest of its manifest."""

    asset: str
    partition: str | None
    version: str

    @property
    def short(self) -> str:
        """The first 12 digits, as people see it."""
        return self.version[:12]

    def __str__(self) -> str:
        return f"{described(self.asset, self.partition, '@')}:{self.short}"


def version_in(data: Json) -> VersionKey:
    """One that is part of a document; ValueError or TypeError for what is none."""
    return checked(VersionKey(**data))


def described(asset: str, partition: str | None, separator: str = " ") -> str:
    """``flight_delays/model 2013-06``, or without the partition where there is none."""
    return asset if partition is None else f"{asset}{separator}{partition}"


def escape(name: str) -> str:
    """The one path segment that stands for ``name``.

    Raises:
        InvalidKey: if it is too long or not text.
    """
    try:
        data = name.encode()
    except UnicodeEncodeError:
        raise InvalidKey(f"The name {name!r} holds half of a surrogate pair and cannot be stored. Rename it.") from None
    segment = _SPECIAL.get(name) or "".join(chr(b) if b in _PLAIN else f"={b:02X}" for b in data)
    if len(segment) > LONGEST_SEGMENT:
        raise InvalidKey(
            f"The name {name[:40]!r}… takes {len(segment)} bytes in a key; {LONGEST_SEGMENT} are allowed. Shorten it."
        )
    return segment


def unescape(segment: str) -> str:
    """The inverse of ``escape``.

    Raises:
        InvalidKey: for a segment that ``escape`` does not write.
    """
    special = {written: name for name, written in _SPECIAL.items()}
    try:
        raw = re.sub(r"=([0-9A-F]{2})", lambda m: chr(int(m[1], 16)), segment).encode("latin-1")
        name = special[segment] if segment in special else raw.decode()
    except UnicodeError:
        name = None
    if name is None or escape(name) != segment:
        raise InvalidKey(f"The key segment {segment!r} was not written by a store: it stands for no name.")
    return name


def asset_path(asset: str) -> str:
    """``flight_delays/model`` with every part escaped."""
    parts = asset.split("/")
    if not all(parts):
        raise InvalidKey(f"The asset name {asset!r} has an empty part. Write it like flight_delays/model.")
    path = "/".join(escape(part) for part in parts)
    if len(path) > LONGEST_NAME:
        raise InvalidKey(f"The asset name {asset[:40]!r}… is too long: {len(path)} bytes, {LONGEST_NAME} are allowed.")
    return path


def asset_name(path: str) -> str:
    """The inverse of ``asset_path``."""
    return "/".join(unescape(part) for part in path.split("/"))


def partition_segment(partition: str | None) -> str:
    """The segment of a partition; ``_`` where there is none."""
    return NO_PARTITION if partition is None else escape(partition)


def partition_name(segment: str) -> str | None:
    """The inverse of ``partition_segment``."""
    return None if segment == NO_PARTITION else unescape(segment)


def version_key(key: VersionKey) -> str:
    """Where the manifest of a version lies."""
    if not _VERSION.fullmatch(key.version):
        raise InvalidKey(f"{key.version!r} is no version: a version is 64 hexadecimal digits. Use find() for a prefix.")
    return f"versions/{asset_path(key.asset)}/{partition_segment(key.partition)}/{key.version}.json"


def is_digest(found: object) -> bool:
    """Whether it is written as a digest is."""
    return isinstance(found, str) and _VERSION.fullmatch(found) is not None


def blob_key(digest: str) -> str:
    """Where the bytes with this digest lie."""
    if not is_digest(digest):
        raise InvalidKey(f"{digest!r} is no digest: a digest is 64 hexadecimal digits.")
    return f"blobs/{digest[:2]}/{digest}"


def collection_key(n: int, part: str) -> str:
    """Where a part of the record of a collection lies."""
    return f"collections/{n:010d}/{part}.json"


def trash_folder(n: int) -> str:
    """Where the bytes lie that a collection took away, until it is over."""
    return f"trash/{n:010d}"


def trash_key(n: int, digest: str) -> str:
    """Where the bytes with this digest lie until then."""
    return f"{trash_folder(n)}/{blob_key(digest).rpartition('/')[2]}"


def held_key(digest: str) -> str:
    """Where it is said that a content which no version names is needed."""
    return f"held/{blob_key(digest).rpartition('/')[2]}.json"


def environment_key(digest: str) -> str:
    """Where the list of installed packages with this digest lies."""
    return f"environments/{blob_key(digest).rpartition('/')[2]}.json"


def code_key(digest: str) -> str:
    """Where the parts of code with this digest lie."""
    return f"code/{blob_key(digest).rpartition('/')[2]}.json"


def source_key(digest: str) -> str:
    """Where the list of source files with this digest lies."""
    return f"sources/{blob_key(digest).rpartition('/')[2]}.json"


def computation_key(key: str) -> str:
    """Where what came of a computation is remembered."""
    return f"computations/{blob_key(key).rpartition('/')[2]}.json"


def trace_key(key: str) -> str:
    """Where the landed files that a computation read are remembered."""
    return f"traces/{blob_key(key).rpartition('/')[2]}.json"


def checkpoint_folder(key: str) -> str:
    """Where the states of a training in flight are kept."""
    return f"checkpoints/{blob_key(key).rpartition('/')[2]}"


def branch_folder(branch: str) -> str:
    """Everything that a branch names."""
    return f"refs/{escape(branch)}"


def refs_folder(branch: str, asset: str) -> str:
    """Everything that a branch names of an asset."""
    return f"{branch_folder(branch)}/{asset_path(asset)}"


def ref_folder(branch: str, asset: str, partition: str | None) -> str:
    """The log of what a branch names for an asset's partition."""
    return f"{refs_folder(branch, asset)}/{partition_segment(partition)}"


def runs_folder(run: str, asset: str) -> str:
    """Everything that a run made of an asset."""
    return f"runs/{escape(run)}/{asset_path(asset)}"


def run_folder(run: str, asset: str, partition: str | None) -> str:
    """The log of what a run made for an asset's partition."""
    return f"{runs_folder(run, asset)}/{partition_segment(partition)}"
