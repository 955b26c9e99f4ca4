"""evaluation -> champion: does this model replace the one that serves? Compared on the same rows, decided with reasons.

The champion is judged here, on the very rows that judged the challenger, in the same step that reads and moves the ledger:
however runs overtake each other (a backfill runs many partitions at once), nothing is decided from rows that differ or
from a champion that was replaced meanwhile. Partition M is decided against the champion known at the end of M. Deciding it
again with nothing changed finds the decision in the ledger: also after a crash between the ledger's move and the artifact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from ml_assets.computation.chain import DataSources, proposed, read_of_ledger, was_decided
from ml_assets.errors import RefMoved
from ml_assets.evaluation.comparison import NUMBERS
from ml_assets.orchestration.challenger import Challenger
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import LANDING_FOLDER, partition_of, store_of
from ml_assets.orchestration.tables import regression_tables
from ml_assets.orchestration.windows import trainer
from ml_assets.problem import Problem
from ml_assets.promotion.decision import Decision, Keep, Promote, Propose
from ml_assets.promotion.ledger import Ledger, Move, how_to_approve, reigning
from ml_assets.store import Handle

ATTEMPTS = 5  # each lost race means that another promotion was made; five in one step are a fault elsewhere


def champion(problem: Problem, context: dg.AssetExecutionContext, evaluation: Handle) -> Made:
    """Decide, and move the ledger."""
    store, partition = store_of(context), partition_of(context)
    sources = DataSources(store, getattr(context.resources, LANDING_FOLDER))
    challenger = Challenger.of(problem, sources, evaluation, partition, train=trainer(context), say=context.log.info)
    settled = _settle(challenger, Ledger.of(store, problem, partition), context.run.run_id)
    why = " ".join(settled.decision["reasons"])
    context.log.info(f"{settled.decision['decision']}: {why}")
    numbers = settled.decision["comparison"] or {}
    return Made(
        {**settled.decision, "champion": settled.champion, "champion_before": settled.before},
        notes={
            "decision": settled.decision["decision"],
            "why": why,
            **_approval(settled.decision["decision"], challenger.model),
            "champion": settled.champion or "none",
        },
        metrics={"comparison": {name: numbers[name] for name in NUMBERS if name in numbers}},
        metadata=regression_tables(settled.decision),
        inputs=(challenger.model, challenger.split, *settled.read, *challenger.remembered.inputs),
        ledger={
            **challenger.remembered.reads,
            **read_of_ledger(store, settled.moves, partition, challenger.model),
        },
    )


def judged(
    problem: Problem, sources: DataSources, evaluation: Handle, partition: str, moves: Sequence[Move]
) -> Decision:
    """What would be decided about the model of an evaluation, were these all moves of the ledger; nothing is moved."""
    challenger = Challenger.of(problem, sources, evaluation, partition)
    return challenger.against(reigning(moves, until=partition), moves).decision


@dataclass(frozen=True)
class _Settled:
    """A decision that was carried out: champion before and after.

    Attributes:
        moves: the ledger that it was made from, with its own move.
        read: what was read for it, the champion first.
    """

    decision: Mapping[str, Any]
    moves: Sequence[Move]
    before: str | None
    champion: str | None
    read: tuple[Handle, ...] = ()


def _settle(challenger: Challenger, ledger: Ledger, run: str, attempt: int = 1) -> _Settled:
    """Decide and carry it out; lost races are decided again.

    Raises:
        RefMoved: if other promotions won the race again and again; nothing was changed.
    """
    moves = ledger.moves()
    before = reigning(moves, until=challenger.partition)
    if before is not None and was_decided(challenger.store, before, challenger.partition, challenger.model):
        earlier = before.details["before"]
        serves = earlier if before.kind == "approval" else str(before.model)
        return _Settled(before.details["decision"], moves, earlier, serves)
    found = challenger.against(before, moves)
    champion = str(before.model) if before else None
    kept = _Settled(found.to_json(), moves, champion, champion, found.read)
    if not isinstance(found.decision, Promote):
        return kept
    now = reigning(moves)
    if challenger.problem.approval and now is not None and (now.as_of or "") > challenger.partition:
        return replace(kept, decision={**found.as_proposal(), **_too_late(now, challenger.partition).to_json()})
    try:
        if challenger.problem.approval:
            return _proposed(challenger, ledger, replace(kept, decision=found.as_proposal()), run)
        after = ledger.enter(
            challenger.model.key,
            kind="decision",
            after=moves,
            as_of=challenger.partition,
            why=" ".join(found.decision.reasons),
            run=run,
            details={"decision": found.to_json(), "before": champion, "evaluation": str(challenger.evaluation.key)},
        )
    except RefMoved:
        if attempt == ATTEMPTS:
            raise
        return _settle(challenger, ledger, run, attempt + 1)
    return replace(kept, moves=[*moves, after], champion=str(after.model))


def _too_late(now: Move, partition: str) -> Keep:
    """That nobody is asked about the history of an earlier partition."""
    return Keep((f"Nothing is proposed for {partition}: {now.model} serves, as of {now.as_of}, which came later.",))


def _proposed(challenger: Challenger, ledger: Ledger, kept: _Settled, run: str) -> _Settled:
    """A better challenger where somebody must approve it: proposed, once, and the champion stays.

    Raises:
        RefMoved: if others changed the ledger meanwhile; nothing was changed.
    """
    found = proposed(challenger.store, kept.moves, challenger.partition, challenger.model, kept.before)
    if found is not None:
        return replace(kept, decision=found.details["decision"])
    entry = ledger.enter(
        challenger.model.key,
        kind="proposal",
        after=kept.moves,
        as_of=challenger.partition,
        why=" ".join(kept.decision["reasons"]),
        run=run,
        details={"decision": kept.decision, "before": kept.before, "evaluation": str(challenger.evaluation.key)},
    )
    return replace(kept, moves=[*kept.moves, entry])


def _approval(decision: str, model: Handle) -> dict[str, str]:
    """How a model that is proposed comes to serve."""
    return {"approve": how_to_approve(model.key)} if decision == Propose.name else {}
