"""The lineage of a version as an answer: a tree to read, a picture to look at, JSON for programs."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from ml_assets.errors import StoreError
from ml_assets.lineage.drawing import compact_svg, mermaid, svg
from ml_assets.lineage.graph import Node, Nodes, ancestors, descendants, down_from, up_from
from ml_assets.lineage.picture import Picture, drawn
from ml_assets.store import Store, VersionKey

MOST_IN_EVENT = 40  # versions: each costs a read in every materialization
LARGEST_IN_EVENT = 8_000  # characters of Markdown


class Edge(NamedTuple):
    """That a version was made from another, which its code called ``name``."""

    made: VersionKey
    read: VersionKey
    name: str


@dataclass(frozen=True, repr=False)
class Lineage:
    """What a version was made from, or what was made from it. Prints as a tree; notebooks show the picture.

    Attributes:
        key: the version.
        nodes: manifests by version, nearest first, the version itself first.
        down: whether it is what was made from the version.
    """

    key: VersionKey
    nodes: Nodes
    down: bool = False

    @cached_property
    def root(self) -> Node:
        """The tree."""
        return (down_from if self.down else up_from)(self.key, self.nodes)

    @property
    def edges(self) -> list[Edge]:
        """Which of the versions was made from which."""
        made = self.nodes.items()
        return [Edge(key, r.key, r.name) for key, manifest in made for r in manifest.inputs if r.key in self.nodes]

    @property
    def picture(self) -> Picture:
        """Where its boxes and lines go."""
        alone = {self.key: self.nodes[self.key]}
        return drawn(self.key, up=alone if self.down else self.nodes, down=self.nodes if self.down else alone)

    def svg(self) -> str:
        """The picture, complete in itself."""
        return svg(self.picture, f"Lineage of {self.key}")

    def mermaid(self) -> str:
        """The picture as a flowchart to paste into Markdown."""
        return mermaid(self.picture)

    def to_json(self) -> dict[str, Any]:
        """The tree, and the same as lists of versions and of edges between them."""
        edges = [{"made": e.made.version, "from": e.read.version, "input": e.name} for e in self.edges]
        return {
            **_node_json(self.root),
            "nodes": [_version_json(key, self.nodes) for key in self.nodes],
            "edges": edges,
        }

    def __str__(self) -> str:
        return "\n".join(tree(self.root))

    __repr__ = __str__

    def _repr_svg_(self) -> str:
        return self.svg()


def lineage(store: Store, key: VersionKey, *, down: bool = False) -> Lineage:
    """Exact versions, followed through manifests.

    Raises:
        UnknownVersion, CorruptBlob: if a manifest on the way is gone or changed.
    """
    return Lineage(key, (descendants if down else ancestors)(store, key), down)


def lineage_markdown(store: Store, key: VersionKey) -> str:
    """What a version was made from, small enough for an event: a picture, or a tree where that would be too large.

    At most 40 manifests are read. What cannot be read is said: a version is not lost because one of long ago is.
    """
    try:
        found = Lineage(key, ancestors(store, key, MOST_IN_EVENT))
    except StoreError as error:
        return f"The lineage cannot be shown. {type(error).__name__}, see: `ml-assets lineage {key.short}`"
    read = {each.key for manifest in found.nodes.values() for each in manifest.inputs}
    more = f"\n\nThere is more further back: `ml-assets lineage {key.short}`" if read - found.nodes.keys() else ""
    image = base64.b64encode(compact_svg(found.picture).encode()).decode()
    shown = f"![Lineage](data:image/svg+xml;base64,{image})"
    return (shown if len(shown) + len(more) < LARGEST_IN_EVENT else _cut_tree(found)) + more


def tree(node: Node, indent: str = "") -> Iterator[str]:
    """The node and what is below it, one line each."""
    again = " (see above)" if node.seen and (node.neighbours or node.manifest.inputs) else ""
    label = f"{node.name}: " if node.name and node.name != node.key.asset.split("/")[-1] else ""
    yield f"{indent}{label}{node.key}{again}"
    if not node.seen:
        yield from (f"{indent}  landed: {f.name} ({f.size:,} bytes, {f.digest[:12]})" for f in node.manifest.landed)
    for neighbour in node.neighbours:
        yield from tree(neighbour, indent + "  ")


def _cut_tree(found: Lineage) -> str:
    """As much of the tree as fits, as it is: backquotes, which would end the block, become quotes."""
    lines: list[str] = []
    room = LARGEST_IN_EVENT - 200
    for line in str(found).replace("`", "'").splitlines():
        room -= len(line) + 1
        if room < 0:
            lines.append("…")
            break
        lines.append(line)
    return "\n".join(["```", *lines, "```"])


def _version_json(key: VersionKey, nodes: Nodes) -> dict[str, Any]:
    manifest = nodes[key]
    return {
        "asset": key.asset,
        "partition": key.partition,
        "version": key.version,
        "content": manifest.content.digest,
        "rejected": manifest.rejected,
        "created_at": manifest.created_at,
        "landed": [{"name": f.name, "digest": f.digest, "size": f.size} for f in manifest.landed],
    }


def _node_json(node: Node) -> dict[str, Any]:
    return {
        "asset": node.key.asset,
        "partition": node.key.partition,
        "version": node.key.version,
        "input": node.name,
        "landed": [{"name": f.name, "digest": f.digest, "size": f.size} for f in node.manifest.landed],
        "neighbours": [_node_json(neighbour) for neighbour in node.neighbours],
    }
