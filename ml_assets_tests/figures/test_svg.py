"""SVG charts are read back as XML: what is drawn is where it should be, and nothing breaks out."""

from __future__ import annotations

import base64
import math
import re
import subprocess
import sys
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from ml_assets.figures import INLINE, as_markdown, image_markdown, interval_chart, line_chart, sparkline
from ml_assets.figures.svg import thinned

LOSSES = {"train": [(n, math.exp(-n / 20)) for n in range(100)], "validation": [(n, 0.3) for n in range(100)]}
NASTY = '</title><script>alert("1")</script> & ]]> \' `'


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def parts(svg: str, tag: str) -> list[ElementTree.Element]:
    return parsed(svg).findall(f".//{{http://www.w3.org/2000/svg}}{tag}")


def points(line: ElementTree.Element) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in line.get("points", "").split()]


def texts(svg: str) -> list[str]:
    return ["".join(element.itertext()) for element in parts(svg, "text")]


def test_a_chart_draws_each_line_with_its_name_axes_and_ticks():
    svg = line_chart(LOSSES, title="Training", x_label="step", y_label="loss")
    falling, flat = map(points, parts(svg, "polyline"))
    assert len(falling) == len(flat) == 100
    assert all(later[1] >= sooner[1] and later[0] > sooner[0] for sooner, later in pairwise(falling))
    assert len({y for _, y in flat}) == 1
    assert {"Training", "train", "validation", "step", "loss", "0", "20", "0.2"} <= set(texts(svg))


def test_lines_differ_by_more_than_their_colour():
    first, second = parts(line_chart(LOSSES, title="x"), "polyline")
    assert first.get("stroke") != second.get("stroke")
    assert (first.get("stroke-dasharray"), second.get("stroke-dasharray")) == (None, "7 3")


def test_a_chart_says_what_it_is_to_who_cannot_see_it():
    for svg in (
        line_chart(LOSSES, title="Loss"),
        sparkline([1, 2], title="Loss"),
        interval_chart(1, 0, 2, 0, title="Loss"),
    ):
        assert parsed(svg).get("role") == "img"
        assert [title.text for title in parts(svg, "title")] == ["Loss"]


def test_text_from_data_cannot_break_out():
    drawn = [
        line_chart({NASTY: [(0, 1), (1, 2)]}, title=NASTY, x_label=NASTY, y_label=NASTY, width=2000),
        sparkline([1, 2], title=NASTY),
        interval_chart(1, 0, 2, 0, title=NASTY),
    ]
    for svg in drawn:
        assert parts(svg, "script") == []
    assert texts(drawn[0]).count(NASTY) == 4
    assert as_markdown(drawn[1], NASTY + "](http://x) ![").count("]") == 1


def test_what_is_not_finite_breaks_the_line_and_nothing_else():
    svg = line_chart({"a": [(0, 1), (1, math.nan), (2, 3), (3, math.inf), (4, 5), (5, 6)]}, title="x")
    pieces = [points(line) for line in parts(svg, "polyline")]
    assert [len(set(piece)) for piece in pieces] == [1, 1, 2]
    assert "nan" not in svg
    assert "inf" not in svg


@pytest.mark.parametrize(
    "lines", [{}, {"a": []}, {"a": [(0, math.nan)]}], ids=["no line", "no point", "no finite point"]
)
def test_a_chart_of_nothing_says_so(lines):
    assert "nothing to draw" in texts(line_chart(lines, title="x"))


@pytest.mark.parametrize("values", [[2.0], [2.0, 2.0, 2.0], [1e-300, 2e-300], [-1e300, 1e300]])
def test_values_without_a_span_or_of_any_size_are_drawn_inside(values):
    svg = line_chart({"a": list(enumerate(values))}, title="x", width=640, height=320)
    drawn = [point for line in parts(svg, "polyline") for point in points(line)]
    assert all(0 <= x <= 640 and 0 <= y <= 320 for x, y in drawn)


@pytest.mark.parametrize("lines", [1, 2, 3, 6])
@pytest.mark.parametrize("length", [0, 1, 2, 10_000])
def test_a_sparkline_is_always_short_enough_to_be_shown_inline(lines, length):
    series = [[math.sin(n * (k + 1)) for n in range(length)] for k in range(lines)]
    svg = sparkline(*series, title="a title that goes on & on <and on> " * 5)
    assert len(as_markdown(svg)) < INLINE
    parsed(svg)


def test_a_sparkline_ends_where_its_values_end():
    svg = sparkline([3.0, 2.0, math.nan, 0.0], [3.0, 3.0, 3.0, 3.0], title="x")
    falling, flat = map(points, parts(svg, "polyline"))
    assert len(falling) == 3
    assert falling[-1][1] > flat[-1][1]
    assert [(float(dot.get("cx")), float(dot.get("cy"))) for dot in parts(svg, "circle")] == [falling[-1], flat[-1]]


def test_an_interval_lies_around_its_value_and_the_baseline_apart():
    svg = interval_chart(0.4, 0.35, 0.45, 0.2, title="average_precision")
    bar, baseline = (path.get("d") for path in parts(svg, "path"))
    start, end = map(float, re.fullmatch(r"M(\d+) 28H(\d+)", bar).groups())
    (value,) = (float(dot.get("cx")) for dot in parts(svg, "circle"))
    assert float(baseline.split()[0][1:]) < start < value < end
    assert texts(svg) == ["baseline 0.2", "model 0.4"]
    assert len(as_markdown(svg, "average_precision")) < INLINE


def test_an_undefined_metric_draws_what_is_known():
    assert texts(interval_chart(math.nan, math.nan, math.nan, 0.2, title="x")) == ["baseline 0.2"]
    assert texts(interval_chart(math.nan, math.nan, math.nan, math.nan, title="x")) == []


def test_markdown_carries_the_very_bytes():
    said = image_markdown(b"\x89PNG", "image/png", "a picture")
    assert said.startswith("![a picture](data:image/png;base64,")
    assert base64.b64decode(said.split(",")[1].rstrip(")")) == b"\x89PNG"


def test_thinning_keeps_the_first_and_the_last():
    assert thinned(list(range(10)), 4) == [0, 3, 6, 9]
    assert thinned([1, 2], 4) == [1, 2]


def test_charts_need_no_library():
    code = (
        "import sys; from ml_assets.figures.svg import line_chart; line_chart({'a': [(0., 1.), (1., 2.)]}, title='t');"
        "assert not {'numpy', 'matplotlib', 'PIL'} & {name.split('.')[0] for name in sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_axis_of_names_shows_them_and_of_many_the_first_the_last_and_some_between():
    months = [f"2013-{n:02d}" for n in range(1, 13)]
    chart = line_chart({"model": [(float(n), n) for n in range(1, 13)]}, title="t", x_names=months)
    shown = [month for month in months if f">{month}<" in chart]

    assert shown[0] == "2013-01"
    assert shown[-1] == "2013-12"
    assert 3 < len(shown) < 9
