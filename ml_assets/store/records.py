"""What a store has recorded, key by key: for an index that reads only what is new since it last looked.

Manifests never change under their key, which is their digest. Entries of logs never change either, but a log that was
removed and begun anew has the same keys: they are told apart by their stamps.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from ml_assets.errors import InvalidKey
from ml_assets.store.backends.backend import Backend
from ml_assets.store.keys import VersionKey, asset_name, described, partition_name
from ml_assets.store.logs.log_folder import is_mark
from ml_assets.store.logs.refs import RefEntry, RefLog

Root = Literal["versions", "refs", "runs"]

_MANIFEST = re.compile(r"versions/(.+)/([^/]+)/([0-9a-f]{64})\.json")
_ENTRY = re.compile(r"(?P<folder>(?:refs|runs)/([^/]+)/(.+)/([^/]+))/([0-9]{10})\.json")
_asset, _partition = lru_cache(10_000)(asset_name), lru_cache(10_000)(partition_name)


class Place(NamedTuple):
    """Where an entry stands: entry ``n`` of the log of a branch or run about an asset's partition, kept in ``folder``."""

    folder: str
    owner: str
    asset: str
    partition: str | None
    n: int


def recorded(backend: Backend, root: Root) -> dict[str, str]:
    """Every key below ``root`` with a stamp that changes when its bytes do; with an empty one where they never do."""
    if root == "versions":
        return dict.fromkeys(backend.list(root), "")
    return {key: entry.stamp for key, entry in backend.entries(root).items() if not is_mark(key)}


def version_at(key: str) -> VersionKey | None:
    """The version whose manifest lies at ``key``; None for a key that no store writes."""
    found = _MANIFEST.fullmatch(key)
    try:
        return VersionKey(_asset(found[1]), _partition(found[2]), found[3]) if found else None
    except InvalidKey:
        return None


def place_of(key: str) -> Place | None:
    """Which entry of which log lies at ``key``; None for a key that no store writes."""
    found = _ENTRY.fullmatch(key)
    try:
        return (
            Place(found[1], _asset(found[2]), _asset(found[3]), _partition(found[4]), int(found[5])) if found else None
        )
    except InvalidKey:
        return None


def entry_at(backend: Backend, place: Place) -> RefEntry:
    """One entry, verified.

    Raises:
        MissingBlob: if it is gone, or unfinished: then nobody was promised it.
        CorruptBlob: if it was changed.
    """
    name = f"The log of {described(place.asset, place.partition)} in {place.owner}"
    return RefLog(backend, place.folder, name).finished(place.n)
