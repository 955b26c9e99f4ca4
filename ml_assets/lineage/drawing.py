"""A lineage picture as text: SVG for pages, files, notebooks and events, Mermaid to paste into Markdown.

All names are data: in SVG they are escaped, in Mermaid everything that could mean something is written as its number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from html import escape

from ml_assets.lineage.picture import APART_X, HEIGHT, WIDTH, Box, Picture
from ml_assets.store import VersionKey

STYLE = (
    "<style>.lineage .edge{fill:none;stroke:#8c959f}.lineage rect{fill:#f6f8fa;stroke:#d0d7de}"
    ".lineage text{fill:#1b1f24;font:600 13px sans-serif}.lineage .small{fill:#57606a;font:11px monospace}"
    ".lineage .root rect{fill:#ddf4ff;stroke:#0550ae;stroke-width:2}"
    ".lineage .refused rect{stroke:#a40e26;stroke-dasharray:4 3}</style>"
)
COMPACT_STYLE = (
    "<style>path{fill:none;stroke:#8c959f}.b{fill:#f6f8fa}.r{fill:#ddf4ff;stroke:#0550ae;stroke-width:2}"
    ".x{stroke:#a40e26;stroke-dasharray:4 3}.t{font:600 13px sans-serif}.s{font:11px monospace;fill:#57606a}</style>"
)
SMALL = ' class="small"'
_MEANS_SOMETHING = re.compile(r"[^\w ./@·…-]")


def svg(picture: Picture, name: str, *, link: Callable[[VersionKey], str] | None = None) -> str:
    """The picture as SVG; every box says on a closer look which version it is.

    Args:
        name: what it is called for who cannot see it.
        link: where a box leads. Then the page around it has the links and the style; else the SVG carries its own.
    """
    alone = link is None
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lineage" role="{"img" if alone else "group"}" '
        f'aria-label="{_text(name)}" {_size(picture)}>',
        f'{STYLE}<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>' if alone else "",
        f'<path class="edge" d="{_edges(picture)}"/>',
        *(_box(box, link) for box in picture.boxes),
        "</svg>",
    ]
    return "\n".join(filter(None, parts)) + "\n"


def compact_svg(picture: Picture) -> str:
    """The picture in about half the bytes, to be looked at only."""
    boxes = picture.boxes
    plain = [box for box in boxes if not box.is_root and not box.rejected]
    kinds = {"b": plain, "b x": [b for b in boxes if b.rejected], "r": [b for b in boxes if b.is_root]}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {_size(picture)}>{COMPACT_STYLE}',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<path d="{_edges(picture)}"/>',
        *(f'<path class="{kind}" d="{_frames(of_kind)}"/>' for kind, of_kind in kinds.items() if of_kind),
        f'<g class="t">{"".join(_line(box, 20, box.title) for box in boxes)}</g>',
        f'<g class="s">{"".join(_line(box, 37, box.subtitle) for box in boxes)}</g></svg>',
    ]
    return "".join(parts)


def mermaid(picture: Picture) -> str:
    """The picture as a Mermaid flowchart."""
    names = {box.key: f"v{n}" for n, box in enumerate(picture.boxes)}
    refused = [names[box.key] for box in picture.boxes if box.rejected]
    lines = [
        "flowchart LR",
        *(f'    {names[b.key]}["{_plain(b.title)}<br/>{_plain(b.subtitle)}"]' for b in picture.boxes),
        *(f"    {names[read.key]} --> {names[made.key]}" for read, made in picture.edges),
        *(f"    style {names[box.key]} stroke:#0550ae,stroke-width:3px" for box in picture.boxes if box.is_root),
        *(f"    style {name} stroke:#a40e26,stroke-dasharray:4 3" for name in refused),
    ]
    if picture.hidden:
        lines.append(f"    %% {picture.hidden} versions further away are not drawn")
    return "\n".join(lines) + "\n"


def _box(box: Box, link: Callable[[VersionKey], str] | None) -> str:
    kind = f"box{' root' if box.is_root else ''}{' refused' if box.rejected else ''}"
    said = f"{box.key}{' (this version)' if box.is_root else ''}{' (refused by a check)' if box.rejected else ''}"
    start, end = (
        (f'<a href="{_text(link(box.key))}" class="{kind}">', "</a>") if link else (f'<g class="{kind}">', "</g>")
    )
    return (
        f'{start}<title>{_text(said)}</title><rect x="{box.x}" y="{box.y}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>'
        f"{_line(box, 20, box.title)}{_line(box, 37, box.subtitle, SMALL)}{end}"
    )


def _line(box: Box, below: int, text: str, attribute: str = "") -> str:
    return f'<text{attribute} x="{box.x + 8}" y="{box.y + below}">{_text(text)}</text>'


def _edges(picture: Picture) -> str:
    return "".join(_edge(read, made) for read, made in picture.edges)


def _edge(start: Box, end: Box) -> str:
    x1, y1, x2, y2 = start.x + WIDTH, start.y + HEIGHT // 2, end.x, end.y + HEIGHT // 2
    return f"M{x1} {y1}C{x1 + APART_X // 2} {y1} {x2 - APART_X // 2} {y2} {x2} {y2}"


def _frames(boxes: Iterable[Box]) -> str:
    return "".join(f"M{box.x} {box.y}h{WIDTH}v{HEIGHT}h-{WIDTH}z" for box in boxes)


def _size(picture: Picture) -> str:
    return f'viewBox="0 0 {picture.width} {picture.height}" width="{picture.width}" height="{picture.height}"'


def _text(text: str) -> str:
    """Text in XML, which has no place for control characters."""
    return escape("".join(letter if letter.isprintable() else "\ufffd" for letter in text))


def _plain(text: str) -> str:
    return _MEANS_SOMETHING.sub(lambda found: f"#{ord(found[0])};", text)
