"""All that was ever seen, name by name, in the store: a list of pieces of growing age and size, the later one counts.

A piece is written once and never changed. A new one swallows those before it that are not at least twice its size; so there
are few pieces (a dozen for a million names), and each name is rewritten about as often: the store fills slowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.errors import UnreadableContent
from ml_assets.store.canonical import canonical
from ml_assets.store.content import Content
from ml_assets.store.store import Store

Index = tuple[Content, ...]


def load(store: Store, index: Index) -> dict[str, str]:
    """Name -> stamp of everything in it.

    Raises:
        MissingBlob, CorruptBlob, UnreadableContent: if a piece is gone or damaged.
    """
    seen: dict[str, str] = {}
    for piece in index:
        seen |= _read(store, piece)
    return seen


def add(store: Store, index: Index, seen: Mapping[str, str]) -> Index:
    """The index with more names; the old one stays as it was."""
    merged = dict(seen)
    while index and index[-1].size < 2 * len(canonical(merged)):
        merged = _read(store, index[-1]) | merged
        index = index[:-1]
    return (*index, store.hold(store.put(merged)))


def _read(store: Store, piece: Content) -> dict[str, str]:
    found: Any = store.get(piece, of="the watch over a landing folder")
    if not isinstance(found, dict) or not all(isinstance(stamp, str) for stamp in found.values()):
        raise UnreadableContent(f"{piece.digest} is no index of a landing folder.")
    return found
