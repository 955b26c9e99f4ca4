"""The store as the pages read it: manifests are remembered, because a version never changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache

from ml_assets.errors import StoreError, UnknownVersion
from ml_assets.lineage.reading import beside
from ml_assets.problem import Problem
from ml_assets.problems import BrokenProblem
from ml_assets.store import NO_COPIES, Copies, Glance, Manifest, Store, VersionKey

REMEMBERED = 8_192  # manifests of a few KiB each
DIGITS = 64  # of a whole version


class Archive:
    """What was read of a store and never changes, so that each page reads the rest only. Safe to use from many threads."""

    def __init__(self, store: Store) -> None:
        self.backend, self.branch = store.backend, store.branch
        self.copies = store.copies if store.copies is not NO_COPIES else Copies(store.url)
        self.manifest = lru_cache(maxsize=REMEMBERED)(store.manifest)
        self.find = lru_cache(maxsize=REMEMBERED)(store.find)

    def now(self) -> Store:
        """The store as it is now, for one page."""
        return _Now(self)


class _Now(Store):
    """A store whose manifests are read and verified once."""

    def __init__(self, archive: Archive) -> None:
        super().__init__(Glance(archive.backend, archive.copies), branch=archive.branch, copies=archive.copies)
        self._archive = archive

    def manifest(self, key: VersionKey) -> Manifest:
        """See ``Store.manifest``."""
        return self._archive.manifest(key)

    def find(self, prefix: str, asset: str | None = None, partition: str | None = None) -> VersionKey:
        """See ``Store.find``. What a whole version means never changes; what its first digits mean may."""
        return (self._archive.find if len(prefix) == DIGITS else super().find)(prefix, asset, partition)


def read_ahead(store: Store, keys: Iterable[VersionKey]) -> None:
    """Have the manifests of versions read beside each other that will be asked for one after the other."""

    def read(key: VersionKey) -> None:
        with suppress(StoreError):  # raised again where it is asked for, and told there
            store.manifest(key)

    beside(read, keys)


def problem_names(store: Store, problems: Sequence[Problem | BrokenProblem]) -> list[str]:
    """The problems of the code, then those that only the store knows."""
    ours = [problem.name for problem in problems]
    stored = {asset.split("/")[0] for asset in store.assets() if "/" in asset}
    return [*ours, *sorted(stored - set(ours))]


def expect_problem(store: Store, problems: Sequence[Problem | BrokenProblem], name: str) -> None:
    """Refuse a name that neither the code nor the store knows as a problem.

    Raises:
        UnknownVersion: it says which there are.
    """
    known = problem_names(store, problems)
    if name not in known:
        raise UnknownVersion(f"There is no problem {name!r}. Known: {', '.join(known) or 'none'}.")
