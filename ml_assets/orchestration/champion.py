"""evaluation -> champion: does this model replace the one that serves? Compared on the same rows, decided with reasons.

The champion is judged here, on the very rows that judged the challenger, in the same step that reads and moves the ledger:
however runs overtake each other (a backfill runs many partitions at once), nothing is decided from rows that differ or
from a champion that was replaced meanwhile. Partition M is decided against the champion known at the end of M. Deciding it
again with nothing changed finds the decision in the ledger: also after a crash between the ledger's move and the artifact.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import dagster as dg

from ml_assets.computation.chain import read_of_ledger, was_decided
from ml_assets.errors import FeatureMismatch, InvalidPrediction, RefMoved
from ml_assets.evaluation.comparison import Comparison, compare
from ml_assets.evaluation.judge import Evaluation
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import partition_of, store_of
from ml_assets.problem import FeatureTable, Problem
from ml_assets.promotion.decision import Decision, Promote, decide
from ml_assets.promotion.ledger import Ledger, Move, reigning, undone
from ml_assets.promotion.unseen import is_seen, judging_rows, scored_by
from ml_assets.store import Handle, Store

ATTEMPTS = 5  # each lost race means that another promotion was made; five in one step are a fault elsewhere
NUMBERS = ("challenger", "champion", "gain", "low", "high", "confidence")


def champion(problem: Problem, context: dg.AssetExecutionContext, evaluation: Handle) -> Made:
    """Decide, and move the ledger."""
    store = store_of(context)
    trial = _Trial(problem, store, evaluation, partition_of(context))
    settled = _settle(trial, Ledger.of(store, problem, trial.partition), context.run.run_id)
    why = " ".join(settled.decision["reasons"])
    context.log.info(f"{settled.decision['decision']}: {why}")
    numbers = settled.decision["comparison"] or {}
    return Made(
        {**settled.decision, "champion": settled.champion, "champion_before": settled.before},
        notes={"decision": settled.decision["decision"], "why": why, "champion": settled.champion or "none"},
        metrics={"comparison": {name: numbers[name] for name in NUMBERS if name in numbers}},
        inputs=(trial.model, trial.split, *settled.judged),
        ledger=read_of_ledger(store, settled.moves, trial.partition, trial.model),
    )


@dataclass(frozen=True)
class _Settled:
    """A decision that was carried out: champion before and after, and the champion that was judged, if any.

    Attributes:
        moves: the ledger that it was made from, with its own move.
    """

    decision: Mapping[str, Any]
    moves: Sequence[Move]
    before: str | None
    champion: str | None
    judged: tuple[Handle, ...] = ()


def _settle(trial: _Trial, ledger: Ledger, run: str, attempt: int = 1) -> _Settled:
    """Decide and carry it out; lost races are decided again.

    Raises:
        RefMoved: if other promotions won the race again and again; nothing was changed.
    """
    moves = ledger.moves()
    before = reigning(moves, until=trial.partition)
    if before is not None and was_decided(trial.store, before, trial.partition, trial.model):
        return _Settled(before.details["decision"], moves, before.details["before"], str(before.model))
    decision = trial.decide(before, moves)
    champion = str(before.model) if before else None
    judged = (Handle(trial.store, before.model, "champion"),) if before else ()
    if not isinstance(decision, Promote):
        return _Settled(decision.to_json(), moves, champion, champion, judged)
    try:
        after = ledger.crown(
            trial.model.key,
            kind="decision",
            after=moves,
            as_of=trial.partition,
            why=" ".join(decision.reasons),
            run=run,
            details={"decision": decision.to_json(), "before": champion, "evaluation": str(trial.evaluation.key)},
        )
    except RefMoved:
        if attempt == ATTEMPTS:
            raise
        return _settle(trial, ledger, run, attempt + 1)
    return _Settled(decision.to_json(), [*moves, after], champion, str(after.model), judged)


@dataclass(frozen=True)
class _Trial:
    """A challenger, and what is needed to judge any champion beside it."""

    problem: Problem
    store: Store
    evaluation: Handle
    partition: str

    @property
    def model(self) -> Handle:
        """The challenger."""
        return self.evaluation.input("model")

    @property
    def split(self) -> Handle:
        """The split that the challenger was judged by."""
        return self.evaluation.input("split")

    def decide(self, champion: Move | None, moves: Sequence[Move]) -> Decision:
        """What to do about the challenger, given the champion known at the end of its partition."""
        judgement = self.evaluation.load()
        comparison, seen, incomparable = None, 0, ""
        if champion is not None:
            served = Handle(self.store, champion.model, "champion")
            test = judging_rows(self.split)
            try:
                comparison, seen = self._compare(judgement.scored, served, test), self._seen_rows(served, test)
            except (FeatureMismatch, InvalidPrediction) as unfit:
                incomparable = f"The champion cannot be judged on these rows: {unfit} {_by_hand(self.model)}"
        return decide(
            gates=Evaluation.from_json(judgement.report).gates,
            promote_when=self.problem.promote_when,
            comparison=comparison,
            same_content=champion is not None and self._is(champion),
            seen_rows=seen,
            rolled_back=self._rolled_back(moves),
            incomparable=incomparable,
        )

    def _is(self, move: Move) -> bool:
        """Whether the challenger is, byte for byte, the model of a move."""
        return self.store.manifest(move.model).content.digest == self.model.manifest.content.digest

    def _rolled_back(self, moves: Sequence[Move]) -> str:
        for model, rollback in undone(moves).items():
            if self.store.manifest(model).content.digest == self.model.manifest.content.digest:
                said = f"This very model was rolled back by {rollback.by} at {rollback.at[:16]}: {rollback.why}."
                return f"{said} {_by_hand(self.model)}"
        return ""

    def _compare(self, challenger: Any, served: Handle, test: FeatureTable) -> Comparison:
        names = (f"challenger {self.model.key}", f"champion {served.key}")
        champion = scored_by(self.problem, served, test)
        return compare(self.problem.promote_when, challenger=challenger, champion=champion, names=names)

    def _seen_rows(self, served: Handle, test: FeatureTable) -> int:
        """How many rows of the test the champion was fitted on or chosen by."""
        return int(is_seen(self.problem, served.input("split").load(), test).sum())


def _by_hand(model: Handle) -> str:
    at = shlex.quote(f"{model.key.asset}@{model.key.partition}")
    return f"If the challenger should serve all the same: ml-assets promote {at} --why '…'"
