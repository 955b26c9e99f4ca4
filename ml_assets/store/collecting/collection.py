"""Garbage collection beside writers, without locks: what nobody needs is moved to the trash, and deleted a grace period later.

    first    claim a number ─▶ list blobs ─▶ list manifests and logs ─▶ decide ─▶ move dead blobs to the trash ─▶ record
    second   (a later collection, once that record is older than the grace period) list manifests and logs again:
             what a kept version names by now goes back to blobs/, the rest is deleted

Nothing kept is lost, however the two interleave with a writer. It *puts* a blob, and finds it in ``blobs/`` or not. If not,
it writes it, and a blob that is younger than the grace period is never moved. If so, it relies on it, and the blob may be moved
right after. But then its version is named less than a grace period later, which is the one thing that is assumed: that nobody
takes longer from the first byte to the name. So the second listing, which begins a grace period after the last move, sees it, and
the blob goes back. Readers meanwhile find it in the trash. Deleted is only what had been unneeded at both listings.

A crash anywhere leaves blobs in ``blobs/`` or in the trash, where readers find them; the next collection ends what was begun.
Two collections at once have two numbers, and what one has moved the other does not find. All times are the store's: those of its
objects, of which the first one that a collection writes says what time it is.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from typing import NamedTuple

from ml_assets.errors import Refused
from ml_assets.store.backends.backend import Backend
from ml_assets.store.backends.listing import Entry
from ml_assets.store.backends.local import is_local
from ml_assets.store.canonical import Json, sealed
from ml_assets.store.collecting.trash import BEGUN, ENDED, MOVED, PLAN, Collections
from ml_assets.store.keys import VersionKey, blob_key, collection_key, trash_folder, trash_key
from ml_assets.store.together import side_by_side

LARGEST_COPY = 5 << 30  # bytes that a server copies at once; what is larger stays
AT_ONCE = 1_000  # blobs that are moved or deleted between two words about it
_BLOB = re.compile(r"blobs/[0-9a-f]{2}/([0-9a-f]{64})")
_TRASHED = re.compile(r"trash/(\d{10,})/([0-9a-f]{64})")
_CHECKPOINT = re.compile(r"checkpoints/[0-9a-f]{64}/\d{12}-[0-9a-f]{64}")
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Decision:
    """What a look at manifests and logs came to.

    Attributes:
        live: digests of blobs that stay.
        goes: versions whose content goes -> the rule that lets it go.
        files: digests of the blobs of these.
        rules: in words, for the record.
    """

    live: frozenset[str] | set[str]
    goes: Mapping[VersionKey, str] = field(default_factory=dict)
    files: Mapping[VersionKey, Sequence[str]] = field(default_factory=dict)
    rules: Mapping[str, Json] = field(default_factory=dict)


Decide = Callable[[float], Decision]
"""Reads manifests and logs and decides; given what time it is, seconds since 1970."""


class Amount(NamedTuple):
    """Objects, and their bytes."""

    objects: int = 0
    bytes: int = 0


NOTHING = Amount()


@dataclass(frozen=True)
class Outcome:
    """What a collection did, or would do.

    Attributes:
        n: its number; 0 if there was nothing to move, or it was only asked what would be.
        collected: versions whose content was moved -> the rule.
        moved: blobs that went to the trash.
        deleted, restored: blobs of earlier collections.
        checkpoints: states of trainings that nobody went on with.
    """

    n: int = 0
    collected: Mapping[VersionKey, str] = field(default_factory=dict)
    moved: Amount = NOTHING
    deleted: Amount = NOTHING
    restored: Amount = NOTHING
    checkpoints: Amount = NOTHING


@dataclass(frozen=True)
class _Listing:
    """What lies in a store: blobs, by digest, and the trash, by number; from before the manifests were listed.

    What has another name than a store gives was put there by somebody else, and is left alone.
    """

    blobs: Mapping[str, Entry]
    trash: Mapping[int, Mapping[str, Entry]]
    checkpoints: Mapping[str, Entry]

    @classmethod
    def of(cls, backend: Backend) -> _Listing:
        blobs = {of[1]: entry for of, entry in _named(_BLOB, backend.entries("blobs"))}
        trash: dict[int, dict[str, Entry]] = {}
        for of, entry in _named(_TRASHED, backend.entries("trash")):
            trash.setdefault(int(of[1]), {})[of[2]] = entry
        return cls(blobs, trash, {of[0]: entry for of, entry in _named(_CHECKPOINT, backend.entries("checkpoints"))})


@dataclass(frozen=True)
class Collector:
    """Collects what is dead in a store.

    Attributes:
        grace: seconds.
        tell: is told how far it is.
    """

    backend: Backend
    decide: Decide
    by: str
    grace: float
    tell: Tell = lambda sentence: None

    def foresee(self, now: float | None = None) -> Outcome:
        """What ``collect`` would do now; nothing is changed.

        Args:
            now: seconds since 1970; by default by this machine's clock.
        """
        now = time.time() if now is None else now
        listing, decision = self._look(now)
        dead, due = self._dead(listing, decision, now), self._due(listing, now)
        trashed = [(digest, entry) for n in due for digest, entry in listing.trash.get(n, {}).items()]
        return Outcome(
            collected=_collected(decision, dead),
            moved=_amount(dead.values()),
            deleted=_amount(entry for digest, entry in trashed if digest not in decision.live),
            restored=_amount(entry for digest, entry in trashed if digest in decision.live),
            checkpoints=_amount(self._abandoned(listing, now).values()),
        )

    def collect(self) -> Outcome:
        """End earlier collections whose grace is over, then move what is dead now to the trash."""
        n, now = self._begin()
        listing, decision = self._look(now)
        deleted, restored = self._end_earlier(listing, decision, now, n)
        abandoned = self._abandoned(listing, now)
        self._each(self.backend.delete, abandoned, "checkpoints deleted")
        dead = self._dead(listing, decision, now)
        collected = _collected(decision, dead)
        if dead:
            self._move(n, decision, collected, dead)
        else:
            self.backend.delete(collection_key(n, BEGUN))
        amounts = _amount(dead.values()), deleted, restored, _amount(abandoned.values())
        return Outcome(n if dead else 0, collected, *amounts)

    def undo(self) -> Amount:
        """Let all that lies in the trash lie in its place again."""
        found: list[Entry] = []
        for n, parts in Collections(self.backend).listed().items():
            listed = self.backend.entries(trash_folder(n))
            trashed = {of[0]: entry for of, entry in _named(_TRASHED, listed)}
            self._each(self._restore, trashed, "blobs restored")
            if MOVED in parts:  # else somebody may be moving
                self._record(n, ENDED, {"undone": True, "restored": len(trashed)})
            found += trashed.values()
        return _amount(found)

    # ------------------------------------------------------------ looking

    def _look(self, now: float) -> tuple[_Listing, Decision]:
        """Blobs first: one that is put meanwhile is not among them, and what names one that is, is seen."""
        listing = _Listing.of(self.backend)
        return listing, self.decide(now)

    def _dead(self, listing: _Listing, decision: Decision, now: float) -> dict[str, Entry]:
        return {
            digest: entry
            for digest, entry in listing.blobs.items()
            if digest not in decision.live and entry.modified <= now - self.grace and entry.size <= self._largest
        }

    @property
    def _largest(self) -> float:
        return math.inf if is_local(self.backend) else LARGEST_COPY

    def _abandoned(self, listing: _Listing, now: float) -> dict[str, Entry]:
        """The checkpoints of trainings that nobody has saved since: their computations are done, or were given up."""
        found: dict[str, Entry] = {}
        by_folder = groupby(sorted(listing.checkpoints.items()), key=lambda item: item[0].rpartition("/")[0])
        for _, items in by_folder:
            own = dict(items)
            if max(entry.modified for entry in own.values()) <= now - self.grace:
                found |= own
        return found

    def _due(self, listing: _Listing, now: float) -> list[int]:
        """The collections whose trash may be emptied."""
        parts = Collections(self.backend).listed()
        over = [n for n, own in parts.items() if ENDED in own or self._is_old(own.get(MOVED), now)]
        return [n for n in over if ENDED not in parts[n] or n in listing.trash]

    def _is_old(self, entry: Entry | None, now: float) -> bool:
        return entry is not None and entry.modified <= now - self.grace

    # ------------------------------------------------------------ doing

    def _begin(self) -> tuple[int, float]:
        """A number that is this collection's alone, and what time it is."""
        n = max(Collections(self.backend).listed(), default=0)
        while True:
            n += 1
            key = collection_key(n, BEGUN)
            if self.backend.put_new(key, sealed({"at": _now(), "by": self.by})):
                entry = self.backend.entry(key)
                if entry is None:
                    raise Refused(f"{self.backend.url}/{key} was deleted while it was written. Begin again.")
                return n, entry.modified

    def _move(self, n: int, decision: Decision, collected: Mapping[VersionKey, str], dead: Mapping[str, Entry]) -> None:
        days = self.grace / 86400
        fact = {"rules": dict(decision.rules), "grace_days": days, "collected": _grouped(collected)}
        self._record(n, PLAN, fact)
        self._each(lambda digest: self.backend.rename(blob_key(digest), trash_key(n, digest)), dead, "blobs moved")
        amount = _amount(dead.values())
        self._record(n, MOVED, {"blobs": amount.objects, "bytes": amount.bytes, "versions": len(collected)})

    def _end_earlier(self, listing: _Listing, decision: Decision, now: float, own: int) -> tuple[Amount, Amount]:
        deleted: list[Entry] = []
        restored: list[Entry] = []
        for n in self._due(listing, now):
            trashed = listing.trash.get(n, {})
            back = {trash_key(n, digest): entry for digest, entry in trashed.items() if digest in decision.live}
            away = {trash_key(n, digest): entry for digest, entry in trashed.items() if digest not in decision.live}
            self._each(self._restore, back, "blobs restored")
            self._each(self.backend.delete, away, "blobs deleted")
            self._record(n, ENDED, {"deleted": len(away), "restored": len(back), "undone": False})
            deleted, restored = [*deleted, *away.values()], [*restored, *back.values()]
        self._adopt_unfinished(now, own)
        return _amount(deleted), _amount(restored)

    def _adopt_unfinished(self, now: float, own: int) -> None:
        """Collections that broke off: from now on the grace period runs for what they had moved."""
        for n, parts in Collections(self.backend).listed().items():
            if n == own or MOVED in parts or ENDED in parts:
                continue
            if PLAN in parts and self._is_old(parts[PLAN], now):
                self._record(n, MOVED, {"broke_off": True})
            elif PLAN not in parts and self._is_old(parts.get(BEGUN), now):
                self.backend.delete(collection_key(n, BEGUN))

    def _restore(self, key: str) -> None:
        self.backend.rename(key, blob_key(key.rpartition("/")[2]))

    def _record(self, n: int, part: str, fact: Mapping[str, Json]) -> None:
        self.backend.put_new(collection_key(n, part), sealed({"at": _now(), "by": self.by, **fact}))

    def _each(self, do: Callable[[str], object], keys: Iterable[str], what: str) -> None:
        every = list(keys)
        for start in range(0, len(every), AT_ONCE):
            side_by_side(do, every[start : start + AT_ONCE])
            self.tell(f"{min(start + AT_ONCE, len(every)):,} of {len(every):,} {what}")


