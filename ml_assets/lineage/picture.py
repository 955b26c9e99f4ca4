"""Lineage as a picture: boxes in layers from left to right, each version to the right of everything it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ml_assets.lineage.graph import Nodes, ancestors, descendants
from ml_assets.store import Store, VersionKey

MOST = 60  # boxes on either side; more cannot be read
WIDTH, HEIGHT = 138, 48  # of a box, in pixels
APART_X, APART_Y, MARGIN = 32, 14, 2
LETTERS = 18  # of a line in a box


@dataclass(frozen=True)
class Box:
    """A version and the left upper corner of its box."""

    key: VersionKey
    x: int
    y: int
    is_root: bool
    rejected: bool

    @property
    def title(self) -> str:
        """The asset's name inside its problem, cut to the box."""
        return _cut(self.key.asset.split("/", 1)[-1])

    @property
    def subtitle(self) -> str:
        """Partition and first digits, cut to the box."""
        return _cut(" · ".join(filter(None, [self.key.partition, self.key.version[:6]])))


@dataclass(frozen=True)
class Picture:
    """Boxes, lines between them, and what the picture leaves out.

    Attributes:
        edges: from what was read to what was made of it.
        upstream, downstream: everything on either side, drawn or not, nearest first.
        hidden: how many versions are not drawn.
    """

    boxes: list[Box]
    edges: list[tuple[Box, Box]]
    width: int
    height: int
    upstream: list[VersionKey]
    downstream: list[VersionKey]
    hidden: int


def picture(store: Store, key: VersionKey) -> Picture:
    """What a version was made from, and what was made from it."""
    return drawn(key, up=ancestors(store, key), down=descendants(store, key))


def drawn(key: VersionKey, *, up: Nodes, down: Nodes) -> Picture:
    """The picture of what was found on either side of a version, itself among both; of many, the nearest."""
    shown = dict([*list(up.items())[: MOST + 1], *list(down.items())[: MOST + 1]])
    inputs = {k: list(dict.fromkeys(r.key for r in m.inputs if r.key in shown)) for k, m in shown.items()}
    boxes = {box.key: box for box in _boxes(shown, layers(inputs), key)}
    return Picture(
        boxes=list(boxes.values()),
        edges=[(boxes[read], boxes[made]) for made, reads in inputs.items() for read in reads],
        width=max(box.x for box in boxes.values()) + WIDTH + MARGIN,
        height=max(box.y for box in boxes.values()) + HEIGHT + MARGIN,
        upstream=list(up)[1:],
        downstream=list(down)[1:],
        hidden=len(up.keys() | down.keys()) - len(shown),
    )


def layers(inputs: Mapping[VersionKey, list[VersionKey]]) -> dict[VersionKey, int]:
    """How many steps each version is from the left: one more than the furthest of what it was made from."""
    found: dict[VersionKey, int] = {}

    def layer(key: VersionKey) -> int:
        if key not in found:
            found[key] = max((layer(read) + 1 for read in inputs[key]), default=0)
        return found[key]

    return {key: layer(key) for key in inputs}


def _boxes(shown: Nodes, layer: Mapping[VersionKey, int], root: VersionKey) -> Iterator[Box]:
    """Layer by layer, each in the middle of the height, in the order of names."""
    columns: dict[int, list[VersionKey]] = {}
    for key in sorted(shown, key=str):
        columns.setdefault(layer[key], []).append(key)
    highest = max(map(len, columns.values()))
    for at, column in sorted(columns.items()):
        top = MARGIN + (highest - len(column)) * (HEIGHT + APART_Y) // 2
        for n, key in enumerate(column):
            x, y = MARGIN + at * (WIDTH + APART_X), top + n * (HEIGHT + APART_Y)
            yield Box(key, x, y, is_root=key == root, rejected=shown[key].rejected)


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
