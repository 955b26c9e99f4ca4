"""Which files make a partition: names with a place for its key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ml_assets.store.listing import LAST, Span

PARTITION = "{partition}"
LONGEST_SHOWN = 80


@dataclass(frozen=True)
class Pattern:
    """A name such as ``bills/{partition}.parquet``: what stands before and after the key, which holds no ``/``."""

    before: str
    after: str

    @property
    def text(self) -> str:
        """As a problem writes it."""
        return f"{self.before}{PARTITION}{self.after}"

    @property
    def folder(self) -> str:
        """The folder of its files."""
        return self.before.rpartition("/")[0]

    def span(self, after: str = "") -> Span:
        """The names that begin like its files and sort after ``after``."""
        return Span(max(self.before, after), self.before + LAST)

    def key(self, name: str) -> str | None:
        """The key in a name; None if the name is not of this pattern."""
        key = name.removeprefix(self.before).removesuffix(self.after)
        return key if key and "/" not in key and self.name(key) == name else None

    def name(self, key: str) -> str:
        """The name for a key."""
        return f"{self.before}{key}{self.after}"


@dataclass(frozen=True)
class Files:
    """The files of a problem: ``patterns`` have a place for the partition's key, ``fixed`` names serve all partitions."""

    patterns: tuple[Pattern, ...]
    fixed: tuple[str, ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> Files:
        """From names as a problem gives them."""
        listed = list(names)
        patterns = tuple(Pattern(*name.split(PARTITION, 1)) for name in listed if PARTITION in name)
        return cls(patterns, tuple(name for name in listed if PARTITION not in name))

    def partitions(self, name: str) -> set[str]:
        """The keys of the partitions that a file belongs to: none for a fixed one, and for one that no pattern fits."""
        if name in self.fixed or not _is_plain(name):
            return set()
        return {key for pattern in self.patterns if (key := pattern.key(name)) is not None}

    def has(self, name: str) -> bool:
        """Whether a file is one of them."""
        return name in self.fixed or bool(self.partitions(name))

    def names(self, partition: str) -> list[str]:
        """The files with the key of a partition in their names."""
        return [pattern.name(partition) for pattern in self.patterns]


def shown(name: str) -> str:
    """A name that anyone may have chosen, on one line and not too long."""
    text = repr(name)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _is_plain(name: str) -> bool:
    """Whether a name can be a path in a landing folder, and be shown: no line breaks, no halves of characters, no ``..``."""
    return name.isprintable() and "\\" not in name and not {"", ".", ".."} & set(name.split("/"))