def _named(name: re.Pattern[str], listed: Mapping[str, Entry]) -> Iterator[tuple[re.Match[str], Entry]]:
    return ((of, entry) for key, entry in listed.items() if (of := name.fullmatch(key)))


def _collected(decision: Decision, dead: Mapping[str, Entry]) -> dict[VersionKey, str]:
    """The versions that lose something: one whose bytes are all those of others is as readable as before."""
    return {
        key: rule
        for key, rule in decision.goes.items()
        if any(digest in dead for digest in decision.files.get(key, ()))
    }


def _grouped(collected: Mapping[VersionKey, str]) -> list[Json]:
    """Versions by what they have in common: a record of 100,000 has a few MB."""

    def common(item: tuple[VersionKey, str]) -> tuple[str, bool, str, str]:
        key, rule = item
        return key.asset, key.partition is not None, key.partition or "", rule

    groups = groupby(sorted(collected.items(), key=lambda item: (*common(item), item[0].version)), key=common)
    return list(map(_group, (list(items) for _, items in groups)))


def _group(items: Sequence[tuple[VersionKey, str]]) -> Json:
    key, rule = items[0]
    versions = [one.version for one, _ in items]
    return {"asset": key.asset, "partition": key.partition, "rule": rule, "versions": versions}


def _amount(entries: Iterable[Entry]) -> Amount:
    found = [entry.size for entry in entries]
    return Amount(len(found), sum(found))


def _now() -> str:
    return datetime.now(UTC).isoformat()
