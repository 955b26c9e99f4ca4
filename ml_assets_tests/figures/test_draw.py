"""A sheet as it is stored, and as SVG."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from ml_assets import figures
from ml_assets.evaluation.mistakes import Mistakes
from ml_assets.figures.draw import MOST_BYTES
from ml_assets.figures.sheet import MOST_PIXELS, MOST_POINTS, Line, Panel, Picture, Sheet, points

RNG = np.random.default_rng(0)
SVG = "{http://www.w3.org/2000/svg}"
ROWS = 5_000
LABEL = (RNG.random(ROWS) < 0.3).astype(float)
SCORE = np.clip(0.3 * LABEL + 0.7 * RNG.random(ROWS), 0, 1)
FEATURES = {"importance": [("<hour> & more", 0.2)], "drift": [("hour", 0.4)]}


def multiclass(pictures: int = 16, side: int = 8) -> Sheet:
    shown = Mistakes(RNG.random((pictures, side, side)), *(np.arange(pictures),) * 2, np.ones(pictures), (20, ROWS))
    return figures.multiclass_report(np.arange(ROWS) % 3, RNG.dirichlet(np.ones(3), ROWS), mistakes=shown, **FEATURES)


SHEETS = {
    "two classes": figures.binary_report(LABEL, SCORE, np.full(ROWS, 0.3), **FEATURES),
    "classes": multiclass(),
    "numbers": figures.regression_report(SCORE, SCORE + 0.1, np.full(ROWS, 0.5), "minutes", **FEATURES),
    "intervals": figures.regression_report(SCORE, np.column_stack([SCORE] * 3), SCORE, **FEATURES),
    "search": figures.search_report([(0.0, 1.0)], [(0.0, 1.0)], [("c", 1.0)], "mae"),
    "nothing": figures.search_report([], [], [], "mae"),
}
EVERY = pytest.mark.parametrize("sheet", SHEETS.values(), ids=SHEETS)


@EVERY
def test_what_is_stored_is_the_whole_sheet(sheet):
    assert Sheet.from_json(json.loads(json.dumps(sheet.to_json()))) == sheet


@EVERY
def test_it_is_drawn_as_one_svg_that_says_every_title(sheet):
    root = ET.fromstring(figures.draw(sheet))
    said = "".join(root.itertext())
    assert root.tag == f"{SVG}svg"
    assert all(panel.title[:30] in said for panel in sheet.panels)


@EVERY
def test_the_same_sheet_is_drawn_the_same(sheet):
    assert figures.draw(sheet) == figures.draw(sheet)


@EVERY
def test_it_fits_into_an_event(sheet):
    assert len(figures.draw_small(sheet)) <= MOST_BYTES


def test_large_pictures_are_left_out_of_an_event_and_seen_on_a_page():
    large = multiclass(side=200)
    assert "5 taken for 5" in figures.draw(large)
    assert len(figures.draw_small(large)) <= MOST_BYTES
    assert len(large.panels[-1].pictures[0].rows) <= MOST_PIXELS


def test_a_line_of_a_million_points_keeps_its_ends_and_its_course():
    x = np.linspace(0, 1, 1_000_000)
    kept = points(x, x**2)
    assert len(kept) <= MOST_POINTS
    assert (kept[0], kept[-1]) == ((0, 0), (1, 1))
    assert max(abs(y - x**2) for x, y in kept) < 1e-5


def test_equal_points_side_by_side_are_one():
    assert points(np.zeros(9), np.zeros(9)) == ((0.0, 0.0), (0.0, 0.0))


def test_a_value_holds_until_the_next_point():
    sheet = Sheet("t", ((Panel("p", lines=(Line("", ((0, 0), (1, 1), (2, 0)), steps=True),)),),))
    path = ET.fromstring(figures.draw(sheet)).find(f".//{SVG}svg/{SVG}path")
    assert "".join(letter for letter in path.get("d") if letter.isalpha()) == "MHVHV"


def test_pixels_have_their_brightness():
    drawn = figures.draw(Sheet("t", ((Panel("p", pictures=(Picture.of("x", np.array([[0.0, 1.0]])),)),),)))
    assert 'fill="#000" d="M0 0h1v1h-1z"' in drawn
    assert 'fill="#fff" d="M1 0h1v1h-1z"' in drawn


def test_nothing_in_a_stored_sheet_becomes_markup():
    plain = {"title": "<script>", "rows": [[{"title": "<b>", "pictures": [{"text": "<i>", "rows": ["0f"]}]}]]}
    drawn = figures.draw(Sheet.from_json(plain))
    assert not {"script", "b", "i"} & {element.tag.removeprefix(SVG) for element in ET.fromstring(drawn).iter()}


@pytest.mark.parametrize("rows", [["0<"], ['"'], ["zz"]])
def test_a_pixel_that_is_no_hexadecimal_digit_is_refused(rows):
    with pytest.raises(ValueError, match="invalid literal"):
        figures.draw(Sheet("t", ((Panel("p", pictures=(Picture("x", tuple(rows)),)),),)))
