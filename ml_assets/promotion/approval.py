"""Where a problem asks for approval, a person answers what the decision proposes: by an entry of the ledger, with a reason.

A proposal is open until it is answered. It lapses when another model is proposed, for the same partition or a later one, or when
the champion is another one than it was held against: what was compared then says nothing about who serves now.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from ml_assets.errors import Refused
from ml_assets.problem import Problem
from ml_assets.promotion.by_hand import Trial, try_out
from ml_assets.promotion.ledger import Ledger, Move, fate, how_to_approve, open_proposal
from ml_assets.store import Store, VersionKey


def approve(
    store: Store, problem: Problem, ledger: Ledger, *, why: str, model: VersionKey | None = None
) -> tuple[Move, Trial]:
    """Make the proposed model champion, as of the partition that it was proposed for, after trying it on the newest features.

    Args:
        model: the one that is meant; None: whichever is proposed.
    Raises:
        Refused: if it is not proposed, or not any more; nothing was changed.
        CorruptBlob, MissingBlob, FeatureMismatch, InvalidPrediction: if it cannot serve; nothing was changed.
        RefMoved: if the champion moved, or another was proposed meanwhile; nothing was changed.
    """
    moves = ledger.moves()
    proposal = _open(ledger, moves, model)
    trial = try_out(store, problem, proposal.model)
    details = {**proposal.details, "proposal": proposal.number}
    return ledger.enter(
        proposal.model, kind="approval", after=moves, as_of=proposal.as_of, why=why, details=details
    ), trial


def refuse(ledger: Ledger, *, why: str, model: VersionKey | None = None) -> Move:
    """Turn the proposed model away: it is not proposed again, and the champion stays.

    Raises:
        Refused, RefMoved: as for ``approve``.
    """
    moves = ledger.moves()
    proposal = _open(ledger, moves, model)
    details = {"proposal": proposal.number}
    return ledger.enter(proposal.model, kind="refusal", after=moves, as_of=proposal.as_of, why=why, details=details)


def _open(ledger: Ledger, moves: Sequence[Move], model: VersionKey | None) -> Move:
    """The proposal that is to be answered."""
    waiting = open_proposal(moves)
    if waiting is not None and model in (None, waiting.model):
        return waiting
    raise Refused(f"{_why_not(ledger, moves, model)} Nothing was changed. {_instead(ledger, waiting)}")


def _why_not(ledger: Ledger, moves: Sequence[Move], model: VersionKey | None) -> str:
    asked = [move for move in moves if move.kind == "proposal" and model in (None, move.model)]
    if asked:
        return f"The proposal of {asked[-1].model} {fate(moves, asked[-1])}."
    return f"{model} was never proposed." if model else f"Nothing is proposed for {ledger.problem}."


def _instead(ledger: Ledger, waiting: Move | None) -> str:
    if waiting is not None:
        return f"What is proposed now: {waiting.model}. Let it serve: {how_to_approve(waiting.model)}"
    by_hand = f"ml-assets promote {ledger.problem}/model@P --why '…'"
    whose = f" --partition {shlex.quote(ledger.line)}" if ledger.line else ""
    return f"See ml-assets champion {ledger.problem}{whose} --log; by hand any model serves: {by_hand}"
