"""A report must fit into an event."""

from __future__ import annotations

import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from ml_assets import figures
from ml_assets.figures.compact import MOST_BYTES

RNG = np.random.default_rng(0)


@pytest.fixture
def picture() -> bytes:
    report = figures.binary_report((RNG.random(900) < 0.3).astype(float), RNG.random(900), RNG.random(900))
    return figures.png(report)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def crowded(panels: int = 12) -> bytes:
    """As many panels of noisy lines as nobody draws."""
    figure = Figure(figsize=(18, 12), layout="constrained")
    for at in range(panels):
        axis = figure.add_subplot(3, 4, at + 1)
        for _ in range(10):
            axis.plot(RNG.normal(size=500).cumsum())
    return figures.png(figure)


def test_a_report_stays_legible_and_fits(picture):
    small = figures.compact(picture)
    assert len(small) <= MOST_BYTES < len(picture)
    assert opened(small).width >= 0.6 * opened(picture).width


@pytest.mark.slow
def test_twelve_crowded_panels_fit_too():
    assert len(figures.compact(crowded())) <= MOST_BYTES


def test_colours_are_those_of_the_picture():
    """Orange is a small part of a report, and the first hue that a careless palette loses."""
    figure = Figure(figsize=(4, 4))
    figure.add_axes((0, 0, 1, 1)).imshow(np.full((2, 2, 3), (230, 159, 0), dtype=np.uint8), aspect="auto")
    whole, small = (opened(data) for data in (figures.png(figure), figures.compact(figures.png(figure))))
    assert small.getpixel((200, 200)) == pytest.approx(whole.getpixel((200, 200)), abs=12)


def test_what_is_transparent_becomes_white():
    buffer = io.BytesIO()
    Image.new("RGBA", (20, 20), (0, 0, 0, 0)).save(buffer, format="PNG")
    assert opened(figures.compact(buffer.getvalue())).getpixel((10, 10)) == (255, 255, 255)


def test_where_nothing_is_small_enough_the_smallest_is_given(picture):
    small = figures.compact(picture, most_bytes=1)
    assert opened(small).width == round(opened(picture).width * 0.3)
