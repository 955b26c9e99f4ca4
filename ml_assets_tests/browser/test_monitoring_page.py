"""The table of monitoring fits a laptop, also where much has moved."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from ml_assets.monitoring.finding import Alarm, Finding, Number
from ml_assets.pages.monitoring_page import MonitoringPage, Row
from ml_assets.pages.render import html, template
from ml_assets.store import VersionKey

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
LAPTOP = {"width": 1280, "height": 800}
NAMES = ("slot_landed_28d_late", "number_landed_28d_late", "destination_landed_6h", "aircraft_departed_12h", "dest")


def test_every_column_of_a_month_in_which_much_moved_is_within_sight(browser: Browser):
    number = Number(-0.4811, -0.2822, -0.6803)
    alarms = tuple(Alarm("drift", name, f"{name} moved.") for name in NAMES * 4)
    found = Finding(
        "2013-02", None, "flight_delays/model@2013-01:0123456789ab", "average_precision", "1", True, 28_135, 0, 0, 27_901,
        number, number, number, {}, {}, alarms,
    )  # fmt: skip
    row = Row(VersionKey("flight_delays/monitoring", "2013-02", "0123456789ab" * 5), found)
    page = browser.new_page(viewport=LAPTOP)
    style = template("style.css")
    page.set_content(html("monitoring.html", of=MonitoringPage("flight_delays", [row] * 11, [], [])))
    page.add_style_tag(content=style)
    widths = page.locator(".scroll").evaluate("frame => [frame.scrollWidth, frame.clientWidth]")
    assert widths[0] <= widths[1]
    page.close()
