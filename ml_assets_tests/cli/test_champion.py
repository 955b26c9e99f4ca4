from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pytest

import ml_assets
from ml_assets.lineage.audits import audited
from ml_assets.orchestration.launch import instance_in
from ml_assets.promotion.ledger import Ledger
from ml_assets_tests.conftest import BEACH
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.lineage.test_reference import two_alike

ROOT = Path(ml_assets.__file__).parents[1]


def ledger_of(store) -> Ledger:
    return Ledger.of(store, umbrellas.PROBLEM, None)


# ---------------------------------------------------------------- champion


def test_the_audit_counts_what_was_stated_and_what_came_next(shared, call):
    (refusal,) = audited(shared, "umbrellas")
    header, _, row, promised, legend = call("champion", "umbrellas", "--audit").lines
    assert header.split()[:3] == ["said", "decisions", "better"]
    assert row.startswith(refusal.said)
    assert promised == "nothing was promised yet"
    assert legend.startswith("each decision counts once")
    told = call("champion", "umbrellas", "--audit", "--json").json
    assert told["outcomes"] == [refusal.to_json()]
    assert [one["decisions"] for one in told["reliability"]] == [1]


def test_before_anything_is_audited_that_is_said(shared, call):
    assert call("champion", "ice_cream", "--audit").lines[-1].startswith("nothing of ice_cream is audited yet")


def test_champion_says_who_serves_since_when_by_whom_and_why(shared, call):
    move = ledger_of(shared).current()
    answer = call("champion", "umbrellas")
    assert answer.code == 0
    assert answer.lines == [
        str(move.model),
        f"  since {move.at}, move 1 (decision) by ada",
        f"  {move.why}",
        f"next: ml-assets show {move.model.short} · ml-assets lineage {move.model.short}",
    ]


def test_champion_as_json(shared, call):
    move = ledger_of(shared).current()
    assert call("champion", "umbrellas", "--json").json == {
        "move": 1,
        "kind": "decision",
        "asset": "umbrellas/model",
        "partition": move.model.partition,
        "version": move.model.version,
        "as_of": move.as_of,
        "since": move.at,
        "by": "ada",
        "why": move.why,
        "run": move.run,
        "proposal": None,
    }


def test_log_has_every_move_oldest_first(own, call):
    call("promote", "umbrellas/model@2024-02", "--why", "an outage")
    call("rollback", "umbrellas", "--why", "it is over")
    answer = call("champion", "umbrellas", "--log")
    header, _, *rows = answer.lines
    assert header.split() == ["move", "kind", "as_of", "model", "version", "since", "by", "came", "next", "why"]
    *rows, legend = rows
    assert [row.replace(" * ", " ").split()[:4] for row in rows] == [
        ["1", "decision", "2024-01", "umbrellas/model@2024-01"],
        ["2", "promotion", "2024-03", "umbrellas/model@2024-02"],
        ["3", "rollback", "2024-03", "umbrellas/model@2024-01"],
    ]
    assert rows[2].endswith("ada  –          it is over")
    assert [row.split()[1] == "*" for row in rows] == [False, False, True]
    assert legend.startswith("* serves now")
    assert [row["move"] for row in call("champion", "umbrellas", "--log", "--json").json] == [1, 2, 3]


def test_a_move_by_hand_is_seen_on_the_champions_page_in_dagster(own, call, tmp_path, monkeypatch):
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    call("promote", "umbrellas/model@2024-02", "--why", "an outage")
    with instance_in(tmp_path) as instance:
        (seen,) = instance.fetch_observations(dg.AssetKey(["umbrellas", "champion"]), limit=5).records
    said = seen.asset_observation
    assert said.partition == "2024-03"
    assert said.metadata["champion"].value == str(ledger_of(own).current().model)
    assert said.metadata["why"].value == "promotion by ada: an outage"


def test_at_says_who_served_then(own, call):
    first = ledger_of(own).current()
    call("promote", "umbrellas/model@2024-02", "--why", "an outage")
    assert call("champion", "umbrellas", "--at", first.at, "--json").json["version"] == first.model.version
    assert call("champion", "umbrellas", "--at", "2999-01-01T00:00Z", "--json").json["partition"] == "2024-02"


def test_at_a_time_before_the_first_champion_is_refused(shared, refused):
    assert refused(3, "champion", "umbrellas", "--at", "2001-01-01") == (
        "UnknownVersion: umbrellas had no champion at 2001-01-01T00:00:00+00:00. See its moves: --log"
    )


def test_at_something_that_is_no_time_is_not_understood(shared, refused):
    message = refused(2, "champion", "umbrellas", "--at", "tuesday")
    assert message == "ml-assets: 'tuesday' is no time. Write it as 2026-11-21T03:00Z."


def test_with_static_partitions_the_partition_must_be_named(shared, call, refused):
    assert refused(2, "champion", "ice_cream") == (
        "ml-assets: Each partition of ice_cream has a champion of its own; add --partition: north, south/east."
    )
    assert call("champion", "ice_cream", "--partition", BEACH, "--json").json["partition"] == BEACH


def test_without_a_champion_the_message_says_how_to_make_one(shared, refused):
    assert refused(3, "champion", "ice_cream", "--partition", "north").startswith(
        "UnknownVersion: ice_cream has no champion on branch main. Make one: ml-assets run ice_cream --partition P"
    )


# ---------------------------------------------------------------- promote


