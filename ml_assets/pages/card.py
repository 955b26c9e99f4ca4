"""The little Markdown that model cards are written in, taken apart for a page: headings, tables, blocks of code, paragraphs.

What it does not know stays text, and the template escapes every text: nothing in a card can become anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

Runs = Sequence[tuple[bool, str]]  # pieces of a line: whether it is code, and its text

_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```$", re.M | re.S)
_HEADING = re.compile(r"(#{1,6}) (.+)")
_CELL_END = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"(?<!\\)`([^`]+)`")
_ESCAPED = re.compile(r"\\([^A-Za-z0-9\s])")


@dataclass(frozen=True)
class Heading:
    """Level 2 and more: the first heading is the page's own."""

    level: int
    text: Runs


@dataclass(frozen=True)
class Table:
    """Its head may be empty."""

    head: Sequence[Runs]
    rows: Sequence[Sequence[Runs]]


@dataclass(frozen=True)
class Code:
    """Lines as they are."""

    text: str


@dataclass(frozen=True)
class Paragraph:
    """Some lines of text."""

    text: Runs


Block = Heading | Table | Code | Paragraph


def blocks(markdown: str) -> list[Block]:
    """The parts of a card, in order; its title is left out."""
    parts = _FENCE.split(markdown)  # text and code take turns
    return [block for n, part in enumerate(parts) for block in ([Code(part)] if n % 2 else _plain(part))]


def runs(text: str) -> Runs:
    """A line in pieces of text and code."""
    parts = _CODE.split(text)
    return [(bool(n % 2), part if n % 2 else _ESCAPED.sub(r"\1", part)) for n, part in enumerate(parts) if part]


def _plain(text: str) -> Iterator[Block]:
    for part in filter(None, (part.strip() for part in text.split("\n\n"))):
        heading = _HEADING.fullmatch(part)
        if heading is None:
            yield _table(part.splitlines()) if part.startswith("|") else Paragraph(runs(part))
        elif len(heading[1]) > 1:
            yield Heading(len(heading[1]), runs(heading[2]))


def _table(lines: Sequence[str]) -> Table:
    head, *rows = [[runs(cell.strip()) for cell in _CELL_END.split(line)[1:-1]] for line in lines]
    return Table(head if any(head) else [], rows[1:])  # the second line only rules it off
