"""What there is to decide about, read from a store: every manifest and every entry of a branch's logs, in little memory.

Nothing is guessed of what cannot be read: a damaged manifest or log stops it, since what it names might be needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import NamedTuple, TypeVar

from ml_assets.assets import noun_that
from ml_assets.errors import MissingBlob, UnknownVersion
from ml_assets.promotion.pins import PINNED, PINS
from ml_assets.store import Manifest, Store, VersionKey, records, side_by_side

AT_ONCE = 5_000  # objects that are read between two words about it
Tell = Callable[[str], None]
T = TypeVar("T")
S = TypeVar("S")


class Version(NamedTuple):
    """What retention asks of a manifest.

    Attributes:
        files: digest and size of each.
        written: when, seconds since 1970, by the store's clock.
        is_recorded: what it was made of is, so that it can be made again from its inputs and landed files.
        reads_landed: it was made of landed files, too.
    """

    key: VersionKey
    files: tuple[tuple[str, int], ...]
    inputs: tuple[VersionKey, ...]
    written: float
    rejected: bool = False
    is_recorded: bool = True
    reads_landed: bool = False


class Named(NamedTuple):
    """All that a branch ever named for an asset's partition, oldest first."""

    branch: str
    asset: str
    partition: str | None
    targets: tuple[VersionKey, ...]


@dataclass(frozen=True)
class Facts:
    """What there is.

    Attributes:
        pins: version -> why.
        needed: digests of blobs that no version names and that stay: sources, and what is held.
    """

    versions: Mapping[VersionKey, Version]
    logs: Sequence[Named]
    pins: Mapping[VersionKey, str]
    needed: frozenset[str]

    @classmethod
    def of(cls, store: Store, tell: Tell = lambda sentence: None) -> Facts:
        """Those of a store.

        Raises:
            CorruptBlob, UnreadableContent: if a manifest or an entry is damaged, or written by a newer ml_assets.
        """
        entries = _entries(store, tell)  # what they name is listed after them
        versions = {one.key: one for one in _versions(store, tell)}
        logs = [_named(entry.place, list(own)) for entry, own in _by_log(entries) if not _is_about_pins(entry)]
        return cls(versions, logs, _pins(filter(_is_about_pins, entries)), _needed(store))


class _Entry(NamedTuple):
    place: records.Place
    target: VersionKey
    at: str
    why: str
    is_pin: bool


def _versions(store: Store, tell: Tell) -> list[Version]:
    listed = store.backend.entries("versions")
    keys = [(key, entry.modified) for name, entry in listed.items() if (key := records.version_at(name))]
    return _read(partial(_version, store), keys, "manifests", tell)


def _version(store: Store, at: tuple[VersionKey, float]) -> Version | None:
    key, written = at
    try:
        return version_of(store.manifest(key), written, key)
    except UnknownVersion:  # somebody deleted it meanwhile
        return None


def version_of(manifest: Manifest, written: float, key: VersionKey) -> Version:
    """What is asked of one."""
    is_recorded = manifest.environment is not None and {"computation", "source"} <= manifest.code.keys()
    is_record = manifest.asset.partition("/")[2] == noun_that("records")
    return Version(
        key,
        tuple((file.digest, file.size) for file in manifest.content.files),
        tuple(dict.fromkeys(read.key for read in manifest.inputs)),
        written,
        manifest.rejected,
        is_recorded and not is_record,
        bool(manifest.landed),
    )


def _entries(store: Store, tell: Tell) -> list[_Entry]:
    places = list(filter(None, map(records.place_of, store.backend.list("refs"))))
    return _read(partial(_entry, store), places, "entries of logs", tell)


def _entry(store: Store, place: records.Place) -> _Entry | None:
    try:
        entry = records.entry_at(store.backend, place)
    except MissingBlob:  # a power cut left it unfinished: it named nothing
        return None
    return _Entry(place, entry.target, entry.at, entry.why, entry.details.get(PINNED) is True)


def _by_log(entries: Sequence[_Entry]) -> Iterable[tuple[_Entry, Iterable[_Entry]]]:
    in_order = sorted(entries, key=lambda entry: (entry.place.folder, entry.place.n))
    for _, own in groupby(in_order, key=lambda entry: entry.place.folder):
        log = list(own)
        yield log[0], log


def _named(place: records.Place, log: Sequence[_Entry]) -> Named:
    return Named(place.owner, place.asset, place.partition, tuple(entry.target for entry in log))


def _is_about_pins(entry: _Entry) -> bool:
    return entry.place.asset.partition("/")[2] == PINS


def _pins(entries: Iterable[_Entry]) -> dict[VersionKey, str]:
    """What some branch pins: a branch cannot take back what another one pinned."""
    in_order = sorted(entries, key=lambda entry: entry.place.n)
    last = {(entry.place.owner, entry.target): entry for entry in in_order}
    return {entry.target: entry.why for entry in last.values() if entry.is_pin}


def _needed(store: Store) -> frozenset[str]:
    backend = store.backend
    listed = [key.rpartition("/")[2].removesuffix(".json") for key in backend.list("sources")]
    sources = side_by_side(store.source_files, listed)
    held = (file.digest for content in store.held() for file in content.files)
    return frozenset(digest for files in sources for digest in files.values()) | {*held}


def _read(one: Callable[[T], S | None], keys: Sequence[T], what: str, tell: Tell) -> list[S]:
    found: list[S] = []
    for start in range(0, len(keys), AT_ONCE):
        if len(keys) > AT_ONCE:
            tell(f"{start:,} of {len(keys):,} {what} read")
        found += [each for each in side_by_side(one, keys[start : start + AT_ONCE]) if each is not None]
    return found
