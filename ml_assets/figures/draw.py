"""A sheet of panels as SVG text, on white, in colours that colour-blind people tell apart. Nothing but Python; milliseconds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from ml_assets.figures.sheet import Bars, Cells, Columns, Line, Panel, Picture, Point, Sheet
from ml_assets.figures.svg import opening, round_numbers, scale, written

WIDTH, ROW = 1140, 316  # pixels
IN_DAGSTER = 0.93  # of that: as wide as its window for a figure on a common screen
CLASS_COLORS = ("#e69f00", "#0072b2")
MODEL_COLOR, BASELINE_COLOR = "#0072b2", "#8a8a8a"
STYLES = {
    "model": f'stroke="{MODEL_COLOR}" stroke-width="1.8"',
    "baseline": f'stroke="{BASELINE_COLOR}" stroke-width="1.8" stroke-dasharray="6 3"',
    "ideal": 'stroke="#333" stroke-width="0.8" stroke-dasharray="1 3"',
}
LEFT, RIGHT, TOP, BOTTOM = 60, 18, 32, 46
NAMES = 190  # pixels for the names of bars
LEGEND = 15  # pixels of a line of it
LONGEST_NAME = 28  # letters; longer ones lose their middle
LETTER = 6.2  # pixels of one, about, in a title
MOST_BARS = 12
PICTURES_IN_A_ROW = 8
PICTURE_ROW, PIXELS = 140, 100  # of a row of pictures and of each, in pixels
MOST_BYTES = 39_000  # 52 KB as text in an event that is to stay under 100 KB: Dagster keeps events in its database
LIGHT_FROM = 0.55  # the share from which what is written in a cell is white


def draw(sheet: Sheet, scaled: float = 1.0) -> str:
    """The whole sheet: a complete SVG."""
    heights = [_height(row) for row in sheet.rows]
    parts = [
        opening(WIDTH, sum(heights), scaled),
        f"<title>{escape(sheet.title)}</title>",
        f'<rect width="{WIDTH}" height="{sum(heights)}" fill="#fff"/>',
    ]
    for n, row in enumerate(sheet.rows):
        width = WIDTH / len(row)
        for at, panel in enumerate(row):
            parts.append(f'<g transform="translate({at * width:.0f} {sum(heights[:n])})">')
            parts += [*_panel(panel, width, heights[n]), "</g>"]
    return "".join([*parts, "</svg>"])


def draw_small(sheet: Sheet, most_bytes: int = MOST_BYTES) -> str:
    """The same, coarser where that is too large for an event of Dagster's, and at worst without pictures."""
    drawn = draw(sheet, IN_DAGSTER)
    for points in (200, 100, 50, 25):
        if len(drawn) <= most_bytes:
            break
        drawn = draw(sheet.coarser(points), IN_DAGSTER)
    return drawn


def _height(row: Sequence[Panel]) -> int:
    most = max(len(panel.pictures) for panel in row)
    return ROW if most == 0 else TOP + math.ceil(most / PICTURES_IN_A_ROW) * PICTURE_ROW


def _panel(panel: Panel, width: float, height: float) -> Iterator[str]:
    yield written(LEFT, 20, _fitting(panel.title, int((width - LEFT) / LETTER)), size=13, weight="bold")
    if panel.pictures:
        yield from _pictures(panel.pictures, width)
    elif panel.bars is not None:
        yield from _bars(panel, panel.bars, width, height)
    elif panel.cells is not None:
        yield from _cells(panel, panel.cells, width, height)
    else:
        yield from _plot(panel, width, height)


# ---------------------------------------------------------------- lines and columns


