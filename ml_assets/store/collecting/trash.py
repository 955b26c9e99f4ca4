"""What collections have taken away and not yet deleted: whoever misses a blob finds it here.

    collections/<n>/begun.json    collection n is somebody's; when it was written is "now" for it, by the store's clock
    collections/<n>/plan.json     which versions lose their content, by which rules: before the first blob is moved
    trash/<n>/<digest>            blobs that were moved here
    collections/<n>/moved.json    all of them were; from here on the grace period runs
    collections/<n>/ended.json    what was named meanwhile lies in blobs/ again, the rest is deleted

Only who misses a blob looks here, so that reading what is there costs no more than before. See collection.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from ml_assets.errors import Collected
from ml_assets.store.backends.backend import Backend
from ml_assets.store.backends.listing import Entry
from ml_assets.store.canonical import Json, unsealed
from ml_assets.store.content import File
from ml_assets.store.keys import VersionKey, blob_key, collection_key, trash_key
from ml_assets.store.together import side_by_side

ROOT = "collections"
PLANNED = 1 << 30  # bytes of a plan, which lists all that goes: 70 for each version
BEGUN, PLAN, MOVED, ENDED = "begun", "plan", "moved", "ended"
T = TypeVar("T")
_RECORD = re.compile(rf"{ROOT}/(\d{{10,}})/(\w+)\.json")


@dataclass(frozen=True)
class Gone:
    """A version whose content was collected: when, by whom and by which rule.

    Attributes:
        n: number of the collection.
        is_over: whether it is deleted; else it lies in the trash.
    """

    n: int
    at: str
    by: str
    rule: str
    is_over: bool

    def error(self, of: str) -> Collected:
        """What is told to who wants to read it."""
        what = f"The content of {of} was collected on {self.at[:10]} by {self.by}: {self.rule}."
        if not self.is_over:
            return Collected(f"{what} It lies in the trash until it is deleted. Bring it back: ml-assets gc --undo")
        return Collected(f"{what} Its manifest says how it was made. Make it again: ml-assets reproduce {of} --restore")


@dataclass(frozen=True)
class Collections:
    """What is recorded of the collections of a store."""

    backend: Backend

    def listed(self) -> dict[int, dict[str, Entry]]:
        """Number -> the parts of its record that there are."""
        found: dict[int, dict[str, Entry]] = {}
        for key, entry in sorted(self.backend.entries(ROOT).items()):
            if of := _RECORD.fullmatch(key):
                found.setdefault(int(of[1]), {})[of[2]] = entry
        return found

    def open(self) -> list[int]:
        """Those whose trash may hold something."""
        return [n for n, parts in self.listed().items() if PLAN in parts and ENDED not in parts]

    def told(self, n: int, part: str) -> Mapping[str, Json]:
        """A part of the record; empty if it is not there or unfinished."""
        data = self.backend.get(collection_key(n, part), PLANNED)
        return (unsealed(data) or {}) if data else {}

    def gone(self) -> dict[VersionKey, Gone]:
        """Every version that a collection let go of, with the latest that did. Whether its bytes are back is not looked at."""
        found: dict[VersionKey, Gone] = {}
        for n, parts in self.listed().items():
            if PLAN in parts and not (ENDED in parts and self.told(n, ENDED).get("undone")):
                found |= dict(self._gone_in(n, is_over=ENDED in parts))
        return found

    def _gone_in(self, n: int, *, is_over: bool) -> Iterator[tuple[VersionKey, Gone]]:
        match self.told(n, PLAN):
            case {"at": str(at), "by": str(by), "collected": list(groups)}:
                for group in groups:
                    yield from _gone_by(group, Gone(n, at, by, "", is_over))


def _gone_by(group: Json, gone: Gone) -> Iterator[tuple[VersionKey, Gone]]:
    match group:
        case {
            "asset": str(asset),
            "partition": str() | None as partition,
            "rule": str(rule),
            "versions": list(versions),
        }:
            told = replace(gone, rule=rule)
            yield from (
                (VersionKey(asset, partition, version), told) for version in versions if isinstance(version, str)
            )


def in_trash(backend: Backend, digest: str, read: Callable[[str], T | None]) -> T | None:
    """What ``read`` says of the key where a missing blob lies now; None if it is nowhere."""
    numbers = Collections(backend).open()
    for n in reversed(numbers):
        found = read(trash_key(n, digest))
        if found is not None:
            return found
    return read(blob_key(digest)) if numbers else None  # it may have gone back meanwhile


def is_there(backend: Backend, digest: str) -> bool:
    """Whether a blob lies in its place or in the trash."""
    return bool(backend.entry(blob_key(digest)) or in_trash(backend, digest, backend.entry))


def bring_back(backend: Backend, files: Sequence[File], of: str) -> None:
    """Let the content of a version that is about to be named lie in its place again, as far as it lies in the trash.

    Where nothing was ever collected that is one request.

    Raises:
        Collected: if a part of it is deleted.
    """
    collections = Collections(backend)
    if not backend.entries(ROOT, most=1):
        return
    numbers = collections.open()
    found = side_by_side(lambda file: _is_back(backend, file.digest, numbers), files)
    if not all(found) and (error := refusal(backend, of)):
        raise error


def _is_back(backend: Backend, digest: str, numbers: Sequence[int]) -> bool:
    return backend.entry(blob_key(digest)) is not None or any(
        backend.rename(trash_key(n, digest), blob_key(digest)) for n in reversed(numbers)
    )


def refusal(backend: Backend, of: str) -> Collected | None:
    """Why a version has no content any more, as an error; None if no collection let go of it."""
    gone = next((gone for key, gone in Collections(backend).gone().items() if str(key) == of), None)
    return gone.error(of) if gone else None
