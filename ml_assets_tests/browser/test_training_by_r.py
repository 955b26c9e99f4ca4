"""A file lands, automation has R train, and people look at its metrics while it does: in `dagster dev`, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from ml_assets.store import Store, open_landing, open_store
from ml_assets_tests.browser.conftest import PATIENCE_MS
from ml_assets_tests.commands.conftest import RSCRIPT
from ml_assets_tests.doubles import galoshes
from ml_assets_tests.doubles.dagster_dev import DagsterDev, dagster_dev
from ml_assets_tests.doubles.galoshes_dev import DIARY

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(900), RSCRIPT]
expect.set_options(PATIENCE_MS)


TOLD = """{ assetOrError(assetKey: {path: ["galoshes", "model"]}) { ... on Asset { assetObservations(limit: 10) {
    metadataEntries { label ... on IntMetadataEntry { intValue } } } } } }"""


@dataclass(frozen=True)
class Shop:
    """A `dagster dev` that nobody touches, whose training waits after its third step until it is told to go on."""

    dev: DagsterDev
    diary: Path
    store: Store

    def has_done(self, step: int) -> bool:
        steps = self.diary / "steps"
        return steps.exists() and str(step) in steps.read_text().split()

    def has_told(self, step: int) -> bool:
        told = self.dev.graphql(TOLD)["assetOrError"].get("assetObservations", [])
        return {"label": "step", "intValue": step} in [entry for one in told for entry in one["metadataEntries"]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder, diary = tmp_path_factory.mktemp("shop"), tmp_path_factory.mktemp("diary")
    (diary / "3").write_text("wait")
    with dagster_dev(folder, "ml_assets_tests.doubles.galoshes_dev", **{DIARY: str(diary)}) as dev:
        galoshes.land(open_landing(str(folder / ".ml_assets/landing")))
        shop = Shop(dev, diary, open_store(str(folder / ".ml_assets/store")))
        dev.wait_for(lambda: shop.has_told(3), "what R said of its third step")
        yield shop
        (diary / "go").touch()


def look_at(page: Page, shop: Shop, noun: str, view: str) -> None:
    page.goto(f"{shop.dev.url}/assets/galoshes/{noun}?view={view}")


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_text(name, exact=True))


def test_its_metrics_are_seen_while_it_waits_and_all_of_them_when_it_has_gone_on(page: Page, shop: Shop):
    look_at(page, shop, "model", "events")
    expect(page.get_by_text(f"Partition {galoshes.MONTH} observed").first).to_be_visible()
    expect(row(page, "step").first).to_contain_text("3")
    expect(row(page, "deviance").first).to_be_visible()
    assert not shop.has_done(4), "it is still at it"
    assert shop.store.head("galoshes/model", galoshes.MONTH) is None

    look_at(page, shop, "model", "overview")
    page.get_by_text("Plots", exact=True).click()
    page.get_by_text("Events", exact=True).last.click()
    expect(page.locator("canvas")).to_have_count(2)  # of deviance and step

    (shop.diary / "go").touch()
    (run,) = shop.dev.wait_until_quiet(1)
    assert run.succeeded
    look_at(page, shop, "model", f"partitions&partition={galoshes.MONTH}")
    expect(row(page, "training_curve").get_by_role("img", name="Training")).to_be_visible()
    training = shop.store.manifest(shop.store.head("galoshes/model", galoshes.MONTH).target).notes["training"]
    assert training["step"] == [1, 2, 3, 4, 5, 6]
