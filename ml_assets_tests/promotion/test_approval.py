from __future__ import annotations

import pytest

from ml_assets.errors import Refused
from ml_assets.lineage.champions import champions
from ml_assets.promotion.approval import approve, refuse
from ml_assets.promotion.by_hand import rollback_target
from ml_assets.promotion.ledger import Ledger, Move
from ml_assets.store import Store, VersionKey
from ml_assets_tests.doubles import umbrellas

FEBRUARY, MARCH = "2024-02", "2024-03"


def trained(store: Store, month: str) -> VersionKey:
    return store.head("umbrellas/model", month).target


def ledger_of(store: Store) -> Ledger:
    return Ledger.of(store, umbrellas.PROBLEM, None)


def propose(store: Store, month: str) -> Move:
    """As the decision of a month does."""
    ledger = ledger_of(store)
    told = {"decision": {"decision": "propose"}, "before": str(ledger.current().model)}
    return ledger.enter(
        trained(store, month),
        kind="proposal",
        after=ledger.moves(),
        as_of=month,
        why="better",
        run="41aa",
        details=told,
    )


def test_an_approved_model_serves_from_the_partition_that_it_was_proposed_for(own):
    proposal, before = propose(own, FEBRUARY), ledger_of(own).current()
    move, trial = approve(own, umbrellas.PROBLEM, ledger_of(own), why="better in both shops")
    assert ledger_of(own).current() == move
    assert (move.model, move.kind, move.as_of, move.by) == (proposal.model, "approval", FEBRUARY, "ada")
    assert move.why == "better in both shops"
    assert move.details["decision"] == {"decision": "propose"}
    assert trial.rows == 400
    assert ledger_of(own).champion(before=FEBRUARY) == before


def test_who_was_only_proposed_never_was_champion(own):
    proposal = propose(own, MARCH)
    with pytest.raises(Refused, match="never was champion of umbrellas"):
        rollback_target(ledger_of(own), proposal.model)
    with pytest.raises(Refused, match="has no champion of umbrellas before it"):
        rollback_target(ledger_of(own), None)
    assert champions(own, "umbrellas").role(proposal.model) == "proposed"
    refuse(ledger_of(own), why="a test")
    assert champions(own, "umbrellas").role(proposal.model) == ""


def test_a_proposed_model_that_does_not_load_is_not_approved(own, monkeypatch):
    propose(own, MARCH)
    before = ledger_of(own).moves()
    monkeypatch.setattr(own, "load", lambda key: (_ for _ in ()).throw(Refused(f"{key} cannot be read")))
    with pytest.raises(Refused, match="cannot be read"):
        approve(own, umbrellas.PROBLEM, ledger_of(own), why="better")
    assert ledger_of(own).moves() == before


def test_a_refused_model_is_not_proposed_any_more(own):
    proposal, before = propose(own, MARCH), ledger_of(own).current()
    entry = refuse(ledger_of(own), why="one week of storms", model=proposal.model)
    assert (entry.kind, entry.model, entry.why, entry.by) == ("refusal", proposal.model, "one week of storms", "ada")
    assert (ledger_of(own).current(), ledger_of(own).proposal()) == (before, None)
    with pytest.raises(Refused) as again:
        approve(own, umbrellas.PROBLEM, ledger_of(own), why="after all")
    assert str(again.value) == (
        f"The proposal of {proposal.model} was refused by ada at {entry.at[:16]}: one week of storms. Nothing was changed. "
        "See ml-assets champion umbrellas --log; by hand any model serves: ml-assets promote umbrellas/model@P --why '…'"
    )


def test_a_lapsed_proposal_is_not_approved_and_the_one_that_is_open_is_named(own):
    lapsed, waiting = propose(own, FEBRUARY), propose(own, MARCH)
    with pytest.raises(Refused) as refused:
        approve(own, umbrellas.PROBLEM, ledger_of(own), why="better", model=lapsed.model)
    assert str(refused.value) == (
        f"The proposal of {lapsed.model} lapsed: {waiting.model} was proposed after it. Nothing was changed. "
        f"What is proposed now: {waiting.model}. Let it serve: "
        f"ml-assets approve umbrellas/model@2024-03:{waiting.model.short} --why '…'"
    )
    assert ledger_of(own).proposal() == waiting


def test_where_nothing_is_proposed_there_is_nothing_to_answer(own):
    model = trained(own, FEBRUARY)
    with pytest.raises(Refused, match=r"Nothing is proposed for umbrellas\. Nothing was changed\."):
        refuse(ledger_of(own), why="a test")
    with pytest.raises(Refused, match=f"{model} was never proposed"):
        approve(own, umbrellas.PROBLEM, ledger_of(own), why="a test", model=model)
