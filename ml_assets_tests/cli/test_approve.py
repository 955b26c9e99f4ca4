from __future__ import annotations

import shlex
import shutil

import dagster as dg
import pytest

from ml_assets.orchestration.launch import instance_in
from ml_assets.promotion.ledger import Move, how_to_approve
from ml_assets_tests.cli.test_champion import ROOT, ledger_of
from ml_assets_tests.conftest import BEACH

FEBRUARY, MARCH = "2024-02", "2024-03"


def propose(store, month: str) -> Move:
    ledger, model = ledger_of(store), store.head("umbrellas/model", month).target
    details = {"before": str(ledger.current().model)}
    return ledger.enter(model, kind="proposal", after=ledger.moves(), as_of=month, why="surely better", details=details)


@pytest.fixture
def proposal(own) -> Move:
    return propose(own, MARCH)


def test_champion_shows_what_is_proposed_and_how_to_approve_it(own, proposal, call):
    answer = call("champion", "umbrellas")
    assert answer.lines[0] == str(ledger_of(own).current().model)
    assert answer.lines[-4:] == [
        f"proposed: {proposal.model}",
        f"  at {proposal.at}, entry 2, as of {MARCH}",
        "  surely better",
        f"let it serve: {how_to_approve(proposal.model)}",
    ]
    assert call("show", "umbrellas/champion", "--json").json["version"] == ledger_of(own).current().model.version
    assert call("champion", "umbrellas", "--json").json["proposal"]["version"] == proposal.model.version


def test_the_printed_command_approves_after_the_model_scored(own, proposal, call):
    answer = call(*shlex.split(how_to_approve(proposal.model))[1:])
    assert answer.code == 0
    assert answer.lines[0].startswith(f"checked: {proposal.model} loads and scores 400 rows")
    assert answer.lines[1] == f"champion of umbrellas on branch main is now {proposal.model} (move 3)"
    move = ledger_of(own).current()
    assert (move.kind, move.as_of, move.by) == ("approval", MARCH, "ada")


def test_log_shows_proposals_refusals_and_approvals(own, proposal, call):
    assert call("approve", "umbrellas", "--refuse", "--why", "one week of storms").lines[0] == (
        f"refused: {proposal.model} (entry 3); it is not proposed again, and the champion stays"
    )
    propose(own, MARCH)
    assert call("approve", "umbrellas", "--why", "after all", "--json").json["kind"] == "approval"
    rows = call("champion", "umbrellas", "--log", "--json").json
    assert [row["kind"] for row in rows] == ["decision", "proposal", "refusal", "proposal", "approval"]
    assert [row["why"] for row in rows[2:]] == ["one week of storms", "surely better", "after all"]


def test_an_answer_is_seen_on_the_champions_page_in_dagster(own, proposal, call, tmp_path, monkeypatch):
    shutil.copy(ROOT / "dagster.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    call("approve", "umbrellas", "--refuse", "--why", "one week of storms")
    with instance_in(tmp_path) as instance:
        (seen,) = instance.fetch_observations(dg.AssetKey(["umbrellas", "champion"]), limit=5).records
    said = seen.asset_observation
    assert (said.partition, said.description) == (MARCH, "refusal by ada: one week of storms")
    assert said.metadata["model"].value == str(proposal.model)


def test_a_lapsed_proposal_is_refused_by_name(own, call, refused):
    lapsed, newer = propose(own, FEBRUARY), propose(own, MARCH)
    message = refused(3, *shlex.split(how_to_approve(lapsed.model))[1:])
    assert message.startswith(f"Refused: The proposal of {lapsed.model} lapsed: {newer.model} was proposed after it.")


def test_whose_proposal_is_said_as_for_a_champion(own, refused):
    assert "add --partition: north, south/east" in refused(2, "approve", "ice_cream", "--why", "a test")
    message = refused(3, "approve", "ice_cream", "--partition", BEACH, "--why", "a test")
    assert message.startswith("Refused: Nothing is proposed for ice_cream. Nothing was changed.")
    assert f"leave --partition {MARCH} out" in refused(2, "approve", "umbrellas", "--partition", MARCH, "--why", "x")
