"""The artifact pages as people walk through them, with scripts and without; no page makes the browser complain."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from ml_assets.lineage.compare import compare
from ml_assets.pages.models_page import report
from ml_assets_tests.browser.conftest import PATIENCE_MS, listen_to
from ml_assets_tests.conftest import MONTHS, PROBLEMS

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
expect.set_options(PATIENCE_MS)
NEWEST = MONTHS[-1]
PHONE = {"width": 360, "height": 740}


def heading(page: Page):
    return page.get_by_role("heading", level=1)


def follow(page: Page, name: str) -> None:
    page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()


def column(page: Page, name: str) -> list[float]:
    """The numbers that stand under a heading of the table of models."""
    headings = page.get_by_role("columnheader").all_inner_texts()
    (at,) = [n for n, text in enumerate(headings) if text.rstrip(" ▲▼") == name]
    return [float(number) for number in page.locator(f"tbody tr > :nth-child({at + 1}) .number").all_inner_texts()]


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_from_the_overview_to_a_download(visit, site, tmp_path, scripts):
    page = visit("/", java_script_enabled=scripts)
    expect(heading(page)).to_have_text("Problems")
    follow(page, "umbrellas")
    expect(heading(page)).to_have_text("umbrellas")
    follow(page, "Compare all models")
    expect(heading(page)).to_have_text("Models of umbrellas")

    for order in ("descending", "ascending"):
        page.get_by_role("columnheader", name="auroc").get_by_role("link").click()
        expect(page.get_by_role("columnheader", name="auroc")).to_have_attribute("aria-sort", order)
        values = column(page, "auroc")
        assert len(values) == len(MONTHS)
        assert values == sorted(values, reverse=order == "descending")

    model = site.store.head("umbrellas/model", NEWEST).target
    follow(page, model.short)
    expect(heading(page)).to_have_text(f"umbrellas/model {NEWEST}")
    split = site.store.head("umbrellas/split", NEWEST).target
    follow(page, str(split))
    expect(heading(page)).to_have_text(f"umbrellas/split {NEWEST}")

    file = site.store.manifest(split).content.files[0]
    with page.expect_download() as download:
        follow(page, file.path)
    download.value.save_as(tmp_path / "file")
    assert Path(tmp_path / "file").read_bytes() == site.store.read(file)


def addresses(site) -> list[str]:
    """One page of every kind, and one of every noun."""
    heads = [site.store.head(asset, NEWEST) for asset in site.store.assets()]
    versions = [f"/version/{head.target.version}" for head in heads if head]
    refused = [f"/version/{key.version}" for key in site.store.versions("umbrellas/dataset", "2024-04")]
    kinds = ["/", "/problem/umbrellas", "/problem/umbrellas/models", "/problem/ice_cream", "/asset/umbrellas/model"]
    return [*kinds, *versions, *refused, f"{versions[0]}/lineage"]


BARRIERS = """() => {
    const wrong = [];
    const every = (selector, holds, what) =>
        document.querySelectorAll(selector).forEach(e => holds(e) || wrong.push(`${what}: ${e.outerHTML.slice(0, 120)}`));
    const named = e => (e.getAttribute('aria-label') || e.textContent || '').trim() !== '' || e.querySelector('img[alt]');
    if (!document.documentElement.lang) wrong.push('no language');
    if (!document.title) wrong.push('no title');
    if (document.querySelectorAll('h1').length !== 1) wrong.push('not one h1');
    if (document.querySelectorAll('main').length !== 1) wrong.push('not one main');
    every('img', e => e.alt.trim() !== '', 'no alt');
    every('main > svg, .charts svg', e => e.getAttribute('role') && named(e), 'drawing without name');
    every('a[href], summary', named, 'nothing to click on');
    every('table', e => e.querySelector('th'), 'table without headings');
    every('th', e => e.scope === 'col' || e.scope === 'row', 'heading of nothing');
    every('table', e => e.caption || e.closest('[role=region][aria-label]'), 'table without name');
    let level = 1;
    document.querySelectorAll('h1, h2, h3, h4, h5, h6').forEach(e => {
        if (+e.tagName[1] > level + 1) wrong.push(`level left out: ${e.outerHTML}`);
        level = +e.tagName[1];
    });
    const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
    if (new Set(ids).size !== ids.length) wrong.push('one id twice');
    return wrong;
}"""


def test_every_page_is_one_that_a_screen_reader_can_read(visit, site):
    page = visit("/")
    for address in [*addresses(site), "/problem/umbrellas/models?by=auroc&order=asc"]:
        page.goto(f"{site.pages}{address}")
        assert page.evaluate(BARRIERS) == [], address


def test_every_picture_arrives_and_no_page_is_wider_than_a_phone(visit, site):
    page = visit("/", viewport=PHONE)
    seen = 0
    for address in addresses(site):
        page.goto(f"{site.pages}{address}")
        for picture in page.get_by_role("img").and_(page.locator("img")).all():
            picture.scroll_into_view_if_needed()  # they are fetched when they come into view
            picture.evaluate("image => image.decode()")
            assert picture.evaluate("image => image.naturalWidth") > 0, address
            seen += 1
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], address
    assert seen > 0


def test_the_keyboard_skips_the_header_and_follows_links(visit):
    page = visit("/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("main").get_by_role("link").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(heading(page)).not_to_have_text("Problems")


def test_a_refused_version_says_so(visit, site):
    (refused,) = site.store.versions("umbrellas/dataset", "2024-04")
    page = visit(f"/version/{refused.version}")
    expect(page.get_by_text("A blocking check failed: the version is kept for inspection")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="volume")).to_contain_text("5 rows landed")


def test_what_the_browser_refuses_would_be_noticed(browser, site):
    context = browser.new_context()
    complaints: list[str] = []
    page = context.new_page()
    listen_to(page, complaints)
    page.goto(site.pages)
    with page.expect_console_message():
        page.evaluate("document.body.setAttribute('style', 'color: red')")
    context.close()
    assert "Content Security Policy" in "".join(complaints)


# ---------------------------------------------------------------- the report of `ml-assets compare --html`, opened as a file


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
