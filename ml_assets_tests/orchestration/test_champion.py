"""Who becomes champion, judged on the same rows, whatever else happens at the time."""

from __future__ import annotations

import dataclasses

import pytest

from ml_assets.orchestration import build_definitions
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.backends import Interrupted
from ml_assets_tests.doubles.world import World, build

JANUARY, FEBRUARY, MARCH = "2024-01", "2024-02", "2024-03"
SHUFFLED = {"params": {"shuffle_label": True}, "seed": 0}


def ledger(world) -> Ledger:
    return Ledger.of(world.store, umbrellas.PROBLEM, None)


@pytest.fixture(scope="module")
def decided(tmp_path_factory) -> World:
    """January's champion knows nothing; February's challenger does. Not to be changed by tests."""
    world, anything = build(tmp_path_factory.mktemp("decided")), umbrellas.with_gate_at_least(0.0)
    world.with_problems([anything]).must_run(anything, JANUARY, config=SHUFFLED)
    world.must_run(umbrellas.PROBLEM, FEBRUARY)
    return world


@pytest.fixture
def bad_then_good(decided, tmp_path) -> World:
    return decided.copied_to(tmp_path, [umbrellas.PROBLEM])


def test_a_better_challenger_is_promoted_with_numbers_from_the_same_rows(decided):
    decision = decided.load("umbrellas/champion", FEBRUARY)
    assert decision["decision"] == "promote"
    assert decision["comparison"]["rows"] == decided.manifest("umbrellas/split", FEBRUARY).metrics["rows"]["test"]
    assert decision["comparison"]["low"] > 0
    move = ledger(decided).current()
    assert (move.model, move.as_of, move.kind) == (decided.head("umbrellas/model", FEBRUARY), FEBRUARY, "decision")
    assert decision["champion"] == str(move.model)
    assert move.why == " ".join(decision["reasons"])


def test_the_ledger_says_who_was_champion_before_each_partition(decided):
    before = ledger(decided).champion(before=FEBRUARY)
    assert before is not None
    assert before.model == decided.head("umbrellas/model", JANUARY)
    assert ledger(decided).champion(before=JANUARY) is None


def test_a_champion_that_has_seen_the_rows_is_not_compared(finished, tmp_path):
    """March's model is promoted by hand and thereby champion as of March, whose rows it was trained on."""
    world = finished.copied_to(tmp_path, [umbrellas.PROBLEM])
    april = "2024-04"
    world.must_run(umbrellas.PROBLEM, april, ["dataset", "features", "split", "model"])
    everything = world.head("umbrellas/model", april)
    ledger(world).enter(everything, kind="promotion", after=ledger(world).moves(), as_of=MARCH, why="a mistake")
    world.must_run(umbrellas.PROBLEM, MARCH, ["model", "evaluation", "champion"], config={"params": {"c": 0.5}})
    decision = world.load("umbrellas/champion", MARCH)
    assert decision["decision"] == "cannot_tell"
    assert "was trained on" in decision["reasons"][0]


def test_deciding_everything_again_changes_no_decision_no_champion_and_writes_no_blob(world):
    months = umbrellas.PROBLEM.partitions.keys()[:4]
    for month in months:
        world.must_run(umbrellas.PROBLEM, month, config=SHUFFLED if month == JANUARY else None)
    before, blobs, moves = decisions(world, months), world.blobs(), ledger(world).moves()
    for month in months:
        world.must_run(umbrellas.PROBLEM, month, config=SHUFFLED if month == JANUARY else None)
    assert decisions(world, months) == before
    assert world.blobs() == blobs
    assert ledger(world).moves() == moves


def decisions(world, months) -> list[str]:
    return [world.load("umbrellas/champion", month) for month in months]


def test_a_crash_between_the_move_and_its_record_leaves_the_decision_to_be_found(bad_then_good):
    world = bad_then_good
    first = world.load("umbrellas/champion", FEBRUARY)
    world.must_run(umbrellas.PROBLEM, FEBRUARY, ["champion"])
    assert first["decision"] == "promote"
    assert world.load("umbrellas/champion", FEBRUARY) == first


def test_a_model_that_was_rolled_back_does_not_come_back_by_itself(bad_then_good):
    world = bad_then_good
    bad, good = world.head("umbrellas/model", JANUARY), world.head("umbrellas/model", FEBRUARY)
    ledger(world).enter(bad, kind="rollback", after=ledger(world).moves(), as_of=FEBRUARY, why="calibration is off")
    world.must_run(umbrellas.PROBLEM, FEBRUARY)
    decision = world.load("umbrellas/champion", FEBRUARY)
    assert decision["decision"] == "keep"
    assert "rolled back by ada" in decision["reasons"][0]
    assert "calibration is off" in decision["reasons"][0]
    assert ledger(world).current().model == bad != good


def test_a_window_of_other_features_is_refused_and_a_champion_of_other_features_cannot_be_compared(january):
    fewer = umbrellas.with_features(
        lambda history, data: umbrellas.features(history, data).rename(columns={"shop": "place"})
    )
    edited = january.with_problems([dataclasses.replace(fewer, slices=())])
    result = edited.run(fewer, FEBRUARY, ["dataset", "features", "split"])
    (failure,) = result.get_step_failure_events()
    assert (
        "The features of 2024-01 and of 2024-02 differ in 'place', 'shop'"
        in failure.step_failure_data.error.cause.message
    )
    edited.must_run(fewer, JANUARY, ["features"])
    edited.must_run(fewer, FEBRUARY, ["features", "split", "model", "evaluation", "champion"])
    decision = edited.load("umbrellas/champion", FEBRUARY)
    assert decision["decision"] == "cannot_tell"
    assert "lacks 'shop'" in decision["reasons"][0]
    assert "ml-assets promote" in decision["reasons"][0]


def test_a_promotion_that_loses_a_race_is_judged_again_against_the_winner(world):
    """While February's challenger is being promoted, somebody else promotes the same model by hand."""
    anything = umbrellas.with_gate_at_least(0.0)
    world.with_problems([anything]).must_run(anything, JANUARY, config=SHUFFLED)
    seen = ledger(world).moves()
    world.must_run(umbrellas.PROBLEM, FEBRUARY, ["dataset", "features", "split", "model", "evaluation"])
    good = world.head("umbrellas/model", FEBRUARY)

    def somebody_else() -> None:
        ledger(world).enter(good, kind="promotion", after=seen, as_of=JANUARY, why="by hand")

    backend = Interrupted(world.store.backend, "never", somebody_else)
    backend.get = _after_reading(backend, "refs/main/umbrellas/ledger/", somebody_else)  # type: ignore[method-assign]
    store = Store(backend, user="bob")
    racing = dataclasses.replace(
        world, store=store, definitions=build_definitions([umbrellas.PROBLEM], store, world.landing)
    )
    racing.must_run(umbrellas.PROBLEM, FEBRUARY, ["champion"])
    assert world.load("umbrellas/champion", FEBRUARY)["decision"] == "keep"
    assert [move.kind for move in ledger(world).moves()] == ["decision", "promotion"]


def _after_reading(backend, folder: str, happen):
    done = []

    def get(key: str, most: int | None = None):
        data = backend.inner.get(key, most)
        if key.startswith(folder) and not done:
            done.append(key)
            happen()
        return data

    return get
