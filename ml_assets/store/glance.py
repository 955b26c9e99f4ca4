"""A store's backend as it is now, for one answer: a server takes tens of milliseconds, and an answer has hundreds of questions.

Which keys there are, and when each was written, is listed once: all that a branch names of a problem, all versions of it, the
memory of computations, the blobs. Entries of logs and memories are read by the stamps of these listings, so that copies of
them serve the next answer, too (copies.py). What is written meanwhile is not in it; it cannot be written to.

A listing stops before it takes longer than the questions that it saves: its pages come one after the other, questions are
asked side by side. It is in order, so what it has seen it knows for sure; of what lies behind, each is asked for by itself.
Keys that are digests are spread evenly: the first thousand tell how many there are.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from ml_assets.errors import Refused
from ml_assets.store.backends.backend import Backend
from ml_assets.store.backends.listing import LAST, PAGE, Entry, Span
from ml_assets.store.copies import NO_COPIES, NoCopies, by_stamp
from ml_assets.store.together import AT_ONCE, Together, side_by_side

LISTED_AT = {"refs": 3, "runs": 2, "versions": 2, "blobs": 1, "computations": 1, "traces": 1}
"""Parts of a key that make a folder which is listed as a whole: ``refs/<branch>/<problem>``; docs/STORE.md, "Layout"."""
BY_DIGEST = ("blobs", "computations", "traces")
SEALED = ("computations", "traces")
_DIGITS = re.compile(r"([0-9a-f]{4})[0-9a-f]{60}(\.json)?")


@dataclass(frozen=True)
class _Listing:
    """The keys below a folder with their entries.

    Attributes:
        until: it knows of all keys up to this one.
    """

    entries: Mapping[str, Entry]
    until: str = LAST

    @cached_property
    def names(self) -> list[str]:
        return sorted(self.entries)

    def below(self, folder: str, span: Span = Span()) -> list[str]:  # noqa: B008  # a tuple
        """The keys below a folder in it."""
        start, end = bisect_left(self.names, f"{folder}/"), bisect_left(self.names, f"{folder}0")  # 0 sorts after /
        names = self.names[start:end] if folder else self.names
        return names[bisect_right(names, span.after) : bisect_right(names, span.until)]


class Glance:
    """A backend that can only be looked at. Safe to use from many threads.

    Args:
        questions: see ``Store.at_a_glance``.
    """

    def __init__(self, backend: Backend, copies: NoCopies = NO_COPIES, questions: int | None = None) -> None:
        self.url = backend.url
        self._backend, self._copies, self._questions = backend, copies, questions
        self._listed: dict[str, _Listing] = {}
        self._together = Together()

    def get(self, key: str, most: int | None = None) -> bytes | None:
        """See ``Backend``."""
        listing = self._listing_of(key) if key.partition("/")[0] in SEALED else None
        if listing is None or key > listing.until:
            return self._backend.get(key, most)
        if key not in listing.entries:
            return None
        return by_stamp(self._copies, self._backend, key, listing.entries[key].stamp)

    def stream(self, key: str) -> Iterator[bytes | memoryview] | None:
        """See ``Backend``."""
        return self._backend.stream(key)

    def part(self, key: str, start: int, stop: int) -> bytes | None:
        """See ``Backend``."""
        return self._backend.part(key, start, stop)

    def list(self, folder: str, after: str | None = None) -> list[str]:
        """See ``Backend``."""
        listing = self._listing(folder)
        return listing.below(folder, Span(after or "")) if listing else self._backend.list(folder, after)

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        """See ``Backend``."""
        listing = self._listing(folder)
        if listing is None:
            return self._backend.entries(folder, after, until, most)
        return {name: listing.entries[name] for name in listing.below(folder, Span(after, until))[:most]}

    def entry(self, key: str) -> Entry | None:
        """See ``Backend``."""
        listing = self._listing_of(key)
        return listing.entries.get(key) if listing and key <= listing.until else self._backend.entry(key)

    def within(self, seconds: float) -> Glance:
        """See ``Backend``; whoever looks has said how long that may take."""
        return self

    def put_new(self, key: str, data: bytes) -> bool:
        """See ``Backend``."""
        raise self._refused(key)

    def replace(self, key: str, data: bytes) -> None:
        """See ``Place``."""
        raise self._refused(key)

    def put_file(self, key: str, source: bytes | Path) -> None:
        """See ``Backend``."""
        raise self._refused(key)

    def delete(self, key: str) -> None:
        """See ``Backend``."""
        raise self._refused(key)

    def rename(self, key: str, to: str) -> bool:
        """See ``Backend``."""
        raise self._refused(key)

    def _refused(self, key: str) -> Refused:
        return Refused(f"{self.url}/{key} was not changed: who looks at a store, as plans and pages do, only reads.")

    def _listing_of(self, key: str) -> _Listing | None:
        """The listing that knows of a key; None where none does."""
        parts = key.split("/")
        depth = LISTED_AT.get(parts[0], len(parts) - 1)
        return self._asked("/".join(parts[:depth])) if 0 < depth < len(parts) else None

    def _listing(self, folder: str) -> _Listing | None:
        """The listing that has all keys below a folder; None where none has."""
        listing = self._asked("/".join(folder.split("/")[: LISTED_AT.get(folder.partition("/")[0])]))
        return listing if (f"{folder}/{LAST}" if folder else LAST) <= listing.until else None

    def _asked(self, folder: str) -> _Listing:
        parts = folder.split("/")
        above = ("/".join(parts[:depth]) for depth in range(1, len(parts)))
        known = next((self._listed[place] for place in (folder, *above) if place in self._listed), None)
        if known is None or known.until != LAST:
            known = self._listed.get(folder) or self._together.ask(folder, partial(self._list, folder))
        return known

    def _list(self, folder: str) -> _Listing:
        if folder not in self._listed:
            self._listed[folder] = listing = self._as_far_as_it_pays(folder)
            if self._questions is None and folder.startswith("refs/") and self._copies is not NO_COPIES:
                self._read_ahead(listing)
        return self._listed[folder]

    def _as_far_as_it_pays(self, folder: str) -> _Listing:
        if self._questions is None:
            return _Listing(self._backend.entries(folder))
        first = self._backend.entries(folder, most=PAGE)
        pages = max(1, self._questions // AT_ONCE)
        if len(first) < PAGE:
            return _Listing(first)
        if folder in BY_DIGEST and _pages(max(first)) > pages:
            return _Listing(first, max(first))
        more = self._backend.entries(folder, max(first), LAST, PAGE * (pages - 1)) if pages > 1 else {}
        every = {**first, **more}
        return _Listing(every, LAST if len(every) < PAGE * pages else max(every))

    def _read_ahead(self, listing: _Listing) -> None:
        """The newest entry of each log, side by side: answers about everything read them one after the other."""
        newest = {name.rpartition("/")[0]: name for name in listing.names}
        stamps = {name: listing.entries[name].stamp for name in newest.values()}
        side_by_side(lambda name: by_stamp(self._copies, self._backend, name, stamps[name]), stamps)


def _pages(last: str) -> float:
    """How many pages a folder of digests takes of whose keys this is the last on the first page."""
    digits = _DIGITS.fullmatch(last.rpartition("/")[2])
    return 16**4 / (int(digits[1], 16) + 1) if digits else 1
