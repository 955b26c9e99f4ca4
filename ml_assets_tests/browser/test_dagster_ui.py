"""What people see in Dagster's UI of what we tell it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from ml_assets.orchestration.moves import show_move
from ml_assets.promotion.ledger import Move
from ml_assets.store import MAIN
from ml_assets_tests.browser.conftest import PATIENCE_MS, REFUSED_MONTH
from ml_assets_tests.conftest import MONTHS
from ml_assets_tests.doubles.chain import IN_TIME
from ml_assets_tests.doubles.dagster_dev import TINY

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
expect.set_options(PATIENCE_MS)
CHAIN = ("landing", *IN_TIME)


def look_at(page: Page, site, noun: str, view: str = "overview") -> None:
    page.goto(f"{site.ui}/assets/umbrellas/{noun}?view={view}")


def row(page: Page, name: str) -> Locator:
    """The row of the metadata table with this name."""
    return page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))


def opened(page: Page, name: str) -> Locator:
    """The dialog that a click on a long value opens."""
    row(page, name).get_by_text("[Show Markdown]").click()
    return page.get_by_role("dialog")


def newest(site, noun: str):
    return site.store.head(f"umbrellas/{noun}", MONTHS[-1]).target


def expect_drawn(picture: Locator) -> None:
    """The browser made something of the image's bytes."""
    expect(picture).to_be_visible()
    picture.evaluate("image => image.decode()")
    assert picture.evaluate("image => image.naturalWidth") > 0


def test_the_asset_graph_shows_the_chain_from_landing_to_predictions(page, site):
    page.goto(f"{site.ui}/locations/{TINY}/asset-groups/umbrellas")
    at = []
    for noun in CHAIN:
        node = page.get_by_text(noun, exact=True).last
        expect(node).to_be_visible()
        at.append(node.bounding_box()["x"])
    assert at == sorted(at), "from left to right"


def test_a_models_page_shows_its_parameters_and_links_to_the_exact_versions_it_came_from(page, site):
    look_at(page, site, "model")
    expect(row(page, "params")).to_contain_text('"shuffle_label": false')
    split = newest(site, "split")
    link = row(page, "inputs").get_by_role("link", name=str(split))
    expect(link).to_have_attribute("href", f"{site.pages}/version/{split.version[:16]}")
    link.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"umbrellas/split {MONTHS[-1]}")


def test_a_models_page_links_to_its_artifact_page(page, site):
    look_at(page, site, "model")
    model = newest(site, "model")
    expect(row(page, "version")).to_contain_text(model.short)
    with page.expect_popup() as tab:
        row(page, "page").get_by_role("link").first.click()
    expect(tab.value.get_by_role("heading", level=1)).to_have_text(f"umbrellas/model {MONTHS[-1]}")
    expect(tab.value.get_by_role("main")).to_contain_text(model.version)


def test_an_evaluations_page_shows_metrics_as_numbers_and_gates_as_a_table(page, site):
    look_at(page, site, "evaluation")
    auroc = site.store.manifest(newest(site, "evaluation")).metrics["auroc"]
    for name in ("value", "low", "high", "baseline"):
        expect(row(page, f"auroc/{name}")).to_contain_text(str(round(auroc[name], 6)))
    gates = row(page, "gates").get_by_role("table")
    expect(gates.get_by_role("row").first).to_have_text("metricverdictvaluelimit")
    expect(gates.get_by_role("row").last).to_have_text(f"aurocpassed{round(auroc['value'], 4)}at least 0.6")
    expect_drawn(row(page, "at_a_glance").get_by_role("img", name="auroc"))


def test_a_report_shows_features_as_a_table_and_is_drawn_one_click_away(page, site):
    look_at(page, site, "report")
    expect(row(page, "top_features").get_by_role("table")).to_contain_text("above_usual")
    expect_drawn(opened(page, "figures").get_by_role("img", name="How the model is judged"))


def test_the_model_card_opens_and_is_rendered(page, site):
    look_at(page, site, "report")
    card = opened(page, "model_card")
    expect(card.get_by_role("heading", name="Made from")).to_be_visible()
    expect(card.get_by_role("table").last).to_contain_text(str(newest(site, "split")))


def test_a_champions_page_says_why(page, site):
    look_at(page, site, "champion")
    decision = site.store.load(newest(site, "champion"))
    expect(row(page, "decision")).to_contain_text(decision["decision"])
    expect(row(page, "why")).to_contain_text(" ".join(decision["reasons"]))


def test_a_move_by_hand_is_among_the_champions_events_and_on_the_page_of_its_partition(page, site):
    model = newest(site, "model")
    move = Move(2, MAIN, model, "rollback", MONTHS[0], "ada", "the clouds were wrong", "2024-04-01", None)
    show_move(move, Path(site.store.url).parent)

    look_at(page, site, "champion", "events")
    expect(page.get_by_text(f"Partition {MONTHS[0]} observed")).to_be_visible()
    expect(row(page, "why")).to_contain_text("rollback by ada: the clouds were wrong")
    expect(row(page, "champion")).to_contain_text(str(model))
    look_at(page, site, "champion", f"partitions&partition={MONTHS[0]}")
    expect(row(page, "why")).to_contain_text("rollback by ada: the clouds were wrong")


def test_a_failed_check_is_shown_as_failed_with_its_sentence(page, site):
    look_at(page, site, "dataset", "checks")
    expect(page.get_by_text("Succeeded")).to_have_count(6)
    page.get_by_text("volume", exact=True).first.click()
    expect(page.get_by_text("This is a blocking asset check.")).to_be_visible()
    expect(page.get_by_text("5 rows landed")).to_be_visible()
    expect(page.get_by_text(f"umbrellas/visits/{REFUSED_MONTH}.parquet")).to_be_visible()
    expect(page.get_by_text("Failed", exact=True)).not_to_have_count(0)
