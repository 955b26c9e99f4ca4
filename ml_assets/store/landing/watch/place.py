"""The files of one problem in a landing folder, and what one look sees of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ml_assets.store.backends.listing import Entry, Span
from ml_assets.store.canonical import canonical, digest
from ml_assets.store.landing.folder import LandingFolder, parts_entry
from ml_assets.store.landing.watch.files import PARTITION, Files

ASKERS = 8  # requests for single files at the same time
EVERYTHING = Span()
OF_PARTS = re.compile(r"=|\.(parquet|csv|tsv|jsonl|ndjson|arrow|feather)$")  # in the name of a folder that is one table


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
        return self._together({name.removeprefix(self.below): entry for name, entry in found.items()})

    def _together(self, found: Mapping[str, Entry]) -> dict[str, Entry]:
        """The files, with part files as the one that they are together."""
        parts: dict[str, dict[str, Entry]] = {}
        for name in found:
            if whole := self.whole(name):
                parts.setdefault(whole, {})[name] = found[name]
        inside = {name for of in parts.values() for name in of}
        wholes = {whole: entry for whole, of in parts.items() if (entry := parts_entry(of, whole)) is not None}
        return {**{name: entry for name, entry in found.items() if name not in inside}, **wholes}

    def whole(self, name: str) -> str:
        """What a file is a part of, and is one of the problem's files: a folder, or a name with ``*``; empty if there is none."""
        if whole := self.files.glob(name):
            return whole
        return "" if self.files.has(name) else self._folder(name)

    def _folder(self, name: str) -> str:
        steps = name.split("/")[:-1]
        above = ("/".join(steps[:n]) for n, step in enumerate(steps, start=1) if OF_PARTS.search(step))
        return next(filter(self.files.has, above), "")

    def those(self, names: Iterable[str]) -> dict[str, Entry]:
        """Of the files with these names those that are there; one request each."""
        wanted = sorted(set(names))
        with ThreadPoolExecutor(ASKERS) as pool:
            found = pool.map(lambda name: self.landing.entry(self.below + name), wanted)
        return {name: entry for name, entry in zip(wanted, found, strict=True) if entry is not None}