@dataclass(frozen=True)
class _Plot:
    """Where a plot lies, and the numbers at its edges."""

    left: float
    top: float
    right: float
    bottom: float
    x: tuple[float, float]
    y: tuple[float, float]

    @property
    def across(self) -> Callable[[float], float]:
        return scale(*self.x, self.left, self.right)

    @property
    def up(self) -> Callable[[float], float]:
        return scale(*self.y, self.bottom, self.top)

    @property
    def inside(self) -> str:
        """The first tag of what is cut off at the edges."""
        box = f"{self.left:.0f} {self.top - 4:.0f} {self.right - self.left + 4:.0f} {self.bottom - self.top + 8:.0f}"
        x, y, width, height = box.split()
        return f'<svg x="{x}" y="{y}" width="{width}" height="{height}" viewBox="{box}">'

    def axes(self, x_label: str, y_label: str) -> Iterator[str]:
        for tick in round_numbers(*self.y, about=5):
            yield f'<path d="M{self.left:.0f} {self.up(tick):.1f}H{self.right:.0f}" stroke="#e4e4e4"/>'
            yield written(self.left - 6, self.up(tick) + 4, f"{tick:.4g}", anchor="end", size=11)
        yield from self.x_axis(x_label)
        yield f'<path d="M{self.left:.0f} {self.top:.0f}V{self.bottom:.0f}" stroke="#555"/>'
        middle = (self.top + self.bottom) / 2
        yield f'<g transform="rotate(-90 14 {middle:.0f})">{written(14, middle, y_label, anchor="middle")}</g>'

    def x_axis(self, label: str) -> Iterator[str]:
        for tick in round_numbers(*self.x, about=5):
            yield written(self.across(tick), self.bottom + 16, f"{tick:.4g}", anchor="middle", size=11)
        yield f'<path d="M{self.left:.0f} {self.bottom:.0f}H{self.right:.0f}" stroke="#555"/>'
        yield written((self.left + self.right) / 2, self.bottom + 36, label, anchor="middle")


def _plot(panel: Panel, width: float, height: float) -> Iterator[str]:
    legend = [*_line_keys(panel.lines), *_column_keys(panel.columns)]
    top = TOP + LEGEND * len(legend) + 4
    known = [*(point for line in panel.lines for point in line.points), *_corners(panel.columns)]
    if not known:
        yield _nothing(width, height)
        return
    x, y = panel.x or _span(x for x, _ in known), panel.y or _span(y for _, y in known)
    plot = _Plot(LEFT, top, width - RIGHT, height - BOTTOM, x, y)
    yield from _legend(legend, width)
    yield from plot.axes(panel.x_label, panel.y_label)
    for columns in panel.columns:
        yield from _columns(plot, columns)
    yield plot.inside  # a line may lead out of it
    for line in panel.lines:
        yield from _line(plot, line)
    yield "</svg>"


def _span(numbers: Iterable[float]) -> tuple[float, float]:
    known = [number for number in numbers if math.isfinite(number)]
    return (min(known), max(known)) if known else (0.0, 1.0)


def _corners(columns: Sequence[Columns]) -> Iterator[Point]:
    for one in columns:
        yield from ((one.edges[0], 0.0), (one.edges[-1], max(one.heights, default=0.0)))


def _line(plot: _Plot, line: Line) -> Iterator[str]:
    placed = [(plot.across(x), plot.up(y)) for x, y in line.points if math.isfinite(x) and math.isfinite(y)]
    if line.style == "points" or line.marks or len(placed) == 1:
        color = MODEL_COLOR if line.style == "model" else BASELINE_COLOR
        yield from (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in placed)
    if line.style in STYLES and len(placed) > 1:
        path = "".join(_steps(placed) if line.steps else (f"L{x:.1f} {y:.1f}" for x, y in placed))
        yield f'<path d="M{path[1:] if path[0] == "L" else path}" fill="none" {STYLES[line.style]}/>'


def _steps(placed: Sequence[Point]) -> Iterator[str]:
    """The value of a point holds until the next one."""
    yield f"L{placed[0][0]:.1f} {placed[0][1]:.1f}"
    yield from (f"H{x:.1f}V{y:.1f}" for x, y in placed[1:])


