"""The page of several trainings: each with its numbers, and the way to its model."""

from __future__ import annotations

from ml_assets_tests.doubles import gelato, ice_cream
from ml_assets_tests.doubles.world import build
from ml_assets_tests.pages.conftest import site


def test_all_candidates_are_on_one_page_with_the_way_to_each_model(tmp_path):
    world = build(tmp_path, [gelato.PROBLEM])
    world.landing.write("gelato/north.parquet", ice_cream.sales("north"))
    world.must_run(gelato.PROBLEM, "north")
    models = world.manifest("gelato/candidates", "north").notes["models"]
    get = site(world.store, [gelato.PROBLEM])

    assert "/asset/gelato/candidates" in get("/problem/gelato").text
    page = get(f"/version/{world.head('gelato/candidates', 'north').version}").text
    assert "Best of 3 by mae" in page
    for name, version in models.items():
        assert f'{name}: <a class="version" href="/version/{version}">' in page
        assert get(f"/version/{version}").status == 200
