"""From what a version was made, and what was made from it: exact versions, followed through manifests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ml_assets.store import Manifest, Store, VersionKey


@dataclass(frozen=True)
class Node:
    """A version and its neighbours in one direction.

    Attributes:
        name: the input name that leads here; empty for the root.
        seen: it was shown before; its neighbours are not repeated.
    """

    key: VersionKey
    manifest: Manifest
    name: str = ""
    neighbours: tuple[Node, ...] = ()
    seen: bool = False


def upstream(store: Store, key: VersionKey) -> Node:
    """The version with everything that it was made from."""
    return _up(store, key, "", set())


def downstream(store: Store, key: VersionKey) -> Node:
    """The version with everything that was made from it. Reads every manifest of the store once."""
    users: dict[VersionKey, list[tuple[str, VersionKey]]] = {}
    manifests = {key: store.manifest(key)}
    for made in _all_versions(store):
        manifests[made] = store.manifest(made)
        for read in manifests[made].inputs:
            users.setdefault(read.key, []).append((read.name, made))
    return _down(manifests, users, key, "", set())


def _all_versions(store: Store) -> Iterator[VersionKey]:
    for asset in store.assets():
        yield from store.versions(asset)


def _up(store: Store, key: VersionKey, name: str, seen: set[VersionKey]) -> Node:
    manifest = store.manifest(key)
    if key in seen:
        return Node(key, manifest, name, seen=True)
    seen.add(key)
    return Node(key, manifest, name, tuple(_up(store, read.key, read.name, seen) for read in manifest.inputs))


def _down(
    manifests: dict[VersionKey, Manifest],
    users: dict[VersionKey, list[tuple[str, VersionKey]]],
    key: VersionKey,
    name: str,
    seen: set[VersionKey],
) -> Node:
    if key in seen:
        return Node(key, manifests[key], name, seen=True)
    seen.add(key)
    below = tuple(_down(manifests, users, made, read, seen) for read, made in users.get(key, []))
    return Node(key, manifests[key], name, below)
