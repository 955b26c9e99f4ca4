"""Lineage as a picture: boxes in layers from left to right, each version to the right of everything it was made from."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ml_assets.lineage.graph import Node, downstream, upstream
from ml_assets.pages.archive import read_ahead
from ml_assets.store import Manifest, Store, VersionKey

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
        lines: SVG paths.
        hidden: how many versions are not drawn.
    """

    boxes: list[Box]
    lines: list[str]
    width: int
    height: int
    upstream: list[VersionKey]
    downstream: list[VersionKey]
    hidden: int
    box_width: int = WIDTH
    box_height: int = HEIGHT


def picture(store: Store, key: VersionKey) -> Picture:
    """What a version was made from, and what was made from it."""
    read_ahead(store, (made for asset in store.assets() for made in store.versions(asset)))
    up, down = (_nearest_first(root) for root in (upstream(store, key), downstream(store, key)))
    drawn = dict([*list(up.items())[: MOST + 1], *list(down.items())[: MOST + 1]])
    inputs = {k: list(dict.fromkeys(r.key for r in m.inputs if r.key in drawn)) for k, m in drawn.items()}
    boxes = {box.key: box for box in _boxes(drawn, layers(inputs), key)}
    lines = [_line(boxes[read], boxes[made]) for made, reads in inputs.items() for read in reads]
    return Picture(
        boxes=list(boxes.values()),
        lines=lines,
        width=max(box.x for box in boxes.values()) + WIDTH + MARGIN,
        height=max(box.y for box in boxes.values()) + HEIGHT + MARGIN,
        upstream=list(up)[1:],
        downstream=list(down)[1:],
        hidden=len(up | down) - len(drawn),
    )


def layers(inputs: Mapping[VersionKey, list[VersionKey]]) -> dict[VersionKey, int]:
    """How many steps each version is from the left: one more than the furthest of what it was made from."""
    found: dict[VersionKey, int] = {}

    def layer(key: VersionKey) -> int:
        if key not in found:
            found[key] = max((layer(read) + 1 for read in inputs[key]), default=0)
        return found[key]

    return {key: layer(key) for key in inputs}


def _nearest_first(root: Node) -> dict[VersionKey, Manifest]:
    found: dict[VersionKey, Manifest] = {}
    waiting = deque([root])
    while waiting:
        node = waiting.popleft()
        found.setdefault(node.key, node.manifest)
        waiting.extend(node.neighbours)
    return found


def _boxes(drawn: Mapping[VersionKey, Manifest], layer: Mapping[VersionKey, int], root: VersionKey) -> Iterator[Box]:
    """Layer by layer, each in the middle of the height, in the order of names."""
    columns: dict[int, list[VersionKey]] = {}
    for key in sorted(drawn, key=str):
        columns.setdefault(layer[key], []).append(key)
    highest = max(map(len, columns.values()))
    for at, column in sorted(columns.items()):
        top = MARGIN + (highest - len(column)) * (HEIGHT + APART_Y) // 2
        for n, key in enumerate(column):
            x, y = MARGIN + at * (WIDTH + APART_X), top + n * (HEIGHT + APART_Y)
            yield Box(key, x, y, is_root=key == root, rejected=drawn[key].rejected)


def _line(start: Box, end: Box) -> str:
    x1, y1, x2, y2 = start.x + WIDTH, start.y + HEIGHT // 2, end.x, end.y + HEIGHT // 2
    return f"M{x1} {y1}C{x1 + APART_X // 2} {y1} {x2 - APART_X // 2} {y2} {x2} {y2}"


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"
