"""champion -> audit: what came of the decisions before a partition, now that its outcomes are known.

Scored are the rows of the partition with a label, by who served it, who would have served had the last move not been made, and
who was refused at the partition before. A move is audited by each partition that it served; what was promised of it is held
against the first.

What is found never depends on what is done about it. Where the problem says ``on_regret="rollback"``, a decision that turned out
wrong beyond chance is undone as a person would undo it, as of this partition, and only while it is the last move. No model comes
back and forth so: one that was rolled back is not promoted again by decision, and what people moved is only told.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import dagster as dg

from ml_assets import figures
from ml_assets.errors import FeatureMismatch, InvalidPrediction, RefMoved
from ml_assets.evaluation import checks
from ml_assets.evaluation.audit import OUTCOMES, Audit, Outcome, side_by_side
from ml_assets.evaluation.comparison import NUMBERS, compare
from ml_assets.lineage.markdown import escaped
from ml_assets.orchestration.io_manager import Made
from ml_assets.orchestration.step import Skip, partition_of, store_of
from ml_assets.problem import FeatureTable, Problem
from ml_assets.promotion.audit import NOBODY, Decided, decided_before, name_of
from ml_assets.promotion.by_hand import promote_by_hand
from ml_assets.promotion.ledger import Ledger, reigning
from ml_assets.promotion.unseen import is_seen, scored_by
from ml_assets.store import Handle, Store
from ml_assets.training.split import dated_within

if TYPE_CHECKING:
    import pandas as pd

REGRETTED, COMMAND = "regretted_move", "command"
"""Notes that alerts read: a move that was wrong, and what to type about it."""


def audit(problem: Problem, context: dg.AssetExecutionContext, features: Handle) -> Made | Skip:
    """Score who served, who would have served and who was refused, and compare."""
    import numpy as np

    store, partition = store_of(context), partition_of(context)
    ledger, table = Ledger.of(store, problem, partition), features.load()
    if np.isnan(table.label).all():
        return Skip(
            f"{partition} has no known labels yet: nothing can be audited. Land the outcomes and it is made again."
        )
    decided = decided_before(store, problem, ledger.moves(), partition)
    if decided is None or not decided.others:
        return _nothing(partition, decided)
    trial = _Trial(problem, store, decided, partition, ledger.line)
    rows = trial.judging(table)
    scored, unfit = trial.scored(rows) if len(rows) else ({}, ["A model was trained on each of its rows."])
    outcomes = trial.outcomes(scored)
    answer = _answer(problem, store, trial, outcomes, context.run.run_id)
    why = " ".join([*(one.sentence for one in outcomes), *unfit])
    context.log.info(why)
    return Made(
        Audit([one.to_json() for one in outcomes], side_by_side(scored)),
        checks=(checks.no_regret(outcomes, answer.get("then", "")),),
        metrics={_role(one): {name: one.found[name] for name in NUMBERS} for one in outcomes},
        notes={"why": why, "rows": len(rows), **answer, OUTCOMES: [one.to_json() for one in outcomes]},
        about=lambda key: {"at_a_glance": dg.MetadataValue.md(_at_a_glance(outcomes))} if outcomes else {},
        inputs=trial.read,
        ledger=decided.read,
    )


def _nothing(partition: str, decided: Decided | None) -> Made:
    """The audit of a partition before which nothing was decided that outcomes could tell of."""
    served = f"{decided.served} is the first champion, and nobody was refused against it" if decided else ""
    why = f"{partition}: {served or 'no champion was known before it'}. There is nothing to audit."
    return Made(
        Audit([], side_by_side({})),
        checks=(checks.no_regret([]),),
        notes={"why": why, OUTCOMES: []},
        ledger=decided.read if decided else NOBODY,
    )


_DID = {"served": "served", "replaced": "was replaced", "refused": "was refused"}


class _Stated(NamedTuple):
    """What was decided: see ``Outcome``."""

    how: str
    move: str
    as_of: str
    promise: Mapping[str, Any]


@dataclass(frozen=True)
class _Trial:
    """Decisions, and what is needed to look at them again."""

    problem: Problem
    store: Store
    decided: Decided
    partition: str
    line: str | None

    @cached_property
    def models(self) -> dict[str, Handle]:
        """By what they were: who served first."""
        keys = {"served": self.decided.served, **self.decided.others}
        return {role: Handle(self.store, key, role) for role, key in keys.items()}

    @property
    def read(self) -> tuple[Handle, ...]:
        """What was read besides the features."""
        splits = dict.fromkeys(model.input("split").key for model in self.models.values())
        decision = [self.decided.decision] if self.decided.decision else []
        return (*self.models.values(), *(Handle(self.store, key, "split") for key in splits), *decision)

    def judging(self, table: FeatureTable) -> FeatureTable:
        """The rows that judge: of the partition, with a label, and seen by none of the models."""
        import numpy as np

        rows = table.rows(dated_within(self.problem, table, self.partition) & ~np.isnan(table.label))
        for key in dict.fromkeys(model.input("split").key for model in self.models.values()):
            rows = rows.rows(~is_seen(self.problem, self.store.load(key), rows))
        return rows

    def scored(self, rows: FeatureTable) -> tuple[dict[str, pd.DataFrame], list[str]]:
        """What each model says of the rows; and of those that cannot be asked, why."""
        scored: dict[str, pd.DataFrame] = {}
        unfit = []
        for role, model in self.models.items():
            try:
                scored[role] = scored_by(self.problem, model, rows)
            except (FeatureMismatch, InvalidPrediction) as error:
                unfit.append(f"{model.key}, which {_DID[role]}, cannot be judged on these rows: {error}")
        return scored, unfit

    def outcomes(self, scored: Mapping[str, pd.DataFrame]) -> list[Outcome]:
        """What came of the move, and of the refusal."""
        move, decision, found = self.decided.move, self.decided.decision, list[Outcome]()
        if {"served", "replaced"} <= {*scored}:
            stated = _Stated(move.kind, self.decided.move_name, move.as_of or "", self.decided.promise)
            found.append(self._outcome("served", "replaced", scored, stated))
        if {"served", "refused"} <= {*scored} and decision is not None:
            stated = _Stated(str(decision.manifest.notes["decision"]), "", str(decision.key.partition), {})
            found.append(self._outcome("refused", "served", scored, stated))
        return found

    def _outcome(self, challenger: str, champion: str, scored: Mapping[str, pd.DataFrame], stated: _Stated) -> Outcome:
        new, old = (str(self.models[role].key) for role in (challenger, champion))
        found = compare(
            self.problem.promote_when,
            challenger=scored[challenger],
            champion=scored[champion],
            names=(f"{challenger} {new}", f"{champion} {old}"),
        )
        return Outcome(self.partition, self.line, *stated, new, old, found.to_json())


def _role(outcome: Outcome) -> str:
    return "replaced" if outcome.is_move else "refused"


def _answer(problem: Problem, store: Store, trial: _Trial, outcomes: Sequence[Outcome], run: str) -> dict[str, str]:
    """What is done about a move that was wrong, as notes: ``then``, and while it is the last move, what alerts read."""
    decided, wrong = trial.decided, next((one for one in outcomes if one.is_regretted), None)
    if wrong is None or decided.replaced is None:
        return {}
    ledger = Ledger.of(store, problem, trial.partition)
    now, whose = reigning(ledger.moves()), f" --partition {shlex.quote(ledger.line)}" if ledger.line else ""
    if now is None or name_of(now) != decided.move_name:
        return {"then": "It is not the last move any more: nothing is done about it."}
    about = {REGRETTED: decided.move_name if ledger.line is None else f"{decided.move_name} of {ledger.line}"}
    if problem.on_regret != "rollback" or decided.move.kind != "decision":
        undo = f"ml-assets rollback {problem.name}{whose} --to {decided.replaced.short} --why 'see the audit'"
        return {**about, "then": "It still serves.", COMMAND: undo}
    why = f"The audit of {trial.partition}: {wrong.sentence}"
    try:
        back, _ = promote_by_hand(
            store, problem, ledger, decided.replaced, kind="rollback", why=why, run=run, since=trial.partition
        )
    except RefMoved:
        return {"then": "The champion moved meanwhile: nothing is done about it."}
    then = f"It was rolled back, as on_regret asks: {back.model} is champion again (move {back.number})."
    return {**about, "then": then, COMMAND: f"ml-assets champion {problem.name}{whose} --log"}


def _at_a_glance(outcomes: Sequence[Outcome]) -> str:
    """The gain with its interval beside no gain, small enough to be seen without a click; of the move, if there was one."""
    one = outcomes[0]
    low, high = (float(one.found[name]) if one.found[name] is not None else one.gain for name in ("low", "high"))
    title = f"gain in {one.found['metric']}"
    chart = figures.interval_chart(one.gain, low, high, 0.0, title=title, names=("gain", "none"))
    verdicts = ", ".join(f"the {'move' if each.is_move else 'refusal'}: {each.verdict}" for each in outcomes)
    return f"{figures.as_markdown(chart, title)}\n\n{escaped(verdicts)}"
