from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import CorruptBlob, FeatureMismatch, InvalidPrediction, Refused, Rejected, UnknownVersion
from ml_assets.problem import FeatureTable, Problem
from ml_assets.promotion.by_hand import promote_by_hand, rollback_target
from ml_assets.promotion.ledger import Ledger, Move, standing
from ml_assets.store import Check, Manifest, Store, VersionKey, open_store
from ml_assets_tests.conftest import BEACH
from ml_assets_tests.doubles import ice_cream, umbrellas

JANUARY, FEBRUARY, MARCH = "2024-01", "2024-02", "2024-03"


def ledger_of(store: Store) -> Ledger:
    return Ledger.of(store, umbrellas.PROBLEM, None)


def trained(store: Store, month: str) -> VersionKey:
    return store.head("umbrellas/model", month).target


def promote(store: Store, model: VersionKey, problem: Problem = umbrellas.PROBLEM) -> Move:
    ledger = Ledger.of(store, problem, model.partition)
    return promote_by_hand(store, problem, ledger, model, kind="promotion", why="it misses cancellations")[0]


def roll_back(store: Store, to: VersionKey | None = None) -> Move:
    ledger = ledger_of(store)
    target = rollback_target(ledger, to)
    return promote_by_hand(store, umbrellas.PROBLEM, ledger, target, kind="rollback", why="calibration is off")[0]


def blob_of(store: Store, key: VersionKey) -> Path:
    """The file with the largest part of a version."""
    part = max(store.manifest(key).content.files, key=lambda file: file.size)
    return Path(store.url) / "blobs" / part.digest[:2] / part.digest


def publish_features(store: Store, month: str, table: FeatureTable, *checks: Check) -> None:
    store.publish(Manifest("umbrellas/features", month, store.put(table), checks=checks), why="a test")


# ---------------------------------------------------------------- promotion


def test_a_model_is_promoted_after_it_scored_the_newest_features(own):
    february = trained(own, FEBRUARY)
    ledger = ledger_of(own)
    move, trial = promote_by_hand(own, umbrellas.PROBLEM, ledger, february, kind="promotion", why="known outage")
    assert ledger.current() == move
    assert (move.model, move.kind, move.why, move.by, move.run) == (february, "promotion", "known outage", "ada", None)
    assert trial.features == own.head("umbrellas/features", MARCH).target
    assert trial.rows == 400
    assert 0 <= trial.lowest < trial.highest <= 1
    assert trial.summary == (
        f"predictions {trial.lowest:.4g} to {trial.highest:.4g}, features umbrellas/features@2024-03:{trial.features.short}"
    )


def test_a_move_by_hand_is_known_from_the_newest_decided_partition_on(own):
    before = ledger_of(own).champion(before=MARCH)
    move = promote(own, trained(own, FEBRUARY))
    assert move.as_of == MARCH
    assert ledger_of(own).champion(before=MARCH) == before, "what was predicted for March stays explained"
    assert ledger_of(own).champion(before="2024-04") == move


def test_a_model_newer_than_every_decision_predicts_only_what_comes_after_its_own_partition(own):
    march = own.manifest(own.head("umbrellas/model", MARCH).target)
    newer, _ = own.publish(dataclasses.replace(march, partition="2024-05"), why="made, not decided")
    move, _ = promote_by_hand(own, umbrellas.PROBLEM, ledger_of(own), newer, kind="promotion", why="an outage")
    assert move.as_of == "2024-05"
    assert ledger_of(own).champion(before="2024-05").model != newer


def test_a_rollback_always_changes_the_present_champion(own):
    """Also when the one rolled back is newer than every decision."""
    first = ledger_of(own).current().model
    march = own.manifest(own.head("umbrellas/model", MARCH).target)
    newer, _ = own.publish(dataclasses.replace(march, partition="2024-05"), why="made, not decided")
    promote_by_hand(own, umbrellas.PROBLEM, ledger_of(own), newer, kind="promotion", why="an outage")
    target = rollback_target(ledger_of(own), None)
    assert target == first
    promote_by_hand(own, umbrellas.PROBLEM, ledger_of(own), target, kind="rollback", why="it was worse")
    assert ledger_of(own).current().model == first


def test_a_world_of_static_partitions_promotes_its_own_models(own):
    model = own.head("ice_cream/model", BEACH).target
    line = own.load(model)
    steeper = dataclasses.replace(line, estimator=ice_cream.Line(line.estimator.slope * 2, 0.0))
    other, _ = own.publish(Manifest("ice_cream/model", BEACH, own.put(steeper)), why="a test")
    move = promote(own, other, ice_cream.PROBLEM)
    assert (move.model, move.as_of) == (other, BEACH)


def test_the_champion_is_not_promoted_again(own):
    champion = ledger_of(own).current()
    with pytest.raises(Refused) as refused:
        promote(own, champion.model)
    assert str(refused.value) == f"{champion.model} is champion already, since {champion.at}. Nothing was changed."


def test_features_that_were_refused_or_made_on_another_branch_do_not_stand_in_the_way(own):
    features = own.load(own.head("umbrellas/features", MARCH).target)
    broken = dataclasses.replace(features, features=features.features[["shop"]])
    publish_features(own, "2024-04", broken, Check("features_sound", False, True, "Two columns are gone."))
    publish_features(own.on("bob/trial"), "2024-05", broken)
    assert promote(own, trained(own, FEBRUARY)).model == trained(own, FEBRUARY)


def test_without_features_nothing_can_be_tried(own, tmp_path):
    model = own.load(trained(own, FEBRUARY))
    bare = open_store(str(tmp_path / "bare"))
    key, _ = bare.publish(Manifest("umbrellas/model", FEBRUARY, bare.put(model)), why="a test")
    with pytest.raises(UnknownVersion) as refused:
        promote(bare, key)
    assert str(refused.value) == (
        f"umbrellas/features has no published version on branch main to try {key} on. "
        "Materialize one: ml-assets run umbrellas/features --partition 2024-02"
    )


