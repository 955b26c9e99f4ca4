"""The folder of a log: what its keys are called, and where it ends, in one or two requests however long it is.

    <folder>/!9999999997.json   mark: there is an entry 1000     (9999999999 - 1000 / 500)
    <folder>/!9999999998.json   mark: there is an entry 500
    <folder>/0000000001.json    entry 1
    <folder>/0000000002.json    entry 2 …

Names of entries sort as their numbers do, and a server begins a listing behind any name: one page holds up to 1,000 keys.
Whoever has seen the end before begins there, since entries are never deleted. Others list the first page: of a short log that
is all; of a long one it begins with the newest mark, and behind that lies the end.

Who creates the entry after the 500th, the 1000th, … creates its mark first. It is only a hint, and nobody else's business: where
one is lacking (stores of before have none) or wrong, the end is found by leaps, twice as far each time, and by halving the
rest, and the next writer makes up for it. Gaps, such as a power cut leaves, mislead no step of this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ml_assets.store.backends.backend import Backend
from ml_assets.store.backends.listing import PAGE, Entry
from ml_assets.store.canonical import canonical

MARKED = (
    PAGE // 2
)  # entries from one mark to the next: a page that begins at one has room for those behind a lacking one
_ENTRY = re.compile(r"(\d{10})\.json")
_MARK = re.compile(r"!(\d{10})\.json")  # no partition and no part of an asset's name is written so
MOST_ENTRIES = 10**10 - 1  # the largest number that a name can say

Stamps = Mapping[int, str]
"""Entries by number, each with what tells it apart from others of that name, of a log that was removed and begun anew."""


class Page(NamedTuple):
    """Some entries of a log.

    Attributes:
        whole: whether there are none behind them.
        mark: number of the entry that the newest mark stands for; 0: there is none.
    """

    stamps: Stamps
    whole: bool
    mark: int = 0

    @property
    def last(self) -> int:
        """The number of the last entry among them; 0 if there is none."""
        return max(self.stamps, default=0)


class End(NamedTuple):
    """What a process knows of the end of a log.

    Attributes:
        last: number of the last entry when it looked.
        mark: of the newest mark that it knows of; see ``Page``.
        raced: seconds that a try took when it lost a race for its own last move; 0: it lost none.
    """

    last: int = 0
    mark: int = 0
    raced: float = 0.0


@dataclass(frozen=True)
class LogFolder:
    """The folder of one log in a backend."""

    backend: Backend
    folder: str

    def key(self, n: int) -> str:
        """Where entry ``n`` lies."""
        return f"{self.folder}/{n:010d}.json"

    def all(self) -> Mapping[str, Entry]:
        """All entries and marks."""
        return self._behind(self._first)

    def page_of(self, listed: Mapping[str, Entry], *, whole: bool = True) -> Page:
        """The entries among these keys."""
        marks = self._numbered(_MARK, listed)
        return Page(self._numbered(_ENTRY, listed), whole, MARKED * (MOST_ENTRIES - min(marks, default=MOST_ENTRIES)))

    def end(self, known: End) -> Page:
        """The last entries, whole or not, up to 1,000: all of a short log.

        Args:
            known: nothing, or what a look before has found.
        """
        page = self._page(self.key(known.last - 1)) if known.last else Page({}, whole=False)
        if page.whole and known.last in page.stamps:
            return page._replace(mark=known.mark)
        return self._last_page()  # nothing was seen yet, or it was of a log that is gone

    def mark(self, known: End, last: int) -> int:
        """Make sure that a log with so many entries has its newest mark; the number of that."""
        number = last - last % MARKED
        if number > known.mark:
            self.backend.put_new(
                f"{self._first}{MOST_ENTRIES - number // MARKED:010d}.json", canonical({"entry": number})
            )
        return max(number, known.mark)

    def _last_page(self) -> Page:
        first = self._page(self._first)
        if first.whole:
            return first
        behind = self._page(self.key(first.mark - 1)) if first.mark else first
        if not behind.stamps:  # a mark of a log that is gone
            return self._by_leaps(self._page(self.key(0)))
        return self._by_leaps(behind)._replace(mark=first.mark)

    def _by_leaps(self, page: Page) -> Page:
        """The last entries, from some on."""
        leap, nothing_behind = PAGE, MOST_ENTRIES
        while not page.whole:
            is_near = nothing_behind - page.last <= PAGE
            behind = page.last if is_near else min(page.last + leap, (page.last + nothing_behind) // 2)
            further = self._page(self.key(behind))
            if further.stamps:
                page, leap = further, 2 * leap
            elif is_near:
                break
            else:
                nothing_behind = behind
        return page

    def _page(self, after: str) -> Page:
        """The first entries and marks whose keys sort after this one."""
        listed = self.backend.entries(self.folder, after, self.key(MOST_ENTRIES), PAGE)
        ours = self._numbered(_ENTRY, listed), self._numbered(_MARK, listed)
        if (
            sum(map(len, ours)) < len(listed) == PAGE
        ):  # logs of an asset that is called like this partition lie in between
            return self.page_of(self._behind(after))
        return self.page_of(listed, whole=len(listed) < PAGE)

    def _behind(self, after: str) -> Mapping[str, Entry]:
        return self.backend.entries(self.folder, after, self.key(MOST_ENTRIES))

    def _numbered(self, name: re.Pattern[str], listed: Mapping[str, Entry]) -> Stamps:
        names = ((name.fullmatch(key.removeprefix(f"{self.folder}/")), e.stamp) for key, e in listed.items())
        return {int(found[1]): stamp for found, stamp in names if found}

    @property
    def _first(self) -> str:
        """What all marks begin with; they and the entries sort behind it."""
        return f"{self.folder}/!"


def is_mark(key: str) -> bool:
    """Whether a key is that of a mark."""
    return _MARK.fullmatch(key.rpartition("/")[2]) is not None
