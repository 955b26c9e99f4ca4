"""What a figure says, as plain numbers: panels of lines, columns, bars, cells or pictures. ``draw.py`` makes an SVG of them.

They are stored, and drawn when somebody looks: a figure of last year is drawn as today's are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

Point = tuple[float, float]

MOST_POINTS = 400  # of a line: more are finer than a pixel
MOST_PIXELS = 64  # of a picture, in each direction


@dataclass(frozen=True)
class Line:
    """A line through points, in the order in which they are joined.

    Attributes:
        name: in the legend; empty: in none.
        style: ``model``, ``baseline``, ``ideal``, or ``points``, which are not joined.
        marks: each point is marked.
        steps: the value of a point holds until the next one.
    """

    name: str
    points: tuple[Point, ...]
    style: str = "model"
    marks: bool = False
    steps: bool = False


@dataclass(frozen=True)
class Columns:
    """A histogram: the height of the column between each two edges.

    Attributes:
        edges: evenly spaced, one more than heights.
        color: place in ``draw.CLASS_COLORS``; None: the model's.
    """

    name: str
    edges: tuple[float, ...]
    heights: tuple[float, ...]
    color: int | None = None


@dataclass(frozen=True)
class Bars:
    """Numbers by name, the first on top.

    Attributes:
        spreads: lower and upper bound of each, drawn as a whisker; empty: none.
        limits: numbers that each is held against.
        marked: bars above this number have the other colour; None: none.
    """

    names: tuple[str, ...]
    numbers: tuple[float, ...]
    limits: tuple[float, ...] = ()
    marked: float | None = None
    spreads: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Cells:
    """A matrix: the share of each cell in its row, dark where it is large, and what is written in it.

    Attributes:
        names: of rows and columns.
        shares: 0 to 1, row by row.
        texts: lines of each cell, row by row; none where there are too many cells to write in.
    """

    names: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    texts: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class Picture:
    """A small grey picture with a line of text.

    Attributes:
        rows: of pixels, from the top; each pixel is a hexadecimal digit, 0 (dark) to f (bright).
    """

    text: str
    rows: tuple[str, ...]

    @classmethod
    def of(cls, text: str, grey: np.ndarray) -> Picture:
        """Of numbers from 0 (dark) to 1 (bright), shape (height, width); of a large one every n-th pixel."""
        every = -(-max(grey.shape) // MOST_PIXELS)
        levels = (grey[::every, ::every].clip(0, 1) * 15).round().astype(int)
        return cls(text, tuple("".join(f"{level:x}" for level in row) for row in levels))


@dataclass(frozen=True)
class Panel:
    """One drawing of a sheet.

    Attributes:
        title: what it shows, and what is good.
        x, y: first and last number of the axes; None: as far as there is something.
        lines, columns, bars, cells, pictures: what it shows; of the last three one.
    """

    title: str
    x_label: str = ""
    y_label: str = ""
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None
    lines: tuple[Line, ...] = ()
    columns: tuple[Columns, ...] = ()
    bars: Bars | None = None
    cells: Cells | None = None
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """A figure: rows of panels."""

    title: str
    rows: tuple[tuple[Panel, ...], ...]

    @property
    def panels(self) -> list[Panel]:
        """In reading order."""
        return [panel for row in self.rows for panel in row]

    def to_json(self) -> dict[str, Any]:
        """As it is stored: what is empty is left out."""
        return {"title": self.title, "rows": [[_plain(panel) for panel in row] for row in self.rows]}

    def coarser(self, most: int) -> Sheet:
        """With at most so many points in each line, and without pictures where there are less than ``MOST_POINTS``."""
        return replace(self, rows=tuple(tuple(_coarser(panel, most) for panel in row) for row in self.rows))

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Sheet:
        """What ``to_json`` wrote.

        Raises:
            KeyError, TypeError: if it did not write this.
        """
        return cls(plain["title"], tuple(tuple(map(_panel, row)) for row in plain["rows"]))


def _coarser(panel: Panel, most: int) -> Panel:
    lines = tuple(replace(line, points=_thinned(line.points, most)) for line in panel.lines)
    return replace(panel, lines=lines, pictures=panel.pictures if most >= MOST_POINTS else ())


def _thinned(line: tuple[Point, ...], most: int) -> tuple[Point, ...]:
    """Evenly spaced ones, first and last kept."""
    if len(line) <= most:
        return line
    return tuple(line[round(at * (len(line) - 1) / (most - 1))] for at in range(most))


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        fields = {field.name: (getattr(value, field.name), field.default) for field in dataclasses.fields(value)}
        return {name: _plain(one) for name, (one, default) in fields.items() if one != default}
    return [_plain(one) for one in value] if isinstance(value, tuple) else value


def _panel(plain: Mapping[str, Any]) -> Panel:
    known: dict[str, Any] = dict(plain)
    for name, kind in (("lines", Line), ("columns", Columns), ("pictures", Picture)):
        known[name] = tuple(kind(**_tuples(one)) for one in known.get(name, ()))
    known["bars"] = Bars(**_tuples(known["bars"])) if "bars" in known else None
    known["cells"] = Cells(**_tuples(known["cells"])) if "cells" in known else None
    return Panel(**_tuples(known))


def _tuples(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _deep(value) for name, value in plain.items()}


def _deep(value: Any) -> Any:
    return tuple(map(_deep, value)) if isinstance(value, list | tuple) else value


def points(x: Sequence[float] | np.ndarray, y: Sequence[float] | np.ndarray) -> tuple[Point, ...]:
    """The points of a line, not more than can be told apart: of equal ones side by side the first, and of many every n-th.

    Args:
        x, y: shape (n,).
    """
    import numpy as np

    both = np.column_stack([x, y]).astype(float)
    span = np.ptp(both, axis=0)
    place = np.round((both - both.min(axis=0)) / np.where(span > 0, span, 1) * MOST_POINTS)
    seen = np.r_[True, (np.diff(place, axis=0) != 0).any(axis=1)]
    seen[-1] = True
    kept = both[seen]
    if len(kept) > MOST_POINTS:
        kept = kept[np.linspace(0, len(kept) - 1, MOST_POINTS).round().astype(int)]
    return tuple((float(f"{a:.6g}"), float(f"{b:.6g}")) for a, b in kept)