# ---------------------------------------------------------------- what cannot serve is refused


def test_a_model_whose_bytes_changed_is_not_promoted_and_nothing_changes(own):
    february = trained(own, FEBRUARY)
    blob = blob_of(own, february)
    data = bytearray(blob.read_bytes())
    data[len(data) // 2] ^= 1
    blob.write_bytes(data)
    before = ledger_of(own).moves()
    with pytest.raises(CorruptBlob, match=rf"reads back as .* materialize {february} again"):
        promote(own, february)
    assert ledger_of(own).moves() == before


def test_a_champion_whose_bytes_changed_is_not_rolled_back_to_and_nothing_changes(own):
    first = ledger_of(own).current().model
    promote(own, trained(own, FEBRUARY))
    blob_of(own, first).write_bytes(b"")
    before = ledger_of(own).moves()
    with pytest.raises(CorruptBlob):
        roll_back(own)
    assert ledger_of(own).moves() == before


def test_a_champion_whose_features_no_longer_exist_is_not_rolled_back_to_and_nothing_changes(own):
    first = ledger_of(own).current().model
    promote(own, trained(own, FEBRUARY))
    features = own.load(own.head("umbrellas/features", MARCH).target)
    publish_features(own, MARCH, dataclasses.replace(features, features=features.features.drop(columns="above_usual")))
    before = ledger_of(own).moves()
    with pytest.raises(FeatureMismatch) as refused:
        roll_back(own)
    assert str(refused.value).startswith(f"{first} was trained on 3 features; this input lacks 'above_usual'.")
    assert ledger_of(own).moves() == before


@pytest.mark.parametrize(
    "answer",
    [lambda model, table: np.full(len(table), 7.0), lambda model, table: np.full(1, 0.5)],
    ids=["no probabilities", "too few"],
)
def test_a_model_whose_answers_are_no_predictions_is_not_promoted_and_nothing_changes(own, answer):
    before = ledger_of(own).moves()
    with pytest.raises(InvalidPrediction):
        promote(own, trained(own, FEBRUARY), dataclasses.replace(umbrellas.PROBLEM, predict=answer))
    assert ledger_of(own).moves() == before


def test_a_model_that_its_checks_refused_is_not_promoted(own):
    february = own.manifest(trained(own, FEBRUARY))
    refused = dataclasses.replace(february, checks=(Check("reloads", False, True, "It answers otherwise."),))
    key, entry = own.publish(refused, why="a test")
    assert entry is None
    with pytest.raises(Rejected):
        promote(own, key)


# ---------------------------------------------------------------- rollback


def test_rolling_back_twice_goes_back_two_champions(own):
    first = ledger_of(own).current().model
    second, third = trained(own, FEBRUARY), trained(own, MARCH)
    promote(own, second)
    promote(own, third)
    assert roll_back(own).model == second
    assert roll_back(own).model == first
    with pytest.raises(Refused) as refused:
        roll_back(own)
    assert str(refused.value) == (
        f"{first} has no champion of umbrellas before it; there is nothing to go back to. "
        "Promote a model instead: ml-assets promote umbrellas/model@P --why '…'"
    )
    assert [move.kind for move in ledger_of(own).moves()] == ["decision", *["promotion"] * 2, *["rollback"] * 2]


def test_rolling_back_to_an_earlier_champion_by_name_can_go_forth_again(own):
    first = ledger_of(own).current().model
    promote(own, trained(own, FEBRUARY))
    promote(own, trained(own, MARCH))
    assert roll_back(own, to=first).model == first
    assert roll_back(own, to=trained(own, MARCH)).model == trained(own, MARCH)
    assert roll_back(own).model == first


def test_a_model_that_never_was_champion_is_not_rolled_back_to(own):
    never = trained(own, MARCH)
    with pytest.raises(Refused) as refused:
        roll_back(own, to=never)
    assert str(refused.value) == (
        f"{never} never was champion of umbrellas. See ml-assets champion umbrellas --log, "
        f"or promote it: ml-assets promote {never.short} --why '…'"
    )


def succession(moves: str) -> str:
    """``"a b <a"``: a and b become champion, then a rollback to a; the standing succession, as letters."""
    made = [
        Move(
            n,
            "main",
            VersionKey("m", None, word[-1]),
            "rollback" if word[0] == "<" else "decision",
            None,
            "",
            "",
            "",
            "",
        )
        for n, word in enumerate(moves.split(), 1)
    ]
    return " ".join(move.model.version for move in standing(made))


@pytest.mark.parametrize(
    ("moves", "expected"),
    [
        ("", ""),
        ("a b c", "a b c"),
        ("a b c <b", "a b"),
        ("a b c <b <a", "a"),
        ("a b c <a d", "a d"),
        ("a b <a <b", "a b"),
        ("a b a c <a", "a b a"),
        ("a b a c <a <b", "a b"),
    ],
    ids=lambda moves: moves or "none",
)
def test_a_rollback_undoes_the_moves_after_the_champion_it_went_back_to(moves, expected):
    assert succession(moves) == expected


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=12))
def test_rolling_back_again_and_again_visits_every_champion_once_and_ends_at_the_first(letters):
    reigns = [letter for n, letter in enumerate(letters) if n == 0 or letters[n - 1] != letter]
    moves = list(reigns)
    for left in range(len(reigns) - 1, 0, -1):
        moves.append(f"<{succession(' '.join(moves)).split()[-2]}")
        assert succession(" ".join(moves)).split() == reigns[:left]
