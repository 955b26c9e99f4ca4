"""The files of one problem in a landing folder, and what one look sees of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ml_assets.store.canonical import canonical, digest
from ml_assets.store.landing import LandingFolder
from ml_assets.store.listing import Entry, Span
from ml_assets.store.watch.files import PARTITION, Files

ASKERS = 8  # requests for single files at the same time
EVERYTHING = Span()


@dataclass(frozen=True)
class Sight:
    """The files that were looked at, and whether those are all there are; how long listing them took."""

    entries: Mapping[str, Entry]
    whole: bool = False
    seconds: float = 0


@dataclass(frozen=True)
class Place:
    """The files of a problem below its prefix of the landing folder; names are relative to it."""

    landing: LandingFolder
    prefix: str
    files: Files

    @property
    def below(self) -> str:
        """What stands before every name."""
        return f"{self.prefix}/" if self.prefix else ""

    @property
    def scope(self) -> str:
        """What a watch over it is about."""
        patterns = [[pattern.before, pattern.after] for pattern in self.files.patterns]
        parts = {place: expression for place, expression in self.files.naming.places.items() if place != PARTITION}
        named = [[pattern.text for pattern in self.files.patterns], parts] if parts else []
        return digest(canonical([self.prefix, patterns, list(self.files.fixed), *named]))[:16]

    def entries(self, folder: str = "", span: Span = EVERYTHING) -> dict[str, Entry]:
        """See ``LandingFolder.entries``."""
        after = self.below + span.after if span.after else ""
        found = self.landing.entries((self.below + folder).rstrip("/"), after, self.below + span.until)
        return {name.removeprefix(self.below): entry for name, entry in found.items()}

    def those(self, names: Iterable[str]) -> dict[str, Entry]:
        """Of the files with these names those that are there; one request each."""
        wanted = sorted(set(names))
        with ThreadPoolExecutor(ASKERS) as pool:
            found = pool.map(lambda name: self.landing.entry(self.below + name), wanted)
        return {name: entry for name, entry in zip(wanted, found, strict=True) if entry is not None}
