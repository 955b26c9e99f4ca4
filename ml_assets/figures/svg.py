"""Line charts as SVG text: small enough for a page, an event or a file, without any library.

What is drawn on is white, so that a chart reads the same on a dark page. Lines differ by colour (Okabe and Ito, told apart by
colour-blind people) and by dashes. All text is escaped: names may come from data.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

Point = tuple[float, float]

COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
COLOR_NAMES = ("blue", "orange", "green", "pink", "yellow", "light blue", "grey")
DASHES = ("", "7 3", "2 3", "9 3 2 3")
MOST_NAMES = 7  # under the x axis
BLOCKS = " ▁▂▃▄▅▆▇█"
INLINE = 1000  # characters of Markdown; Dagster shows what has fewer at once, and the rest one click away
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 16, 58, 46  # margins around the plot, in pixels


def line_chart(
    points: Mapping[str, Sequence[Point]],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    width: int = 640,
    height: int = 320,
    x_names: Sequence[str] = (),
) -> str:
    """Lines over common axes, with ticks and a legend: a complete SVG.

    Args:
        points: line name -> its points (x, y) in the order they are joined; what is not finite is left out and breaks the line.
        width, height: in pixels.
        x_names: what x = 1, 2, … are called; empty: they are numbers.
    """
    known = [point for line in points.values() for point in line if _is_finite(point)]
    head = [
        opening(width, height),
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        written(_LEFT, 22, title, size=15, weight="bold"),
    ]
    if not known:
        return "".join([*head, written(width / 2, height / 2, "nothing to draw", anchor="middle"), "</svg>"])
    frame = _Frame.around(known, width, height)
    lines = (_drawn(frame, at, line) for at, line in enumerate(points.values()))
    body = [*_axes(frame, x_label, y_label, x_names), *lines, *_legend(list(points), width)]
    return "".join([*head, *body, "</svg>"])


def sparkline(
    values: Sequence[float], *more: Sequence[float], title: str, width: int = 240, height: int = 60, most: int = INLINE
) -> str:
    """One or a few lines without axes, each with a dot at its end, drawn so coarsely that it is shown inline in Markdown.

    Args:
        values, more: each evenly spaced in x, all on one scale; what is not finite is left out.
        title: for who cannot see it, and when the pointer rests on it; cut to 60 characters.
        most: it takes fewer characters as Markdown.
    """
    lines = [list(line) for line in (values, *more)]
    for points in (48, 32, 24, 16, 12, 8, 4, 2):
        drawn = _sparkline([thinned(line, points) for line in lines], title[:60], width, height)
        if len(as_markdown(drawn)) < most:
            return drawn
    return _sparkline([], title[:60], width, height)  # more lines than fit


def bars(counts: Sequence[int], *, title: str, width: int = 120, height: int = 24) -> str:
    """How often values fall into each of some steps, as bars without axes; nothing to draw is an empty picture.

    Args:
        title: for who cannot see it; cut to 60 characters.
    """
    parts = [opening(width, height), f"<title>{escape(title[:60])}</title>"]
    step, most = width / max(1, len(counts)), max(counts, default=0)
    for at, count in enumerate(counts):
        tall = max(1.0, height * count / most) if count else 0.0  # one row among millions is seen, too
        place = f'x="{at * step:.1f}" y="{height - tall:.1f}" width="{step - 1:.1f}" height="{tall:.1f}"'
        parts.append(f'<rect {place} fill="{COLORS[0]}"/>')
    return "".join([*parts, "</svg>"])


def blocks(counts: Sequence[int]) -> str:
    """The same as letters, for a cell of text: ``▁▃█▅▂``; a step without any is a space."""
    most = max(counts, default=0)
    return "".join(BLOCKS[math.ceil(count / most * (len(BLOCKS) - 1))] if count else " " for count in counts)


def interval_chart(
    value: float,
    low: float,
    high: float,
    baseline: float,
    *,
    title: str,
    width: int = 260,
    height: int = 58,
    names: tuple[str, str] = ("model", "baseline"),
) -> str:
    """A number with its interval beside a baseline's, as a dot, a bar and a tick: small enough to be shown inline.

    Args:
        value, low, high, baseline: what is not finite is left out.
        title: cut to 40 characters.
        names: how the number and the baseline are called.
    """
    known = [number for number in (value, low, high, baseline) if math.isfinite(number)]
    parts = [opening(width, height), f"<title>{escape(title[:40])}</title>"]
    if known:
        across = scale(min(known), max(known), 16, width - 16)
        if math.isfinite(low) and math.isfinite(high):
            parts.append(f'<path d="M{across(low):.0f} 28H{across(high):.0f}" stroke="{COLORS[0]}" stroke-width="5"/>')
        if math.isfinite(baseline):
            parts += [
                _mark(across(baseline), COLORS[1]),
                _label(across(baseline), 54, f"{names[1]} {baseline:.3g}", width),
            ]
        if math.isfinite(value):
            parts += [f'<circle cx="{across(value):.0f}" cy="28" r="6" fill="{COLORS[0]}"/>']
            parts += [_label(across(value), 13, f"{names[0]} {value:.3g}", width)]
    return "".join([*parts, "</svg>"])


def as_markdown(svg: str, alt: str = "") -> str:
    """An SVG as a Markdown image that carries its own data."""
    return image_markdown(svg.encode(), "image/svg+xml", alt)


def image_markdown(data: bytes, media_type: str, alt: str = "") -> str:
    """A picture's bytes as a Markdown image; ``alt`` loses what would end it."""
    said = "".join(c for c in alt if c.isalnum() or c in " .,:-_")
    return f"![{said}](data:{media_type};base64,{base64.b64encode(data).decode()})"


