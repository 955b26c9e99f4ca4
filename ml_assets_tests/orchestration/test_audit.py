"""A month whose outcomes contradict the month before: its audit says so, once, and undoes the move only where it is asked to."""

from __future__ import annotations

import dataclasses

import dagster as dg
import pytest

from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets.evaluation.audit import Outcome
from ml_assets.figures import INLINE
from ml_assets.lineage.audits import audited
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.promotion.audit import decided_before
from ml_assets.promotion.ledger import Ledger, undone
from ml_assets.store import open_store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.webhook import listening
from ml_assets_tests.doubles.world import World, build
from ml_assets_tests.orchestration.test_alerts import Sensor
from ml_assets_tests.pages.conftest import site

PROBLEM = umbrellas.PROBLEM
CAREFUL = dataclasses.replace(PROBLEM, on_regret="rollback")
JANUARY, FEBRUARY, MARCH, APRIL = "2024-01", "2024-02", "2024-03", "2024-04"
SHUFFLED = {"params": {"shuffle_label": True}, "seed": 0}
AUDIT = "umbrellas/audit"


def moves(world: World):
    return Ledger.of(world.store, PROBLEM, None).moves()


@pytest.fixture(scope="module")
def moved(tmp_path_factory) -> World:
    """January's champion knows nothing and February's does, and March contradicts it. Not to be changed by tests."""
    world, anything = build(tmp_path_factory.mktemp("moved"), [PROBLEM]), umbrellas.with_gate_at_least(0.0)
    world.with_problems([anything]).must_run(anything, JANUARY, config=SHUFFLED)
    world.must_run(PROBLEM, FEBRUARY)
    world.landing.write(f"umbrellas/visits/{MARCH}.parquet", umbrellas.visits(MARCH, signal=-2.0))
    return world


@pytest.fixture(scope="module")
def contradicted(moved, tmp_path_factory) -> World:
    """March was made, too. Not to be changed by tests."""
    world = moved.copied_to(tmp_path_factory.mktemp("contradicted"), [PROBLEM])
    world.must_run(PROBLEM, MARCH)
    return world


def test_before_there_are_two_models_to_compare_nothing_is_audited(moved):
    made = [moved.manifest(AUDIT, month) for month in (JANUARY, FEBRUARY)]
    assert [audit.checks[0].passed for audit in made] == [True, True]
    assert "no champion was known before it" in made[0].notes["why"]
    assert "is the first champion, and nobody was refused" in made[1].notes["why"]
    assert audited(moved.store, "umbrellas") == []


def test_a_move_is_audited_on_the_next_rows_and_what_was_promised_is_held_against_it(contradicted):
    (outcome,) = audited(contradicted.store, "umbrellas")
    assert (outcome.partition, outcome.as_of, outcome.move, outcome.how) == (MARCH, FEBRUARY, "main 2", "decision")
    assert outcome.challenger == str(contradicted.head("umbrellas/model", FEBRUARY))
    assert outcome.champion == str(contradicted.head("umbrellas/model", JANUARY))
    assert outcome.promise["gain"] > 0 > outcome.gain
    assert (outcome.is_regretted, outcome.held, outcome.said) == (True, False, "promised with 0.99 or more")
    stored = contradicted.load(AUDIT, MARCH)
    assert [Outcome.from_json(told) for told in stored.outcomes] == [outcome]
    assert [*stored.scored] == ["entity", "label", "served", "replaced"]
    assert len(stored.scored) == outcome.found["rows"] == 400


def test_its_check_fails_and_blocks_nothing_and_the_ledger_is_left_alone(contradicted):
    (check,) = contradicted.manifest(AUDIT, MARCH).checks
    assert (check.name, check.passed, check.blocking) == ("no_regret", False, False)
    assert "was wrong" in check.description
    assert contradicted.manifest(AUDIT, MARCH).notes["command"].startswith("ml-assets rollback umbrellas --to ")
    assert [move.kind for move in moves(contradicted)] == ["decision", "decision"]


def test_the_page_and_the_ui_show_it(contradicted):
    page = site(contradicted.store, [PROBLEM])("/problem/umbrellas").page.words
    assert "0 of 1 moves that were promised to be better were" in page
    assert "2024-03: wrong, worse by" in page
    made = contradicted.instance.get_latest_materialization_event(dg.AssetKey(["umbrellas", "audit"]))
    shown = made.asset_materialization.metadata
    assert "wrong" in shown["at_a_glance"].value
    assert len(shown["at_a_glance"].value) < INLINE
    assert shown["replaced/gain"].value < 0
    assert "outcomes" not in shown


