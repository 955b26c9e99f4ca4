"""Which files make a partition: names with a place for its key, or with places for parts of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Protocol

from ml_assets.store.backends.listing import LAST, Span
from ml_assets.store.landing.folder import is_glob, is_of_form

PARTITION = "partition"
ANYTHING = "[^/]+"
ANY_NAME = "[^/]*"
LONGEST_SHOWN = 80


class Naming(Protocol):
    """How the keys of partitions and the names of their files belong together."""

    @property
    def places(self) -> Mapping[str, str]:
        """What stands in braces in names -> a regular expression of what takes its place; never a ``/``."""
        ...

    def named(self, found: Mapping[str, str]) -> Iterable[str]:
        """The keys of the partitions that a file belongs to, given what its name has in which places."""
        ...

    def in_places(self, key: str) -> Mapping[str, str]:
        """What the names of a partition's files have in which places."""
        ...


class WholeKey:
    """``{partition}`` stands for a key, whatever it is."""

    places: Mapping[str, str] = {PARTITION: ANYTHING}

    def named(self, found: Mapping[str, str]) -> list[str]:
        """See ``Naming``."""
        return [found[PARTITION]]

    def in_places(self, key: str) -> dict[str, str]:
        """See ``Naming``."""
        return {PARTITION: key}


WHOLE_KEY = WholeKey()


@dataclass(frozen=True)
class Pattern:
    """A name such as ``bills/{partition}.parquet``, and what may stand in its places."""

    text: str
    places: Mapping[str, str] = field(default_factory=lambda: WHOLE_KEY.places, hash=False)

    @property
    def before(self) -> str:
        """What stands before the first place."""
        return self._pieces[0]

    @property
    def after(self) -> str:
        """What stands after the first place."""
        return self.text[len(self.before) + len(f"{{{self._pieces[1]}}}") :]

    @property
    def folder(self) -> str:
        """The folder of its files."""
        return self.before.rpartition("/")[0]

    def span(self, after: str = "") -> Span:
        """The names that begin like its files and sort after ``after``."""
        return Span(max(self.before, after), self.before + LAST)

    def found(self, name: str) -> dict[str, str] | None:
        """What a name has in the places; None if the name is not of this pattern."""
        match = self._expression.fullmatch(name)
        return match.groupdict() if match else None

    def name(self, inside: Mapping[str, str]) -> str:
        """The name that has this in its places."""
        return "".join(inside[piece] if n % 2 else piece for n, piece in enumerate(self._pieces))

    @cached_property
    def _pieces(self) -> list[str]:
        """Text and places by turns."""
        return re.split(rf"\{{({'|'.join(self.places)})\}}", self.text)

    @cached_property
    def _expression(self) -> re.Pattern[str]:
        pieces = enumerate(self._pieces)
        return re.compile("".join(f"(?P<{p}>{self.places[p]})" if n % 2 else _plain(p) for n, p in pieces))


@dataclass(frozen=True)
class Files:
    """The files of a problem: ``patterns`` have places for a partition's key, ``fixed`` names serve all partitions."""

    patterns: tuple[Pattern, ...]
    fixed: tuple[str, ...]
    naming: Naming

    @classmethod
    def of(cls, names: Iterable[str], naming: Naming = WHOLE_KEY) -> Files:
        """From names as a problem gives them."""
        listed = list(names)
        is_pattern = re.compile(rf"\{{({'|'.join(naming.places)})\}}").search
        patterns = tuple(Pattern(name, naming.places) for name in listed if is_pattern(name))
        return cls(patterns, tuple(name for name in listed if not is_pattern(name)), naming)

    def partitions(self, name: str) -> set[str]:
        """The keys of the partitions that a file belongs to: none for a fixed one, and for one that no pattern fits."""
        if name in self.fixed or not _is_plain(name):
            return set()
        every = (found for pattern in self.patterns if (found := pattern.found(name)) is not None)
        return {key for found in every for key in self.naming.named(found)}

    def has(self, name: str) -> bool:
        """Whether a file is one of them."""
        return name in self.fixed or bool(self.partitions(name))

    def glob(self, name: str) -> str:
        """The one of them with ``*`` in its name that a file is part of; empty if there is none."""
        shared = (fixed for fixed in self.fixed if is_glob(fixed) and is_of_form(name, fixed))
        globs = ((pattern, pattern.found(name)) for pattern in self.patterns if is_glob(pattern.text))
        own = (pattern.name(found) for pattern, found in globs if found is not None)
        return next(chain(own, shared), "")

    def names(self, partition: str) -> list[str]:
        """The files with the key of a partition, or a part of it, in their names."""
        inside = self.naming.in_places(partition)
        return [pattern.name(inside) for pattern in self.patterns]


def _plain(text: str) -> str:
    """What text matches, in which ``*`` stands for anything but a ``/``."""
    return ANY_NAME.join(map(re.escape, text.split("*")))


def shown(name: str) -> str:
    """A name that anyone may have chosen, on one line and not too long."""
    text = repr(name)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


def _is_plain(name: str) -> bool:
    """Whether a name can be a path in a landing folder, and be shown: no line breaks, no halves of characters, no ``..``."""
    return name.isprintable() and "\\" not in name and not {"", ".", ".."} & set(name.split("/"))
