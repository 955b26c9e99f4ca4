"""The pages of a problem month by shop: readable with two dozen partitions, and each shop is told from the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from ml_assets.problem import Grid, Monthly
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Input, Manifest, Store, open_store
from ml_assets_tests.doubles import parasols
from ml_assets_tests.pages.conftest import Ask, site

YEAR = Grid(Monthly("2024-01", "2025-01"), by="shop", values=parasols.SHOPS)
PROBLEM = replace(parasols.PROBLEM, partitions=YEAR)


def judged(store: Store, partitions: Sequence[str]) -> None:
    """What a year leaves behind, as far as pages show it: no value is loaded."""
    for n, key in enumerate(partitions):
        store.publish(Manifest("parasols/dataset", key, store.put({"rows of": key})), why="landed")
        model, _ = store.publish(Manifest("parasols/model", key, store.put({"model of": key})), why="trained")
        metrics = {
            name: {"value": 0.8 + (n % 5) / 50, "low": 0.75, "high": 0.9, "baseline": 0.5}
            for name in ("auroc", "brier")
        }
        read = (Input("model", model, store.manifest(model).content.digest),)
        evaluation = Manifest("parasols/evaluation", key, store.put({"of": key}), inputs=read, metrics=metrics)
        store.publish(evaluation, why="judged")
        ledger = Ledger.of(store, PROBLEM, key)
        if not ledger.moves():
            ledger.enter(model, kind="decision", after=(), as_of=key, why="The first model.")


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    store = open_store(str(tmp_path_factory.mktemp("grid") / "store"), user="ada")
    judged(store, YEAR.keys())
    return store


@pytest.fixture
def get(store) -> Ask:
    return site(store, [PROBLEM])


def test_a_problem_shows_the_champion_of_each_shop_and_a_row_for_each_partition(get):
    page = get("/problem/parasols").page
    for shop in parasols.SHOPS:
        assert f"{shop}: parasols/model@2024-01|{shop}" in page.words
    assert all(key in page.words for key in YEAR.keys())  # noqa: SIM118


def test_a_metric_has_a_line_for_each_shop_over_the_months(get):
    text = get("/problem/parasols").text
    assert "<title>auroc by shop</title>" in text
    assert text.count("<polyline") == 2 * len(parasols.SHOPS), "two metrics, two shops, months without a gap"
    assert "auroc over partitions" not in text


def test_more_shops_than_there_are_colours_are_not_drawn(store):
    many = tuple(f"shop {n}" for n in range(8))
    grid = Grid(Monthly("2024-01", "2024-03"), by="shop", values=many)
    crowded = open_store("memory://", user="ada")
    for key in grid.keys():  # noqa: SIM118
        store_row(crowded, key)
    assert "<polyline" not in site(crowded, [replace(PROBLEM, partitions=grid)])("/problem/parasols").text


def test_a_problem_leads_to_its_studies_where_there_are_some():
    searched = open_store("memory://", user="ada")
    store_row(searched, "2024-01|north")
    assert "/asset/parasols/study" not in site(searched, [PROBLEM])("/problem/parasols").text
    searched.publish(Manifest("parasols/study", "2024-01|north", searched.put({"best": 1})), why="searched")
    assert "/asset/parasols/study" in site(searched, [PROBLEM])("/problem/parasols").text


def store_row(store: Store, key: str) -> None:
    """A judged partition, nobody champion."""
    store.publish(Manifest("parasols/dataset", key, store.put({"rows of": key})), why="landed")
    metrics = {"auroc": {"value": 0.8, "baseline": 0.5}}
    store.publish(Manifest("parasols/evaluation", key, store.put({"of": key}), metrics=metrics), why="judged")


def test_the_first_page_names_the_champion_of_each_shop(get):
    words = get("/").page.words
    assert all(f"Champion of {shop}" in words for shop in parasols.SHOPS)


def test_every_version_that_a_problem_links_to_is_there(get):
    versions = {link for link in get("/problem/parasols").page.links if link.startswith("/version/")}
    assert len(versions) == len(YEAR.keys())
    for address in versions:
        assert get(address).status == 200, address
    assert get("/problem/parasols/models").status == 200
    assert get("/asset/parasols/model").status == 200
