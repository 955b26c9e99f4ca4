"""A problem that asks for approval: what is better is proposed, and serves once somebody has said so."""

from __future__ import annotations

import dataclasses

import dagster as dg
import pytest

from ml_assets.alerts.outbox import Outbox
from ml_assets.lineage.model_card import model_card
from ml_assets.orchestration.incidents import Log
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.promotion.approval import approve, refuse
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import open_store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.wellies import PROBLEM
from ml_assets_tests.doubles.world import World, build

JANUARY, FEBRUARY, MARCH = "2024-01", "2024-02", "2024-03"
SHUFFLED = {"params": {"shuffle_label": True}, "seed": 4}


@pytest.fixture(scope="module")
def proposed(tmp_path_factory) -> World:
    """January's model knows nothing, and is the first. Not to be changed by tests."""
    world = build(tmp_path_factory.mktemp("proposed"), [PROBLEM])
    for month in (JANUARY, FEBRUARY, MARCH):
        world.landing.write(f"wellies/visits/{month}.parquet", umbrellas.visits(month))
    world.must_run(PROBLEM, JANUARY, config=SHUFFLED)
    return world


@pytest.fixture
def world(proposed, tmp_path) -> World:
    return proposed.copied_to(tmp_path, [PROBLEM])


def ledger(world: World) -> Ledger:
    return Ledger.of(world.store, PROBLEM, None)


def kinds(world: World) -> list[str]:
    return [move.kind for move in ledger(world).moves()]


def test_the_first_model_is_proposed_and_nothing_serves(proposed):
    decision, waiting = proposed.load("wellies/champion", JANUARY), ledger(proposed).proposal()
    assert (decision["decision"], decision["champion"]) == ("propose", None)
    assert waiting.model == proposed.head("wellies/model", JANUARY)
    assert waiting.why == " ".join(decision["reasons"])
    assert ledger(proposed).champion() is None
    assert len(proposed.load("wellies/predictions", JANUARY)) == 0


def test_in_dagster_a_proposal_shows_its_reasons_and_the_command_that_approves_it(proposed):
    key, waiting = dg.AssetKey(["wellies", "champion"]), ledger(proposed).proposal()
    (made,) = proposed.instance.fetch_materializations(key, limit=5).records
    shown = made.asset_materialization.metadata
    assert list(shown)[:3] == ["decision", "why", "approve"]
    assert [shown[name].value for name in ("decision", "why")] == ["propose", waiting.why]
    assert shown["approve"].value == f"ml-assets approve wellies/model@2024-01:{waiting.model.short} --why '…'"
    assert "serves once somebody approves it" in proposed.definitions.resolve_asset_graph().get(key).description


def test_a_proposal_is_an_alert_with_its_reasons_and_the_command(proposed):
    waiting = ledger(proposed).proposal()
    (alert,) = Log(proposed.instance).read_into(Outbox(0), 2e9).waiting
    assert (alert.kind, alert.text) == ("proposal", waiting.why)
    assert alert.title == "wellies/model [2024-01] is proposed as champion, and waits for approval"
    assert alert.command == f"ml-assets approve wellies/model@2024-01:{waiting.model.short} --why '…'"


def test_a_gate_on_a_slice_is_named_in_checks_tables_reasons_and_card(proposed):
    judged = proposed.manifest("wellies/evaluation", JANUARY)
    (check,) = [check for check in judged.checks if check.name == "gates"]
    assert "auroc of shop = east" in check.description
    assert check.description in ledger(proposed).proposal().why
    assert "| auroc of shop = east |" in model_card(proposed.store, proposed.head("wellies/model", JANUARY), PROBLEM)


def test_deciding_again_proposes_nothing_twice_also_after_it_was_approved(world):
    first = world.head("wellies/champion", JANUARY)
    for fresh in (False, True):
        world.must_run(PROBLEM, JANUARY, ["champion"], fresh=fresh)
        assert world.load("wellies/champion", JANUARY) == world.store.load(first)
    assert kinds(world) == ["proposal"]
    approve(world.store, PROBLEM, ledger(world), why="better than none")
    for fresh in (False, True):
        world.must_run(PROBLEM, JANUARY, ["champion"], fresh=fresh)
        assert world.load("wellies/champion", JANUARY) == world.store.load(first)
    assert kinds(world) == ["proposal", "approval"]


def test_an_approved_model_predicts_and_a_better_one_is_proposed_against_it(world, tmp_path):
    first, _ = approve(world.store, PROBLEM, ledger(world), why="better than none")
    world.must_run(PROBLEM, FEBRUARY)
    decision = world.load("wellies/champion", FEBRUARY)
    assert (decision["decision"], decision["champion"]) == ("propose", str(first.model))
    assert decision["comparison"]["low"] > 0
    assert set(world.load("wellies/predictions", FEBRUARY)["model_version"]) == {first.model.version}
    better, _ = approve(world.store, PROBLEM, ledger(world), why="surely better")
    world.must_run(PROBLEM, MARCH, ["dataset", "features", "predictions"])
    assert set(world.load("wellies/predictions", MARCH)["model_version"]) == {better.model.version}
    assert kinds(world) == ["proposal", "approval"] * 2
    assert_reproduced(world, tmp_path)


def test_a_refused_model_is_kept_out_and_every_decision_is_reproduced(world, tmp_path):
    refuse(ledger(world), why="it knows nothing")
    for fresh in (False, True):
        world.must_run(PROBLEM, JANUARY, ["champion"], fresh=fresh)
        decision = world.load("wellies/champion", JANUARY)
        assert decision["decision"] == "keep"
        assert decision["reasons"][0].startswith("This very model was refused by ada at")
        assert "it knows nothing" in decision["reasons"][0]
    assert kinds(world) == ["proposal", "refusal"]
    assert_reproduced(world, tmp_path)


def test_where_approval_is_no_longer_asked_for_the_decision_promotes(world):
    at_once = dataclasses.replace(PROBLEM, approval=False)
    world.with_problems([at_once]).must_run(at_once, JANUARY, ["champion"])
    assert kinds(world) == ["proposal", "decision"]
    assert ledger(world).proposal() is None


def assert_reproduced(world: World, folder) -> None:
    for key in world.store.versions("wellies/champion"):
        made = rebuild(world.store.backend, world.landing, key, folder / key.version)
        recorded, again = world.store.manifest(key), open_store(str(folder / key.version)).manifest(made)
        assert again.content.digest == recorded.content.digest, recorded.notes
        assert again.code["computation"] == recorded.code["computation"], recorded.notes