def _columns(plot: _Plot, columns: Columns) -> Iterator[str]:
    color = MODEL_COLOR if columns.color is None else CLASS_COLORS[columns.color]
    for start, end, height in zip(columns.edges, columns.edges[1:], columns.heights, strict=False):
        if height > 0:
            x, y = plot.across(start), plot.up(height)
            place = f'x="{x:.1f}" y="{y:.1f}" width="{plot.across(end) - x:.1f}" height="{plot.bottom - y:.1f}"'
            yield f'<rect {place} fill="{color}" fill-opacity="0.6"/>'


# ---------------------------------------------------------------- legends

Key = tuple[str, str]
"""A small drawing, and what it stands for."""


def _line_keys(lines: Sequence[Line]) -> Iterator[Key]:
    for line in lines:
        dot = f'<circle cx="11" cy="0" r="3" fill="{BASELINE_COLOR}"/>'
        if line.name:
            yield (f'<path d="M0 0h22" {STYLES[line.style]}/>' if line.style in STYLES else dot, line.name)


def _column_keys(columns: Sequence[Columns]) -> Iterator[Key]:
    for one in columns:
        color = MODEL_COLOR if one.color is None else CLASS_COLORS[one.color]
        yield f'<rect x="4" y="-5" width="14" height="10" fill="{color}" fill-opacity="0.6"/>', one.name


def _legend(keys: Sequence[Key], width: float, left: float = LEFT) -> Iterator[str]:
    letters = int((width - left - 30) / LETTER)
    for at, (drawn, name) in enumerate(keys):
        y = TOP + LEGEND * at + 6
        yield f'<g transform="translate({left:.0f} {y})">{drawn}</g>'
        yield written(left + 28, y + 4, _fitting(name, letters), size=11)


# ---------------------------------------------------------------- bars, cells, pictures


def _bars(panel: Panel, bars: Bars, width: float, height: float) -> Iterator[str]:
    if not bars.names:
        yield _nothing(width, height, "not measured")
        return
    ends = [end for spread in bars.spreads for end in spread if math.isfinite(end)]
    low, high = panel.x or _span((0.0, *bars.numbers, *ends))
    plot = _Plot(NAMES, TOP, width - RIGHT, height - BOTTOM, (low, high), (0, 1))
    step = (plot.bottom - plot.top) / MOST_BARS  # bars are as thick when there are few
    start = plot.across(min(max(0.0, low), high))
    for at, (name, number) in enumerate(zip(bars.names, bars.numbers, strict=True)):
        y, end = plot.top + at * step, plot.across(min(max(number, low), high))
        color = CLASS_COLORS[0] if bars.marked is not None and number > bars.marked else MODEL_COLOR
        place = f'x="{min(start, end):.1f}" y="{y + step * 0.15:.1f}" width="{abs(end - start):.1f}"'
        yield f'<rect {place} height="{step * 0.7:.1f}" fill="{color}"><title>{number:.6g}</title></rect>'
        yield written(NAMES - 6, y + step / 2 + 4, _middle_cut(name), anchor="end", size=11)
    for at, spread in enumerate(bars.spreads):
        if all(map(math.isfinite, spread)):
            left, right = map(plot.across, spread)
            yield _whisker(left, right, plot.top + (at + 0.5) * step, step * 0.2)
    apart = plot.across(max(bars.limits)) - plot.across(min(bars.limits)) if bars.limits else 0.0
    for at, limit in enumerate(bars.limits):
        dash = "" if at else ' stroke-dasharray="2 3"'
        yield f'<path d="M{plot.across(limit):.1f} {plot.top:.0f}V{plot.bottom:.0f}" stroke="#333" stroke-width="0.9"{dash}/>'
        if apart > LEGEND * 2:
            yield written(plot.across(limit) + 3, plot.bottom - 4, f"{limit:g}", size=11)
    yield from plot.x_axis(panel.x_label)


def _whisker(left: float, right: float, y: float, cap: float) -> str:
    caps = "".join(f"M{x:.1f} {y - cap:.1f}V{y + cap:.1f}" for x in (left, right))
    return f'<path d="M{left:.1f} {y:.1f}H{right:.1f}{caps}" fill="none" stroke="#222" stroke-width="1.4"/>'


