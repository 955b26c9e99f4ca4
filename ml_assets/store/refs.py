"""Refs: movable names, each an append-only log of numbered entries. The newest entry says which version the ref names.

    <folder>/0000000001.json   the first version, who named it, why
    <folder>/0000000002.json   moved: …

A ref moves from entry n by *creating* entry n+1. Two writers race: exactly one creates it, the other is told. No locks;
history, audit, "what was served at time T" and rollback come free. Entries carry their own digest, verified on reading.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ml_assets.errors import CorruptBlob, MissingBlob, RefMoved
from ml_assets.store.backend import Backend, create
from ml_assets.store.canonical import Json, plain, sealed, unsealed
from ml_assets.store.keys import VersionKey

_ENTRY = re.compile(r"(\d{10})\.json")
RACES = 100  # how often an unconditional move starts over because others moved the ref first


@dataclass(frozen=True)
class RefEntry:
    """One move of a ref: entry ``n`` names ``target``; by whom, why and when (ISO 8601, UTC), in which run."""

    n: int
    target: VersionKey
    by: str
    why: str
    at: str
    run: str | None = None
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class RefLog:
    """The log in one folder of a backend. ``name`` is how messages call it."""

    backend: Backend
    folder: str
    name: str

    def last(self) -> int:
        """The number of the newest entry; 0 if there is none."""
        return max(self._numbers(), default=0)

    def head(self) -> RefEntry | None:
        """The newest entry."""
        last = self.last()
        return self.entry(last) if last else None

    def entries(self) -> list[RefEntry]:
        """All entries, oldest first."""
        return [self.entry(n) for n in range(1, self.last() + 1)]

    def append(
        self, expected: int, target: VersionKey, *, by: str, why: str, run: str | None, details: Mapping[str, Json]
    ) -> RefEntry:
        """Create entry ``expected + 1``.

        Raises:
            RefMoved: if that entry exists already; nothing was changed.
        """
        entry = RefEntry(expected + 1, target, by, why, datetime.now(UTC).isoformat(), run, plain(details))
        if self.last() != expected or not self._create(entry):
            raise self._moved(expected)
        return entry

    def advance(
        self, target: VersionKey, *, by: str, why: str, run: str | None, details: Mapping[str, Json] | None = None
    ) -> RefEntry:
        """Name ``target`` whatever is named now; a no-op if it is the newest already."""
        for _ in range(RACES):
            head = self.head()
            if head is not None and head.target == target:
                return head
            at, number = datetime.now(UTC).isoformat(), head.n + 1 if head else 1
            entry = RefEntry(number, target, by, why, at, run, plain(details or {}))
            if self._create(entry):
                return entry
        raise RefMoved(f"{self.name} was moved by others {RACES} times in a row. Nothing was changed. Try again.")

    def _numbers(self) -> list[int]:
        keys = self.backend.list(self.folder)
        names = (_ENTRY.fullmatch(key.removeprefix(f"{self.folder}/")) for key in keys)
        return [int(name[1]) for name in names if name]

    def _create(self, entry: RefEntry) -> bool:
        return create(self.backend, self._key(entry.n), _to_bytes(entry)) is None

    def _key(self, n: int) -> str:
        return f"{self.folder}/{n:010d}.json"

    def entry(self, n: int) -> RefEntry:
        """Entry ``n``, verified.

        Raises:
            MissingBlob, CorruptBlob: if it is gone or was changed.
        """
        address = f"{self.backend.url}/{self._key(n)}"
        data = self.backend.get(self._key(n))
        if data is None:
            raise MissingBlob(f"Entry {n} of {self.name} is gone: {address}. Entries are never deleted; restore it.")
        entry = _from_bytes(data)
        if entry is None or entry.n != n:
            raise CorruptBlob(f"{address} was changed after it was written. Restore it from the bucket's versions.")
        return entry

    def _moved(self, expected: int) -> RefMoved:
        head = self.head()
        now = f"at entry {head.n}, {head.target} by {head.by}" if head else "without entries"
        return RefMoved(
            f"{self.name} is {now}; expected entry {expected}: somebody moved it in between. "
            "Nothing was changed. Look at what it names now, then decide again."
        )


def _to_bytes(entry: RefEntry) -> bytes:
    """With a token: two writers never write the same bytes, so one can tell that it lost."""
    return sealed({**plain(entry), "token": uuid.uuid4().hex})


def _from_bytes(data: bytes) -> RefEntry | None:
    """The entry; None if these are not the bytes that were written."""
    fields = unsealed(data)
    if fields is None:
        return None
    try:
        del fields["token"]
        return RefEntry(**{**fields, "target": VersionKey(**fields["target"])})
    except (KeyError, TypeError):
        return None
