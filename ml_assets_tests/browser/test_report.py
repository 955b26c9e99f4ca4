"""The report of `ml-assets compare --html`, opened as a file."""

from __future__ import annotations

import pytest

from ml_assets.lineage.compare import compare
from ml_assets.pages.models_page import report
from ml_assets_tests.conftest import MONTHS, PROBLEMS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def test_a_click_on_a_heading_sorts_the_report_and_another_turns_it_round(page, site, tmp_path):
    compared = compare(site.store, "umbrellas", PROBLEMS[0].metrics)
    file = tmp_path / "report.html"
    file.write_text(report(site.store, compared))
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("request", lambda request: complaints.append(request.url) if request.url != file.as_uri() else None)
    page.goto(file.as_uri())

    def months() -> list[str]:
        return page.locator("tbody th").all_inner_texts()

    best_first = [row.model.partition for row in compared.ordered("brier").rows]
    assert months() == sorted(MONTHS, reverse=True)
    page.get_by_role("button", name="brier").click()
    assert months() == best_first
    page.get_by_role("button", name="brier").click()
    assert months() == best_first[::-1]
    assert page.get_by_role("columnheader", name="brier").get_attribute("aria-sort") == "descending"
    assert complaints == []
