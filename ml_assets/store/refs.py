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

Where a log ends is always asked anew, in few requests however long it is. Names sort as their numbers do, and a server begins
a listing behind any name: one page holds up to 1,000 entries. Whoever has seen the end before begins there, since entries are
never deleted. Others list the first page; if that is full they leap ahead, twice as far each time, and halve the rest: what
lies behind a number, if anything, is one request. (Gaps, such as a power cut leaves, mislead no step of it.)
"""

from __future__ import annotations

import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, NamedTuple

from ml_assets.errors import CorruptBlob, MissingBlob, RefMoved
from ml_assets.store.backend import Backend, create
from ml_assets.store.canonical import Json, is_unfinished, plain, sealed, unsealed
from ml_assets.store.copies import NO_COPIES, NoCopies, by_stamp, keep_sealed
from ml_assets.store.keys import VersionKey
from ml_assets.store.listing import LAST, PAGE, Entry
from ml_assets.store.together import side_by_side

logger = logging.getLogger(__name__)

_ENTRY = re.compile(r"(\d{10})\.json")
_NUMBERS = 10**10 - 1  # the largest that a name can say
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


Stamps = Mapping[int, str]
"""Entries by number, each with what tells it apart from others of that name, of a log that was removed and begun anew."""


class _Page(NamedTuple):
    """Some entries, and whether there are none behind them."""

    stamps: Stamps
    whole: bool


@dataclass(frozen=True)
class RefLog:
    """The log in one folder of a backend.

    Attributes:
        name: how messages call it.
        copies: of entries; see copies.py.
        ends: folder -> number of the last entry when this process looked last: where it begins to look again.
        is_young: it is likely to have no entries yet, as what a run makes; only saves a look.
    """

    backend: Backend
    folder: str
    name: str
    copies: NoCopies = NO_COPIES
    ends: dict[str, int] = field(default_factory=dict)
    is_young: bool = False

    def last(self) -> int:
        """The number of the last entry, whole or not; 0 if there is none."""
        return max(self._end(), default=0)

    def head(self) -> RefEntry | None:
        """The newest entry."""
        return self._newest(self._end())

    def newest_of(self, listed: Mapping[str, Entry]) -> RefEntry | None:
        """The newest of these entries, which are all there are."""
        stamps = self._stamps(listed)
        self.ends[self.folder] = max(stamps, default=0)
        return self._newest(stamps)

    def entries(self) -> list[RefEntry]:
        """All entries, oldest first."""
        stamps = self._listed()
        self.ends[self.folder] = max(stamps, default=0)
        found = dict(zip(stamps, side_by_side(lambda n: self._bytes(n, stamps), stamps), strict=True))
        entry, entries = self._newest(stamps, found), []
        while entry is not None:
            entries.append(entry)
            below = entry.n - 1 - entry.details.get(PASSED_OVER, 0)
            entry = self._parsed(below, found.get(below)) if below else None
        return entries[::-1]

    def append(
        self, expected: int, target: VersionKey, *, by: str, why: str, run: str | None, details: Mapping[str, Json]
    ) -> RefEntry:
        """Create the entry after number ``expected``.

        Raises:
            RefMoved: if there is one already; nothing was changed.
        """
        end = self._end()
        last = max(end, default=0)
        if last != expected and (last < expected or self._number(self._newest(end)) != expected):
            raise self._moved(expected)
        entry = self._next(expected, last, target=target, by=by, why=why, run=run, details=details)
        if not self._create(entry):
            raise self._moved(expected)
        return entry

    def advance(
        self, target: VersionKey, *, by: str, why: str, run: str | None, details: Mapping[str, Json] | None = None
    ) -> RefEntry:
        """Name ``target`` whatever is named now; a no-op if it is the newest already."""
        for attempt in range(RACES):
            end = {} if attempt == 0 and self._is_empty_as_far_as_known() else self._end()
            head, last = self._newest(end), max(end, default=0)
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

    def _is_empty_as_far_as_known(self) -> bool:
        """Then the first entry is created without a look: that is refused if there is one."""
        return self.ends.get(self.folder, 0 if self.is_young else None) == 0

    def _newest(self, end: Stamps, found: Mapping[int, bytes | None] | None = None) -> RefEntry | None:
        """The newest entry that is whole, of those up to the end; what is unfinished after it is passed over.

        Args:
            found: the bytes of entries, where they were read already.
        """
        last = max(end, default=0)
        for n in range(last, 0, -1):
            data = self._bytes(n, end) if found is None else found.get(n)
            if data is None and n < last:  # the disk lost this name, too
                continue
            if data is None or not self._is_unfinished(n, data):
                return self._parsed(n, data)
        return None

    def _bytes(self, n: int, stamps: Stamps) -> bytes | None:
        """Of entry ``n``; from a copy, if the stamp is known by which it is the same."""
        if n not in stamps:
            return self.backend.get(self._key(n))
        return by_stamp(self.copies, self.backend, self._key(n), stamps[n])

    @staticmethod
    def _number(entry: RefEntry | None) -> int:
        return entry.n if entry else 0

    def _end(self) -> Stamps:
        """The last entries, whole or not: all of a short log."""
        seen = self.ends.get(self.folder, 0)
        page = self._page(seen - 1) if seen else _Page({}, whole=False)
        if seen not in page.stamps or not page.whole:  # nothing was seen yet, or it was of a log that is gone
            page = self._last_page()
        self.ends[self.folder] = max(page.stamps, default=0)
        return page.stamps

    def _last_page(self) -> _Page:
        """The last entries, up to 1,000, found by leaps and then by halves."""
        page, leap, nothing_behind = self._page(0), PAGE, _NUMBERS
        while not page.whole:
            last = max(page.stamps)
            is_near = nothing_behind - last <= PAGE
            behind = last if is_near else min(last + leap, (last + nothing_behind) // 2)
            further = self._page(behind)
            if further.stamps:
                page, leap = further, 2 * leap
            elif is_near:
                break
            else:
                nothing_behind = behind
        return page

    def _page(self, after: int) -> _Page:
        """The first entries after a number; whether they are all of them."""
        listed = self.backend.entries(self.folder, self._key(max(after, 0)), self._key(_NUMBERS), PAGE)
        stamps = self._stamps(listed)
        if len(stamps) < len(listed) == PAGE:  # logs of an asset that is called like this partition lie in between
            return _Page(self._listed(after), whole=True)
        return _Page(stamps, whole=len(listed) < PAGE)

    def _listed(self, after: int = 0) -> Stamps:
        """All entries after a number."""
        return self._stamps(self.backend.entries(self.folder, self._key(max(after, 0)), self._key(_NUMBERS)))

    def _stamps(self, listed: Mapping[str, Entry]) -> Stamps:
        names = ((_ENTRY.fullmatch(key.removeprefix(f"{self.folder}/")), e.stamp) for key, e in listed.items())
        return {int(name[1]): stamp for name, stamp in names if name}

    def _create(self, entry: RefEntry) -> bool:
        data = _to_bytes(entry)
        is_ours = create(self.backend, self._key(entry.n), data) is None
        if is_ours:
            self.ends[self.folder] = entry.n
            keep_sealed(self.copies, self._key(entry.n), data)
        return is_ours

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


def heads(logs: Sequence[RefLog], folder: str) -> list[RefEntry | None]:
    """The newest entries of several logs below one folder, which are listed together and read side by side."""
    if len(logs) < 2:
        return [log.head() for log in logs]
    folders = sorted(f"{log.folder}/" for log in logs)
    listed: dict[str, dict[str, Entry]] = {name: {} for name in folders}
    for key, entry in logs[0].backend.entries(folder, folders[0], f"{folders[-1]}{LAST}").items():
        listed.get(key[: key.rfind("/") + 1], {})[key] = entry
    return side_by_side(lambda log: log.newest_of(listed[f"{log.folder}/"]), logs)


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
