"""Two people, two versions of one problem, one store and one Dagster instance: code locations on branches of their own."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg

from ml_assets.orchestration import build_definitions
from ml_assets.store import branches, merging
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.world import World

MONTH = "2024-01"


def on(world: World, branch: str, c: float) -> World:
    """A code location of somebody's, with other parameters."""
    problem, store = replace(umbrellas.PROBLEM, params=umbrellas.LogisticParams(c=c)), world.store.on(branch)
    return replace(world, store=store, definitions=build_definitions([problem], store, world.landing))


def test_different_people_run_different_versions_of_one_problem_side_by_side(world):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset", "features", "split", "model"])
    ada, bob = on(world, "ada", 0.5), on(world, "bob", 2.0)
    for person in (ada, bob):
        person.must_run(umbrellas.PROBLEM, MONTH, ["split", "model"])

    models = {who.store.branch: who.manifest("umbrellas/model", MONTH) for who in (world, ada, bob)}
    assert [models[name].params["c"] for name in ("main", "ada", "bob")] == [1.0, 0.5, 2.0]
    assert len({who.head("umbrellas/split", MONTH) for who in (world, ada, bob)}) == 1  # not made again
    keys = dg.AssetRecordsFilter(asset_key=dg.AssetKey(["umbrellas", "model"]), asset_partitions=[MONTH])
    events = [record.asset_materialization for record in world.instance.fetch_materializations(keys, limit=9).records]
    said = [
        {name: event.metadata[name].value for name in ("branch", "version") if name in event.metadata}
        for event in events
    ]
    assert said == [
        {"branch": "bob", "version": models["bob"].key.short},
        {"branch": "ada", "version": models["ada"].key.short},
        {"version": models["main"].key.short},
    ]

    # whoever merges first is merged; the other is told
    found = {name: branches.differences(world.store, name) for name in ("ada", "bob")}
    list(merging.merge(world.store, merging.to_merge(found["ada"])))
    assert world.head("umbrellas/model", MONTH) == models["ada"].key
    assert [one.state for one in branches.differences(world.store, "bob") if one.asset == "umbrellas/model"] == [
        "moved"
    ]