def test_it_is_used_again_planned_and_reproduced(contradicted, tmp_path):
    world = contradicted.copied_to(tmp_path / "world", [PROBLEM])
    key = world.head(AUDIT, MARCH)
    world.must_run(PROBLEM, MARCH, ["audit"])
    assert world.store.versions(AUDIT, MARCH) == [key]
    planner = Planner(PROBLEM, world.store, world.landing, given(PROBLEM, PROBLEM.params, PROBLEM.seed))
    assert [one.state for one in planner.plan(["audit"], [FEBRUARY, MARCH])] == ["current", "current"]

    first = moves(world)[0]
    world.must_run(PROBLEM, APRIL)
    Ledger.of(world.store, PROBLEM, None).enter(
        first.model, kind="rollback", after=moves(world), as_of=APRIL, why="later"
    )
    again = rebuild(world.store.backend, world.landing, key, tmp_path / "again")
    made = open_store(str(tmp_path / "again")).manifest(again)
    assert made.content.digest == world.store.manifest(key).content.digest
    assert made.code["computation"] == world.store.manifest(key).code["computation"]


def test_a_refusal_is_audited_too_and_by_the_next_month(contradicted, tmp_path):
    world = contradicted.copied_to(tmp_path, [PROBLEM])
    world.must_run(PROBLEM, APRIL)
    assert world.load("umbrellas/champion", MARCH)["decision"] == "keep"
    move, refusal = [one for one in audited(world.store, "umbrellas") if one.partition == APRIL]
    assert (move.move, move.verdict) == ("main 2", "right")
    assert (refusal.is_move, refusal.as_of, refusal.how) == (False, MARCH, "keep")
    assert refusal.challenger == str(world.head("umbrellas/model", MARCH))
    assert refusal.champion == move.challenger


def test_outcomes_that_land_late_or_are_corrected_make_it_again(moved, tmp_path):
    world = moved.copied_to(tmp_path, [PROBLEM])
    visits = umbrellas.visits(MARCH, signal=-2.0)
    world.landing.write(f"umbrellas/visits/{MARCH}.parquet", visits.assign(bought=float("nan")))
    world.must_run(PROBLEM, MARCH)
    assert world.store.head(AUDIT, MARCH) is None
    world.landing.write(f"umbrellas/visits/{MARCH}.parquet", visits)
    world.must_run(PROBLEM, MARCH)
    assert world.manifest(AUDIT, MARCH).checks[0].passed is False
    world.landing.write(f"umbrellas/visits/{MARCH}.parquet", umbrellas.visits(MARCH))
    world.must_run(PROBLEM, MARCH)
    assert world.manifest(AUDIT, MARCH).checks[0].passed is True


def test_a_regret_is_told_once_with_the_command_that_undoes_it(moved, tmp_path):
    world = moved.copied_to(tmp_path, [PROBLEM])
    with listening() as webhook:
        sensor = Sensor(world, webhook.address, ui="https://dagster.example")
        sensor.tick()
        for _ in range(2):
            world.must_run(PROBLEM, MARCH)
            sensor.tick()
        told = [text for text in webhook.texts if "turned out wrong" in text]
    assert len(told) == 1
    assert "umbrellas/audit [2024-03]" in told[0]
    january = world.head("umbrellas/model", JANUARY)
    assert f"Next: ml-assets rollback umbrellas --to {january.short} --why 'see the audit'" in told[0]
    assert f"/version/{world.head(AUDIT, MARCH).version[:16]}" in told[0]


def test_where_the_problem_asks_for_it_the_move_is_undone_once_and_does_not_come_back(moved, tmp_path):
    world = moved.copied_to(tmp_path / "world", [CAREFUL])
    result = world.must_run(CAREFUL, MARCH)
    first, second, back = moves(world)
    assert (back.kind, back.model, back.as_of, back.run) == ("rollback", first.model, MARCH, result.run_id)
    assert back.why.startswith("The audit of 2024-03: The move for 2024-02 (main 2, decision) was wrong")
    assert second.model in undone(moves(world))

    key, digest = world.head(AUDIT, MARCH), world.manifest(AUDIT, MARCH).content.digest
    world.must_run(CAREFUL, MARCH)
    world.must_run(CAREFUL, MARCH, ["audit"], fresh=True)
    assert len(moves(world)) == 3
    assert world.manifest(AUDIT, MARCH).content.digest == digest

    world.must_run(CAREFUL, APRIL)  # in which the model that was rolled back would have been the better one
    (wrong,) = [one for one in audited(world.store, "umbrellas") if one.partition == APRIL and one.is_move]
    assert (wrong.how, wrong.is_regretted) == ("rollback", True)
    assert [move.kind for move in moves(world)].count("rollback") == 1, "what was undone is only told of"
    rebuilt = rebuild(world.store.backend, world.landing, key, tmp_path / "again")
    assert open_store(str(tmp_path / "again")).manifest(rebuilt).content.digest == digest


def test_a_refusal_that_somebody_overruled_is_none_and_the_move_by_hand_is_audited(contradicted, tmp_path):
    world = contradicted.copied_to(tmp_path, [PROBLEM])
    refused, ledger = world.head("umbrellas/model", MARCH), Ledger.of(world.store, PROBLEM, None)
    before = decided_before(world.store, PROBLEM, moves(world), APRIL)
    assert before is not None
    assert before.others["refused"] == refused
    ledger.enter(refused, kind="promotion", after=moves(world), as_of=MARCH, why="I know better")
    after = decided_before(world.store, PROBLEM, moves(world), APRIL)
    assert after is not None
    assert (after.served, after.others, after.promise) == (refused, {"replaced": before.served}, {})
