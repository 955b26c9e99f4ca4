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

Where a log ends is always asked anew, in one or two requests: see log_folder.py. Who goes first in a race: turns.py.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from ml_assets.errors import CorruptBlob, MissingBlob, RefMoved
from ml_assets.store.backends.backend import DOCUMENT, Backend, create
from ml_assets.store.backends.listing import LAST, Entry
from ml_assets.store.canonical import Json, checked, is_unfinished, plain, sealed, unsealed
from ml_assets.store.copies import NO_COPIES, NoCopies, by_stamp, keep_sealed
from ml_assets.store.keys import VersionKey, version_in
from ml_assets.store.logs.log_folder import MOST_ENTRIES, End, LogFolder, Page, Stamps
from ml_assets.store.logs.turns import Turns
from ml_assets.store.together import side_by_side

logger = logging.getLogger(__name__)

PASSED_OVER = "passed_over"  # in details: how many unfinished entries lie right below this one
BEGAN_FROM = (
    "began_from"  # in details of a branch's first entry: the number of the newest of main then, 0 if it had none
)
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
    """The log in one folder of a backend.

    Attributes:
        name: how messages call it.
        copies: of entries; see copies.py.
        ends: folder -> what this process knows of the end: where it begins to look again.
        is_young: it is likely to have no entries yet, as what a run makes; only saves a look.
        below: the log that shows where this one has no entries; the first entry says where that one was.
        turns: who goes first where many move it at once.
    """

    backend: Backend
    folder: str
    name: str
    copies: NoCopies = NO_COPIES
    ends: dict[str, End] = field(default_factory=dict)
    is_young: bool = False
    below: RefLog | None = None
    turns: Turns = Turns()  # noqa: RUF009  # frozen

    def last(self) -> int:
        """The number of the last entry, whole or not; 0 if there is none."""
        return self._end().last

    def head(self) -> RefEntry | None:
        """The newest entry."""
        return self._newest(self._end().stamps)

    def newest_of(self, listed: Mapping[str, Entry]) -> RefEntry | None:
        """The newest of these entries, which are all there are."""
        return self._newest(self._seen(self._in.page_of(listed)).stamps)

    def entries(self) -> list[RefEntry]:
        """All entries, oldest first."""
        stamps = self._seen(self._in.page_of(self._in.all())).stamps
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
        has_just_looked = (
            self._known.raced > 0 and self._known.last == expected
        )  # who lost a race is the quicker next time
        last = expected if has_just_looked else self._last_of(expected)
        entry = self._next(expected, last, target=target, by=by, why=why, run=run, details=details)
        winner, seconds = self._tried(entry)
        self.ends[self.folder] = self._known._replace(raced=seconds if winner else 0.0)
        if winner is not None:
            raise self._moved(expected, self._won(entry.n, winner) or self.head())
        return entry

    def _last_of(self, expected: int) -> int:
        """The number of the last entry, whole or not, provided that the newest whole one is the expected one."""
        end = self._end()
        head = self._newest(end.stamps) if end.last != expected else None
        if end.last != expected and self._number(head) != expected:
            raise self._moved(expected, head)
        return end.last

    def advance(
        self, target: VersionKey, *, by: str, why: str, run: str | None, details: Mapping[str, Json] | None = None
    ) -> RefEntry:
        """Name ``target`` whatever is named now; a no-op if it is the newest already."""
        if self._known.raced:
            self.turns.give_way(0, self._known.raced)
        head, last = (None, 0) if self._is_empty_as_far_as_known() else self._look()
        raced = 0.0
        for lost in range(RACES):
            if head is not None and head.target == target:
                return head
            entry = self._next(self._number(head), last, target=target, by=by, why=why, run=run, details=details or {})
            winner, seconds = self._tried(entry)
            if winner is None:
                self.ends[self.folder] = self._known._replace(raced=raced)
                return entry
            raced = seconds if last else 0.0  # the first entry was tried without a look: no race
            has_paused = self.turns.give_way(lost, raced)
            is_near = last > 0 and not has_paused and lost % 2 > 0  # but who only follows the winners falls behind
            head, last = self._behind(entry.n, winner) if is_near else self._look()
        raise RefMoved(f"{self.name} was moved by others {RACES} times in a row. Nothing was changed. Try again.")

    def _behind(self, n: int, winner: bytes) -> tuple[RefEntry | None, int]:
        """As ``_look``, by what the winner of a race for entry ``n`` has written."""
        entry = self._won(n, winner)
        return (entry, n) if entry else self._look()

    def _look(self) -> tuple[RefEntry | None, int]:
        """The newest entry, and the number of the last, whole or not."""
        end = self._end()
        return self._newest(end.stamps), end.last

    def _won(self, n: int, data: bytes) -> RefEntry | None:
        """The entry of another writer who was quicker; None if it is not whole."""
        entry = _from_bytes(data)
        return entry if entry is not None and entry.n == n else None

    def _next(self, newest: int, last: int, *, details: Mapping[str, Json], **told: Any) -> RefEntry:
        """The entry that follows ``newest``, behind the unfinished ones up to ``last``."""
        passed = {PASSED_OVER: last - newest} if last > newest else {}
        began = {BEGAN_FROM: self._number(self.below.head())} if self.below and not newest else {}
        at = datetime.now(UTC).isoformat()
        if last >= MOST_ENTRIES:
            raise CorruptBlob(
                f"{self.name} has an entry {last}, the last that a log can have: nobody moved it so often. Nothing was changed. "
                f"Find out who wrote {self.backend.url}/{self._in.key(last)}, and delete it."
            )
        return RefEntry(n=last + 1, at=at, details=plain({**began, **details, **passed}), **told)

    def _is_empty_as_far_as_known(self) -> bool:
        """Then the first entry is created without a look: that is refused if there is one."""
        known = self.ends.get(self.folder)
        return self.is_young if known is None else known.last == 0

    @property
    def _known(self) -> End:
        return self.ends.get(self.folder, End())

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
            return self.backend.get(self._in.key(n), DOCUMENT)
        return by_stamp(self.copies, self.backend, self._in.key(n), stamps[n])

    @staticmethod
    def _number(entry: RefEntry | None) -> int:
        return entry.n if entry else 0

    def _end(self) -> Page:
        """The last entries, whole or not: all of a short log."""
        return self._seen(self._in.end(self._known))

    def _seen(self, page: Page) -> Page:
        self.ends[self.folder] = self._known._replace(last=page.last, mark=page.mark)
        return page

    def _tried(self, entry: RefEntry) -> tuple[bytes | None, float]:
        """Create an entry; None if it is ours, else the bytes of another writer, who was quicker; and how long that took."""
        began = self.turns.clock()
        mark = self._in.mark(self._known, entry.n - 1)  # which may fail: then nothing was moved
        key, data = self._in.key(entry.n), _to_bytes(entry)
        winner = create(self.backend, key, data)
        if winner is None:
            keep_sealed(self.copies, key, data)
        self.ends[self.folder] = self._known._replace(last=entry.n, mark=mark)
        return winner, self.turns.clock() - began

    @property
    def _in(self) -> LogFolder:
        return LogFolder(self.backend, self.folder)

    def entry(self, n: int) -> RefEntry:
        """Entry ``n``, verified.

        Raises:
            MissingBlob, CorruptBlob: if it is gone or was changed.
        """
        return self._parsed(n, self.backend.get(self._in.key(n), DOCUMENT))

    def _parsed(self, n: int, data: bytes | None) -> RefEntry:
        address = f"{self.backend.url}/{self._in.key(n)}"
        if data is None:
            raise MissingBlob(f"Entry {n} of {self.name} is gone: {address}. Entries are never deleted; restore it.")
        entry = _from_bytes(data)
        if entry is None or entry.n != n:
            raise CorruptBlob(f"{address} was changed after it was written. Restore it from the bucket's versions.")
        return entry

    def finished(self, n: int) -> RefEntry:
        """As ``entry``, but MissingBlob if it is unfinished."""
        data = self.backend.get(self._in.key(n), DOCUMENT)
        return self._parsed(n, None if data is not None and self._is_unfinished(n, data) else data)

    def _is_unfinished(self, n: int, data: bytes) -> bool:
        found = is_unfinished(data)
        if found:
            _say_unfinished(f"{self.backend.url}/{self._in.key(n)}")
        return found

    def _moved(self, expected: int, head: RefEntry | None) -> RefMoved:
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
        entry = checked(RefEntry(**{**fields, "target": version_in(fields["target"])}))
    except (KeyError, TypeError, ValueError):
        return None
    return entry if _are_numbers(entry) else None


def _are_numbers(entry: RefEntry) -> bool:
    """Whether the numbers in its details are such as entries have: those passed over, of entries below it."""
    passed, began = entry.details.get(PASSED_OVER, 0), entry.details.get(BEGAN_FROM, 0)
    is_passed = type(passed) is int and 0 <= passed < entry.n
    return is_passed and (began is None or (type(began) is int and 0 <= began <= MOST_ENTRIES))