def test_promote_says_what_was_checked_and_who_is_champion_now(own, call):
    key = own.head("umbrellas/model", "2024-02").target
    answer = call("promote", "umbrellas/model@2024-02", "--why", "an outage")
    assert answer.code == 0
    checked, now, since, further = answer.lines
    assert checked.startswith(f"checked: {key} loads and scores 400 rows (predictions 0.")
    assert now == f"champion of umbrellas on branch main is now {key} (move 2)"
    assert since == "it predicts the partitions after 2024-03; what was predicted before stays as it is"
    assert further == "next: ml-assets champion umbrellas --log"
    move = ledger_of(own).current()
    assert (move.model, move.kind, move.why, move.by) == (key, "promotion", "an outage", "ada")


def test_promote_of_a_model_that_was_never_judged_says_so(own, call):
    judged = own.manifest(own.head("umbrellas/model", "2024-02").target)
    unjudged = own.commit(replace(judged, notes={**judged.notes, "candidate": "other"}))
    answer = call("promote", unjudged.short, "--why", "an outage")
    assert answer.code == 0
    assert answer.err == f"warning: {unjudged} was never judged: no metric of it is known, and no gate was held\n"
    assert call("promote", "umbrellas/model@2024-02", "--why", "judged").err == ""


def test_promote_as_json_is_the_move_and_how_many_rows_were_scored(own, call):
    key = own.head("umbrellas/model", "2024-02").target
    found = call("promote", key.short, "--why", "an outage", "--json").json
    assert (found["version"], found["move"], found["kind"], found["scored_rows"]) == (key.version, 2, "promotion", 400)


@pytest.mark.parametrize(
    ("reference", "code", "message"),
    [
        ("umbrellas/features@2024-01", 2, "ml-assets: umbrellas/features@2024-01:{short} is no model. "
            "Name one, e.g. umbrellas/model@2024-01."),
        ("umbrellas/model@2030-01", 3, "UnknownVersion: umbrellas/model@2030-01 names nothing on branch main. "),
        ("umbrellas/champion", 3, "Refused: umbrellas/model@2024-01:{champion} is champion already, since "),
        ("beef" * 16, 3, "UnknownVersion: The store has no version starting with 'beef"),
    ],
    ids=["no model", "no version", "the champion itself", "unknown digits"],
)  # fmt: skip
def test_what_cannot_be_promoted_is_refused_and_nothing_changes(own, refused, reference, code, message):
    before = ledger_of(own).moves()
    short = own.head("umbrellas/features", "2024-01").target.short
    expected = message.format(short=short, champion=before[-1].model.short)
    assert refused(code, "promote", reference, "--why", "a test").startswith(expected)
    assert ledger_of(own).moves() == before


def test_digits_that_fit_several_models_are_refused(own, refused):
    one, other = two_alike(own)
    message = refused(3, "promote", one.version[:4], "--why", "a test")
    assert message.startswith("AmbiguousVersion: 2 versions start with ")
    assert str(one) in message
    assert str(other) in message


# ---------------------------------------------------------------- rollback


def test_rollback_puts_the_champion_before_back(own, call):
    first = ledger_of(own).current().model
    call("promote", "umbrellas/model@2024-02", "--why", "an outage")
    answer = call("rollback", "umbrellas", "--why", "calibration is off")
    assert answer.code == 0
    assert f"champion of umbrellas on branch main is now {first} (move 3)" in answer.lines
    assert ledger_of(own).current().kind == "rollback"


def test_rollback_to_an_earlier_champion_by_its_digits(own, call):
    first = ledger_of(own).current().model
    for month in ("2024-02", "2024-03"):
        call("promote", f"umbrellas/model@{month}", "--why", "a try")
    found = call("rollback", "umbrellas", "--to", first.short, "--why", "neither was better", "--json").json
    assert (found["version"], found["kind"], found["move"]) == (first.version, "rollback", 4)


def test_rollback_without_an_earlier_champion_is_refused_and_nothing_changes(own, refused):
    before = ledger_of(own).moves()
    message = refused(3, "rollback", "umbrellas", "--why", "a test")
    assert message.startswith("Refused: umbrellas/model@2024-01:")
    assert "has no champion of umbrellas before it; there is nothing to go back to." in message
    assert ledger_of(own).moves() == before


def test_rollback_to_damaged_bytes_is_refused_and_nothing_changes(own, call, refused):
    first = ledger_of(own).current().model
    call("promote", "umbrellas/model@2024-02", "--why", "an outage")
    for part in own.manifest(first).content.files:
        (Path(own.url) / "blobs" / part.digest[:2] / part.digest).unlink()
    before = ledger_of(own).moves()
    message = refused(3, "rollback", "umbrellas", "--why", "a test")
    assert message.startswith("MissingBlob: ")
    assert f"materialize {first} again." in message
    assert ledger_of(own).moves() == before


def test_rollback_in_a_world_of_its_own(own, refused):
    assert "add --partition: north, south/east" in refused(2, "rollback", "ice_cream", "--why", "a test")
    message = refused(3, "rollback", "ice_cream", "--partition", BEACH, "--why", "a test")
    assert "there is nothing to go back to" in message


def test_the_champion_of_a_partition_is_the_one_known_at_its_end(shared, call, refused):
    first = ledger_of(shared).moves()[0]
    assert call("champion", "umbrellas", "--partition", "2024-01", "--json").json["version"] == first.model.version
    assert "There is no partition 'nonsense'" in refused(2, "champion", "umbrellas", "--partition", "nonsense")
    assert "a rollback takes no --partition" in refused(
        2, "rollback", "umbrellas", "--partition", "2024-01", "--why", "x"
    )
