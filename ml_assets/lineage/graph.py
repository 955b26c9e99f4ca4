"""From what a version was made, and what was made from it: exact versions, followed through manifests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ml_assets.lineage.reading import beside, manifests
from ml_assets.store import Manifest, Store, VersionKey

Nodes = Mapping[VersionKey, Manifest]
Users = dict[VersionKey, list[tuple[str, VersionKey]]]


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


def ancestors(store: Store, key: VersionKey, most: int | None = None) -> dict[VersionKey, Manifest]:
    """The version and everything that it was made from, nearest first.

    Args:
        most: no more than these are read, so that the price of the answer is bounded.
    """
    found: dict[VersionKey, Manifest] = {}
    step = [key]
    while step:
        found |= manifests(store, step)
        further = {read.key for made in step for read in found[made].inputs if read.key not in found}
        step = sorted(further, key=str)[: None if most is None else most - len(found)]
    return found


def descendants(store: Store, key: VersionKey) -> dict[VersionKey, Manifest]:
    """The version and everything that was made from it, nearest first.

    Who reads a version is written in the readers' manifests only, and any asset may read any other's versions: so every
    manifest of the store is read once. Only those that were reached are kept.
    """
    found = dict.fromkeys(manifests(store, [key]))
    users = _users(store)
    step = [key]
    while step:
        further = {made for read in step for _, made in users.get(read, ()) if made not in found}
        step = sorted(further, key=str)
        found |= dict.fromkeys(step)
    return manifests(store, found)


def up_from(key: VersionKey, nodes: Nodes) -> Node:
    """The tree of what a version was made from, of the ``ancestors`` that were read."""
    inputs = {made: [(r.name, r.key) for r in nodes[made].inputs if r.key in nodes] for made in nodes}
    return _tree(nodes, inputs, key, "", set())


def down_from(key: VersionKey, nodes: Nodes) -> Node:
    """The tree of what was made from a version, of its ``descendants``."""
    inputs = {made: [(read.name, read.key) for read in nodes[made].inputs] for made in sorted(nodes, key=str)}
    return _tree(nodes, _turned(inputs), key, "", set())


def _users(store: Store) -> Users:
    every = [made for asset in store.assets() for made in store.versions(asset)]
    inputs: dict[VersionKey, list[tuple[str, VersionKey]]] = {}

    def read(made: VersionKey) -> None:
        inputs[made] = [(each.name, each.key) for each in store.manifest(made).inputs]

    beside(read, every)
    return _turned({made: inputs[made] for made in every})


def _turned(inputs: Mapping[VersionKey, Sequence[tuple[str, VersionKey]]]) -> Users:
    users: Users = {}
    for made, reads in inputs.items():
        for name, read in reads:
            users.setdefault(read, []).append((name, made))
    return users


def _tree(
    nodes: Nodes,
    neighbours: Mapping[VersionKey, Sequence[tuple[str, VersionKey]]],
    key: VersionKey,
    name: str,
    seen: set[VersionKey],
) -> Node:
    if key in seen:
        return Node(key, nodes[key], name, seen=True)
    seen.add(key)
    below = tuple(_tree(nodes, neighbours, next_, called, seen) for called, next_ in neighbours.get(key, ()))
    return Node(key, nodes[key], name, below)