def _cells(panel: Panel, cells: Cells, width: float, height: float) -> Iterator[str]:
    size, top, bottom = len(cells.names), TOP, height - BOTTOM
    wide, tall = (width - RIGHT - LEFT - 20) / size, (bottom - top) / size
    for row, shares in enumerate(cells.shares):
        for column, share in enumerate(shares):
            x, y = LEFT + 20 + column * wide, top + row * tall
            place = f'x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{tall:.1f}"'
            yield f'<rect {place} fill="{_blue(share)}" stroke="#fff"/>'
            lines = cells.texts[row * size + column] if cells.texts else ()
            color = "#fff" if share > LIGHT_FROM else "#222"
            for n, said in enumerate(lines):
                at = y + tall / 2 + 4 + (n - (len(lines) - 1) / 2) * 14
                yield f'<text x="{x + wide / 2:.0f}" y="{at:.0f}" {_CELL} fill="{color}">{escape(said)}</text>'
    if cells.texts:
        letters = max(3, int(wide / LETTER))
        for n, name in enumerate(cells.names):
            yield written(LEFT + 14, top + (n + 0.5) * tall + 4, _fitting(name, 8), anchor="end", size=11)
            x = LEFT + 20 + (n + 0.5) * wide
            yield written(x, bottom + 16, _fitting(name, letters), anchor="middle", size=11)
    yield written((LEFT + width - RIGHT) / 2, bottom + 36, panel.x_label, anchor="middle")
    middle = (top + bottom) / 2
    yield f'<g transform="rotate(-90 14 {middle:.0f})">{written(14, middle, panel.y_label, anchor="middle")}</g>'


_CELL = 'font-family="sans-serif" font-size="12" text-anchor="middle"'


def _pictures(pictures: Sequence[Picture], width: float) -> Iterator[str]:
    cell = (width - 2 * RIGHT) / PICTURES_IN_A_ROW
    for n, picture in enumerate(pictures):
        row, column = divmod(n, PICTURES_IN_A_ROW)
        x, y = RIGHT + column * cell, TOP + row * PICTURE_ROW
        yield written(x + cell / 2, y + 16, picture.text, anchor="middle", size=11)
        size = PIXELS / max(len(picture.rows), *map(len, picture.rows))
        yield f'<g transform="translate({x + (cell - PIXELS) / 2:.0f} {y + 24}) scale({size:.3f})" shape-rendering="crispEdges">'
        yield from _pixels(picture)
        yield "</g>"


def _pixels(picture: Picture) -> Iterator[str]:
    """A path for each brightness: of pixels side by side that share it one piece."""
    paths: dict[str, list[str]] = {}
    for y, row in enumerate(picture.rows):
        x = 0
        for level, run in itertools.groupby(row):
            wide = len(list(run))
            paths.setdefault(level, []).append(f"M{x} {y}h{wide}v1h-{wide}z")
            x += wide
    for level, pieces in sorted(paths.items()):
        yield f'<path fill="#{_hexadecimal(level) * 3}" d="{"".join(pieces)}"/>'


def _hexadecimal(digit: str) -> str:
    return f"{int(digit, 16):x}"


def _blue(share: float) -> str:
    """White to dark blue."""
    white, dark = (247, 251, 255), (8, 48, 107)
    kept = min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0
    return "#" + "".join(f"{round(a + (b - a) * kept):02x}" for a, b in zip(white, dark, strict=True))


def _nothing(width: float, height: float, said: str = "nothing to draw") -> str:
    return written(width / 2, height / 2, said, anchor="middle")


def _fitting(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: max(1, letters - 1)]}…"


def _middle_cut(name: str) -> str:
    half = LONGEST_NAME // 2 - 1
    return name if len(name) <= LONGEST_NAME else f"{name[:half]}…{name[-half:]}"
