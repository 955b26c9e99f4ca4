"""Failures through Dagster: found once outcomes are known, mended by a later champion, guarded, retired, reproduced."""

from __future__ import annotations

import json

import pytest

from ml_assets.computation.chain import chain_of
from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets.orchestration.challenger import Judged
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.problem import FAILURES, NoRegression
from ml_assets.promotion.decision import Promote
from ml_assets.promotion.failure_list import failures_of_problem
from ml_assets.promotion.named_rows import Told
from ml_assets.promotion.regressions import Regressions, failures_verdict
from ml_assets.promotion.retired import Retired
from ml_assets.store import open_store
from ml_assets_tests.doubles import potholes
from ml_assets_tests.doubles.world import World, build

JANUARY, FEBRUARY, MARCH, APRIL = MONTHS = ("2024-01", "2024-02", "2024-03", "2024-04")
PROBLEM = potholes.PROBLEM
CAREFUL = {"params": {"careless": False}, "seed": 0}


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    """A careless champion meets February's faults, March's mends them, April's challenger is careless again."""
    world = build(tmp_path_factory.mktemp("potholes"), [PROBLEM])
    for month in MONTHS:
        world.landing.write(f"potholes/roads/{month}.parquet", potholes.roads(month))
        world.must_run(PROBLEM, month, config=CAREFUL if month == MARCH else None)
    return world


def states(world: World) -> dict[str, int]:
    """Of the first three months: in April the careful one errs, too."""
    found = [one.state for one in failures_of_problem(world.store, PROBLEM) if one.partition != APRIL]
    return {state: found.count(state) for state in sorted({*found})}


def failures_said(world: World, month: str) -> dict:
    (verdict,) = world.load("potholes/champion", month)["regressions"]["verdicts"]
    return verdict


def test_fifty_planted_failures_are_remembered_each_once_with_the_model_that_failed(world):
    found = world.load("potholes/failures", FEBRUARY)
    assert len(found) == potholes.FAULTS
    assert set(found["model_version"]) == {world.head("potholes/model", JANUARY).version}
    assert [len(world.load("potholes/failures", month)) for month in (JANUARY, MARCH)] == [0, 0]


def test_a_champion_that_answers_them_right_mends_them(world):
    decision, version = world.load("potholes/champion", MARCH), world.head("potholes/model", MARCH).version
    assert decision["decision"] == "promote"
    assert set(decision["regressions"]["mended"]) == {version}
    assert len(decision["regressions"]["mended"][version]) == potholes.FAULTS
    assert states(world) == {"mended": potholes.FAULTS}


def test_what_a_model_would_mend_is_not_mended_while_it_is_only_proposed():
    asked = failures_verdict("potholes", NoRegression(FAILURES), {}, Told(), {})
    found = Judged(Promote(("better",)), Regressions((asked,), by_challenger=("9c22", frozenset({"2024-02:3f9a"}))), ())
    assert found.to_json()["regressions"]["mended"] == {"9c22": ["2024-02:3f9a"]}
    assert found.as_proposal()["regressions"]["mended"] == {}
    assert found.as_proposal()["decision"] == "propose"


def test_a_challenger_that_breaks_what_was_mended_is_refused_and_the_rows_are_named(world):
    decision, said = world.load("potholes/champion", APRIL), failures_said(world, APRIL)
    largest = world.load("potholes/failures", FEBRUARY).iloc[0]
    assert decision["decision"] == "keep"
    assert decision["reasons"][0] == said["sentence"]
    assert f"50 of 50 that were mended go wrong again: {largest['failure']} ({largest['entity']}" in said["sentence"]
    assert "1,000 rows alike" in said["sentence"]
    assert "and 47 more" in said["sentence"]
    assert {row["failure"] for row in said["wrong"]} == {*world.load("potholes/failures", FEBRUARY)["failure"]}
    assert {row["mended_by"] for row in said["wrong"]} == {world.head("potholes/model", MARCH).version}


def test_a_decision_records_what_it_read_and_is_used_again_until_that_changes(world):
    inputs = {str(read.key) for read in world.manifest("potholes/champion", APRIL).inputs}
    for asset, month in (("failures", FEBRUARY), ("features", FEBRUARY), ("champion", MARCH)):
        assert str(world.head(f"potholes/{asset}", month)) in inputs
    before, blobs = world.head("potholes/champion", MARCH), world.blobs()
    world.must_run(PROBLEM, MARCH, config=CAREFUL)
    assert (world.head("potholes/champion", MARCH), world.blobs()) == (before, blobs)
    planner = Planner(PROBLEM, world.store, world.landing, given(PROBLEM, PROBLEM.params, PROBLEM.seed))
    planned = planner.plan(chain_of(PROBLEM), [JANUARY, FEBRUARY])
    assert {one.state for one in planned} == {"current"}


@pytest.mark.parametrize("asset", ["failures", "champion"])
def test_failures_and_a_decision_that_read_them_are_reproduced(world, tmp_path, asset):
    month = FEBRUARY if asset == "failures" else APRIL
    key = world.head(f"potholes/{asset}", month)
    made = rebuild(world.store.backend, world.landing, key, tmp_path / "again")
    again = open_store(str(tmp_path / "again")).manifest(made)
    assert again.content.digest == world.store.manifest(key).content.digest
    assert again.code["computation"] == world.store.manifest(key).code["computation"]


def test_what_is_retired_holds_no_challenger_any_more(world, tmp_path):
    changed = world.copied_to(tmp_path, [PROBLEM])
    found_in = changed.head("potholes/failures", FEBRUARY)
    kept, *others = changed.load("potholes/failures", FEBRUARY)["failure"]
    log = Retired.of(changed.store, PROBLEM, APRIL)
    for failure in others:
        log.retire(failure, found_in, why="that road is gone")
    changed.must_run(PROBLEM, APRIL, ["champion"])
    said = failures_said(changed, APRIL)
    assert "1 of 1 that were mended goes wrong again" in said["sentence"]
    log.retire(kept, found_in, why="and this one")
    changed.must_run(PROBLEM, APRIL, ["champion"])
    assert failures_said(changed, APRIL)["passed"]
    assert states(changed) == {"retired": potholes.FAULTS}
    key = changed.head("potholes/champion", APRIL)
    made = rebuild(changed.store.backend, changed.landing, key, tmp_path / "again")
    again = open_store(str(tmp_path / "again")).manifest(made)
    assert again.content.digest == changed.store.manifest(key).content.digest


def test_champions_are_planned_after_failures_that_are_found_first(world, tmp_path):
    changed = world.copied_to(tmp_path, [PROBLEM])
    forgotten = changed.manifest("potholes/failures", FEBRUARY).code["computation"]["key"]
    for name in changed.store.backend.list("computations"):
        if forgotten in name.replace("/", ""):
            changed.store.backend.delete(name)
    planner = Planner(PROBLEM, changed.store, changed.landing, given(PROBLEM, PROBLEM.params, PROBLEM.seed))
    planned = planner.plan(["champion", "predictions", "failures"], MONTHS[1:])
    found = {(one.noun, one.partition): one for one in planned}
    assert found["failures", FEBRUARY].state == "compute"
    assert found["champion", FEBRUARY].state == "current"
    for asset, month in (("champion", MARCH), ("champion", APRIL)):
        assert (found[asset, month].state, found[asset, month].why) == ("open", "after the failures of 2024-02")
    assert found["predictions", APRIL].why == "after the champion of 2024-03"


def test_the_decision_is_plain_json(world):
    assert json.loads(json.dumps(world.load("potholes/champion", APRIL))) == world.load("potholes/champion", APRIL)
