"""What a watch remembers of a look: the newest names by heart, the rest in the index."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from ml_assets.store.landing.watch import index as index_of
from ml_assets.store.landing.watch.files import Files, Pattern
from ml_assets.store.landing.watch.state import Watch
from ml_assets.store.store import Store

NEWEST = 20  # names per pattern that every quick look lists again: late by that many, or corrected, is seen at once
RECENT = 40  # other names that a watch may hold before they go into the index
GONE = ""  # the stamp of a file that was found before and is not there: should the same come back, it is new again


@dataclass(frozen=True)
class Compared:
    """What a look has seen of the problem's files.

    Attributes:
        listed: the names of all that were looked at.
        stamps: name -> stamp of those that were found, now or before.
        whole: whether those are all there are.
        gone: how many were found before and are not there any more.
        vanished: the names of those that still were at the last whole look.
    """

    listed: Collection[str]
    stamps: Mapping[str, str]
    whole: bool
    gone: int
    vanished: Collection[str]


def remembered(files: Files, watch: Watch, compared: Compared, store: Store) -> Watch:
    """The watch that remembers what was found, too; when most of what it knew is gone, it forgets that."""
    before = {} if compared.whole else watch.after
    after = {
        pattern.text: _before_newest(pattern, compared.listed, before.get(pattern.text, ""))
        for pattern in files.patterns
    }
    forgets = 0 < len(compared.stamps) < compared.gone  # nothing at all: perhaps the folder is only not mounted
    gone = dict.fromkeys(compared.vanished, GONE)
    recent, index = (compared.stamps, ()) if forgets else ({**watch.recent, **gone}, watch.index)
    newest = {
        name for name in {*recent, *compared.stamps} if name in files.fixed or _is_behind(files.patterns, after, name)
    }
    kept = {name: compared.stamps.get(name, recent.get(name, "")) for name in newest}
    older = {name: stamp for name, stamp in recent.items() if name not in newest}
    if len(older) <= RECENT:
        return replace(watch, after=after, recent={**kept, **older}, index=index)
    return replace(watch, after=after, recent=kept, index=index_of.add(store, index, older))


def _before_newest(pattern: Pattern, listed: Collection[str], before: str) -> str:
    """The name after which there are only the newest; ``before`` if no more than those was listed after it."""
    names = sorted(name for name in listed if name > before and pattern.found(name) is not None)
    return names[-NEWEST - 1] if len(names) > NEWEST else before


def _is_behind(patterns: Iterable[Pattern], after: Mapping[str, str], name: str) -> bool:
    """Whether a quick look lists this name again."""
    return any(name > after[pattern.text] and pattern.found(name) is not None for pattern in patterns)