def thinned(line: Sequence[float], most: int) -> list[float]:
    """At most ``most`` values, evenly spaced, first and last kept."""
    if len(line) <= most:
        return list(line)
    return [line[round(at * (len(line) - 1) / (most - 1))] for at in range(most)]


# ---------------------------------------------------------------- parts of a chart


@dataclass(frozen=True)
class _Frame:
    """Where the plot lies, and which numbers its edges are."""

    x: tuple[float, float]
    y: tuple[float, float]
    width: int
    height: int

    @classmethod
    def around(cls, points: Sequence[Point], width: int, height: int) -> _Frame:
        xs, ys = ([point[at] for point in points] for at in (0, 1))
        return cls((min(xs), max(xs)), (min(ys), max(ys)), width, height)

    def at_x(self, x: float) -> float:
        return scale(*self.x, _LEFT, self.width - _RIGHT)(x)

    def at_y(self, y: float) -> float:
        return scale(*self.y, self.height - _BOTTOM, _TOP)(y)


def scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """From ``low … high`` to ``start … end``; a span of nothing is its middle."""
    span = high - low
    if not 0 < span < math.inf:
        return lambda number: (start + end) / 2
    return lambda number: start + (number - low) / span * (end - start)


def _axes(frame: _Frame, x_label: str, y_label: str, x_names: Sequence[str]) -> list[str]:
    bottom, right = frame.height - _BOTTOM, frame.width - _RIGHT
    parts = []
    for tick in round_numbers(*frame.y):
        y = frame.at_y(tick)
        parts.append(f'<path d="M{_LEFT} {y:.1f}H{right}" stroke="#ddd"/>')
        parts.append(written(_LEFT - 6, y + 4, f"{tick:.4g}", anchor="end"))
    for tick, name in _named(x_names) if x_names else ((tick, f"{tick:.6g}") for tick in round_numbers(*frame.x)):
        fits = frame.at_x(tick) + len(name) * 4 < frame.width
        parts.append(written(frame.at_x(tick), bottom + 16, name, anchor="middle" if fits else "end"))
    parts.append(f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="#555"/>')
    parts.append(written((_LEFT + right) / 2, frame.height - 10, x_label, anchor="middle"))
    middle = (_TOP + bottom) / 2
    turned = f'<g transform="rotate(-90 14 {middle:.0f})">{written(14, middle, y_label, anchor="middle")}</g>'
    return [*parts, turned] if y_label else parts


def _named(names: Sequence[str]) -> list[tuple[float, str]]:
    """A tick for each name; of many, for as many as have room, first and last among them."""
    ticks = [float(at) for at in range(1, len(names) + 1)]
    return [(tick, names[int(tick) - 1]) for tick in thinned(ticks, MOST_NAMES)]


def _drawn(frame: _Frame, at: int, line: Sequence[Point]) -> str:
    dash = f' stroke-dasharray="{DASHES[at % len(DASHES)]}"' if at % len(DASHES) else ""
    style = f'stroke="{COLORS[at % len(COLORS)]}" stroke-width="2"{dash}'
    parts = []
    for piece in _pieces(line):
        path = " ".join(f"{frame.at_x(x):.1f},{frame.at_y(y):.1f}" for x, y in piece)
        if len(piece) == 1:
            path = f"{path} {path}"  # a line of one point is a dot where its ends are round
        parts.append(f'<polyline points="{path}" fill="none" stroke-linecap="round" {style}/>')
    return "".join(parts)


def _pieces(line: Iterable[Point]) -> list[list[Point]]:
    pieces: list[list[Point]] = [[]]
    for point in line:
        if _is_finite(point):
            pieces[-1].append(point)
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _legend(names: Sequence[str], width: int) -> list[str]:
    room = (width - _LEFT - _RIGHT) / len(names)
    letters = max(3, int((room - 34) / 7))  # of about 7 pixels each
    parts = []
    for at, name in enumerate(names):
        x = _LEFT + at * room
        dash = f' stroke-dasharray="{DASHES[at % len(DASHES)]}"' if at % len(DASHES) else ""
        parts.append(f'<path d="M{x:.0f} 40h22" stroke="{COLORS[at % len(COLORS)]}" stroke-width="2"{dash}/>')
        parts.append(written(x + 28, 44, name if len(name) <= letters else name[: letters - 1] + "…"))
    return parts


def _sparkline(lines: Sequence[Sequence[float]], title: str, width: int, height: int) -> str:
    known = [value for line in lines for value in line if math.isfinite(value)]
    parts = [opening(width, height), f"<title>{escape(title)}</title>"]
    for at, line in enumerate(lines if known else []):
        color = COLORS[at % len(COLORS)]
        x, y = scale(0, len(line) - 1, 4, width - 6), scale(min(known), max(known), height - 5, 5)
        points = [f"{x(n):.0f},{y(value):.0f}" for n, value in enumerate(line) if math.isfinite(value)]
        parts.append(f'<polyline points="{" ".join(points)}" fill="none" stroke="{color}" stroke-width="2"/>')
        if points:
            end_x, end_y = points[-1].split(",")
            parts.append(f'<circle cx="{end_x}" cy="{end_y}" r="3" fill="{color}"/>')
    return "".join([*parts, "</svg>"])


def round_numbers(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers between ``low`` and ``high``: steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not 0 < span < math.inf:
        return [low]
    power = 10.0 ** math.floor(math.log10(span / about))
    step = next((m * power for m in (1, 2, 5) if span / (m * power) <= about), 10 * power)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [n * step for n in range(first, last + 1)]


def opening(width: int, height: int, scaled: float = 1.0) -> str:
    """The first tag of an SVG of so many pixels, shown larger or smaller."""
    size = f'width="{round(width * scaled)}" height="{round(height * scaled)}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {size} role="img">'


def written(x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, weight: str = "normal") -> str:
    """A line of text, escaped; nothing of an empty one."""
    style = f'font-family="sans-serif" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="#333"'
    return f'<text x="{x:.0f}" y="{y:.0f}" {style}>{escape(text)}</text>' if text else ""


def _label(x: float, y: int, text: str, width: int) -> str:
    """Short text about ``x``, kept inside; grey, which reads on white and on black."""
    half = 3.3 * len(text)
    at = min(max(x, half), width - half)
    return f'<text x="{at:.0f}" y="{y}" font-family="sans-serif" font-size="12" text-anchor="middle" fill="#888">{text}</text>'


def _mark(x: float, color: str) -> str:
    return f'<path d="M{x:.0f} 19v18" stroke="{color}" stroke-width="3"/>'


def _is_finite(point: Point) -> bool:
    return math.isfinite(point[0]) and math.isfinite(point[1])
