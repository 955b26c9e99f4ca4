"""Tables that fit where they are read: a terminal has its columns, a pipe one line for each row.

What is too wide for a terminal is wrapped within its column, the widest first; where even narrow columns do not fit side by
side, each row is printed as a list of its cells, as psql's expanded display does. Nothing is cut off.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence

NARROWEST = 12  # a column is not wrapped into less: a version, a word
GAP = 2


def lines_of(rows: Sequence[Sequence[str]], header: Sequence[str], width: int | None) -> Iterator[str]:
    """The lines of a table, left-aligned, under a header; none if there are no rows.

    Args:
        width: how many columns the terminal has; None for no terminal.
    """
    cells = [[" ".join(str(cell).split()) for cell in row] for row in [header, *rows]]
    widths = fitted([max(map(width_of, column)) for column in zip(*cells, strict=True)], width)
    if not rows:
        return
    if widths is None:
        yield from _records(cells[1:], cells[0], width or 0)
        return
    yield from _row(cells[0], widths)
    yield (" " * GAP).join("─" * one for one in widths)
    for row in cells[1:]:
        yield from _row(row, widths)


def fitted(widths: Sequence[int], width: int | None) -> list[int] | None:
    """Widths of columns that fit side by side, the widest shortened first; None if they do not."""
    found = list(widths)
    while width is not None and (excess := sum(found) + GAP * (len(found) - 1) - width) > 0:
        widest = max(found)
        if widest <= NARROWEST:
            return None
        following = max([one for one in found if one < widest] + [NARROWEST])
        share = -(-excess // found.count(widest))
        found = [max(following, NARROWEST, one - share) if one == widest else one for one in found]
    return found


def width_of(text: str) -> int:
    """How many columns of a terminal a text takes: ideographs two, accents that combine none."""
    return sum(0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF") for c in text)


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most ``width`` columns, between words where there is one to break after."""
    lines, line = [], ""
    for word in text.split(" "):
        fits = width_of(line) + 1 + width_of(word) <= width
        if line and not fits:
            lines.append(line)
            line = ""
        line = f"{line} {word}" if line else word
        while width_of(line) > width:
            head = _head(line, width)
            lines.append(head)
            line = line[len(head) :]
    return [*lines, line]


def _head(text: str, width: int) -> str:
    """The most letters, at least one, that take at most ``width`` columns."""
    end = 1
    while end < len(text) and width_of(text[: end + 1]) <= width:
        end += 1
    return text[:end]


def _row(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    columns = [wrapped(cell, width) for cell, width in zip(cells, widths, strict=True)]
    for n in range(max(map(len, columns))):
        parts = [column[n] if n < len(column) else "" for column in columns]
        padded = (part + " " * (width - width_of(part)) for part, width in zip(parts, widths, strict=True))
        yield (" " * GAP).join(padded).rstrip()


def _records(rows: Sequence[Sequence[str]], header: Sequence[str], width: int) -> Iterator[str]:
    names = max(map(width_of, header))
    for number, row in enumerate(rows, 1):
        yield f"── {number} ──"
        for name, cell in zip(header, row, strict=True):
            yield from _row([name, cell], [names, max(1, width - names - GAP)])
