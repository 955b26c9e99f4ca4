"""Refs: movable names, each an append-only log of numbered entries. The newest entry says which version the ref names.

    <folder>/0000000001.json   the first version, who named it, why
    <folder>/0000000002.json   moved: …

A ref moves from entry n by *creating* entry n+1. Two writers race: exactly one creates it, the other is told. No locks;
history, audit, "what was served at time T" and rollback come free. Entries carry their own digest, verified on reading.

A power cut may leave the last entries *unfinished*, empty or cut short, where the disk kept the name and lost the bytes
(before entries were synced, or on a disk that lies about it). Nobody was promised these. So at the end of a log they are
passed over: the newest whole entry counts, and the next one is created behind them and says in ``details`` how many it
passes over. Nothing is replaced or deleted, so any number of writers may heal a log at once and one of them wins, as always.
An unfinished entry elsewhere, that none passes over, was damaged later: an error, as one that was changed is anywhere.
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ml_assets.errors import CorruptBlob, MissingBlob, RefMoved
from ml_assets.store.backend import Backend, create
from ml_assets.store.canonical import Json, is_unfinished, plain, sealed, unsealed
from ml_assets.store.keys import VersionKey

logger = logging.getLogger(__name__)

_ENTRY = re.compile(r"(\d{10})\.json")
PASSED_OVER = "passed_over"  # in details: how many unfinished entries lie right below this one
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
        """The number of the last entry, whole or not; 0 if there is none."""
        return max(self._numbers(), default=0)

    def head(self) -> RefEntry | None:
        """The newest entry."""
        return self._newest(self.last())

    def entries(self) -> list[RefEntry]:
        """All entries, oldest first."""
        found, entry = [], self.head()
        while entry is not None:
            found.append(entry)
            below = entry.n - 1 - entry.details.get(PASSED_OVER, 0)
            entry = self.entry(below) if below else None
        return found[::-1]

    def append(
        self, expected: int, target: VersionKey, *, by: str, why: str, run: str | None, details: Mapping[str, Json]
    ) -> RefEntry:
        """Create the entry after number ``expected``.

        Raises:
            RefMoved: if there is one already; nothing was changed.
        """
        last = self.last()
        if last != expected and (last < expected or self._number(self._newest(last)) != expected):
            raise self._moved(expected)
        entry = self._next(expected, last, target=target, by=by, why=why, run=run, details=details)
        if not self._create(entry):
            raise self._moved(expected)
        return entry

    def advance(
        self, target: VersionKey, *, by: str, why: str, run: str | None, details: Mapping[str, Json] | None = None
    ) -> RefEntry:
        """Name ``target`` whatever is named now; a no-op if it is the newest already."""
        for _ in range(RACES):
            last = self.last()
            head = self._newest(last)
            if head is not None and head.target == target:
                return head
            entry = self._next(self._number(head), last, target=target, by=by, why=why, run=run, details=details or {})
            if self._create(entry):
                return entry
        raise RefMoved(f"{self.name} was moved by others {RACES} times in a row. Nothing was changed. Try again.")

    def _next(self, newest: int, last: int, *, details: Mapping[str, Json], **told: Any) -> RefEntry:
        """The entry that follows ``newest``, behind the unfinished ones up to ``last``."""
        passed = {PASSED_OVER: last - newest} if last > newest else {}
        at = datetime.now(UTC).isoformat()
        return RefEntry(n=last + 1, at=at, details=plain({**details, **passed}), **told)

    def _newest(self, last: int) -> RefEntry | None:
        """The newest entry that is whole, of those up to ``last``; what is unfinished after it is passed over."""
        for n in range(last, 0, -1):
            data = self.backend.get(self._key(n))
            if data is None and n < last:  # the disk lost this name, too
                continue
            if data is None or not self._is_unfinished(n, data):
                return self._parsed(n, data)
        return None

    @staticmethod
    def _number(entry: RefEntry | None) -> int:
        return entry.n if entry else 0

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
        return self._parsed(n, self.backend.get(self._key(n)))

    def _parsed(self, n: int, data: bytes | None) -> RefEntry:
        address = f"{self.backend.url}/{self._key(n)}"
        if data is None:
            raise MissingBlob(f"Entry {n} of {self.name} is gone: {address}. Entries are never deleted; restore it.")
        entry = _from_bytes(data)
        if entry is None or entry.n != n:
            raise CorruptBlob(f"{address} was changed after it was written. Restore it from the bucket's versions.")
        return entry

    def finished(self, n: int) -> RefEntry:
        """As ``entry``, but MissingBlob if it is unfinished."""
        data = self.backend.get(self._key(n))
        return self._parsed(n, None if data is not None and self._is_unfinished(n, data) else data)

    def _is_unfinished(self, n: int, data: bytes) -> bool:
        found = is_unfinished(data)
        if found:
            _say_unfinished(f"{self.backend.url}/{self._key(n)}")
        return found

    def _moved(self, expected: int) -> RefMoved:
        head = self.head()
        now = f"at entry {head.n}, {head.target} by {head.by}" if head else "without entries"
        return RefMoved(
            f"{self.name} is {now}; expected entry {expected}: somebody moved it in between. "
            "Nothing was changed. Look at what it names now, then decide again."
        )


@cache
def _say_unfinished(address: str) -> None:
    """Once, however often it is read."""
    logger.warning(
        "%s is empty or cut short: a power cut left it unfinished. It is passed over, and the next entry will say so.",
        address,
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
