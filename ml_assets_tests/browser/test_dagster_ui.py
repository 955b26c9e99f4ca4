"""What people see in Dagster's UI of what we tell it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from ml_assets_tests.browser.conftest import PATIENCE_MS, REFUSED_MONTH

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
expect.set_options(PATIENCE_MS)
NEWEST = "2024-03"
CHAIN = ("landing", "dataset", "features", "split", "model", "evaluation", "champion", "predictions")


def look_at(page: Page, site, noun: str, view: str = "overview") -> None:
    page.goto(f"{site.ui}/assets/umbrellas/{noun}?view={view}")


def value(page: Page, name: str) -> Locator:
    """The row of the metadata table with this name."""
    return page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))


def is_drawn(picture: Locator) -> bool:
    """Whether a browser made something of the image's bytes; asked once they have arrived."""
    expect(picture).to_be_visible()
    picture.evaluate("image => image.decode()")
    return picture.evaluate("image => image.naturalWidth > 0 && image.naturalHeight > 0")


def test_the_asset_graph_shows_the_chain_from_landing_to_predictions(page, site):
    page.goto(f"{site.ui}/locations/{TINY}/asset-groups/umbrellas")
    for noun in CHAIN:
        expect(page.get_by_text(noun, exact=True).first).to_be_visible()
